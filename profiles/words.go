package profiles

import (
	"fmt"
	"math/big"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"github.com/qtune/qtune/catalog"
)

// describe is a value as messages speak of it.
func describe(v cty.Value) string {
	t := v.Type()
	switch {
	case v.IsNull():
		return "null"
	case t == cty.String:
		return fmt.Sprintf("the text %q", clip(v.AsString()))
	case t == cty.Number:
		return "the number " + shortNumberText(v.AsBigFloat())
	case t == cty.Bool && v.True():
		return "true"
	case t == cty.Bool:
		return "false"
	case t.IsTupleType() || t.IsListType() || t.IsSetType():
		return "a list"
	}
	return "an object"
}

// clip shortens what a message quotes.
func clip(s string) string { return clipTo(s, 60) }

func clipTo(s string, most int) string {
	for i := range s {
		if most--; most < 0 {
			return s[:i] + "…"
		}
	}
	return s
}

func shortNumberText(f *big.Float) string {
	if s := decimal(f); len(s) <= 24 {
		return s
	}
	return f.Text('g', 6)
}

// grouped writes a number with commas: 10,000.
func grouped(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// oneOf is the remedy for a word that is none of those that may stand there.
func oneOf(word string, words []string) string {
	if near := catalog.Nearest(word, words); near != "" {
		return fmt.Sprintf("Did you mean %q?", near)
	}
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = fmt.Sprintf("%q", w)
	}
	return "Write " + joinOr(quoted) + "."
}

func joinOr(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}
