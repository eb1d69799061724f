package docker

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestWhatIsSent compares the body of the create call, less what is empty, with
// a golden file for each Spec.
func TestWhatIsSent(t *testing.T) {
	for name, s := range map[string]Spec{
		"least": {Image: "x:1"},
		"most": {
			Name: "trial-3", Image: "vllm/vllm-openai:v1", Entrypoint: []string{"vllm", "serve"}, Command: []string{"m", "--port", "8000"},
			Env: []string{"HF_HUB_OFFLINE=1"}, Labels: map[string]string{"dev.qtune.run": "r"}, WorkDir: "/w", User: "2000:0",
			Mounts: []Mount{{Source: "/models/q", Target: "/model"}, {Source: "/cache", Target: "/root/.cache", Writable: true}},
			Tmpfs:  []Tmpfs{{Target: "/tmp", Size: 1 << 30, Exec: true}}, ShmSize: 16 << 30, Memory: 64 << 30, PIDs: 4096,
			Ulimits: []Ulimit{{Name: "memlock", Soft: -1, Hard: -1}}, IPC: "host", CapAdd: []string{"SYS_NICE"},
			Port: 8000, GPUs: GPUs{IDs: []string{"0", "GPU-1"}},
		},
		"all-gpus":      {Image: "x:1", GPUs: GPUs{Count: -1}},
		"host-network":  {Image: "x:1", Network: "host", Port: 8000},
		"named-network": {Image: "x:1", Network: "lab", Port: 8000},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			var sent []byte
			f.on("POST /containers/create", func(w http.ResponseWriter, r *http.Request, do http.HandlerFunc) {
				var body bytes.Buffer
				_, _ = body.ReadFrom(r.Body)
				sent = pretty(t, body.Bytes())
				refuse(w, http.StatusBadRequest, "enough")
			})
			_, _ = f.connect(t).Run(t.Context(), s)
			golden := filepath.Join("testdata", name+".json")
			if *update {
				if err := os.WriteFile(golden, sent, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if want, err := os.ReadFile(golden); err != nil || !bytes.Equal(sent, want) {
				t.Errorf("%s differs (%v), got\n%s", golden, err, sent)
			}
		})
	}
}

// pretty leaves empty values and the random label out.
func pretty(t *testing.T, b []byte) []byte {
	var v map[string]any
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	if labels, ok := v["Labels"].(map[string]any); ok && len(labels[CallLabel].(string)) > 20 {
		labels[CallLabel] = "random"
	}
	out, err := json.MarshalIndent(filled(v), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(out, '\n')
}

func filled(v any) any {
	m, ok := v.(map[string]any)
	if !ok {
		return v
	}
	kept := map[string]any{}
	for key, value := range m {
		switch value := filled(value).(type) {
		case nil:
		case map[string]any:
			if len(value) > 0 || key == "8000/tcp" {
				kept[key] = value
			}
		case []any:
			if len(value) > 0 {
				kept[key] = value
			}
		case float64:
			if value != 0 {
				kept[key] = value
			}
		case string:
			if value != "" {
				kept[key] = value
			}
		case bool:
			if value || key == "Init" {
				kept[key] = value
			}
		}
	}
	return kept
}
