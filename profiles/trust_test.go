package profiles

import (
	"fmt"
	"strings"
	"testing"
)

// isolated is a profile whose engine has more words.
func isolated(more string) string {
	return fmt.Sprintf(`
model {
  id = "Qwen/Qwen3-8B"
}
engine "vllm" "a" {
  image = "vllm/vllm-openai:v0.32.0"
  %s
}
workload "w" {
  prompts {
    input_tokens = 32
  }
  closed {
    users         = 2
    output_tokens = 10
  }
}
objective {
  maximize = output_throughput
}
`, more)
}

func TestIsolation(t *testing.T) {
	tests := []struct {
		why, words string
		severity   string // of the diagnostic; "" for none
		says       string
	}{
		{"nothing is asked for", "", "", ""},
		{"Docker's socket", `mounts = [{ source = "/var/run/docker.sock", target = "/x" }]`, "error", "docker.sock must not be mounted"},
		{"a folder that holds it, by a crooked path", `mounts = [{ source = "/var/../run/", target = "/x" }]`, "error", "/run must not be mounted"},
		{"the whole machine", `mounts = [{ source = "/", target = "/host" }]`, "error", "/ must not be mounted"},
		{"another engine's socket, from the profile's folder", `mounts = [{ source = "podman.sock", target = "/x" }]`, "error", "podman.sock must not be mounted"},
		{"a folder of models", `mounts = [{ source = "/models", target = "/models" }]`, "", ""},
		{"all capabilities", `cap_add = ["ALL"]`, "error", "cap_add cannot be ALL"},
		{"limits", "memory = \"64GiB\"\n  pids = 4096", "", ""},
		{"no process at all", "pids = 0", "error", "pids"},
		{"a model's own code", `flags = { trust-remote-code = true }`, "warning", `vllm "a" runs code that comes with the model`},
		{"a model's own code, left off", `flags = { trust-remote-code = null }`, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.why, func(t *testing.T) {
			p, diags := Parse([]byte(isolated(tt.words)), "case.hcl", Options{})
			var b strings.Builder
			if err := diags.WriteText(&b, 200, false); err != nil {
				t.Fatal(err)
			}
			if diags.HasErrors() != (tt.severity == "error") || (diags.Warnings() > 0) != (tt.severity == "warning") || !strings.Contains(b.String(), tt.says) {
				t.Fatalf("got\n%s", b.String())
			}
			if tt.why == "limits" && (p.Engines[0].Memory != 64<<30 || p.Engines[0].PIDs != 4096) {
				t.Errorf("memory %d, pids %d", p.Engines[0].Memory, p.Engines[0].PIDs)
			}
		})
	}
}
