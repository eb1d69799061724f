package profiles

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// An object of cty has no order, and the order of flags is the user's. So values
// are taken from the evaluated object, and their order from how it is written: as
// { ... }, as merge of such, or as a local that is.

// entry is one key of an object.
type entry struct {
	name  string
	value cty.Value
	expr  hclsyntax.Expression // how the value is written; nil if that is not seen
	at    hcl.Range
}

// entries are the keys of an object, in the order in which they are written, then
// those whose place is not seen, by name.
func (l *loader) entries(e hclsyntax.Expression, v cty.Value) []entry {
	v, marks := v.Unmark()
	if v.IsNull() || !v.Type().IsObjectType() && !v.Type().IsMapType() {
		return nil
	}
	left := v.AsValueMap()
	var all []entry
	for _, w := range l.written(e) {
		if value, ok := left[w.name]; ok {
			w.value = value.WithMarks(marks)
			all = append(all, w)
			delete(left, w.name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(left)) {
		all = append(all, entry{name: name, value: left[name].WithMarks(marks), at: e.Range()})
	}
	return all
}

// written finds the keys that an expression writes out, each at its first place with
// its last value.
func (l *loader) written(e hclsyntax.Expression) []entry {
	switch x := bare(e).(type) {
	case *hclsyntax.ObjectConsExpr:
		return l.writtenItems(x)
	case *hclsyntax.FunctionCallExpr:
		if x.Name == "merge" && !x.ExpandFinal {
			var all []entry
			for _, a := range x.Args {
				all = append(all, l.written(a)...)
			}
			return firstPlaceLastValue(all)
		}
	case *hclsyntax.ScopeTraversalExpr:
		if name, ok := second(x.Traversal); ok && x.Traversal.RootName() == "local" && len(x.Traversal) == 2 {
			if y, ok := l.locals[name]; ok {
				return l.writtenLocal(y)
			}
		}
	}
	return nil
}

func (l *loader) writtenItems(x *hclsyntax.ObjectConsExpr) []entry {
	var all []entry
	for _, item := range x.Items {
		key, diags := item.KeyExpr.Value(&hcl.EvalContext{Functions: l.funcs})
		key, _ = key.Unmark()
		if diags.HasErrors() || !key.IsKnown() || key.IsNull() || key.Type() != cty.String {
			continue // a computed key: it comes at the end
		}
		all = append(all, entry{name: key.AsString(), expr: item.ValueExpr, at: item.KeyExpr.Range()})
	}
	return firstPlaceLastValue(all)
}

// writtenLocal looks at each local once: they may name each other many times over.
func (l *loader) writtenLocal(y *local) []entry {
	if !y.looked {
		y.looked = true
		y.written = l.written(y.attr.Expr)
	}
	return y.written
}

func firstPlaceLastValue(all []entry) []entry {
	at := map[string]int{}
	var out []entry
	for _, e := range all {
		if i, ok := at[e.name]; ok {
			out[i].expr, out[i].at = e.expr, e.at
			continue
		}
		at[e.name] = len(out)
		out = append(out, e)
	}
	return out
}

// twice finds a key that one { ... } writes two times: HCL takes the last.
func (l *loader) twice(e hclsyntax.Expression, what string) {
	x, ok := bare(e).(*hclsyntax.ObjectConsExpr)
	if !ok {
		return
	}
	seen := map[string]int{}
	for _, item := range x.Items {
		name := keyWord(item.KeyExpr)
		at := item.KeyExpr.Range()
		if line, again := seen[name]; again && name != "" {
			l.errorf(codeTwice, at, "A second "+what+" "+name, "The first stands on line "+grouped(line)+". Take one of them out.")
		}
		seen[name] = at.Start.Line
	}
}

// keyWord is a key that is a plain word or a text without a template; "" else.
func keyWord(e hclsyntax.Expression) string {
	key, diags := e.Value(nil)
	if diags.HasErrors() || key.IsMarked() || !key.IsKnown() || key.IsNull() || key.Type() != cty.String {
		return ""
	}
	return key.AsString()
}

// toValue is a value of HCL as one of ours. E is how it is written, if that is seen.
func (l *loader) toValue(v cty.Value, e hclsyntax.Expression) Value {
	out := toValue(v)
	if out.Kind == KindObject {
		plain, _ := v.UnmarkDeep()
		out.Text = l.jsonText(plain, e)
	}
	if out.Kind == KindList && e != nil {
		if written, ok := bare(e).(*hclsyntax.TupleConsExpr); ok && len(written.Exprs) == len(out.List) {
			plain, _ := v.Unmark()
			for i, elem := range plain.AsValueSlice() {
				out.List[i] = l.toValue(elem, written.Exprs[i])
			}
		}
	}
	return out
}

// toValue is a value of HCL as one of ours, the keys of objects sorted.
func toValue(v cty.Value) Value {
	plain, secret := unmark(v)
	t := plain.Type()
	switch {
	case plain.IsNull():
		return Value{}
	case t == cty.Bool:
		out := Bool(plain.True())
		out.Secret = secret
		return out
	case t == cty.Number:
		return Value{Kind: KindNumber, Text: decimal(plain.AsBigFloat()), Secret: secret}
	case t == cty.String:
		return Value{Kind: KindString, Text: plain.AsString(), Secret: secret}
	case t.IsTupleType() || t.IsListType() || t.IsSetType():
		return toList(v)
	}
	return Value{Kind: KindObject, Text: (&loader{}).jsonText(plain, nil), Secret: secret}
}

func toList(v cty.Value) Value {
	v, marks := v.Unmark()
	out := Value{Kind: KindList, List: []Value{}}
	for it := v.ElementIterator(); it.Next(); {
		_, e := it.Element()
		out.List = append(out.List, toValue(e.WithMarks(marks)))
	}
	return out
}

// jsonText writes a value without marks as compact JSON, the keys as they are written.
func (l *loader) jsonText(v cty.Value, e hclsyntax.Expression) string {
	var b strings.Builder
	l.writeJSON(&b, v, e)
	return b.String()
}

func (l *loader) writeJSON(b *strings.Builder, v cty.Value, e hclsyntax.Expression) {
	t := v.Type()
	switch {
	case v.IsNull():
		b.WriteString("null")
	case t == cty.Bool:
		b.WriteString(map[bool]string{true: "true", false: "false"}[v.True()])
	case t == cty.Number:
		b.WriteString(decimal(v.AsBigFloat()))
	case t == cty.String:
		b.WriteString(Quote(v.AsString()))
	case t.IsTupleType() || t.IsListType() || t.IsSetType():
		l.writeArray(b, v, e)
	default:
		l.writeObject(b, v, e)
	}
}

func (l *loader) writeArray(b *strings.Builder, v cty.Value, e hclsyntax.Expression) {
	elems := v.AsValueSlice()
	exprs := make([]hclsyntax.Expression, len(elems))
	if e != nil {
		if written, ok := bare(e).(*hclsyntax.TupleConsExpr); ok && len(written.Exprs) == len(elems) {
			exprs = written.Exprs
		}
	}
	b.WriteByte('[')
	for i, elem := range elems {
		if i > 0 {
			b.WriteByte(',')
		}
		l.writeJSON(b, elem, exprs[i])
	}
	b.WriteByte(']')
}

func (l *loader) writeObject(b *strings.Builder, v cty.Value, e hclsyntax.Expression) {
	if e == nil {
		e = &hclsyntax.LiteralValueExpr{Val: v}
	}
	b.WriteByte('{')
	for i, x := range l.entries(e, v) {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(Quote(x.name))
		b.WriteByte(':')
		l.writeJSON(b, x.value, x.expr)
	}
	b.WriteByte('}')
}

// Quote is a JSON string as people write it, < and > as they are.
func Quote(s string) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // a text can always be encoded, and a Builder takes it
	return strings.TrimSuffix(b.String(), "\n")
}

// exprOf is how a field is written; a literal of its value if that is not seen.
func exprOf(f field) hclsyntax.Expression {
	if f.expr != nil {
		return f.expr
	}
	return &hclsyntax.LiteralValueExpr{Val: f.value, SrcRange: f.at}
}
