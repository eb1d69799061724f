package report

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io"
	"regexp"
	"strings"

	"github.com/qtune/qtune/report/chart"
)

//go:embed page.html page.css
var page embed.FS

// The widths at which a page draws each picture: one for a screen or paper, one
// for a phone.
const (
	wide   = 860
	narrow = 380
)

// HTML writes the document as one page that needs nothing else: no network, no
// script, no font. Its content security policy has browsers enforce that.
func (d *Document) HTML(w io.Writer) error {
	style, err := page.ReadFile("page.css")
	if err != nil {
		return err
	}
	t := template.New("page.html").Funcs(template.FuncMap{
		"inline": inline, "groups": groups, "fields": strings.Fields, "whole": whole, "style": func() template.CSS { return template.CSS(chart.Style + string(style)) }, // #nosec: both are ours
	})
	if t, err = t.ParseFS(page, "page.html"); err != nil {
		return fmt.Errorf("read the report's template: %w", err)
	}
	var text bytes.Buffer
	if err := t.Execute(&text, d); err != nil {
		return fmt.Errorf("fill the report's template: %w", err)
	}
	_, err = io.WriteString(w, printable(text.String()))
	return err
}

// printable leaves out what is no text, and what turns the direction of the
// text around it: a log line may hold either.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return -1
		}
		return r
	}, s)
}

// unit is the space between a figure and what it counts, which no line is broken at.
var unit = regexp.MustCompile(`(\d) (%|tok/s|req/s|ms|s|min|GiB|W|°C)(\W|$)`)

// whole keeps figures and their units in one line.
func whole(s string) string { return unit.ReplaceAllString(s, "$1\u00a0$2$3") }

// inline draws a picture for the page; what it says is escaped as it is drawn.
func inline(f *Figure) template.HTML {
	big, small := f.picture.Draw(wide), f.picture.Draw(narrow)
	return template.HTML(`<div class="wide">` + big.Inline() + `</div><div class="narrow">` + small.Inline() + `</div>`)
}

// heading stands over several columns.
type heading struct {
	Text    string
	Span    int
	Numeric bool
}

// groups are the headings above the columns, nil if no column has one.
func groups(t *Table) []heading {
	var all []heading
	grouped := false
	for _, c := range t.Columns {
		grouped = grouped || c.Group != ""
		if n := len(all); n > 0 && all[n-1].Text == c.Group && c.Group != "" {
			all[n-1].Span++
			continue
		}
		all = append(all, heading{c.Group, 1, c.Numeric})
	}
	if !grouped {
		return nil
	}
	return all
}

// Drawings are the document's pictures by the name of their file.
func (d *Document) Drawings() map[string]chart.Drawing {
	all := map[string]chart.Drawing{}
	for _, s := range d.Sections {
		for _, b := range s.Blocks {
			if b.Figure != nil {
				all[b.Figure.Name+".svg"] = b.Figure.picture.Draw(wide)
			}
		}
	}
	return all
}
