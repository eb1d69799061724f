package profiles

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/qtune/qtune/catalog"
)

// condition is a where that has been evaluated for every combination of the axes
// that it names. Most name two or three, so a sweep of many candidates needs few
// evaluations, and going through the candidates needs none.
type condition struct {
	axes []int // indices into the engine's axes, ascending
	keep []bool
}

// excluded says whether where leaves out the candidate with these values of its axes.
func (c *condition) excluded(at []int, axes []Axis) bool {
	if c == nil {
		return false
	}
	i := 0
	for _, a := range c.axes {
		i = i*len(axes[a].Values) + at[a]
	}
	return !c.keep[i]
}

// share is which part of the combinations stays.
func (c *condition) share() (kept, all int) {
	for _, k := range c.keep {
		if k {
			kept++
		}
	}
	return kept, len(c.keep)
}

// whereReader evaluates a where.
type whereReader struct {
	*engineReader
	expr  hclsyntax.Expression
	names []whereName
	axes  []int
}

// whereName is a flag or a variable that the expression names.
type whereName struct {
	name string
	env  bool
	axis int       // -1: it is not swept, and has one value
	raw  cty.Value // that value; null if it is not set
}

func (r *engineReader) where(a *hclsyntax.Attribute) {
	w := &whereReader{engineReader: r, expr: a.Expr}
	found := w.find()
	nothing := map[string]cty.Value{"flags": cty.EmptyObjectVal, "env": cty.EmptyObjectVal}
	if _, ok := r.l.context(a.Expr, nothing); !ok || !found {
		return
	}
	n := 1
	for _, i := range w.axes {
		if n *= len(r.axes[i].Values); n > maxWhere {
			r.l.errorf(codeTooLarge, a.Expr.Range(), "where names too many axes", fmt.Sprintf(
				"The axes that it names have more than %s combinations, and each is evaluated. Name fewer, or shorten them.", grouped(maxWhere)))
			return
		}
	}
	c := &condition{axes: w.axes, keep: make([]bool, n)}
	ok := false
	r.l.budget.forWhere(func() { ok = w.fill(c) })
	if !ok {
		return
	}
	if !slices.Contains(c.keep, true) {
		r.l.errorf(codeNothingLeft, a.Expr.Range(), "where leaves nothing",
			fmt.Sprintf("None of the %s combinations makes it true, so %s would have no candidate. Loosen it, or widen an axis.", grouped(n), r.engine.Label()))
		return
	}
	r.engine.where = c
}

// find collects what the expression names, and the axes among it.
func (w *whereReader) find() bool {
	ok := true
	seen := map[string]bool{}
	for _, t := range references(w.expr) {
		root := t.RootName()
		if root != "flags" && root != "env" {
			continue
		}
		name, one := second(t)
		if !one {
			w.all(root == "env")
			continue
		}
		if key := root + "." + name; !seen[key] {
			seen[key] = true
			ok = w.name(t.SourceRange(), name, root == "env") && ok
		}
	}
	for _, n := range w.names {
		if n.axis >= 0 && !slices.Contains(w.axes, n.axis) {
			w.axes = append(w.axes, n.axis)
		}
	}
	slices.Sort(w.axes)
	return ok
}

// all takes in every flag, for an expression that uses flags as a whole.
func (w *whereReader) all(env bool) {
	for _, s := range w.settings(env).list {
		w.name(s.at, s.name, env)
	}
	for _, a := range w.engineReader.axes {
		if a.Env == env && w.settings(env).find(a.Name) < 0 {
			w.name(a.at, a.Name, env)
		}
	}
}

func (w *whereReader) settings(env bool) *settings {
	if env {
		return &w.env
	}
	return &w.flags
}

// name looks up one flag or variable. One that is neither set nor swept is null; if
// the engine has none of that name either, it is a typing error.
func (w *whereReader) name(at hcl.Range, name string, env bool) bool {
	s := w.settings(env)
	n := whereName{name: name, env: env, axis: -1, raw: cty.NullVal(cty.DynamicPseudoType)}
	known := s.find(name) >= 0
	if known {
		n.raw = s.list[s.find(name)].raw
	}
	for i, a := range w.engineReader.axes {
		if a.Env == env && s.same(a.Name) == s.same(name) {
			n.axis, known = i, true
		}
	}
	if set, ok := catalog.EngineFlags(w.engine.Kind); ok && !env && !known {
		if _, known = set.Lookup(name); !known {
			w.unknownFlag(at, name, set)
			return false
		}
	}
	w.names = append(w.names, n)
	return true
}

