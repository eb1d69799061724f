package main

import (
	"fmt"
	"io"
	"time"

	"github.com/qtune/qtune/bench"
)

// benchLive shows how a level goes on: one line that is written anew on a
// terminal, one line a level elsewhere.
type benchLive struct {
	out      io.Writer
	terminal bool
	width    func() int
}

func newBenchLive(w *world) *benchLive {
	return &benchLive{out: w.stderr, terminal: w.terminal, width: w.width}
}

func (v *benchLive) begin(l bench.Level) {
	end := "\n"
	if v.terminal {
		end = "\r"
	}
	_, _ = fmt.Fprintf(v.out, "measuring %s%s", l, end)
}

func (v *benchLive) progress(p bench.Progress) {
	if !v.terminal {
		return
	}
	line := fmt.Sprintf("measuring %s: %s, %d requests done, %d under way", p.Level, p.Elapsed.Round(time.Second), p.Requests.Completed, p.InFlight)
	if p.Requests.Failed > 0 {
		line += fmt.Sprintf(", %d failed", p.Requests.Failed)
	}
	if s := p.Elapsed.Seconds(); s > 0 {
		line += fmt.Sprintf(", %.1f tok/s", float64(p.OutputTokens)/s)
	}
	_, _ = fmt.Fprintf(v.out, "\r\x1b[K%s", fit(line, v.width()-1))
}

// end takes the line away.
func (v *benchLive) end() {
	if v.terminal {
		_, _ = fmt.Fprint(v.out, "\r\x1b[K")
	}
}
