package profiles

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// FuzzLoad: whatever the text, there is no panic, the result is a profile or errors,
// what is said can be written, and what is accepted can be gone through.
func FuzzLoad(f *testing.F) {
	for _, pattern := range []string{"testdata/ok/*.hcl", "testdata/bad/*.hcl", "presets/*.hcl"} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			if slow := filepath.Base(path); slow != "explosions.hcl" && slow != "sweep-overflow.hcl" {
				f.Add(text, "[1]")
			}
		}
	}
	for _, nasty := range []string{
		"", "\xef\xbb\xbf", "\x00", "a", "a {", "a = <<A\n", `a = "${`, "a = [for", "locals {\n a = [1][\"1e9999999\"]\n}",
		"locals {\n a = {for k, v in {a=1}: k => v...}\n}", "locals { a = \"%{for x in [1]~}${x}%{endfor}\" }",
		"locals { a = [][*].b }", "locals { a = null.b }", "locals { a = {}[null] }", "locals { a = tolist([]) }",
		"locals { a = toset([1, \"1\"]) }", "locals { a = merge(null, {}) }", "locals { a = (env(\"X\"))[env(\"X\")] }",
		"locals { a = true ? [] : {} }", "locals { a = [for x in toset([{}]): x] }", "locals { a = !null }",
		"locals { a = 1 % 0 }", "locals { a = -(1/3) }", "locals { a = element(toset([1]), 0) }",
		"variable \"a\" { type = object({ a = optional(string, \"x\") }) }", "variable \"a\" { type = any\n default = null\n sensitive = true }",
		"engine \"vllm\" \"a\" { where = null\n flags = null\n env = env(\"HF_TOKEN\")\n sweep { a = null } }",
		"engine \"vllm\" \"a\" { sweep { a = [{}, [], null]\n env = null\n flags = {} } }",
		"engine \"openai\" \"a\" { url = \"http://[::1\" }", "model { id = var }", "model { id = flags }",
	} {
		f.Add([]byte(nasty+"\n"+oneEngine+rest), "{}")
	}
	o := outside()
	f.Fuzz(func(t *testing.T, text []byte, value string) {
		o := o
		o.Vars = map[string]string{"model": value, "limits": value, "token": value}
		p, d := Parse(text, "testdata/ok/fuzz.hcl", o)
		if d == nil || (p == nil) != d.HasErrors() {
			t.Fatalf("profile %v, diagnostics %v", p, d)
		}
		for _, g := range d.List() {
			if g.Summary == panicked {
				t.Fatalf("panic inside: %s", g.Detail)
			}
		}
		var out bytes.Buffer
		if err := d.WriteText(&out, 80, len(text)%2 == 0); err != nil {
			t.Fatal(err)
		}
		if _, err := d.MarshalJSON(); err != nil {
			t.Fatal(err)
		}
		if p != nil {
			walk(t, p)
		}
		Format(text, "fuzz.hcl")
	})
}

func walk(t *testing.T, p *Profile) {
	for _, e := range p.Engines {
		n := 0
		if _, err := json.Marshal(e); err != nil {
			t.Fatal(err)
		}
		for c := range e.Candidates() {
			for _, f := range c.Flags {
				if f.Value.IsNull() {
					t.Fatalf("a candidate has the flag %s, which is left off", f.Name)
				}
			}
			if n++; n > 1000 {
				break
			}
		}
	}
}
