package profiles

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// maxSnippet is how much of a long source line is shown, in bytes.
const maxSnippet = 160

// snippet is the line on which r begins. A subject of several lines is cut there:
// the first line says which block or list is meant.
func (s source) snippet(r hcl.Range) *Snippet {
	at := min(r.Start.Byte, len(s.text))
	begin := bytes.LastIndexByte(s.text[:at], '\n') + 1
	end := len(s.text)
	if i := bytes.IndexByte(s.text[at:], '\n'); i >= 0 {
		end = at + i
	}
	from, to := at, max(at, min(r.End.Byte, end))
	begin, end = window(s.text, begin, end, from)
	out := &Snippet{
		Code:                 string(s.text[begin:end]),
		StartLine:            r.Start.Line,
		HighlightStartOffset: from - begin,
		HighlightEndOffset:   min(to, end) - begin,
		Values:               []struct{}{},
	}
	if in := s.context(r.Start.Byte); in != "" {
		out.Context = &in
	}
	return out
}

// window cuts a line that is too long to show around the place that matters, at
// character borders.
func window(text []byte, begin, end, at int) (int, int) {
	if end-begin <= maxSnippet {
		return begin, end
	}
	if at-begin > maxSnippet/2 {
		begin = at - maxSnippet/2
	}
	end = min(end, begin+maxSnippet)
	for begin < at && !utf8.RuneStart(text[begin]) {
		begin++
	}
	for end > at && end < len(text) && !utf8.RuneStart(text[end]) {
		end--
	}
	return begin, end
}

// context names the top-level block that holds a byte.
func (s source) context(offset int) string {
	if s.body == nil {
		return ""
	}
	for _, b := range s.body.Blocks {
		if b.Range().ContainsOffset(offset) {
			return blockTitle(b)
		}
	}
	return ""
}

// blockTitle is a block as messages name it: engine "vllm" "a".
func blockTitle(b *hclsyntax.Block) string {
	var t strings.Builder
	t.WriteString(b.Type)
	for i, label := range b.Labels {
		if i == 2 {
			t.WriteString(" …")
			break
		}
		fmt.Fprintf(&t, " %q", clip(label))
	}
	return t.String()
}

// WriteText writes every problem for a person: what is wrong, the source line with
// its place marked, and what to write instead. Width is the terminal's, 0 leaves
// lines as long as they are; colour also underlines the place.
func (d *Diagnostics) WriteText(w io.Writer, width int, color bool) error {
	var out bytes.Buffer
	for i, g := range d.List() {
		if i > 0 {
			out.WriteByte('\n')
		}
		g.writeText(&out, width, color)
	}
	_, err := w.Write(out.Bytes())
	return err
}

func (g Diagnostic) writeText(out *bytes.Buffer, width int, color bool) {
	word, paint := "Error", "\x1b[1;31m"
	if g.Severity == "warning" {
		word, paint = "Warning", "\x1b[1;33m"
	}
	if color {
		word = paint + word + "\x1b[0m"
	}
	fmt.Fprintf(out, "%s: %s [%s]\n", word, visible(g.Summary), g.Code)
	if g.Range != nil {
		g.writeSource(out, color)
	}
	if g.Detail != "" {
		fmt.Fprintf(out, "\n%s\n", wrap(visible(g.Detail), width))
	}
}

func (g Diagnostic) writeSource(out *bytes.Buffer, color bool) {
	fmt.Fprintf(out, "\n  on %s line %d", visible(g.Range.Filename), g.Range.Start.Line)
	if g.Snippet == nil {
		out.WriteByte('\n')
		return
	}
	if g.Snippet.Context != nil {
		fmt.Fprintf(out, ", in %s", visible(*g.Snippet.Context))
	}
	s := g.Snippet
	before, at, after := s.Code[:s.HighlightStartOffset], s.Code[s.HighlightStartOffset:s.HighlightEndOffset], s.Code[s.HighlightEndOffset:]
	before, at, after = visible(before), visible(at), visible(strings.TrimRight(after, "\r"))
	gutter := fmt.Sprintf("%4d: ", s.StartLine)
	if color {
		fmt.Fprintf(out, ":\n%s%s\x1b[1;4m%s\x1b[0m%s\n", gutter, before, at, after)
		return
	}
	pad := strings.Repeat(" ", len(gutter)+utf8.RuneCountInString(before))
	fmt.Fprintf(out, ":\n%s%s%s%s\n%s%s\n", gutter, before, at, after, pad, strings.Repeat("^", min(80, max(1, utf8.RuneCountInString(at)))))
}

// visible keeps what a file holds from steering a terminal.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case r == '\n' || unicode.IsPrint(r):
			return r
		}
		return '\uFFFD'
	}, s)
}

// wrap breaks lines at blanks, so that none is longer than width if that can be.
func wrap(s string, width int) string {
	if width <= 0 {
		return s
	}
	var out strings.Builder
	for i, line := range strings.Split(s, "\n") {
		if i > 0 {
			out.WriteByte('\n')
		}
		column := 0
		for j, word := range strings.Split(line, " ") {
			n := utf8.RuneCountInString(word)
			switch {
			case j > 0 && column+1+n > width:
				out.WriteByte('\n')
				column = 0
			case j > 0:
				out.WriteByte(' ')
				column++
			}
			out.WriteString(word)
			column += n
		}
	}
	return out.String()
}
