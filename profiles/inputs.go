package profiles

import (
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// variable is a variable block and what it came to.
type variable struct {
	name      string
	block     *hclsyntax.Block
	typ       cty.Type // DynamicPseudoType if none is declared
	sensitive bool
	preset    cty.Value // the default; NilVal if there is none
	broken    bool      // the block itself is wrong
	value     cty.Value
	ok        bool // value may be used
}

// given is a value from outside for a variable.
type given struct {
	from string // as messages name it: "-var model"
	text string // as typed; unused if expr is set
	expr hclsyntax.Expression
}

var variableWords = words{attrs: []string{"type", "default", "description", "sensitive"}, blocks: []string{"validation"}}

// variables declares all variables of the profile and gives them their values: from
// QTUNE_VAR_name, then the files of values, then -var, the last one wins.
func (l *loader) variables(body *hclsyntax.Body) []Input {
	var order []*variable
	for _, b := range body.Blocks {
		if b.Type == "variable" {
			if v := l.declare(b); v != nil {
				order = append(order, v)
				l.vars[v.name] = v
			}
		}
	}
	from := l.given()
	var inputs []Input
	for _, v := range order {
		g, set := from[v.name]
		l.resolve(v, g, set)
		if v.ok {
			in := input(v)
			if set && !in.Sensitive {
				in.Given = typed(v, g)
			}
			inputs = append(inputs, in)
		}
	}
	for _, v := range order {
		l.validate(v)
	}
	return inputs
}

func input(v *variable) Input {
	plain, secret := unmark(v.value)
	if secret != "" {
		return Input{Name: v.name, Sensitive: true}
	}
	return Input{Name: v.name, Value: toValue(plain).String()}
}

// typed is a value from outside as one types it after -var; nil where nothing typed
// would give it.
func typed(v *variable, g given) *string {
	text := g.text
	if g.expr != nil {
		plain, _ := unmark(v.value)
		text = string(hclwrite.TokensForValue(plain).Bytes())
		if typedAsText(v) {
			value, err := convert.Convert(plain, cty.String)
			if err != nil || value.IsNull() {
				return nil
			}
			text = value.AsString()
		}
	}
	return &text
}

func (l *loader) declare(b *hclsyntax.Block) *variable {
	s := l.section(b, variableWords)
	if len(b.Labels) != 1 || !hclsyntax.ValidIdentifier(b.Labels[0]) {
		l.errorf(codeBadName, b.DefRange(), "A variable has one name", "Write variable \"name\" { ... }, the name made of letters, digits, dashes and underscores.")
		return nil
	}
	v := &variable{name: b.Labels[0], block: b, typ: cty.DynamicPseudoType, preset: cty.NilVal}
	if first, twice := l.vars[v.name]; twice {
		l.errorf(codeTwice, b.DefRange(), fmt.Sprintf("A second variable %q", v.name),
			fmt.Sprintf("The first is declared on line %d. Take one of them out, or rename it.", first.block.DefRange().Start.Line))
		return nil
	}
	s.truth("sensitive", &v.sensitive)
	if f, ok := s.field("description"); ok && !f.value.IsNull() {
		f.text()
	}
	if a := b.Body.Attributes["type"]; a != nil {
		typ, diags := typeexpr.TypeConstraint(a.Expr)
		if diags.HasErrors() {
			l.report(diags...)
			v.broken = true
			return v
		}
		v.typ = typ
	}
	l.setDefault(v, b.Body.Attributes["default"])
	return v
}

func (l *loader) setDefault(v *variable, a *hclsyntax.Attribute) {
	if a == nil {
		return
	}
	value, ok := l.constant(a.Expr, "A default")
	if !ok {
		v.broken = true
		return
	}
	if v.preset, ok = l.convert(v, value, a.Expr.Range()); !ok {
		v.broken = true
	}
}

// constant evaluates an expression that may not name anything: it is read before
// there are names.
func (l *loader) constant(e hclsyntax.Expression, what string) (cty.Value, bool) {
	for _, t := range references(e) {
		at := t.SourceRange()
		l.errorf(codeUnknownName, at, what+" cannot use "+t.RootName(), fmt.Sprintf(
			"It is needed before there are variables and locals. Write the value itself; a text in quotes: %q.", t.RootName()))
		return cty.NilVal, false
	}
	return l.eval(e)
}

// convert brings a value to the variable's type.
func (l *loader) convert(v *variable, value cty.Value, at hcl.Range) (cty.Value, bool) {
	if bad := l.budget.charge(value, &at, measure{converted: v.typ != cty.DynamicPseudoType}); bad != nil {
		l.report(bad)
		return cty.NilVal, false
	}
	out, err := convert.Convert(value, v.typ)
	if err == nil {
		if bad := l.budget.charge(out, &at, measure{}); bad != nil {
			l.report(bad)
			return cty.NilVal, false
		}
	}
	if err != nil {
		l.errorf(codeWrongType, at, fmt.Sprintf("Wrong type for variable %q", v.name), sentence(err.Error())+
			fmt.Sprintf(" The variable is declared as %s. Write a value of that type.", typeexpr.TypeString(v.typ)))
		return cty.NilVal, false
	}
	return out, true
}

// resolve settles a variable's value.
func (l *loader) resolve(v *variable, g given, set bool) {
	if v.broken {
		return
	}
	v.value, v.ok = v.preset, v.preset != cty.NilVal
	if set {
		v.value, v.ok = l.outside(v, g)
	} else if !v.ok {
		l.errorf(codeVariableUnset, v.block.DefRange(), fmt.Sprintf("Variable %q has no value", v.name), fmt.Sprintf(
			"Give it one: -var %s=..., a file of values, or QTUNE_VAR_%s; or write a default here.", v.name, v.name))
	}
	if v.ok && v.sensitive {
		v.value = l.secret("var."+v.name, v.value)
	}
}

// outside is the value of a variable that was given on the command line, in a file of
// values or in the environment.
func (l *loader) outside(v *variable, g given) (cty.Value, bool) {
	at := hcl.Range{Filename: g.from, Start: hcl.InitialPos, End: hcl.InitialPos}
	if g.expr == nil {
		shown := g.text
		if v.sensitive {
			shown = "(sensitive)"
		}
		l.diags.sources[g.from] = source{text: []byte(shown)}
		at.End.Byte += len(shown)
		if typedAsText(v) {
			return l.convertText(v, g, at)
		}
		e, diags := parseExpression(g.text, g.from)
		if diags.HasErrors() {
			l.errorf(codeWrongType, at, fmt.Sprintf("The value of %q cannot be read", v.name), fmt.Sprintf(
				"Its type is %s, which is written as in a profile, such as [1, 2] or {a = 1}.", typeexpr.TypeString(v.typ)))
			return cty.NilVal, false
		}
		g.expr = l.budget.guardExpr(e, l.funcs)
	} else {
		at = g.expr.Range()
	}
	value, ok := l.constant(g.expr, "A given value")
	if !ok {
		return cty.NilVal, false
	}
	return l.convert(v, value, at)
}

// typedAsText says whether a value on the command line is the text itself rather
// than an expression: nobody quotes twice for a shell.
func typedAsText(v *variable) bool { return textType(v).IsPrimitiveType() }

func textType(v *variable) cty.Type {
	switch {
	case v.typ != cty.DynamicPseudoType:
		return v.typ
	case v.preset != cty.NilVal && !v.preset.IsNull():
		return v.preset.Type()
	}
	return cty.String
}

func (l *loader) convertText(v *variable, g given, at hcl.Range) (cty.Value, bool) {
	value := cty.StringVal(g.text)
	typed := *v
	typed.typ = textType(v)
	if typed.typ == cty.Number {
		if n, err := toNumber(value); err != nil {
			l.errorf(codeWrongType, at, fmt.Sprintf("Variable %q is a number", v.name), "Write digits, as in 0.9 or 64.")
			return n, false
		}
	}
	return l.convert(&typed, value, at)
}

// given collects the values from outside by name. A name that no variable has is an
// error, but not in the environment, which also serves other profiles.
func (l *loader) given() map[string]given {
	all := map[string]given{}
	for name := range l.vars {
		if text, ok := l.opts.env("QTUNE_VAR_" + name); ok {
			all[name] = given{from: "QTUNE_VAR_" + name, text: text}
		}
	}
	for _, path := range l.opts.VarFiles {
		l.varFile(path, all)
	}
	for _, name := range slices.Sorted(maps.Keys(l.opts.Vars)) {
		if _, ok := l.vars[name]; !ok {
			l.report(problem(codeUnknownName, nil, fmt.Sprintf("-var %s: no variable is called %q", name, name), l.whichVariable(name)))
			continue
		}
		all[name] = given{from: "-var " + name, text: l.opts.Vars[name]}
	}
	return all
}

func (l *loader) whichVariable(name string) string {
	if near := l.nearest(name, slices.Sorted(maps.Keys(l.vars))); near != "" {
		return fmt.Sprintf("Did you mean %s?", near)
	}
	if len(l.vars) == 0 {
		return fmt.Sprintf("The profile declares none. Write variable %q {} in it.", name)
	}
	return fmt.Sprintf("Declare it in the profile, variable %q {}, or take it out.", name)
}

// varFile reads a file of values, one NAME = VALUE a line.
func (l *loader) varFile(path string, all map[string]given) {
	text, bad := readSource(path)
	if bad != nil {
		l.report(bad)
		return
	}
	body := l.parse(text, path)
	if body == nil {
		return
	}
	for _, b := range body.Blocks {
		l.errorf(codeUnknownWord, b.TypeRange, "A block in a file of values", "A file of values has lines NAME = VALUE and nothing else. Blocks stand in the profile.")
	}
	for _, a := range sortedAttributes(body) {
		if _, ok := l.vars[a.Name]; !ok {
			l.errorf(codeUnknownName, a.NameRange, fmt.Sprintf("No variable is called %q", a.Name), l.whichVariable(a.Name))
			continue
		}
		all[a.Name] = given{from: path, expr: a.Expr}
	}
}

var validationWords = words{attrs: []string{"condition", "error_message"}}

// validate asks a variable's own conditions.
func (l *loader) validate(v *variable) {
	for _, b := range v.block.Body.Blocks {
		if b.Type != "validation" {
			continue
		}
		s := l.section(b, validationWords)
		if !s.has("condition") || !s.has("error_message") {
			s.missing("condition and error_message", `Write condition = var.NAME > 0 and error_message = "...".`)
			continue
		}
		message := ""
		s.text("error_message", &message)
		a := b.Body.Attributes["condition"]
		if !v.ok {
			continue
		}
		value, ok := l.eval(a.Expr)
		if !ok {
			continue
		}
		value, _ = unmark(value)
		holds, err := convert.Convert(value, cty.Bool)
		switch {
		case err != nil || holds.IsNull():
			l.errorf(codeWrongType, a.Expr.Range(), "A condition is true or false", fmt.Sprintf("This is %s. Write a comparison.", describe(value)))
		case holds.False():
			l.errorf(codeVariableRefused, a.Expr.Range(), fmt.Sprintf("The value of variable %q is refused", v.name), message)
		}
	}
}
