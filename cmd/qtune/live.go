package main

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/report/words"
	"github.com/qtune/qtune/tuner"
)

// redraw is how often the live region is drawn again, so that its clocks run.
const redraw = 500 * time.Millisecond

// liveView keeps a region of a few lines at the bottom of a terminal: what stands in
// it is liveCourse's to say. Finished trials scroll up above it.
type liveView struct {
	out     io.Writer
	width   func() int
	rows    func() int // of the terminal; nil: nobody knows
	color   bool
	reflows bool // a line that no longer fits is broken anew when the window is narrowed

	mu      sync.Mutex
	course  liveCourse
	drawn   []string // the region as it stands on the screen, without colours
	columns int      // of the terminal when it was drawn
	stopped bool

	end  chan struct{}
	done sync.WaitGroup
}

func newLiveView(w *world, simulated bool) *liveView {
	v := &liveView{
		out: w.stderr, width: w.width, rows: w.rows, color: w.color(), reflows: w.reflows(),
		course: liveCourse{simulated: simulated, began: time.Now()}, end: make(chan struct{}),
	}
	// Log lines stand above the region, not in it.
	w.log = w.log.Output(zerolog.ConsoleWriter{Out: v, NoColor: !w.color(), TimeFormat: time.TimeOnly})
	v.done.Go(v.tick)
	return v
}

// reflows says whether the terminal breaks lines anew when its window changes, as all
// do but xterm and GNU screen.
func (w *world) reflows() bool {
	_, xterm := w.lookup("XTERM_VERSION")
	_, screen := w.lookup("STY")
	return !xterm && !screen
}

func (v *liveView) tick() {
	t := time.NewTicker(redraw)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			v.draw("")
		case <-v.end:
			return
		}
	}
}

// Write puts a log line above the region.
func (v *liveView) Write(line []byte) (int, error) {
	v.draw(strings.TrimRight(string(line), "\n"))
	return len(line), nil
}

func (v *liveView) plan(p *tuner.Plan, _ *surroundings) {
	v.change(func(c *liveCourse) string {
		c.plan(p)
		return planLine(p, c.simulated)
	})
}

func (v *liveView) say(s string) { v.draw(s) }

func (v *liveView) event(e tuner.Event) {
	v.change(func(c *liveCourse) string { return c.event(e, time.Now()) })
}

// stage is what a start is at, from the engine's log.
func (v *liveView) stage(s string) {
	v.change(func(c *liveCourse) string {
		c.stage = s
		return ""
	})
}

// load is how the level that is measured goes on. The next redraw shows it.
func (v *liveView) load(p bench.Progress) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.course.load(p, time.Now())
}

// change changes what is shown, and puts the line that it gives above the region.
func (v *liveView) change(how func(*liveCourse) string) {
	v.mu.Lock()
	above := how(&v.course)
	v.mu.Unlock()
	v.draw(above)
}

func (v *liveView) stop() {
	v.mu.Lock()
	if v.stopped {
		v.mu.Unlock()
		return
	}
	v.stopped = true
	if len(v.drawn) > 0 {
		var b bytes.Buffer
		b.WriteString(beginUpdate)
		v.home(&b, v.width())
		b.WriteString(eraseBelow + endUpdate)
		_, _ = v.out.Write(b.Bytes())
	}
	v.mu.Unlock()
	close(v.end)
	v.done.Wait()
}

// Control sequences of ECMA-48, and the two of terminals that show all of an update at
// once; others pass over those.
const (
	eraseBelow  = "\x1b[J" // from the cursor to the end of the screen
	eraseRest   = "\x1b[K" // from the cursor to the end of the line
	beginUpdate = "\x1b[?2026h"
	endUpdate   = "\x1b[?2026l"
)

// draw writes a line above the region, if there is one, and the region anew, in one
// write and over what stands there, so that nothing flickers.
func (v *liveView) draw(above string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.stopped {
		if above != "" {
			fmt.Fprintln(v.out, above)
		}
		return
	}
	width := v.width()
	lines := v.region(width)
	texts := make([]string, len(lines))
	for i, l := range lines {
		texts[i] = l.plain(width - 1)
	}
	if above == "" && width == v.columns && slices.Equal(texts, v.drawn) {
		return
	}
	var b bytes.Buffer
	b.WriteString(beginUpdate)
	v.home(&b, width)
	if above != "" {
		b.WriteString(eraseBelow + above + "\n") // it may be broken into several lines
	}
	for i, l := range lines {
		b.WriteString(l.painted(texts[i], v.color) + eraseRest + "\n")
	}
	b.WriteString(eraseBelow + endUpdate)
	v.drawn, v.columns = texts, width
	_, _ = v.out.Write(b.Bytes())
}

// region is what fits into the terminal's height, with a line for the cursor.
func (v *liveView) region(width int) []liveLine {
	lines := v.course.lines(time.Now(), width-1)
	if v.rows != nil {
		if most := max(v.rows()-1, 1); len(lines) > most {
			lines = lines[:most]
		}
	}
	return lines
}

// home moves to the beginning of the region, which may stand in more lines than were
// written where the window has become narrower.
func (v *liveView) home(b *bytes.Buffer, width int) {
	up := 0
	for _, text := range v.drawn {
		up++
		if v.reflows && width > 0 && width < v.columns {
			up += max(words.Columns(text)-1, 0) / width
		}
	}
	if up > 0 {
		fmt.Fprintf(b, "\r\x1b[%dA", up)
	}
}

// fit cuts a line to so many columns, so that it never wraps.
func fit(line string, columns int) string {
	if columns < 2 || words.Columns(line) <= columns {
		return line
	}
	used := 0
	for i, r := range line {
		used += words.Columns(string(r))
		if used > columns-1 {
			return line[:i] + "…"
		}
	}
	return line
}
