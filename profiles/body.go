package profiles

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/qtune/qtune/catalog"
)

// section is a block while it is being read.
type section struct {
	l     *loader
	body  *hclsyntax.Body
	title string // `engine "vllm" "a"`
	// header is the block's first line, where something missing is reported.
	header hcl.Range
	onNull func(name string) // takes back what a preset says of an attribute; nil: there is none
}

// words is what may stand in a block.
type words struct {
	attrs  []string
	blocks []string
	once   []string // of blocks: those that may stand only once
	later  []string // of the language, but not built yet
}

// section opens a block and reports every word that does not belong there.
func (l *loader) section(b *hclsyntax.Block, w words) *section {
	s := &section{l: l, body: b.Body, title: blockTitle(b), header: b.DefRange()}
	if !slices.Contains([]string{"engine", "workload", "constraint", "variable", "deploy"}, b.Type) {
		l.labels(b)
	}
	l.allow(s, w)
	return s
}

func (l *loader) allow(s *section, w words) {
	for _, a := range sortedAttributes(s.body) {
		if !slices.Contains(w.attrs, a.Name) {
			l.unknown(s, a.NameRange, a.Name, "attribute", w)
		}
	}
	seen := map[string]bool{}
	for _, b := range s.body.Blocks {
		switch {
		case !slices.Contains(w.blocks, b.Type):
			l.unknown(s, b.TypeRange, b.Type, "block", w)
		case seen[b.Type] && slices.Contains(w.once, b.Type):
			l.errorf(codeTwice, b.DefRange(), fmt.Sprintf("A second %s block", b.Type),
				fmt.Sprintf("There may be one %s block in %s. Put everything into the first one.", b.Type, s.title))
		}
		seen[b.Type] = true
	}
}

// sortedAttributes is a body's attributes in the order of the source.
func sortedAttributes(b *hclsyntax.Body) []*hclsyntax.Attribute {
	all := make([]*hclsyntax.Attribute, 0, len(b.Attributes))
	for _, a := range b.Attributes {
		all = append(all, a)
	}
	slices.SortFunc(all, func(a, b *hclsyntax.Attribute) int {
		return cmp.Compare(a.SrcRange.Start.Byte, b.SrcRange.Start.Byte)
	})
	return all
}

func (l *loader) unknown(s *section, at hcl.Range, name, kind string, w words) {
	summary := fmt.Sprintf("Unknown %s %s", kind, name)
	switch {
	case slices.Contains(w.later, name):
		l.notYet(at, name)
		return
	case kind == "block" && slices.Contains(w.attrs, name):
		l.errorf(codeWrongType, at, fmt.Sprintf("%s is not a block", name), fmt.Sprintf("Write it with an equals sign: %s = ...", name))
		return
	case kind == "attribute" && slices.Contains(w.blocks, name):
		l.errorf(codeWrongType, at, fmt.Sprintf("%s is a block", name), fmt.Sprintf("Write it without the equals sign: %s { ... }", name))
		return
	}
	all := slices.Concat(w.attrs, w.blocks)
	detail := fmt.Sprintf("In %s may stand: %s.", s.title, strings.Join(all, ", "))
	if near := l.nearest(name, all); near != "" {
		detail = fmt.Sprintf("Did you mean %s?", near)
	}
	l.errorf(codeUnknownWord, at, summary, detail)
}

// nearest is catalog.Nearest, as long as its answer would be shown.
func (l *loader) nearest(name string, names []string) string {
	if l.diags.full() {
		return ""
	}
	return catalog.Nearest(name, names)
}

// notYet refuses a word of the language whose part is still to be built.
func (l *loader) notYet(at hcl.Range, word string) {
	l.errorf(codeNotBuilt, at, fmt.Sprintf("%s is not built yet", word),
		"This part of the language is planned; this version of qtune cannot do it. Take it out to run what it can.")
}

// labels checks how many labels a block has and that they can be names of files and
// containers.
func (l *loader) labels(b *hclsyntax.Block, what ...string) bool {
	if len(b.Labels) != len(what) {
		example := b.Type
		for _, w := range what {
			example += fmt.Sprintf(" %q", w)
		}
		number := []string{"no label", "one label", "two labels"}[len(what)]
		l.errorf(codeBadName, b.DefRange(), fmt.Sprintf("%s takes %s", b.Type, number), fmt.Sprintf("Write %s { ... }.", example))
		return false
	}
	for i, label := range b.Labels {
		if !goodName(label) {
			l.errorf(codeBadName, b.LabelRanges[i], fmt.Sprintf("%q cannot be a name", label),
				"Names are made of letters, digits, dots, dashes and underscores, begin with a letter or a digit and have at most 63 characters.")
			return false
		}
	}
	return true
}

func goodName(s string) bool {
	if s == "" || len(s) > 63 || strings.ContainsAny(s[:1], "._-") {
		return false
	}
	return strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == ""
}

// has says whether an attribute stands in the section.
func (s *section) has(name string) bool { return s.body.Attributes[name] != nil }

// child is the block of that type in the section, nil if there is none.
func (s *section) child(name string) *hclsyntax.Block {
	for _, b := range s.body.Blocks {
		if b.Type == name {
			return b
		}
	}
	return nil
}

// field is an attribute that has been evaluated.
type field struct {
	l     *loader
	name  string
	value cty.Value
	expr  hclsyntax.Expression // nil for a part of a value that was computed
	at    hcl.Range            // of the value
}

// field evaluates an attribute whose value is shown in plans, and so must not be
// secret; false if it is not there or wrong, which has been reported.
func (s *section) field(name string) (field, bool) {
	a := s.body.Attributes[name]
	if a == nil {
		return field{}, false
	}
	v, ok := s.l.eval(a.Expr)
	if !ok {
		return field{}, false
	}
	f := field{l: s.l, name: name, expr: a.Expr, at: a.Expr.Range()}
	var secret string
	if f.value, secret = unmark(v); secret != "" {
		f.wrong(codeShowsSecret, fmt.Sprintf("%s would show a secret", name), fmt.Sprintf(
			"The value comes from %s, and %s is written into plans and reports. Use a variable that is not sensitive; secrets may stand in flags and env.", secret, name))
		return field{}, false
	}
	return f, true
}

func (f field) wrong(c Code, summary, detail string) { f.l.errorf(c, f.at, summary, detail) }

// missing reports an attribute that has to be there.
func (s *section) missing(name, remedy string) {
	s.l.errorf(codeMissing, s.header, fmt.Sprintf("%s has no %s", s.title, name), remedy)
}
