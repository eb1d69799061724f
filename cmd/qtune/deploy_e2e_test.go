//go:build e2e && linux

package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/qtune/qtune/process"
)

// deployable is a profile whose winner is left running. Its model fits on the card
// that it names, and not on an RTX 4090.
const deployable = `
variable "seqs" {
  default = 8
}
variable "card" {
  default = "RTX PRO 6000"
}
variable "network" {
  default = "bridge"
}
model {
  id = "Qwen/Qwen3-14B"
}
gpu {
  simulate = var.card
}
engine "vllm" "plain" {
  image   = "vllm/vllm-openai:v0.32.0"
  network = var.network
  flags   = { max-model-len = 2048, max-num-seqs = var.seqs }
}
workload "w" {
  prompts {
    input_tokens = 32
  }
  closed {
    users         = 4
    output_tokens = 8
    requests      = 4
    warmup        = 0
  }
}
objective {
  maximize = output_throughput
}
deploy "%s" {
  port = %d
}
`

// deployment is a deployed simulated engine of a test's own.
type testDeployment struct {
	*testing.T
	bin, path, dir, name string
	port                 int
}

func newDeployment(t *testing.T) *testDeployment {
	t.Helper()
	realDocker(t)
	port, err := process.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	d := &testDeployment{T: t, bin: program(t), dir: t.TempDir(), name: fmt.Sprintf("deploytest-%d", port), port: port}
	d.path = write(t, "deployable.hcl", fmt.Sprintf(deployable, d.name, port))
	t.Cleanup(func() {
		if out, err := exec.Command(d.bin, "destroy", d.name).CombinedOutput(); err != nil { //nolint:noctx // the test's context has ended
			t.Errorf("destroy: %v\n%s", err, out)
		}
	})
	return d
}

func (d *testDeployment) qtune(args ...string) (string, error) {
	out, err := exec.CommandContext(d.Context(), d.bin, args...).CombinedOutput()
	d.Logf("qtune %s: %v\n%s", strings.Join(args, " "), err, out)
	return string(out), err
}

func (d *testDeployment) apply(more ...string) string {
	d.Helper()
	args := []string{"apply", d.path, "--simulate", "--simulate-in", "docker", "--simulate-speed", "50", "--dir", d.dir}
	out, err := d.qtune(append(args, more...)...)
	if err != nil {
		d.Fatal(err)
	}
	return out
}

func (d *testDeployment) deploy(more ...string) (string, error) {
	return d.qtune(append([]string{"deploy", "--simulate", "--simulate-speed", "50", "--yes", "--dir", d.dir}, more...)...)
}

// container is the deployed container as ps lists it; "" for none.
func (d *testDeployment) container() deployedView {
	d.Helper()
	for _, line := range strings.Split(output(d.T, d.bin, "ps", "--json"), "\n") {
		var v deployedView
		if json.Unmarshal([]byte(line), &v) == nil && v.Role == "deployed" && v.Name == d.name {
			return v
		}
	}
	return deployedView{}
}

// serves asks the deployed server for its models.
func (d *testDeployment) serves() {
	d.Helper()
	res, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/v1/models", d.port)) //nolint:noctx // a test's one request
	if err != nil {
		d.Fatal(err)
	}
	defer res.Body.Close()
	var list struct{ Data []struct{ ID string } }
	if err := json.NewDecoder(res.Body).Decode(&list); err != nil || len(list.Data) != 1 || list.Data[0].ID != "Qwen/Qwen3-14B" {
		d.Errorf("the deployed server lists %v, %v", list, err)
	}
}

// same checks that nothing but was is deployed, and that it serves.
func (d *testDeployment) same(was deployedView) {
	d.Helper()
	if now := d.container(); now.ID != was.ID || now.State != "running" {
		d.Errorf("deployed is %+v, want container %s untouched", now, was.ID)
	}
	d.serves()
	if left := oursIn(d.T, d.bin, d.dir); left != "" {
		d.Errorf("left: %s", left)
	}
}

