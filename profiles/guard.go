package profiles

import (
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// guard is an expression whose evaluation is charged. HCL evaluates a tree by
// itself, nested for expressions and templates that multiply included, so every
// node that can make something is replaced by a guard around it: it pays for each
// result before its parent can use it, and when the budget is spent it gives an
// error instead of a value.
type guard struct {
	hclsyntax.Expression
	budget     *budget
	numeric    bool // a text that comes out will be taken for a number
	converted  bool // a list that comes out may be brought to one type
	arithmetic bool // a number that comes out is rounded to decimals
	insane     bool // the expression itself holds a number that must not be computed with
}

// UnwrapExpression lets HCL's static analysis see through a guard.
func (g *guard) UnwrapExpression() hcl.Expression { return g.Expression }

// Value evaluates and pays.
func (g *guard) Value(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	at := g.Range()
	if bad := g.budget.spend(stepCost, &at); bad != nil {
		return cty.DynamicVal, hcl.Diagnostics{bad}
	}
	if g.insane {
		return cty.DynamicVal, hcl.Diagnostics{problem(codeNotComputed, &at, "Number out of range", numberRule)}
	}
	v, diags := g.Expression.Value(ctx)
	if diags.HasErrors() {
		return cty.DynamicVal, diags
	}
	if g.arithmetic {
		v = roundDecimal(v)
	}
	if bad := g.budget.charge(v, &at, measure{numeric: g.numeric, converted: g.converted}); bad != nil {
		return cty.DynamicVal, hcl.Diagnostics{bad}
	}
	return v, diags
}

// bare is an expression without its guard and its parentheses.
func bare(e hclsyntax.Expression) hclsyntax.Expression {
	for {
		switch x := e.(type) {
		case *guard:
			e = x.Expression
		case *hclsyntax.ParenthesesExpr:
			e = x.Expression
		default:
			return e
		}
	}
}

// guardBody puts guards around all expressions of a body, in place.
func (b *budget) guardBody(body *hclsyntax.Body, known map[string]function.Function) {
	for _, a := range body.Attributes {
		a.Expr = b.guardExpr(a.Expr, known)
	}
	for _, block := range body.Blocks {
		b.guardBody(block.Body, known)
	}
}

// guardExpr puts guards around an expression and all within it. Literals are not
// guarded: they are no larger than the source.
func (b *budget) guardExpr(e hclsyntax.Expression, known map[string]function.Function) hclsyntax.Expression {
	in := func(e hclsyntax.Expression) hclsyntax.Expression { return b.guardExpr(e, known) }
	num := func(e hclsyntax.Expression) hclsyntax.Expression { return b.numeric(in(e)) }
	conv := func(e hclsyntax.Expression) hclsyntax.Expression { return b.converted(in(e)) }
	arithmetic := false
	switch x := e.(type) {
	case *hclsyntax.LiteralValueExpr, *hclsyntax.AnonSymbolExpr, *hclsyntax.ExprSyntaxError, *guard:
		return e
	case *hclsyntax.ParenthesesExpr:
		x.Expression = in(x.Expression)
		return x
	case *hclsyntax.ObjectConsKeyExpr:
		if _, word := x.Wrapped.(*hclsyntax.ScopeTraversalExpr); !word || x.ForceNonLiteral {
			x.Wrapped = in(x.Wrapped)
		}
		return x
	case *hclsyntax.BinaryOpExpr:
		arithmetic = x.Op.Type == cty.Number
		if equality := x.Op == hclsyntax.OpEqual || x.Op == hclsyntax.OpNotEqual; equality {
			x.LHS, x.RHS = in(x.LHS), in(x.RHS)
		} else {
			x.LHS, x.RHS = num(x.LHS), num(x.RHS)
		}
	case *hclsyntax.ConditionalExpr:
		x.Condition, x.TrueResult, x.FalseResult = in(x.Condition), conv(x.TrueResult), conv(x.FalseResult)
	case *hclsyntax.UnaryOpExpr:
		x.Val = num(x.Val)
	case *hclsyntax.IndexExpr:
		x.Collection, x.Key = in(x.Collection), num(x.Key)
	case *hclsyntax.FunctionCallExpr:
		for i, a := range x.Args {
			x.Args[i] = conv(a)
			if takesNumber(known, x, i) {
				x.Args[i] = num(x.Args[i])
			}
		}
	default:
		guardChildren(e, in)
	}
	return &guard{Expression: e, budget: b, arithmetic: arithmetic, insane: insaneIndex(e)}
}

// insaneIndex finds a["1e999999999"]: an index that is written out is no expression of
// its own but part of a path, and is converted there.
func insaneIndex(e hclsyntax.Expression) bool {
	var steps hcl.Traversal
	switch x := e.(type) {
	case *hclsyntax.ScopeTraversalExpr:
		steps = x.Traversal
	case *hclsyntax.RelativeTraversalExpr:
		steps = x.Traversal
	}
	return slices.ContainsFunc(steps, func(t hcl.Traverser) bool {
		i, ok := t.(hcl.TraverseIndex)
		return ok && i.Key.Type() == cty.String && !i.Key.IsNull() && !saneNumberText(i.Key.AsString())
	})
}

// numeric makes a guarded expression one whose texts are taken for numbers.
func (b *budget) numeric(e hclsyntax.Expression) hclsyntax.Expression {
	if _, ok := e.(*hclsyntax.LiteralValueExpr); ok {
		return e
	}
	g := b.guarded(e)
	g.numeric = true
	return g
}

// converted makes a guarded expression one whose lists are brought to one type.
func (b *budget) converted(e hclsyntax.Expression) hclsyntax.Expression {
	if _, ok := e.(*hclsyntax.LiteralValueExpr); ok {
		return e
	}
	g := b.guarded(e)
	g.converted = true
	return g
}

func (b *budget) guarded(e hclsyntax.Expression) *guard {
	if g, ok := e.(*guard); ok {
		return g
	}
	return &guard{Expression: e, budget: b}
}

// guardChildren treats the nodes that need nothing special.
func guardChildren(e hclsyntax.Expression, in func(hclsyntax.Expression) hclsyntax.Expression) {
	optional := func(e *hclsyntax.Expression) {
		if *e != nil {
			*e = in(*e)
		}
	}
	switch x := e.(type) {
	case *hclsyntax.RelativeTraversalExpr:
		x.Source = in(x.Source)
	case *hclsyntax.TupleConsExpr:
		for i := range x.Exprs {
			x.Exprs[i] = in(x.Exprs[i])
		}
	case *hclsyntax.ObjectConsExpr:
		for i := range x.Items {
			x.Items[i].KeyExpr, x.Items[i].ValueExpr = in(x.Items[i].KeyExpr), in(x.Items[i].ValueExpr)
		}
	case *hclsyntax.ForExpr:
		x.CollExpr, x.ValExpr = in(x.CollExpr), in(x.ValExpr)
		optional(&x.KeyExpr)
		optional(&x.CondExpr)
	case *hclsyntax.SplatExpr:
		x.Source, x.Each = in(x.Source), in(x.Each)
	case *hclsyntax.TemplateExpr:
		for i := range x.Parts {
			x.Parts[i] = in(x.Parts[i])
		}
	case *hclsyntax.TemplateWrapExpr:
		x.Wrapped = in(x.Wrapped)
	case *hclsyntax.TemplateJoinExpr:
		x.Tuple = in(x.Tuple)
	}
}

// takesNumber says whether argument i of a call may be converted to a number.
func takesNumber(known map[string]function.Function, call *hclsyntax.FunctionCallExpr, i int) bool {
	f, ok := known[call.Name]
	if !ok {
		return false
	}
	if call.ExpandFinal || call.Name == "tonumber" || call.Name == "tolist" || call.Name == "tomap" || call.Name == "toset" {
		return true
	}
	param := f.VarParam()
	if params := f.Params(); i < len(params) {
		param = &params[i]
	}
	return param != nil && param.Type == cty.Number
}

// Limits of evaluation.
const (
	stepCost    = 64       // of one node, in bytes as it were
	loadBudget  = 8 << 20  // of a whole profile; an ordinary one costs a thousandth
	whereBudget = 64 << 20 // of all evaluations of where
	maxValue    = 4 << 20  // of one value
	maxLevels   = 64       // of lists and objects within each other
)

// budget is what evaluation may still cost.
type budget struct {
	left  int
	where int             // what is left for evaluating where
	spent *hcl.Diagnostic // set once nothing is left
}

// forWhere lets f evaluate on the budget that all where share.
func (b *budget) forWhere(f func()) {
	b.left, b.where = b.where, b.left
	f()
	b.left, b.where = b.where, b.left
}

func (b *budget) spend(n int, at *hcl.Range) *hcl.Diagnostic {
	if b.spent != nil {
		return b.spent
	}
	if b.left -= n; b.left < 0 {
		b.spent = problem(codeTooLarge, at, "Too much to compute",
			"What the profile computes is bounded, and here it went over. Use shorter ranges, shorter texts, or fewer for expressions within each other.")
		return b.spent
	}
	return nil
}

// charge pays for a value, and refuses one that is too large to go on with.
func (b *budget) charge(v cty.Value, at *hcl.Range, m measure) *hcl.Diagnostic {
	m.value(v, 0)
	if bad := b.spend(m.cost, at); bad != nil {
		return bad
	}
	switch {
	case m.tooLarge:
		return problem(codeTooLarge, at, "Value too large", "A value may have at most 4 MiB and 64 levels of lists and objects. Make it smaller.")
	case m.insane:
		return problem(codeNotComputed, at, "Number out of range", numberRule)
	}
	return nil
}

// measure adds up how large a value is.
type measure struct {
	numeric, converted bool // as in guard

	cost             int
	size             int // cost without what conversion takes
	tooLarge, insane bool
}

func (m *measure) value(v cty.Value, levels int) {
	v, _ = v.Unmark()
	m.add(stepCost)
	if levels > maxLevels {
		m.tooLarge = true
	}
	if m.tooLarge || !v.IsKnown() || v.IsNull() {
		return
	}
	t := v.Type()
	if t.IsTupleType() || t.IsObjectType() {
		m.mixed(v.LengthInt())
	}
	switch {
	case t == cty.String:
		m.text(v.AsString())
	case t == cty.Number:
		m.insane = m.insane || !saneNumber(v.AsBigFloat())
	case t.IsObjectType() || t.IsMapType():
		for name, e := range v.AsValueMap() {
			m.add(len(name))
			m.value(e, levels+1)
		}
	case v.CanIterateElements():
		for it := v.ElementIterator(); it.Next() && !m.tooLarge; {
			_, e := it.Element()
			m.value(e, levels+1)
		}
	}
}

func (m *measure) add(n int) {
	m.cost += n
	m.size += n
	m.tooLarge = m.tooLarge || m.size > maxValue
}

// mixed pays for bringing n elements to one type, each of which may have its own: cty
// compares every one with every other.
func (m *measure) mixed(n int) {
	if m.converted {
		m.cost += n * n / 8
	}
}

func (m *measure) text(s string) {
	m.add(len(s))
	if m.numeric && !saneNumberText(s) {
		m.insane = true
	}
}
