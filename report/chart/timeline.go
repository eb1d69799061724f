package chart

import "strconv"

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

const laneHeight = 20.0

// Draw draws the timeline for a width in pixels.
func (t Timeline) Draw(w float64) Drawing {
	var c canvas
	top := c.phases(t, w) + 4
	left, end := 8.0, 0.0
	for _, l := range t.Lanes {
		left = max(left, min(width(l.Label)*bold+16, w*.36))
		for _, s := range l.Spans {
			end = max(end, s.To)
		}
	}
	bottom := top + laneHeight*float64(len(t.Lanes))
	x := scale{0, max(end, 1e-9), left, w - 10}
	t.ticks(&c, x, top, bottom)
	for i, l := range t.Lanes {
		c.lane(l, x, top+float64(i)*laneHeight)
	}
	return Drawing{Width: w, Height: bottom + 22, Title: t.Title, body: c.b.String()}
}

func (t Timeline) ticks(c *canvas, x scale, top, bottom float64) {
	step := t.Step(x.hi / max(2, (x.to-x.from)/110))
	if !(x.hi/step <= mostTicks) {
		return
	}
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
