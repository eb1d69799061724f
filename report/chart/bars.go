package chart

// Value is a figure of a bar or a point; Low and High are its interval, where
// there is one.
type Value struct {
	V         float64
	Low, High *float64
	Missing   bool
	Label     string // as written beside it
	Tip       string
}

// Group is a place on the axis with a value for each series.
type Group struct {
	Label  string
	Values []Value
}

// Bars are horizontal bars in groups, side by side.
type Bars struct {
	Title  string
	Unit   string
	Series []Series
	Groups []Group
}

const (
	barHeight = 15.0
	barGap    = 2.0
	groupGap  = 14.0
)

// Draw draws the bars for a width in pixels.
func (b Bars) Draw(w float64) Drawing {
	var c canvas
	top := c.legend(b.Series, w, squares) + 4
	left, right := b.room(w)
	var all bounds
	all.add(0)
	for _, g := range b.Groups {
		for _, v := range g.Values {
			if !v.Missing {
				all.add(v.V)
				if v.High != nil {
					all.add(*v.High)
				}
			}
		}
	}
	x := scale{0, max(all.hi, 1e-9), left, w - right}
	y := top
	for _, g := range b.Groups {
		y = b.group(&c, g, x, y)
	}
	c.line(left, top-4, left, y-groupGap+4, "ax")
	c.text(w-4, y+4, "end", "t", b.Unit)
	return Drawing{Width: w, Height: y + 10, Title: b.Title, body: c.b.String()}
}

// room is what the labels on the left and the figures on the right take.
func (b Bars) room(w float64) (left, right float64) {
	for _, g := range b.Groups {
		left = max(left, width(g.Label))
		for _, v := range g.Values {
			right = max(right, width(v.Label))
		}
	}
	return min(left, w*.34) + 14, right + 12
}

func (b Bars) group(c *canvas, g Group, x scale, y float64) float64 {
	height := float64(len(g.Values))*(barHeight+barGap) - barGap
	c.text(x.from-10, y+height/2+4, "end", "v", clip(g.Label, x.from-14))
	for i, v := range g.Values {
		if v.Missing {
			c.text(x.from+6, y+barHeight-3, "", "t", "–")
		} else {
			c.rect(x.from, y, max(1, x.at(v.V)-x.from), barHeight, b.Series[i].Tone.class()+" b", v.Tip)
			end := x.at(v.V)
			if v.Low != nil && v.High != nil {
				c.interval(x.at(max(*v.Low, 0)), x.at(*v.High), y+barHeight/2)
				end = x.at(*v.High)
			}
			c.text(end+6, y+barHeight-3, "", "n", v.Label)
		}
		y += barHeight + barGap
	}
	return y - barGap + groupGap
}

// interval is a thin bar with ends, along x.
func (c *canvas) interval(x1, x2, y float64) {
	c.printf(`<path class="i" d="M%s %sV%sM%s %sH%sM%s %sV%s"/>`, num(x1), num(y-3), num(y+3), num(x1), num(y), num(x2), num(x2), num(y-3), num(y+3))
}

// upright is interval along y.
func (c *canvas) upright(x, y1, y2 float64, class string) {
	c.printf(`<path class="%s" d="M%s %sH%sM%s %sV%sM%s %sH%s"/>`, class, num(x-3), num(y1), num(x+3), num(x), num(y1), num(y2), num(x-3), num(y2), num(x+3))
}
