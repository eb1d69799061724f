package profiles

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// Pin writes a profile that has one engine with one configuration and no sweep; its
// loads, goals and variables are those of p, as they are written. Comments stand
// above the engine. A secret is read from the environment, under the name that
// secret gives for it.
func (p *Profile) Pin(e *Engine, c Candidate, comments []string, secret func(name string, v Value) string) ([]byte, error) {
	f, diags := hclwrite.ParseConfig(p.Source, p.Path, hcl.InitialPos)
	if diags.HasErrors() {
		return nil, fmt.Errorf("pin the profile %s: %w", p.Path, diags)
	}
	body := f.Body()
	for _, b := range body.Blocks() {
		if slices.Contains([]string{"engine", "model", "search"}, b.Type()) {
			body.RemoveBlock(b)
		}
	}
	w := &pinner{secret: secret}
	w.model(body.AppendNewBlock("model", nil).Body(), p.Model)
	body.AppendNewline()
	for _, text := range comments {
		body.AppendUnstructuredTokens(hclwrite.Tokens{{Type: hclsyntax.TokenComment, Bytes: []byte("# " + oneLine(text) + "\n")}})
	}
	w.engine(body.AppendNewBlock("engine", []string{e.Kind, e.Name}).Body(), e, c)
	return hclwrite.Format(f.Bytes()), nil
}

// oneLine is a comment that ends where its line does.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

type pinner struct {
	secret func(name string, v Value) string
}

func (w *pinner) text(b *hclwrite.Body, name, value string) {
	if value != "" {
		b.SetAttributeValue(name, cty.StringVal(value))
	}
}

func (w *pinner) texts(b *hclwrite.Body, name string, values []string) {
	if len(values) == 0 {
		return
	}
	all := make([]cty.Value, len(values))
	for i, v := range values {
		all[i] = cty.StringVal(v)
	}
	b.SetAttributeValue(name, cty.TupleVal(all))
}

func (w *pinner) size(b *hclwrite.Body, name string, bytes int64) {
	if bytes > 0 {
		b.SetAttributeValue(name, cty.StringVal(fmt.Sprintf("%dB", bytes)))
	}
}

func (w *pinner) model(b *hclwrite.Body, m Model) {
	w.text(b, "id", m.ID)
	w.text(b, "path", m.Path)
	w.text(b, "revision", m.Revision)
}

func (w *pinner) engine(b *hclwrite.Body, e *Engine, c Candidate) {
	w.text(b, "runtime", string(e.Runtime))
	if e.Runtime == RuntimeDocker {
		w.text(b, "image", e.Image)
		w.text(b, "pull", e.Pull)
		w.texts(b, "entrypoint", e.Entrypoint)
		w.container(b, e)
	}
	w.texts(b, "command", e.Command)
	b.SetAttributeValue("startup_timeout", cty.StringVal(e.StartupTimeout.String()))
	b.SetAttributeValue("allow_unknown_flags", cty.True)
	if len(c.Flags) > 0 {
		var all []hclwrite.ObjectAttrTokens
		for _, f := range c.Flags {
			all = append(all, w.pair(f.Name, f.Value))
		}
		b.SetAttributeRaw("flags", hclwrite.TokensForObject(all))
	}
	if len(c.Env) > 0 {
		var all []hclwrite.ObjectAttrTokens
		for _, v := range c.Env {
			all = append(all, w.pair(v.Name, v.Value))
		}
		b.SetAttributeRaw("env", hclwrite.TokensForObject(all))
	}
}

func (w *pinner) container(b *hclwrite.Body, e *Engine) {
	w.size(b, "shm_size", e.ShmSize)
	w.text(b, "ipc", e.IPC)
	w.text(b, "network", e.Network)
	w.texts(b, "cap_add", e.CapAdd)
	if e.Port > 0 {
		b.SetAttributeValue("port", cty.NumberIntVal(int64(e.Port)))
	}
	list := func(name string, n int, at func(i int) map[string]cty.Value) {
		var all []cty.Value
		for i := range n {
			all = append(all, cty.ObjectVal(at(i)))
		}
		if n > 0 {
			b.SetAttributeValue(name, cty.TupleVal(all))
		}
	}
	list("mounts", len(e.Mounts), func(i int) map[string]cty.Value {
		m := e.Mounts[i]
		return map[string]cty.Value{"source": cty.StringVal(m.Source), "target": cty.StringVal(m.Target), "writable": cty.BoolVal(m.Writable)}
	})
	list("tmpfs", len(e.Tmpfs), func(i int) map[string]cty.Value {
		t := e.Tmpfs[i]
		o := map[string]cty.Value{"target": cty.StringVal(t.Target), "exec": cty.BoolVal(t.Exec)}
		if t.Size > 0 {
			o["size"] = cty.StringVal(fmt.Sprintf("%dB", t.Size))
		}
		return o
	})
	if len(e.Ulimits) > 0 {
		o := map[string]cty.Value{}
		for _, u := range e.Ulimits {
			o[u.Name] = cty.ObjectVal(map[string]cty.Value{"soft": cty.NumberIntVal(u.Soft), "hard": cty.NumberIntVal(u.Hard)})
		}
		b.SetAttributeValue("ulimits", cty.ObjectVal(o))
	}
}

func (w *pinner) pair(name string, v Value) hclwrite.ObjectAttrTokens {
	key := hclwrite.TokensForValue(cty.StringVal(name))
	if hclsyntax.ValidIdentifier(name) {
		key = hclwrite.TokensForIdentifier(name)
	}
	return hclwrite.ObjectAttrTokens{Name: key, Value: w.value(name, v)}
}

func (w *pinner) value(name string, v Value) hclwrite.Tokens {
	switch {
	case v.Secret != "":
		return hclwrite.TokensForFunctionCall("env", hclwrite.TokensForValue(cty.StringVal(w.secret(name, v))))
	case v.Kind == KindList:
		var all []hclwrite.Tokens
		for _, e := range v.List {
			all = append(all, w.value(name, e))
		}
		return hclwrite.TokensForTuple(all)
	}
	return hclwrite.TokensForValue(ctyValue(v))
}

// ctyValue is a value without secrets as HCL has it.
func ctyValue(v Value) cty.Value {
	switch v.Kind {
	case KindNull:
		return cty.NullVal(cty.DynamicPseudoType)
	case KindString:
		return cty.StringVal(v.Text)
	}
	typ, err := ctyjson.ImpliedType([]byte(v.Text))
	if err == nil {
		if out, err := ctyjson.Unmarshal([]byte(v.Text), typ); err == nil {
			return out
		}
	}
	return cty.StringVal(v.Text) // a number that JSON does not know as one
}
