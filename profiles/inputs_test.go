package profiles

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// rest is what a profile needs beside what a test is about.
const rest = `
workload "w" {
  prompts { input_tokens = 8 }
  single  { output_tokens = 8 }
}
objective { maximize = output_throughput }
`

const oneEngine = `
model { id = "m" }
engine "vllm" "a" {}
`

func parsed(t *testing.T, text string, o Options) *Profile {
	t.Helper()
	p, d := Parse([]byte(text), "test.hcl", o)
	if p == nil {
		t.Fatalf("refused:\n%s", rendered(t, d))
	}
	return p
}

func refused(t *testing.T, text string, o Options) string {
	t.Helper()
	p, d := Parse([]byte(text), "test.hcl", o)
	if p != nil {
		t.Fatalf("accepted:\n%s", text)
	}
	return rendered(t, d)
}

func environment(pairs ...string) func(string) (string, bool) {
	set := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		set[pairs[i]] = pairs[i+1]
	}
	return func(name string) (string, bool) { v, ok := set[name]; return v, ok }
}

func TestPrecedence(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	first, second := file("a.vars", `v = "first file"`), file("b.vars", `v = "second file"`)
	env := environment("QTUNE_VAR_v", "environment")
	for _, c := range []struct {
		why  string
		o    Options
		want string
	}{
		{"without anything the default holds", Options{}, "default"},
		{"the environment goes over the default", Options{Env: env}, "environment"},
		{"a file of values goes over the environment", Options{Env: env, VarFiles: []string{first}}, "first file"},
		{"a later file goes over an earlier one", Options{Env: env, VarFiles: []string{first, second}}, "second file"},
		{"-var goes over all", Options{Env: env, VarFiles: []string{first, second}, Vars: map[string]string{"v": "flag"}}, "flag"},
	} {
		p := parsed(t, `variable "v" { default = "default" }`+oneEngine+rest, c.o)
		if got := p.Inputs[0].Value; got != c.want {
			t.Errorf("%s: got %q, want %q", c.why, got, c.want)
		}
	}
}

func TestGivenValuesAreTyped(t *testing.T) {
	for _, c := range []struct{ why, declared, given, want string }{
		{"a text needs no quotes", `type = string`, `a "b" c`, `text a "b" c`},
		{"a number stays exact", `type = number`, `0.85`, `number 0.85`},
		{"a truth", `type = bool`, `true`, `bool true`},
		{"without a type it is that of the default", `default = 3`, `7`, `number 7`},
		{"without either it is a text", ``, `7`, `text 7`},
		{"a list is written as in a profile", `type = list(number)`, `[1, 2]`, `[number 1 number 2]`},
		{"so is an object", `type = map(string)`, `{a = "x"}`, `json {"a":"x"}`},
		{"a list by its default", `default = [1]`, `["x"]`, `[text x]`},
		{"null leaves off", `type = list(string)`, `null`, `null`},
	} {
		text := `variable "v" { ` + c.declared + ` }
model { id = "m" }
engine "vllm" "a" {
  allow_unknown_flags = true
  flags = { given-value = var.v }
}` + rest
		p := parsed(t, text, Options{Vars: map[string]string{"v": c.given}})
		got := "null"
		if len(p.Engines[0].Flags) > 0 {
			got = dumpValue(p.Engines[0].Flags[0].Value)
		}
		if got != c.want {
			t.Errorf("%s: got %s, want %s", c.why, got, c.want)
		}
	}
}

// TestGivenValuesGiveThemselvesAgain: what Input.Given says is what gives the same value
// as a -var; of secrets and defaults it says nothing.
func TestGivenValuesGiveThemselvesAgain(t *testing.T) {
	values := filepath.Join(t.TempDir(), "x.vars")
	for _, c := range []struct{ why, declared, flag, file, want string }{
		{"a text", `type = string`, `a "b" c`, ``, `a "b" c`},
		{"an empty text", `type = string`, ``, `v = ""`, ``},
		{"a number of a file", `type = number`, ``, `v = 0.85`, `0.85`},
		{"a text of a file", `type = string`, ``, `v = "x ${1 + 1}"`, `x 2`},
		{"a list of a file", `type = list(string)`, ``, `v = ["a", "b"]`, `["a", "b"]`},
		{"a list", `default = [1]`, `[2, 3]`, ``, `[2, 3]`},
		{"a default", `default = "x"`, ``, ``, `(nothing)`},
		{"a sensitive variable", `sensitive = true`, `hush-hush`, ``, `(nothing)`},
		{"a secret of the environment", `type = string`, ``, `v = env("TOKEN")`, `(nothing)`},
	} {
		o := Options{Vars: map[string]string{}, Env: environment("TOKEN", "hush-hush")}
		if c.flag != "" {
			o.Vars["v"] = c.flag
		}
		if c.file != "" {
			if err := os.WriteFile(values, []byte(c.file), 0o600); err != nil {
				t.Fatal(err)
			}
			o.VarFiles = []string{values}
		}
		text := `variable "v" { ` + c.declared + ` }` + oneEngine + rest
		first := parsed(t, text, o).Inputs[0]
		if first.Given == nil {
			if c.want != "(nothing)" {
				t.Errorf("%s: it says nothing", c.why)
			}
			continue
		}
		again := parsed(t, text, Options{Vars: map[string]string{"v": *first.Given}}).Inputs[0]
		if *first.Given != c.want || again.Value != first.Value {
			t.Errorf("%s: %q, want %q, which gives %q, want %q", c.why, *first.Given, c.want, again.Value, first.Value)
		}
	}
}

