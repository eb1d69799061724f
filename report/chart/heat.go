package chart

import "strconv"

// Cell is a place in a heat map; Share is how strong its colour is, 0 to 1.
type Cell struct {
	Share float64
	Label string
	Tip   string
	Empty bool
	Pick  bool
}

// Heat is a map of the values of two settings.
type Heat struct {
	Title      string
	XName      string
	YName      string
	XLabels    []string
	YLabels    []string
	Cells      [][]Cell // by Y, then by X
	Low, High  string   // the ends of the scale, as written
	ScaleLabel string
}

// HeatSteps is how many shades a heat map has.
const HeatSteps = 7

// Draw draws the map for a width in pixels.
func (h Heat) Draw(w float64) Drawing {
	var c canvas
	left := width(h.YName) * bold
	for _, l := range h.YLabels {
		left = max(left, width(l))
	}
	left = min(left, w*.34) + 14
	cell := min((w-left-4)/float64(len(h.XLabels)), 150)
	height, top := 38.0, 44.0
	c.text(left+cell*float64(len(h.XLabels))/2, 14, "middle", "strong", clip(h.XName, w-left))
	c.text(left-10, 34, "end", "strong", clip(h.YName, (left-10)/bold))
	for i, l := range h.XLabels {
		c.text(left+cell*(float64(i)+.5), 34, "middle", "v", clip(l, cell-4))
	}
	for i, row := range h.Cells {
		y := top + float64(i)*height
		c.text(left-10, y+height/2+4, "end", "v", clip(h.YLabels[i], left-12))
		for j, v := range row {
			c.cell(v, left+float64(j)*cell, y, cell, height)
		}
	}
	for i, row := range h.Cells {
		for j, v := range row {
			if v.Pick {
				c.rect(left+float64(j)*cell+1, top+float64(i)*height+1, cell-2, height-2, "pick", "")
			}
		}
	}
	y := top + float64(len(h.Cells))*height + 14
	c.scaleBar(h, left, y)
	return Drawing{Width: w, Height: y + 30, Title: h.Title, body: c.b.String()}
}

func (c *canvas) cell(v Cell, x, y, w, h float64) {
	if v.Empty {
		c.rect(x+1, y+1, w-2, h-2, "hx", v.Tip)
		c.text(x+w/2, y+h/2+4, "middle", "t", v.Label)
		return
	}
	c.rect(x+1, y+1, w-2, h-2, "h"+strconv.Itoa(step(v.Share)), v.Tip)
	c.text(x+w/2, y+h/2+4, "middle", "cell", clip(v.Label, w-6))
}

func step(share float64) int {
	return min(max(int(share*HeatSteps), 0), HeatSteps-1)
}

func (c *canvas) scaleBar(h Heat, x, y float64) {
	c.text(x, y+10, "", "t", h.Low)
	x += width(h.Low) + 8
	for i := range HeatSteps {
		c.rect(x+float64(i)*16, y, 16, 12, "h"+strconv.Itoa(i), "")
	}
	c.text(x+HeatSteps*16+8, y+10, "", "t", h.High+" "+h.ScaleLabel)
}
