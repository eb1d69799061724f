package chart

// Effect is a change with the spread that it is the middle of.
type Effect struct {
	Group string // written once above the effects that share it
	Label string
	V     float64
	Low   float64
	High  float64
	Note  string // at the right: how many it is made of
	Text  string // the change as written
	Tip   string
	Zero  bool // the value that the others are compared with
}

// Effects are changes around zero.
type Effects struct {
	Title  string
	Rows   []Effect
	Format func(float64) string // of a tick
	Unit   string
}

const effectHeight = 22.0

// Draw draws the effects for a width in pixels.
func (e Effects) Draw(w float64) Drawing {
	var c canvas
	left, right, all := 0.0, 0.0, bounds{}
	all.add(0)
	for _, r := range e.Rows {
		left = max(left, width(r.Label), width(r.Group)*bold-20) // the group begins further left
		right = max(right, width(r.Text)*bold+width(r.Note)+28)
		all.add(r.Low, r.High, r.V)
	}
	left = min(left, w*.3) + 44
	y, height := 24.0, e.height()
	x, ticks := niceScale(all.lo, all.hi, max(2, int((w-left-right)/90)), left, w-right)
	at, labels := make([]float64, len(ticks)), make([]string, len(ticks))
	for i, t := range ticks {
		at[i], labels[i] = x.at(t), e.Format(t)
	}
	for i, free := range spaced(at, labels) {
		c.line(at[i], y-4, at[i], height-18, "g")
		if free {
			c.text(at[i], height-4, "middle", "t", labels[i])
		}
	}
	c.line(x.at(0), y-4, x.at(0), height-18, "ax")
	c.text(4, 12, "", "t", e.Unit)
	group := ""
	for i, r := range e.Rows {
		if r.Group != group || i == 0 {
			group = r.Group
			c.text(4, y+13, "", "halo", clip(group, w-right-4))
			y += effectHeight
		}
		c.effect(r, x, y+9, w)
		y += effectHeight
	}
	return Drawing{Width: w, Height: height + 2, Title: e.Title, body: c.b.String()}
}

func (e Effects) height() float64 {
	h, group := 24.0, ""
	for i, r := range e.Rows {
		if r.Group != group || i == 0 {
			group = r.Group
			h += effectHeight
		}
		h += effectHeight
	}
	return h + 26
}

func (c *canvas) effect(r Effect, x scale, y, w float64) {
	c.text(18, y+4, "", "v", clip(r.Label, x.from-24))
	c.text(w-4, y+4, "end", "t", r.Note)
	c.text(w-width(r.Note)-14, y+4, "end", "n", r.Text)
	if r.Zero {
		c.mark(x.at(0), y, 3.5, Baseline, "", r.Tip)
		return
	}
	if r.High > r.Low {
		c.printf(`<path class="c0 e" d="M%s %sH%s"/>`, num(x.at(r.Low)), num(y), num(x.at(r.High)))
	}
	c.mark(x.at(r.V), y, 4.5, Winner, "", r.Tip)
}