func (w *whereReader) unknownFlag(at hcl.Range, name string, set *catalog.FlagSet) {
	var there []string
	for _, s := range w.flags.list {
		there = append(there, s.name)
	}
	for _, a := range w.engineReader.axes {
		there = append(there, a.Name)
	}
	detail := "It is neither set nor swept here, so it would always be null. Take it out, or sweep it."
	if near := catalog.Nearest(name, append(there, set.Names()...)); near != "" {
		detail = fmt.Sprintf("Did you mean flags.%s?", near)
	}
	w.l.errorf(codeUnknownName, at, fmt.Sprintf("where names the flag %s, which nothing sets", name), detail)
}

// fill evaluates the expression for every combination of its axes; false at the first
// that cannot be evaluated, which is reported with its candidate.
func (w *whereReader) fill(c *condition) bool {
	at := make([]int, len(w.engineReader.axes))
	ctx, ok := w.l.context(w.expr, w.values(at))
	if !ok {
		return false
	}
	for i := range c.keep {
		for k, v := range w.values(at) {
			ctx.Variables[k] = v
		}
		if c.keep[i], ok = w.holds(ctx, at); !ok {
			return false
		}
		w.next(at)
	}
	return true
}

// next counts up the axes that matter, the last one fastest.
func (w *whereReader) next(at []int) {
	for _, i := range slices.Backward(w.axes) {
		if at[i]++; at[i] < len(w.engineReader.axes[i].Values) {
			return
		}
		at[i] = 0
	}
}

// values is what flags and env stand for in one combination.
func (w *whereReader) values(at []int) map[string]cty.Value {
	flags, env := map[string]cty.Value{}, map[string]cty.Value{}
	for _, n := range w.names {
		v := n.raw
		if n.axis >= 0 {
			v = w.engineReader.axes[n.axis].raw[at[n.axis]]
		}
		if n.env {
			env[n.name] = v
		} else {
			flags[n.name] = v
		}
	}
	return map[string]cty.Value{"flags": cty.ObjectVal(flags), "env": cty.ObjectVal(env)}
}

func (w *whereReader) holds(ctx *hcl.EvalContext, at []int) (keep, ok bool) {
	v, diags := protected(w.expr, ctx)
	if diags.HasErrors() {
		first := diags[0]
		for _, d := range diags {
			if d.Severity == hcl.DiagError {
				first = d
				break
			}
		}
		w.cannot(first.Subject, sentence(strings.TrimSuffix(first.Summary+": "+first.Detail, ".")), at)
		return false, false
	}
	v, _ = unmark(v)
	b, err := convert.Convert(v, cty.Bool)
	if err != nil || b.IsNull() {
		whole := w.expr.Range()
		w.cannot(&whole, fmt.Sprintf("It is %s, and has to be true or false.", describe(v)), at)
		return false, false
	}
	return b.True(), true
}

func (w *whereReader) cannot(at *hcl.Range, why string, combination []int) {
	w.l.report(problem(codeNotComputed, at, "where cannot be evaluated for a candidate", fmt.Sprintf(
		"%s This is so for the candidate of %s with %s. A flag that is left off is null: test for that first, as in flags.x == null ? true : flags.x < 2.",
		why, w.engine.Label(), w.describe(combination))))
}

// describe names a candidate by the axes that where names.
func (w *whereReader) describe(at []int) string {
	var parts []string
	for _, i := range w.axes {
		a := w.engineReader.axes[i]
		parts = append(parts, fmt.Sprintf("%s = %s", a.Name, clip(a.Values[at[i]].String())))
	}
	if len(parts) == 0 {
		return "its own flags"
	}
	return strings.Join(parts, ", ")
}

// kept is how many candidates an engine has after where; false if there are more than
// can be counted.
func (e *Engine) kept() (int, bool) {
	n, overflow := e.Count()
	if overflow {
		return math.MaxInt, false
	}
	if e.where == nil {
		return n, true
	}
	kept, all := e.where.share()
	return n / all * kept, true
}
