package engine

import (
	"bytes"
	"encoding/json"
	"net/url"
	"slices"
	"strings"

	"github.com/qtune/qtune/profiles"
)

// shortestSecret is the length, in bytes, below which a value is taken for an
// ordinary word: replacing "1" or "on" everywhere would hide nothing and make
// the log unreadable.
const shortestSecret = 4

// redactor puts the name of a secret where its value stands. The zero redactor
// replaces nothing.
type redactor struct {
	replacer *strings.Replacer // nil: nothing to replace
	values   [][]byte          // the longest first
}

func newRedactor(secrets []profiles.Secret) redactor {
	type pair struct{ value, name string }
	var pairs []pair
	for _, s := range secrets {
		for _, v := range spellings(s.Value) {
			pairs = append(pairs, pair{v, "(" + s.Name + ")"})
		}
	}
	if len(pairs) == 0 {
		return redactor{}
	}
	// Where one secret begins another, the longer one must go first.
	slices.SortStableFunc(pairs, func(a, b pair) int { return len(b.value) - len(a.value) })
	var r redactor
	var oldnew []string
	for _, p := range pairs {
		r.values = append(r.values, []byte(p.value))
		oldnew = append(oldnew, p.value, p.name)
	}
	r.replacer = strings.NewReplacer(oldnew...)
	return r
}

// Hider puts the names of secrets where their values stand, in each of the forms in
// which a program or a profile may write them. Values of fewer than four bytes are
// ordinary words and stay.
func Hider(secrets []profiles.Secret) *strings.Replacer {
	if r := newRedactor(secrets).replacer; r != nil {
		return r
	}
	return strings.NewReplacer()
}

// spellings are the forms in which a program may print a value: line by line,
// as it is, inside JSON or a Python string, in a URL, and in a profile.
func spellings(value string) []string {
	var all []string
	for line := range strings.Lines(value) {
		line = strings.TrimSpace(line)
		if len(line) < shortestSecret {
			continue
		}
		quoted := profiles.Quote(line)
		quoted = quoted[1 : len(quoted)-1]
		html, _ := json.Marshal(line) // as Go writes it, with < and & by number; a string always has that form
		profile := strings.NewReplacer("${", "$${", "%{", "%%{").Replace(quoted)
		python := strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(line)
		for _, form := range []string{line, quoted, string(html[1 : len(html)-1]), profile, python, url.QueryEscape(line), url.PathEscape(line)} {
			if !slices.Contains(all, form) {
				all = append(all, form)
			}
		}
	}
	return all
}

// longest is that of the longest secret, in bytes.
func (r redactor) longest() int {
	if len(r.values) == 0 {
		return 0
	}
	return len(r.values[0])
}

// cut is where b can be divided, at or as little as it takes behind at, so that no
// secret is divided: neither half of it would be known for what it is.
func (r redactor) cut(b []byte, at int) int {
	for _, v := range r.values {
		from, to := max(0, at-len(v)+1), min(len(b), at+len(v)-1)
		if i := bytes.Index(b[from:to], v); i >= 0 {
			return from + i + len(v)
		}
	}
	return at
}

func (r redactor) text(s string) string {
	if r.replacer == nil {
		return s
	}
	return r.replacer.Replace(s)
}

// failure redacts what a failure quotes from the log.
func (r redactor) failure(f *Failure) *Failure {
	if f == nil {
		return nil
	}
	f.Line, f.Hint = r.text(f.Line), r.text(f.Hint)
	for i := range f.Tail {
		f.Tail[i] = r.text(f.Tail[i])
	}
	return f
}
