package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/rs/zerolog"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/report"
	"github.com/qtune/qtune/tuner"
)

// redraw is how often the live region is drawn again, so that its clocks run.
const redraw = 500 * time.Millisecond

// liveView keeps a region of a few lines at the bottom of a terminal: the trial,
// what it is at, time gone and expected, and the best so far. Finished trials
// scroll up above it.
type liveView struct {
	out       io.Writer
	width     func() int
	simulated bool
	unit      bench.Unit // of the objective

	mu      sync.Mutex
	lines   int // the region's height on screen
	now     tuner.Event
	gate    string
	began   time.Time // of the run
	trial   time.Time // of the trial
	walls   []float64 // of finished trials, seconds
	stopped bool

	end  chan struct{}
	done sync.WaitGroup
}

func newLiveView(w *world, simulated bool) *liveView {
	v := &liveView{out: w.stderr, width: w.width, simulated: simulated, began: time.Now(), end: make(chan struct{})}
	// Log lines stand above the region, not in it.
	w.log = w.log.Output(zerolog.ConsoleWriter{Out: v, NoColor: !w.color(), TimeFormat: time.TimeOnly})
	v.done.Go(v.tick)
	return v
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
	v.mu.Lock()
	v.unit = p.Profile.Objective.Metric.Unit
	v.mu.Unlock()
	v.draw(planLine(p, v.simulated))
}

func (v *liveView) say(s string) { v.draw(s) }

func (v *liveView) stop() {
	v.mu.Lock()
	if v.stopped {
		v.mu.Unlock()
		return
	}
	v.stopped = true
	v.erase()
	v.mu.Unlock()
	close(v.end)
	v.done.Wait()
}

func (v *liveView) event(e tuner.Event) {
	above := ""
	v.mu.Lock()
	v.now = e
	switch e.Type {
	case tuner.EventTrialStarted:
		v.trial, v.gate = time.Now(), "starting"
	case tuner.EventTrialStage:
		v.gate = "measuring " + e.Stage
	case tuner.EventTrialReady:
		v.gate = "ready"
	case tuner.EventTrialDone, tuner.EventTrialReused, tuner.EventTrialRetried:
		above, v.gate = eventLine(e, v.simulated), "done"
		if e.Type == tuner.EventTrialDone {
			v.walls = append(v.walls, e.Result.WallS)
		}
	}
	v.mu.Unlock()
	v.draw(above)
}

// stage is what a start is at, from the engine's log.
func (v *liveView) stage(s string) {
	v.mu.Lock()
	v.gate = "starting: " + s
	v.mu.Unlock()
	v.draw("")
}

// draw writes a line above the region, if there is one, and the region anew.
func (v *liveView) draw(above string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.stopped {
		if above != "" {
			fmt.Fprintln(v.out, above)
		}
		return
	}
	var b bytes.Buffer
	v.eraseTo(&b)
	if above != "" {
		b.WriteString(above + "\n")
	}
	for _, line := range v.region() {
		b.WriteString(fit(line, v.width()-1) + "\n")
		v.lines++
	}
	_, _ = v.out.Write(b.Bytes())
}

func (v *liveView) erase() {
	var b bytes.Buffer
	v.eraseTo(&b)
	_, _ = v.out.Write(b.Bytes())
}

// eraseTo moves up over the region and clears to the end of the screen.
func (v *liveView) eraseTo(b *bytes.Buffer) {
	if v.lines > 0 {
		fmt.Fprintf(b, "\x1b[%dA\r\x1b[J", v.lines)
	}
	v.lines = 0
}

func (v *liveView) region() []string {
	if v.now.Trial == nil {
		return nil
	}
	lines := []string{title(v.now)}
	clocks := fmt.Sprintf("  %s   %s gone", v.gate, report.Duration(time.Since(v.trial).Seconds()))
	if left, ok := v.left(); ok {
		clocks += ", about " + report.Duration(left) + " left in all"
	}
	lines = append(lines, clocks)
	if best := v.now.Best; best != nil {
		lines = append(lines, fmt.Sprintf("  best so far: %s %s  %s%s", best.Result.Engine, best.Result.Name, tuner.Figure(*best.Value, v.unit), simulatedWord(v.simulated)))
	}
	return lines
}

// left guesses the wall time that the rest of the run takes from its finished trials.
func (v *liveView) left() (float64, bool) {
	if len(v.walls) == 0 || v.now.N == 0 {
		return 0, false
	}
	sum := 0.0
	for _, w := range v.walls {
		sum += w
	}
	mean := sum / float64(len(v.walls))
	rest := float64(v.now.N-v.now.K+1)*mean - time.Since(v.trial).Seconds()
	return max(rest, 0), true
}

func simulatedWord(simulated bool) string {
	if simulated {
		return " simulated"
	}
	return ""
}

// fit cuts a line to a width, so that it never wraps.
func fit(line string, width int) string {
	if width < 2 || utf8.RuneCountInString(line) <= width {
		return line
	}
	runes := []rune(line)
	return string(runes[:width-1]) + "…"
}
