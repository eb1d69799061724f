// Package k8scheck decodes what package export writes for Kubernetes into the
// official Go types, strictly. It is a module of its own, so that the program does
// not depend on Kubernetes: run it with "go test" in this folder.
package k8scheck

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

func TestKubernetes(t *testing.T) {
	files, err := filepath.Glob("../testdata/*.kubernetes")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		documents := bytes.Split(text, []byte("\n---\n"))
		if len(documents) != 2 {
			t.Fatalf("%s has %d documents, want a Deployment and a Service", f, len(documents))
		}
		var d appsv1.Deployment
		var s corev1.Service
		if err := yaml.UnmarshalStrict(documents[0], &d); err != nil {
			t.Errorf("%s: %v", f, err)
		}
		if err := yaml.UnmarshalStrict(documents[1], &s); err != nil {
			t.Errorf("%s: %v", f, err)
		}
		check(t, f, &d, &s)
	}
}

// check holds together what must agree.
func check(t *testing.T, f string, d *appsv1.Deployment, s *corev1.Service) {
	t.Helper()
	if d.Kind != "Deployment" || s.Kind != "Service" || len(d.Spec.Template.Spec.Containers) != 1 {
		t.Fatalf("%s: %s and %s", f, d.Kind, s.Kind)
	}
	c := d.Spec.Template.Spec.Containers[0]
	for key, value := range d.Spec.Selector.MatchLabels {
		if d.Spec.Template.Labels[key] != value || s.Spec.Selector[key] != value {
			t.Errorf("%s: the selector %s=%s meets no pod", f, key, value)
		}
	}
	volumes := map[string]bool{}
	for _, v := range d.Spec.Template.Spec.Volumes {
		volumes[v.Name] = true
	}
	for _, m := range c.VolumeMounts {
		if !volumes[m.Name] {
			t.Errorf("%s: no volume %s", f, m.Name)
		}
	}
	if strings.Contains(f, "two-gpus") && c.Resources.Limits.Name("nvidia.com/gpu", "").Value() != 2 {
		t.Errorf("%s asks for %v cards", f, c.Resources.Limits)
	}
}

// TestSameWords: the hostile words are the same in Compose and in Kubernetes, and
// have come through two readers of YAML.
func TestSameWords(t *testing.T) {
	var compose struct {
		Services map[string]struct{ Command []string }
	}
	text, err := os.ReadFile("../testdata/hostile.compose")
	if err != nil {
		t.Fatal(err)
	}
	var d appsv1.Deployment
	pod, err := os.ReadFile("../testdata/hostile.kubernetes")
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, &compose); err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(bytes.Split(pod, []byte("\n---\n"))[0], &d); err != nil {
		t.Fatal(err)
	}
	args := d.Spec.Template.Spec.Containers[0].Args
	a, _ := json.Marshal(compose.Services["qwen"].Command)
	b, _ := json.Marshal(args)
	if !bytes.Equal(a, b) {
		t.Errorf("Compose runs %s, Kubernetes %s", a, b)
	}
	// As in the test of package export; both formats double the dollar.
	const hostile = "a'b\"c $HOME `id` ${X} $(Y) %n \\ # {{z}}\nnext: line\u2028é\u0085\x7f"
	if got := strings.ReplaceAll(args[0], "$$", "$"); got != hostile {
		t.Errorf("got %q, want %q", got, hostile)
	}
}
