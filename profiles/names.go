package profiles

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// references are the names that an expression takes from outside, in the order of
// the source. HCL's own search for them does not look into guards.
func references(e hclsyntax.Expression) []hcl.Traversal {
	var w referenceWalker
	_ = hclsyntax.Walk(e, &w)
	return w.found
}

type referenceWalker struct {
	found  []hcl.Traversal
	scopes []map[string]struct{} // the variables of for expressions around
}

// Enter is called by hclsyntax.Walk.
func (w *referenceWalker) Enter(n hclsyntax.Node) hcl.Diagnostics {
	for {
		g, ok := n.(*guard)
		if !ok {
			break
		}
		n = g.Expression
	}
	switch x := n.(type) {
	case hclsyntax.ChildScope:
		w.scopes = append(w.scopes, x.LocalNames)
	case *hclsyntax.ScopeTraversalExpr:
		for _, s := range w.scopes {
			if _, ok := s[x.Traversal.RootName()]; ok {
				return nil
			}
		}
		w.found = append(w.found, x.Traversal)
	}
	return nil
}

// Exit is called by hclsyntax.Walk.
func (w *referenceWalker) Exit(n hclsyntax.Node) hcl.Diagnostics {
	if _, ok := n.(hclsyntax.ChildScope); ok {
		w.scopes = w.scopes[:len(w.scopes)-1]
	}
	return nil
}

// second is the name after the root: "x" of var.x and of var["x"].
func second(t hcl.Traversal) (string, bool) {
	if len(t) < 2 {
		return "", false
	}
	switch s := t[1].(type) {
	case hcl.TraverseAttr:
		return s.Name, true
	case hcl.TraverseIndex:
		if s.Key.Type() == cty.String && !s.Key.IsNull() {
			return s.Key.AsString(), true
		}
	}
	return "", false
}

// context is what an expression may use, and nothing more: the variables and locals
// that it names. Without that, a thousand locals would cost a million.
func (l *loader) context(e hclsyntax.Expression, extra map[string]cty.Value) (*hcl.EvalContext, bool) {
	ok := true
	used := map[string]map[string]cty.Value{"var": {}, "local": {}}
	for _, t := range references(e) {
		root := t.RootName()
		if _, given := extra[root]; given {
			continue
		}
		value, found := l.named(t, extra)
		if ok = ok && found; !found {
			continue
		}
		name, _ := second(t)
		used[root][name] = value
	}
	all := map[string]cty.Value{"var": cty.ObjectVal(used["var"]), "local": cty.ObjectVal(used["local"])}
	maps.Copy(all, extra)
	return &hcl.EvalContext{Variables: all, Functions: l.funcs}, ok
}

// named is the value that var.x or local.x stands for; false, reported, if there is
// none.
func (l *loader) named(t hcl.Traversal, extra map[string]cty.Value) (cty.Value, bool) {
	at := t.SourceRange()
	root := t.RootName()
	if root != "var" && root != "local" {
		l.unknownWord(at, root, extra)
		return cty.NilVal, false
	}
	name, ok := second(t)
	if !ok {
		l.errorf(codeUnknownName, at, fmt.Sprintf("%s cannot be used as a whole", root), fmt.Sprintf("Name one of them: %s.NAME.", root))
		return cty.NilVal, false
	}
	if root == "var" {
		if v, ok := l.vars[name]; ok {
			return v.value, v.ok // a variable without a value has been reported
		}
		l.missing(at, "variable", name, slices.Sorted(maps.Keys(l.vars)), fmt.Sprintf("Declare it: variable %q {}.", name))
		return cty.NilVal, false
	}
	if v, ok := l.locals[name]; ok {
		return v.value, v.ok
	}
	l.missing(at, "local", name, slices.Sorted(maps.Keys(l.locals)), fmt.Sprintf("Define it: locals { %s = ... }.", name))
	return cty.NilVal, false
}

func (l *loader) missing(at hcl.Range, kind, name string, there []string, remedy string) {
	if near := l.nearest(name, there); near != "" {
		remedy = fmt.Sprintf("Did you mean %q?", near)
	}
	l.errorf(codeUnknownName, at, fmt.Sprintf("No %s is called %q", kind, name), remedy)
}

// unknownWord explains a bare word, which mostly is a text without its quotes.
func (l *loader) unknownWord(at hcl.Range, word string, extra map[string]cty.Value) {
	roots := append(slices.Sorted(maps.Keys(extra)), "local", "var")
	detail := fmt.Sprintf("If it is a text, write it in quotes: %q. Values that can be used here start with %s.",
		word, strings.Join(roots, ", "))
	for _, m := range []map[string]bool{keys(l.vars), keys(l.locals)} {
		if m[word] {
			root := "local"
			if _, ok := l.vars[word]; ok {
				root = "var"
			}
			detail = fmt.Sprintf("Did you mean %s.%s?", root, word)
		}
	}
	if near := l.nearest(word, roots); near != "" && near != word {
		detail = fmt.Sprintf("Did you mean %s?", near)
	}
	l.errorf(codeUnknownName, at, fmt.Sprintf("Unknown word %s", word), detail)
}

func keys[V any](m map[string]V) map[string]bool {
	all := map[string]bool{}
	for k := range m {
		all[k] = true
	}
	return all
}
