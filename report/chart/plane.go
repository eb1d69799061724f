package chart

import "fmt"

// Axis is one of the two axes of a plane.
type Axis struct {
	Title  string
	Format func(float64) string // of a tick
}

// Point is a place on a plane, with its intervals where they are known.
type Point struct {
	X, Y          float64
	XLow, XHigh   *float64
	YLow, YHigh   *float64
	Tone          Tone
	Hollow, Faint bool
	Ring          bool
	Label, Tip    string
}

// Curve is a series of points that belong together.
type Curve struct {
	Series
	Points []Point
}

// Plane draws curves, single points, a front through some of them, and a limit
// above which a value is not accepted.
type Plane struct {
	Title  string
	X, Y   Axis
	Curves []Curve
	Points []Point
	Front  []Point // joined by steps, the best corner being high X and low Y
	Limit  *float64
	Word   string   // beside the limit
	Legend []Series // of the single points
}

// frame is where the axes stand.
type frame struct {
	x, y                     scale
	left, top, right, bottom float64
}

// Draw draws the plane for a width in pixels.
func (p Plane) Draw(w float64) Drawing {
	var c canvas
	legend, swatch := p.Legend, dots
	if len(p.Curves) > 0 {
		legend, swatch = nil, lines
		for _, curve := range p.Curves {
			legend = append(legend, curve.Series)
		}
	}
	top := 8.0
	if len(legend) > 0 {
		top = c.legend(legend, w, swatch) + 6
	}
	f := p.frame(&c, w, top)
	if p.Limit != nil && *p.Limit >= f.y.lo && *p.Limit <= f.y.hi {
		y := f.y.at(*p.Limit)
		c.rect(f.left, f.top, f.right-f.left, y-f.top, "no", "")
		c.line(f.left, y, f.right, y, "lim")
		c.text(f.right-4, y-5, "end", "t", p.Word)
	}
	p.front(&c, f)
	for _, curve := range p.Curves {
		c.curve(f, curve)
	}
	for _, curve := range p.Curves {
		for _, pt := range curve.Points {
			c.tag(f, pt)
		}
	}
	for _, pt := range p.Points {
		c.point(f, pt)
	}
	for _, pt := range p.Points {
		c.tag(f, pt)
	}
	return Drawing{Width: w, Height: f.bottom + 40, Title: p.Title, body: c.b.String()}
}

// frame draws the axes. Both start at zero, so that distances can be compared.
func (p Plane) frame(c *canvas, w, top float64) frame {
	var xs, ys bounds
	xs.add(0)
	ys.add(0)
	cover := func(pt Point) {
		xs.add(pt.X)
		ys.add(pt.Y)
		for _, v := range []*float64{pt.XLow, pt.XHigh} {
			if v != nil {
				xs.add(*v)
			}
		}
		for _, v := range []*float64{pt.YLow, pt.YHigh} {
			if v != nil {
				ys.add(*v)
			}
		}
	}
	for _, curve := range p.Curves {
		for _, pt := range curve.Points {
			cover(pt)
		}
	}
	for _, pt := range p.Points {
		cover(pt)
	}
	height := min(max(w*.42, 230), 310)
	f := frame{top: top + 18, right: w - 14}
	f.bottom = f.top + height
	var yTicks, xTicks []float64
	f.y, yTicks = niceScale(max(ys.lo, 0), ys.hi, 5, f.bottom, f.top)
	for _, t := range yTicks {
		f.left = max(f.left, width(p.Y.Format(t))+12)
	}
	f.x, xTicks = niceScale(max(xs.lo, 0), xs.hi, int(w/120)+1, f.left, f.right)
	c.text(4, top+6, "", "t", p.Y.Title)
	for _, t := range yTicks {
		y := f.y.at(t)
		c.line(f.left, y, f.right, y, "g")
		c.text(f.left-7, y+4, "end", "t", p.Y.Format(t))
	}
	p.xTicks(c, f, xTicks)
	c.line(f.left, f.bottom, f.right, f.bottom, "ax")
	c.text(f.right, f.bottom+35, "end", "t", p.X.Title)
	return f
}

