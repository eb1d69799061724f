package profiles

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// maxShown is how many problems are listed; the rest is a count. A file of a
// megabyte can have half a million, and nobody reads past the first screens.
const maxShown = 1000

// Diagnostics are the problems of a profile together with the source that they
// point at. The zero value has none.
type Diagnostics struct {
	list    []*hcl.Diagnostic
	sources map[string]source
	secrets []Secret
	beyond  int // problems that are counted only
}

// source is a text that diagnostics may point into.
type source struct {
	text []byte
	body *hclsyntax.Body // nil if it was not parsed
}

// HasErrors says whether any of the problems makes the profile unusable.
func (d *Diagnostics) HasErrors() bool { return d.Errors() > 0 }

// Errors counts the problems that make the profile unusable.
func (d *Diagnostics) Errors() int { return d.count(hcl.DiagError) + d.beyond }

// Warnings counts the problems that do not.
func (d *Diagnostics) Warnings() int { return d.count(hcl.DiagWarning) }

func (d *Diagnostics) count(s hcl.DiagnosticSeverity) int {
	n := 0
	for _, g := range d.list {
		if g.Severity == s {
			n++
		}
	}
	return n
}

// Diagnostic is one problem, in the JSON form that Terraform gives its own.
type Diagnostic struct {
	Severity string   `json:"severity"` // "error" or "warning"
	Code     Code     `json:"code"`     // what kind of problem it is
	Summary  string   `json:"summary"`
	Detail   string   `json:"detail"`          // why, and what to write instead
	Range    *Range   `json:"range,omitempty"` // nil where the whole file is meant
	Snippet  *Snippet `json:"snippet,omitempty"`
}

// Range is a stretch of a source.
type Range struct {
	Filename string   `json:"filename"`
	Start    Location `json:"start"`
	End      Location `json:"end"`
}

// Location is a place in a source. Lines and columns count from 1, in characters
// as a person sees them; bytes count from 0.
type Location struct {
	Line   int `json:"line"`
	Column int `json:"column"`
	Byte   int `json:"byte"`
}

// Snippet is the source around a problem.
type Snippet struct {
	Context *string `json:"context"` // the block, `engine "vllm" "a"`; nil outside any
	Code    string  `json:"code"`
	// StartLine is the line on which Code begins.
	StartLine int `json:"start_line"`
	// The part of Code to point at, in bytes from its beginning.
	HighlightStartOffset int        `json:"highlight_start_offset"`
	HighlightEndOffset   int        `json:"highlight_end_offset"`
	Values               []struct{} `json:"values"` // always empty: values may be secret
}

// List is every problem, by file and line, with the profile's own file first.
// Beyond a thousand, the last one says how many are left out.
func (d *Diagnostics) List() []Diagnostic {
	all := make([]Diagnostic, 0, len(d.list)+1)
	for _, g := range d.list {
		all = append(all, d.render(g))
	}
	if d.beyond > 0 {
		all = append(all, Diagnostic{
			Severity: "error",
			Code:     codeTooLarge,
			Summary:  fmt.Sprintf("%d more problems", d.beyond),
			Detail:   fmt.Sprintf("Only the first %d are listed. Mend the first ones, then look again.", maxShown),
		})
	}
	return all
}

// MarshalJSON writes List.
func (d *Diagnostics) MarshalJSON() ([]byte, error) { return json.Marshal(d.List()) }

func (d *Diagnostics) render(g *hcl.Diagnostic) Diagnostic {
	out := Diagnostic{Severity: "error", Code: codeOf(g), Summary: d.redact(g.Summary), Detail: d.redact(g.Detail)}
	if g.Severity == hcl.DiagWarning {
		out.Severity = "warning"
	}
	if g.Subject == nil {
		return out
	}
	r := *g.Subject
	out.Range = &Range{
		Filename: r.Filename,
		Start:    Location{r.Start.Line, r.Start.Column, r.Start.Byte},
		End:      Location{r.End.Line, r.End.Column, r.End.Byte},
	}
	if src, ok := d.sources[r.Filename]; ok {
		out.Snippet = src.snippet(r)
		d.blank(out.Snippet)
	}
	return out
}

// blank hides a secret that stands in the source itself, as the default of a sensitive
// variable does. What is pointed at stays where it is.
func (d *Diagnostics) blank(s *Snippet) {
	for _, secret := range d.secrets {
		if n := len(secret.Value); n >= minRedacted {
			s.Code = strings.ReplaceAll(s.Code, secret.Value, strings.Repeat("*", n))
		}
	}
}

// redact takes values that must not be written out of a message: a function that
// refuses an argument may quote it.
func (d *Diagnostics) redact(s string) string {
	for _, secret := range d.secrets {
		if len(secret.Value) >= minRedacted {
			s = strings.ReplaceAll(s, secret.Value, "("+secret.Name+")")
		}
	}
	return s
}

// minRedacted is the shortest secret that is looked for in messages: replacing
// every "1" would tell more than it hides.
const minRedacted = 4

// add takes problems in. One that is already there is left out, as an expression
// inside a for has the same problem at each turn.
func (d *Diagnostics) add(more ...*hcl.Diagnostic) {
	for _, g := range more {
		g.Summary, g.Detail = clipTo(g.Summary, 300), clipTo(g.Detail, 4000)
		switch {
		case d.full():
			d.beyond++
		case slices.ContainsFunc(d.list, func(h *hcl.Diagnostic) bool { return same(g, h) }):
		default:
			d.list = append(d.list, g)
		}
	}
}

// full says that what is added is only counted, so that no effort should go into it.
func (d *Diagnostics) full() bool { return len(d.list) >= maxShown }

func same(a, b *hcl.Diagnostic) bool {
	if a.Severity != b.Severity || a.Summary != b.Summary || a.Detail != b.Detail {
		return false
	}
	if a.Subject == nil || b.Subject == nil {
		return a.Subject == b.Subject
	}
	return *a.Subject == *b.Subject
}

// sort orders the problems by file, the file called first before all others, and
// by place.
func (d *Diagnostics) sort(first string) {
	slices.SortStableFunc(d.list, func(a, b *hcl.Diagnostic) int {
		if a.Subject == nil || b.Subject == nil {
			return cmp.Compare(boolInt(a.Subject != nil), boolInt(b.Subject != nil))
		}
		return cmp.Or(
			cmp.Compare(boolInt(a.Subject.Filename != first), boolInt(b.Subject.Filename != first)),
			cmp.Compare(a.Subject.Filename, b.Subject.Filename),
			cmp.Compare(a.Subject.Start.Byte, b.Subject.Start.Byte),
			cmp.Compare(a.Summary, b.Summary),
		)
	})
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
