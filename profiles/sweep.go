package profiles

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/qtune/qtune/catalog"
)

// axis is one axis of a sweep while it is being read.
type axis struct {
	Axis
	raw []cty.Value // the values as where sees them
	at  hcl.Range
}

// sweep reads the sweep block and the where beside it, which need each other.
func (r *engineReader) sweep(version string) {
	if b := r.child("sweep"); b != nil {
		r.engine.sweepAt = b.DefRange().Ptr()
		r.axesOf(b)
	}
	for _, a := range r.axes {
		r.checkAxis(a, version)
		r.engine.Axes = append(r.engine.Axes, a.Axis)
	}
	if a := r.body.Attributes["where"]; a != nil {
		r.where(a)
	}
}

func (r *engineReader) axesOf(b *hclsyntax.Block) {
	for _, inner := range b.Body.Blocks {
		r.l.errorf(codeWrongType, inner.TypeRange, fmt.Sprintf("%s is not a block", inner.Type),
			fmt.Sprintf("An axis is a list of values, %s = [1, 2, 4]. The axes of the environment stand in env = { NAME = [1, 2] }.", inner.Type))
	}
	r.l.labels(b)
	if len(b.Body.Attributes) == 0 && len(b.Body.Blocks) == 0 {
		r.l.errorf(codeMissing, b.DefRange(), "An empty sweep", "Write an axis, such as max-num-seqs = [64, 128, 256], or take the block out.")
	}
	for _, a := range sortedAttributes(b.Body) {
		v, ok := r.l.eval(a.Expr)
		if !ok {
			continue
		}
		if a.Name == "env" || a.Name == "flags" {
			r.axesIn(a, v)
			continue
		}
		if p, _ := v.Unmark(); !p.IsNull() && (p.Type().IsObjectType() || p.Type().IsMapType()) {
			r.l.errorf(codeWrongType, a.Expr.Range(), fmt.Sprintf("Axis %s is no list", a.Name), fmt.Sprintf("Write a list of values: %s = [ ... ].", a.Name))
			continue
		}
		r.axis(entry{name: a.Name, value: v, expr: a.Expr, at: a.NameRange}, false)
	}
}

// axesIn reads env = { NAME = [values] }, and the same for flags, where names can be
// quoted: HCL wants those of attributes to be plain words.
func (r *engineReader) axesIn(a *hclsyntax.Attribute, v cty.Value) {
	p, _ := v.Unmark()
	if p.IsNull() || !p.Type().IsObjectType() && !p.Type().IsMapType() {
		r.l.errorf(codeWrongType, a.Expr.Range(), fmt.Sprintf("%s takes an object", a.Name), fmt.Sprintf("Write %s = { NAME = [1, 2, 4] }.", a.Name))
		return
	}
	r.l.twice(a.Expr, "axis")
	for _, x := range r.l.entries(a.Expr, v) {
		r.axis(x, a.Name == "env")
	}
}

// axis reads the values of one axis.
func (r *engineReader) axis(x entry, env bool) {
	v, secret := unmark(x.value)
	list, ok := field{l: r.l, name: x.name, value: v, expr: x.expr, at: x.at}.list()
	switch {
	case secret != "":
		r.l.errorf(codeShowsSecret, x.at, fmt.Sprintf("Axis %s holds a secret", x.name),
			fmt.Sprintf("Values of a sweep are written into reports, and this comes from %s. Put it into flags or env.", secret))
		return
	case !ok:
		r.l.errorf(codeWrongType, x.at, fmt.Sprintf("Axis %s is no list", x.name),
			fmt.Sprintf("This is %s. Write the values to try in brackets, %s = [ ... ], or put a single value into flags.", describe(v), x.name))
		return
	case len(list) == 0:
		r.l.errorf(codeMissing, x.at, fmt.Sprintf("Axis %s is empty", x.name), "Without a value there is no candidate. Write the values to try, or take the axis out.")
		return
	case len(list) > maxRange:
		r.l.errorf(codeTooLarge, x.at, fmt.Sprintf("Axis %s has %s values", x.name, grouped(len(list))), fmt.Sprintf("At most %s can be tried.", grouped(maxRange)))
		return
	}
	a := axis{Axis: Axis{Name: x.name, Env: env}, at: x.at}
	seen := map[string]bool{}
	for _, f := range list {
		s := r.l.setting(entry{name: x.name, value: f.value, expr: f.expr, at: f.at})
		if good := env && r.envVar(s) || !env && r.flag(s); !good {
			return
		}
		key := axisKey(s.value)
		if seen[key] {
			r.l.errorf(codeTwice, f.at, fmt.Sprintf("Axis %s has %s twice", x.name, clip(s.value.String())), "The same argument gives the same trial. Take one of them out.")
			continue
		}
		seen[key] = true
		a.Values, a.raw = append(a.Values, s.value), append(a.raw, s.raw)
	}
	r.addAxis(a)
}

// axisKey is equal for values that make the same argument: 1 and "1".
func axisKey(v Value) string {
	kind := v.Kind
	if kind == KindNumber {
		kind = KindString
	}
	return fmt.Sprint(kind, v.String())
}

func (r *engineReader) addAxis(a axis) {
	if len(r.axes) == maxAxes {
		r.l.errorf(codeTooLarge, a.at, "Too many axes", fmt.Sprintf("A sweep has at most %d. Take some out.", maxAxes))
		return
	}
	same := r.flags.same
	if a.Env {
		same = r.env.same
	}
	for _, b := range r.axes {
		if b.Env == a.Env && same(b.Name) == same(a.Name) {
			r.l.errorf(codeTwice, a.at, fmt.Sprintf("A second axis %s", a.Name),
				fmt.Sprintf("%s on line %d is the same. Put all values into one list.", b.Name, b.at.Start.Line))
			return
		}
	}
	r.axes = append(r.axes, a)
}

// checkAxis asks the catalog, which also knows axes that measure nothing but noise.
func (r *engineReader) checkAxis(a axis, version string) {
	set, ok := catalog.EngineFlags(r.engine.Kind)
	switch {
	case !ok || r.l.diags.full():
	case a.Env:
		r.notices(a.at, "", set.CheckEnv(a.Name, version))
	default:
		r.notices(a.at, a.Name, set.CheckAxis(a.Name, axisTexts(a.Values), version))
	}
}

// axisTexts are the values as the catalog takes them: "null" leaves the flag off.
func axisTexts(values []Value) []string {
	var all []string
	for _, v := range values {
		switch v.Kind {
		case KindNull:
			all = append(all, "null")
		case KindList:
			all = append(all, arguments(v)...)
		default:
			all = append(all, v.Text)
		}
	}
	return all
}