func (p Plane) xTicks(c *canvas, f frame, ticks []float64) {
	at, labels := make([]float64, len(ticks)), make([]string, len(ticks))
	for i, t := range ticks {
		at[i], labels[i] = f.x.at(t), p.X.Format(t)
	}
	for i, free := range spaced(at, labels) {
		if free {
			c.text(at[i], f.bottom+17, "middle", "t", labels[i])
		}
	}
}

func (c *canvas) curve(f frame, curve Curve) {
	d := ""
	for i, pt := range curve.Points {
		if i == 0 {
			d = fmt.Sprintf("M%s %s", num(f.x.at(pt.X)), num(f.y.at(pt.Y)))
			continue
		}
		d += fmt.Sprintf("L%s %s", num(f.x.at(pt.X)), num(f.y.at(pt.Y)))
	}
	c.printf(`<path class="%s l" d="%s"/>`, curve.Tone.class(), d)
	for _, pt := range curve.Points {
		pt.Tone = curve.Tone
		c.point(f, pt)
	}
}

func (c *canvas) point(f frame, pt Point) {
	x, y := f.x.at(pt.X), f.y.at(pt.Y)
	if pt.YLow != nil && pt.YHigh != nil {
		c.upright(x, f.y.at(max(*pt.YLow, f.y.lo)), f.y.at(*pt.YHigh), pt.Tone.class()+" e")
	}
	if pt.XLow != nil && pt.XHigh != nil {
		c.printf(`<path class="%s e" d="M%s %sH%s"/>`, pt.Tone.class(), num(f.x.at(max(*pt.XLow, f.x.lo))), num(y), num(f.x.at(*pt.XHigh)))
	}
	r, extra := 4.0, ""
	if pt.Hollow {
		extra = " o"
	}
	if pt.Faint {
		r, extra = 3.6, extra+" faint"
	}
	if pt.Ring {
		c.printf(`<circle class="ring %s" cx="%s" cy="%s" r="9"/>`, pt.Tone.class(), num(x), num(y))
		r = 5
	}
	c.mark(x, y, r, pt.Tone, extra, pt.Tip)
}

// tag writes a point's label beside, above or below it, where it touches no
// other and stays in the frame; where there is no such place, it is left to the tip.
func (c *canvas) tag(f frame, pt Point) {
	if pt.Label == "" {
		return
	}
	x, y, w := f.x.at(pt.X), f.y.at(pt.Y), width(pt.Label)*bold
	gap := 9.0
	if pt.Ring {
		gap = 13
	}
	for _, at := range []struct {
		x, y   float64
		anchor string
		left   float64
	}{
		{x + gap, y + 4, "", x + gap},
		{x, y - gap - 2, "middle", x - w/2}, {f.right, y - gap - 2, "end", f.right - w},
		{x, y + gap + 11, "middle", x - w/2}, {f.right, y + gap + 11, "end", f.right - w},
		{x - gap, y + 4, "end", x - gap - w},
	} {
		b := box{at.left, at.y - 11, at.left + w, at.y + 3}
		if b.left >= f.left && b.right <= f.right+10 && b.bottom <= f.bottom && c.take(b) {
			c.text(at.x, at.y, at.anchor, "halo", pt.Label)
			return
		}
	}
}

func (p Plane) front(c *canvas, f frame) {
	if len(p.Front) < 2 {
		return
	}
	d := fmt.Sprintf("M%s %s", num(f.x.at(p.Front[0].X)), num(f.y.at(p.Front[0].Y)))
	for _, pt := range p.Front[1:] {
		d += fmt.Sprintf("V%sH%s", num(f.y.at(pt.Y)), num(f.x.at(pt.X)))
	}
	c.printf(`<path class="front" d="%s"/>`, d)
}
