// Package chart draws a few kinds of pictures as SVG: grouped bars, lines,
// scattered points, effects around zero, a heat map and a timeline. It knows
// nothing of what the figures mean, and takes its colours from the style sheet
// of the page around it; Drawing.File brings one along.
//
// Shapes and dashes say the same as colours do, and every mark has a title with
// its exact figures, for those who hover and those who listen.
package chart

import (
	"fmt"
	"html"
	"io"
	"math"
	"strconv"
	"strings"
)

// Tone is what a mark stands for, and with it colour, shape and dash. Tones from
// Other on are further series.
type Tone int

// The tones.
const (
	Winner Tone = iota
	Baseline
	Other
)

// Tones is how many tones look different.
const Tones = 8

func (t Tone) class() string { return "c" + strconv.Itoa(int(t)%Tones) }

// Drawing is a finished picture.
type Drawing struct {
	Width, Height float64
	Title         string // one line, read aloud in place of the picture
	body          string
}

// Inline writes the picture for a page that has the style sheet.
func (d Drawing) Inline() string {
	return fmt.Sprintf(`<svg class="chart" viewBox="0 0 %s %s" role="img" aria-label="%s">%s</svg>`,
		num(d.Width), num(d.Height), escape(d.Title), d.body)
}

// File writes the picture as a file of its own, light or dark as its viewer is,
// with its title and a footer.
func (d Drawing) File(w io.Writer, footer string) error {
	const head, foot = 34, 24
	h := d.Height + head + foot
	_, err := fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" class="chart" width="%[1]s" height="%[2]s" viewBox="0 0 %[1]s %[2]s" role="img" aria-label="%[3]s">
<style>%[4]s</style>
<rect class="paper" width="%[1]s" height="%[2]s"/>
<text class="head" x="8" y="22">%[3]s</text>
<g transform="translate(0 %[5]d)">%[6]s</g>
<text class="t" x="8" y="%[7]s">%[8]s</text>
</svg>
`, num(d.Width), num(h), escape(d.Title), Style, head, d.body, num(h-9), escape(footer))
	return err
}

// num writes a coordinate, to a tenth of a pixel.
func num(v float64) string {
	return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64)
}

// escape makes any text safe in SVG: what XML cannot hold is left out.
func escape(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r >= 0xfffe && r <= 0xffff || r == '\ufffd' {
			return -1
		}
		return r
	}, s)
	return html.EscapeString(s)
}

// canvas collects marks.
type canvas struct {
	b     strings.Builder
	taken []box // by labels
}

type box struct{ left, top, right, bottom float64 }

// take keeps a place for a label, unless it touches another's.
func (c *canvas) take(b box) bool {
	for _, t := range c.taken {
		if b.left < t.right && t.left < b.right && b.top < t.bottom && t.top < b.bottom {
			return false
		}
	}
	c.taken = append(c.taken, b)
	return true
}

func (c *canvas) printf(format string, args ...any) { fmt.Fprintf(&c.b, format, args...) }

// titled writes an element with a tip: open is all of it but its end.
func (c *canvas) titled(open, tip string) {
	name, _, _ := strings.Cut(open[1:], " ")
	if tip == "" {
		c.printf("%s/>", open)
		return
	}
	c.printf("%s><title>%s</title></%s>", open, escape(tip), name)
}

func (c *canvas) rect(x, y, w, h float64, class, tip string) {
	c.titled(fmt.Sprintf(`<rect class="%s" x="%s" y="%s" width="%s" height="%s"`, class, num(x), num(y), num(max(w, 0)), num(max(h, 0))), tip)
}

func (c *canvas) line(x1, y1, x2, y2 float64, class string) {
	c.printf(`<path class="%s" d="M%s %sL%s %s"/>`, class, num(x1), num(y1), num(x2), num(y2))
}

func (c *canvas) text(x, y float64, anchor, class, s string) {
	if anchor != "" {
		anchor = ` text-anchor="` + anchor + `"`
	}
	c.printf(`<text class="%s" x="%s" y="%s"%s>%s</text>`, class, num(x), num(y), anchor, escape(s))
}

// mark draws a tone's shape around a point.
func (c *canvas) mark(x, y, r float64, t Tone, extra, tip string) {
	class := t.class() + " m" + extra
	var d string
	switch int(t) % Tones {
	case int(Winner):
		c.titled(fmt.Sprintf(`<circle class="%s" cx="%s" cy="%s" r="%s"`, class, num(x), num(y), num(r)), tip)
		return
	case int(Baseline):
		d = fmt.Sprintf("M%s %sl%s %sl%s %sl%s %sz", num(x), num(y-1.3*r), num(1.3*r), num(1.3*r), num(-1.3*r), num(1.3*r), num(-1.3*r), num(-1.3*r))
	case 2, 5:
		d = fmt.Sprintf("M%s %sh%sv%sh%sz", num(x-.9*r), num(y-.9*r), num(1.8*r), num(1.8*r), num(-1.8*r))
	case 3, 6:
		d = fmt.Sprintf("M%s %sl%s %sh%sz", num(x), num(y-1.2*r), num(1.2*r), num(2.1*r), num(-2.4*r))
	default:
		d = fmt.Sprintf("M%s %sl%s %sh%sz", num(x), num(y+1.2*r), num(1.2*r), num(-2.1*r), num(-2.4*r))
	}
	c.titled(fmt.Sprintf(`<path class="%s" d="%s"`, class, d), tip)
}

// fontSize is that of all words in a picture, in pixels.
const fontSize = 12

// width estimates how wide a text is drawn.
func width(s string) float64 {
	w := 0.0
	for _, r := range s {
		switch {
		case r >= 0x1100:
			w++
		case strings.ContainsRune("iljt.,:;'|!()[] ", r):
			w += .38
		case r >= 'A' && r <= 'Z' || strings.ContainsRune("mw%—", r):
			w += .8
		default:
			w += .63
		}
	}
	return w * fontSize
}

// bold is how much wider a strong word is.
const bold = 1.1

// clip shortens a text to a width, in its middle where what sets it apart from
// its like is often at its end.
func clip(s string, room float64) string {
	if width(s) <= room {
		return s
	}
	runes := []rune(s)
	for keep := len(runes) - 1; keep > 2; keep-- {
		head := (keep + 1) / 2
		short := string(runes[:head]) + "…" + string(runes[len(runes)-(keep-head):])
		if width(short) <= room {
			return short
		}
	}
	return "…"
}

// Series is one entry of a legend.
type Series struct {
	Name string
	Tone Tone
}

// swatch is how a legend shows a tone.
type swatch int

const (
	squares swatch = iota
	dots
	lines
)

// legend draws the entries in as many lines as they need, and returns the
// height that they took.
func (c *canvas) legend(series []Series, w float64, as swatch) float64 {
	x, y := 4.0, 10.0
	for _, s := range series {
		name := clip(s.Name, w-30)
		need := width(name) + 34
		if x > 4 && x+need > w {
			x, y = 4, y+20
		}
		if as == lines {
			c.line(x-3, y, x+15, y, s.Tone.class()+" l")
		}
		if as == squares {
			c.rect(x, y-6, 12, 12, s.Tone.class()+" b", "")
		} else {
			c.mark(x+6, y, 4.5, s.Tone, "", "")
		}
		c.text(x+19, y+4, "", "v", name)
		x += need
	}
	return y + 16
}