func TestE2EDeploy(t *testing.T) {
	d := newDeployment(t)
	if out := d.apply(); !strings.Contains(out, "Deployed "+d.name+" simulated") {
		t.Error("apply does not say that it has deployed")
	}
	first := d.container()
	if !first.Simulated || first.State != "running" || first.Engine != "vllm plain" {
		t.Errorf("ps says %+v", first)
	}
	d.serves()

	// The same again changes nothing, and nothing that cleans up touches it.
	if out := d.apply("--fresh"); !strings.Contains(out, "no change") {
		t.Error("a second apply does not say that nothing has changed")
	}
	d.same(first)
	if _, err := d.qtune("destroy"); err != nil {
		t.Error(err)
	}
	d.killedApply()
	d.same(first)

	// A simulated winner is not deployed by mistake.
	if out, err := d.qtune("deploy", first.Run, "--yes", "--dir", d.dir); err == nil || !strings.Contains(out, "simulated") {
		t.Error("the winner of a simulated run was deployed without --simulate")
	}
	d.sameWinner(first)
	d.replaced(first)
}

// killedApply kills an apply while a trial runs.
func (d *testDeployment) killedApply() {
	d.Helper()
	killed(d.T, d.bin, []string{
		"apply", d.path, "--simulate", "--simulate-in", "docker", "--simulate-speed", "5", "--dir", d.dir, "--json", "--fresh",
	}, filepath.Join(d.dir, "runs"))
}

// sameWinner: a plan changes nothing, and one that cannot start is rolled back.
func (d *testDeployment) sameWinner(first deployedView) {
	d.Helper()
	runs := d.runs()
	if out, err := d.deploy(runs[0], "--plan", "--var", "card=RTX 4090"); err != nil || !strings.Contains(out, "+ env QTUNE_SIMULATE_CARD=RTX 4090") {
		d.Errorf("the plan does not say what would change: %v", err)
	}
	d.same(first)
	out, err := d.deploy(runs[0], "--var", "card=RTX 4090")
	if err == nil || !strings.Contains(out, "gpu_oom") || !strings.Contains(out, "rolled back: the one of run "+first.Run+" serves as before") {
		d.Error("a winner that does not fit on its card was not rolled back")
	}
	d.same(first)
}

func (d *testDeployment) runs() []string {
	d.Helper()
	found, err := filepath.Glob(filepath.Join(d.dir, "runs", "*"))
	if err != nil || len(found) == 0 {
		d.Fatalf("no run: %v", err)
	}
	for i := range found {
		found[i] = filepath.Base(found[i])
	}
	return found
}

// replaced: another winner takes the place, beside the old one or after it, and
// the old one comes back where it must.
func (d *testDeployment) replaced(first deployedView) {
	d.Helper()
	out := d.apply("--var", "seqs=2")
	if !strings.Contains(out, "starting beside") || !strings.Contains(out, "Deployed") {
		d.Error("the new winner was not started beside the old one")
	}
	second := d.container()
	if second.ID == first.ID || second.Run == first.Run {
		d.Errorf("deployed is still %+v", second)
	}
	d.same(second)

	host := []string{"--var", "network=host"}
	d.apply(append(host, "--no-deploy")...)
	d.same(second)
	runs := d.runs()
	last := runs[len(runs)-1]
	out, err := d.deploy(append([]string{last, "--var", "card=RTX 4090"}, host...)...)
	if err == nil || !strings.Contains(out, "was started again and serves") {
		d.Error("the old server was not started again")
	}
	d.same(second)
	if out, err = d.deploy(append([]string{last}, host...)...); err != nil || !strings.Contains(out, "stopping "+d.name+" first") {
		d.Errorf("deploying on the host's network: %v", err)
	}
	third := d.container()
	d.same(third)
	if third.ID == second.ID {
		d.Error("nothing was replaced")
	}
}

// TestE2EDeployKilled kills deployments at moments of their own: what was deployed
// serves, and nothing else is left.
func TestE2EDeployKilled(t *testing.T) {
	d := newDeployment(t)
	d.apply()
	first := d.container()
	c := exec.CommandContext(t.Context(), d.bin, "deploy", "--simulate", "--simulate-speed", "5", "--yes", "--dir", d.dir, "--log-level", "debug")
	out, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	until(t, out, "loading")
	if err := c.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait() // it was killed
	output(t, d.bin, "destroy")
	d.same(first)
}
