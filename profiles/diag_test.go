package profiles

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// TestJSON: the form is the one that tools which read Terraform's diagnostics know.
func TestJSON(t *testing.T) {
	_, d := Parse([]byte("model {\n  idd = \"x\"\n}\n"), "a.hcl", Options{})
	text, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"severity":"error","code":"unknown_word","summary":"Unknown attribute idd","detail":"Did you mean id?",` +
		`"range":{"filename":"a.hcl","start":{"line":2,"column":3,"byte":10},"end":{"line":2,"column":6,"byte":13}},` +
		`"snippet":{"context":"model","code":"  idd = \"x\"","start_line":2,"highlight_start_offset":2,"highlight_end_offset":5,"values":[]}}`
	if !strings.Contains(string(text), want) {
		t.Errorf("got %s\nwant %s", text, want)
	}
}

func TestText(t *testing.T) {
	_, d := Parse([]byte("model {\n\t\x1b[31m = \"x\"\n  idd = 1 # \x1b[2J\n}\n"), "a.hcl", Options{})
	var color bytes.Buffer
	if err := d.WriteText(&color, 40, true); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(color.String(), "\x1b[2J") || strings.Contains(color.String(), "\x1b[31m =") {
		t.Errorf("the file steers the terminal:\n%q", color.String())
	}
	_, d = Parse([]byte(oneEngine+"objective { maximise = output_throughput }\nname = 1\n"), "a.hcl", Options{})
	for i, line := range strings.Split(rendered(t, d), "\n") {
		if len(line) > 100 {
			t.Errorf("line %d has %d characters", i+1, len(line))
		}
	}
}

// TestOrder: problems come by file and line, the profile's own first.
func TestOrder(t *testing.T) {
	_, d := Parse([]byte("gpu {\n  x = 1\n}\nsearch {\n  y = 1\n}\n"+oneEngine+rest), "z.hcl", Options{Vars: map[string]string{"no": "1"}})
	var got []string
	for _, g := range d.List() {
		if g.Range == nil {
			got = append(got, "-")
			continue
		}
		got = append(got, g.Range.Filename+":"+string(rune('0'+g.Range.Start.Line)))
	}
	if strings.Join(got, " ") != "- z.hcl:2 z.hcl:5" {
		t.Errorf("got %s", got)
	}
	if d.Errors() != 3 || d.Warnings() != 0 || !d.HasErrors() {
		t.Errorf("got %d errors, %d warnings", d.Errors(), d.Warnings())
	}
}

func TestNoDiagnostics(t *testing.T) {
	p, d := Parse([]byte(oneEngine+rest), "a.hcl", Options{})
	if p == nil || d == nil || d.HasErrors() || d.Warnings() > 0 || rendered(t, d) != "" {
		t.Errorf("a good profile gives %v", d)
	}
	if text, err := json.Marshal(d); err != nil || string(text) != "[]" {
		t.Errorf("got %s, %v", text, err)
	}
}

func TestFormat(t *testing.T) {
	for _, c := range []struct{ why, in, want string }{
		{"equals signs stand in line", "a   = 1\nlong = 2\n", "a    = 1\nlong = 2\n"},
		{"blocks are indented by two", "model {\nid=\"x\"\n}\n", "model {\n  id = \"x\"\n}\n"},
		{"comments stay", "# one\na=1 # two\n", "# one\na = 1 # two\n"},
		{"canonical form stays", "a = 1\n", "a = 1\n"},
	} {
		got, d := Format([]byte(c.in), "a.hcl")
		if d.HasErrors() || string(got) != c.want {
			t.Errorf("%s: got %q, want %q", c.why, got, c.want)
		}
	}
	for _, bad := range []string{"a = [", strings.Repeat("[", 100_000), "\x00"} {
		if got, d := Format([]byte(bad), "a.hcl"); !d.HasErrors() || string(got) != bad {
			t.Errorf("%.20q was formatted", bad)
		}
	}
}
