package profiles

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"
)

// secretMark marks a value that must not be written anywhere, with the name that
// is written instead. cty carries it along through all that is made of the value.
type secretMark string

// secret marks a value and keeps it for redaction.
func (l *loader) secret(name string, v cty.Value) cty.Value {
	l.remember(name, v)
	return v.Mark(secretMark(name))
}

// remember keeps every text within a value that must not be written.
func (l *loader) remember(name string, v cty.Value) {
	v, _ = v.UnmarkDeep()
	for _, text := range texts(v) {
		if text == "" {
			continue
		}
		if l.secrets[name] == nil {
			l.secrets[name] = map[string]bool{}
		}
		l.secrets[name][text] = true
	}
}

// texts are the texts and numbers within a value, as they would be written.
func texts(v cty.Value) []string {
	switch {
	case v.IsNull() || !v.IsKnown():
		return nil
	case v.Type() == cty.String:
		return []string{v.AsString()}
	case v.Type() == cty.Number:
		return []string{decimal(v.AsBigFloat())}
	case !v.CanIterateElements():
		return nil
	}
	var all []string
	for it := v.ElementIterator(); it.Next(); {
		_, e := it.Element()
		all = append(all, texts(e)...)
	}
	return all
}

// secretList is every secret, the longest value first, so that redacting one that
// contains another leaves no rest.
func (l *loader) secretList() []Secret {
	var all []Secret
	for name, values := range l.secrets {
		for value := range maps.Keys(values) {
			all = append(all, Secret{Name: name, Value: value})
		}
	}
	slices.SortFunc(all, func(a, b Secret) int {
		return cmp.Or(cmp.Compare(len(b.Value), len(a.Value)), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Value, b.Value))
	})
	return all
}

// unmark takes a value's marks off and names them: "" if it is no secret, else
// "env.A", or "env.A, var.b".
func unmark(v cty.Value) (cty.Value, string) {
	v, marks := v.UnmarkDeep()
	var names []string
	for m := range marks {
		if s, ok := m.(secretMark); ok {
			names = append(names, string(s))
		}
	}
	slices.Sort(names)
	return v, strings.Join(names, ", ")
}
