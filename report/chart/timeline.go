package chart

import (
	"fmt"
	"strconv"
	"strings"
)

// Span is a stretch of time in a phase.
type Span struct {
	From, To float64
	Phase    int
	Tip      string
}

// Lane is one line of a timeline.
type Lane struct {
	Label string
	Bold  bool
	Spans []Span
}

// Timeline shows what took how long, one lane under the other.
type Timeline struct {
	Title  string
	Phases []string
	Lanes  []Lane
	Format func(float64) string // of a tick
	Step   func(float64) float64
}

// A timeline of many lanes has a bounded height, thin lanes and no labels.
const (
	laneHeight  = 20.0
	mostLabeled = 45
	thinHeight  = 420.0
)

// Draw draws the timeline for a width in pixels.
func (t Timeline) Draw(w float64) Drawing {
	var c canvas
	top := c.phases(t, w) + 4
	left, end := 8.0, 0.0
	labeled := len(t.Lanes) <= mostLabeled
	for _, l := range t.Lanes {
		if labeled {
			left = max(left, min(width(l.Label)*bold+16, w*.36))
		}
		for _, s := range l.Spans {
			end = max(end, s.To)
		}
	}
	each := laneHeight
	if !labeled {
		each = thinHeight / float64(len(t.Lanes))
	}
	bottom := top + each*float64(len(t.Lanes))
	x := scale{0, max(end, 1e-9), left, w - 10}
	t.ticks(&c, x, top, bottom)
	if labeled {
		for i, l := range t.Lanes {
			c.lane(l, x, top+float64(i)*each)
		}
	} else {
		t.thin(&c, x, top, each)
	}
	return Drawing{Width: w, Height: bottom + 22, Title: t.Title, body: c.b.String()}
}

func (t Timeline) ticks(c *canvas, x scale, top, bottom float64) {
	step := t.Step(x.hi / max(2, (x.to-x.from)/110))
	for v := 0.0; v <= x.hi*1.0001; v += step {
		c.line(x.at(v), top, x.at(v), bottom, "g")
		anchor := "middle"
		if x.at(v) > x.to-20 {
			anchor = "end"
		}
		c.text(x.at(v), bottom+16, anchor, "t", t.Format(v))
	}
}

func (c *canvas) lane(l Lane, x scale, y float64) {
	class := "v"
	if l.Bold {
		class = "strong"
	}
	c.text(x.from-8, y+laneHeight/2+4, "end", class, clip(l.Label, (x.from-12)/bold))
	for _, s := range l.Spans {
		c.rect(x.at(s.From), y+3, max(x.at(s.To)-x.at(s.From), .5), laneHeight-6, "p"+strconv.Itoa(s.Phase), s.Tip)
	}
}

// thin draws all spans of a phase as one shape, so that thousands stay light.
func (t Timeline) thin(c *canvas, x scale, top, each float64) {
	shapes := make([]strings.Builder, len(t.Phases))
	for i, l := range t.Lanes {
		y := top + float64(i)*each
		for _, s := range l.Spans {
			fmt.Fprintf(&shapes[s.Phase], "M%s %sH%sv%sH%sz", num(x.at(s.From)), num(y), num(max(x.at(s.To), x.at(s.From)+.5)), num(max(each, .6)), num(x.at(s.From)))
		}
	}
	for i := range shapes {
		if shapes[i].Len() > 0 {
			c.printf(`<path class="p%d" d="%s"><title>%s</title></path>`, i, shapes[i].String(), escape(t.Phases[i]))
		}
	}
}

func (c *canvas) phases(t Timeline, w float64) float64 {
	x, y := 4.0, 10.0
	seen := map[int]bool{}
	for _, l := range t.Lanes {
		for _, s := range l.Spans {
			seen[s.Phase] = true
		}
	}
	for i, n := range t.Phases {
		if !seen[i] {
			continue
		}
		need := width(n) + 34
		if x > 4 && x+need > w {
			x, y = 4, y+20
		}
		c.rect(x, y-6, 12, 12, "p"+strconv.Itoa(i), "")
		c.text(x+19, y+4, "", "v", n)
		x += need
	}
	return y + 16
}