func TestWrongValuesFromOutside(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.vars")
	if err := os.WriteFile(path, []byte("usres = 1\nb {}\nlist = var.x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		why  string
		o    Options
		want []string
	}{
		{"an unknown -var names the nearest", Options{Vars: map[string]string{"usrs": "1"}}, []string{`-var usrs: no variable is called "usrs"`, "Did you mean users?"}},
		{"a -var of the wrong type shows itself", Options{Vars: map[string]string{"users": "many"}}, []string{"on -var users line 1", "many", "number"}},
		{"a -var of digits without end", Options{Vars: map[string]string{"users": "1e999999999"}}, []string{"Write digits"}},
		{"a -var that is no list", Options{Vars: map[string]string{"list": "[1,"}}, []string{"cannot be read", "[1, 2]"}},
		{"a -var that nests too deep", Options{Vars: map[string]string{"list": strings.Repeat("[", 100_000)}}, []string{"cannot be read"}},
		{"a -var cannot name anything", Options{Vars: map[string]string{"list": "[var.users]"}}, []string{"A given value cannot use var"}},
		{"a wrong value in the environment names it", Options{Env: environment("QTUNE_VAR_users", "x")}, []string{"on QTUNE_VAR_users line 1"}},
		{"a file of values has nothing but values", Options{VarFiles: []string{path}}, []string{"Did you mean users?", "A block in a file of values", "cannot use var"}},
		{"a file of values that is not there", Options{VarFiles: []string{filepath.Join(dir, "no")}}, []string{"Cannot read", "o such file"}},
		{"a file of values that is a folder", Options{VarFiles: []string{dir}}, []string{"is a folder"}},
	} {
		got := refused(t, `
variable "users" { default = 1 }
variable "list" { default = [1] }
`+oneEngine+rest, c.o)
		for _, want := range c.want {
			if !strings.Contains(got, want) {
				t.Errorf("%s: %q is not in\n%s", c.why, want, got)
			}
		}
	}
}

// TestSecretsStayHidden: no message, dump or value in text holds what came from env()
// or from a sensitive variable, however it was made.
func TestSecretsStayHidden(t *testing.T) {
	const secret = "hunter2-hunter2"
	o := Options{Env: environment("TOKEN", secret), Vars: map[string]string{"key": "KEY-" + secret}}
	p := parsed(t, `
variable "key" { sensitive = true }
model { id = "m" }
engine "vllm" "a" {
  allow_unknown_flags = true
  env = {
    A = env("TOKEN")
    B = "Bearer ${env("TOKEN")} ${var.key}"
    C = upper(env("TOKEN"))
  }
  flags = {
    in-a-list    = ["x", env("TOKEN")]
    in-an-object = { token = env("TOKEN") }
    chosen       = env("TOKEN") == "x" ? 1 : 2
  }
}`+rest, o)
	e := p.Engines[0]
	for _, f := range e.Flags {
		if strings.Contains(f.Value.String(), secret) {
			t.Errorf("%s shows %s", f.Name, f.Value)
		}
		if f.Name == "chosen" && f.Value.Secret != "env.TOKEN" {
			t.Errorf("what depends on a secret is one: got %q", f.Value.Secret)
		}
	}
	wantNames := []string{"env.TOKEN", "env.TOKEN, var.key", "env.TOKEN"}
	for i, v := range e.Env {
		if v.Value.Secret != wantNames[i] {
			t.Errorf("%s: secret %q, want %q", v.Name, v.Value.Secret, wantNames[i])
		}
	}
	var found []string
	for _, s := range p.Secrets {
		found = append(found, s.Value)
	}
	for _, want := range []string{secret, strings.ToUpper(secret), "KEY-" + secret} {
		if !strings.Contains(strings.Join(found, "\n"), want) {
			t.Errorf("%q is not among the secrets", want)
		}
	}
	for _, text := range []string{
		`locals { a = parseint(env("TOKEN"), 10) }`,
		`locals { a = jsondecode(env("TOKEN")) }`,
		`locals { a = file(env("TOKEN")) }`,
		`locals { a = { x = 1 }[env("TOKEN")] }`,
		`locals { a = env(env("TOKEN")) }`,
		`locals { a = tonumber(var.key) }`,
		`variable "list" { sensitive = true
  type = list(number) }`,
		`gpu { simulate = env("TOKEN") }`,
	} {
		o := o
		o.Vars = map[string]string{"key": secret, "list": secret}
		if !strings.Contains(text, `"list"`) {
			delete(o.Vars, "list")
		}
		if got := refused(t, `variable "key" { sensitive = true }`+"\n"+text+"\n"+oneEngine+rest, o); strings.Contains(got, secret) {
			t.Errorf("%s: the message shows the secret:\n%s", text, got)
		}
	}
}
