package main

import (
	"fmt"
	"io"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/report"
	"github.com/qtune/qtune/tuner"
)

// view is how a run is shown while it goes on.
type view interface {
	plan(*tuner.Plan, *surroundings)
	event(tuner.Event)
	say(string) // what goes on beside the trials: a pull, a fetch, a sweep
	stop()
}

func newView(w *world, asJSON, simulated bool) view {
	switch {
	case asJSON:
		return &jsonView{out: w.stdout, simulated: simulated}
	case w.terminal && w.getenv("TERM") != "dumb":
		return newLiveView(w, simulated)
	}
	return &lineView{out: w.stderr, simulated: simulated}
}

// lineView prints a line an event, for logs and pipes.
type lineView struct {
	out       io.Writer
	simulated bool
}

func (v *lineView) plan(p *tuner.Plan, _ *surroundings) {
	fmt.Fprintln(v.out, planLine(p, v.simulated))
}
func (v *lineView) say(s string) { fmt.Fprintln(v.out, s) }
func (v *lineView) stop()        {}

func (v *lineView) event(e tuner.Event) {
	if line := eventLine(e, v.simulated); line != "" {
		fmt.Fprintln(v.out, line)
	}
}

func planLine(p *tuner.Plan, simulated bool) string {
	n := p.Count(tuner.Planned) + p.Count(tuner.Measured)
	if p.Profile.Search.Chooses() {
		return "plan: " + searchLine(&p.Search) + finishNote(p) + simulatedNote(simulated)
	}
	line := fmt.Sprintf("plan: %s, %d pruned", plural(n, "trial"), p.Count(tuner.Pruned)+p.Unlisted)
	if m := p.Count(tuner.Measured); m > 0 {
		line += fmt.Sprintf(", %d measured by earlier runs", m)
	}
	return line + finishNote(p) + simulatedNote(simulated)
}

func finishNote(p *tuner.Plan) string {
	f := p.Profile.Search.Finish
	if f.Starts == 0 {
		return ""
	}
	return fmt.Sprintf(", then a finish of the best %d on %s", f.Candidates, plural(f.Starts, "fresh start"))
}

func simulatedNote(simulated bool) string {
	if simulated {
		return "; engines are simulated, and so is every figure"
	}
	return ""
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// title names the trial of an event: "trial 3 of 19  sglang balanced-v2  a=1 b=2".
func title(e tuner.Event) string {
	t := fmt.Sprintf("trial %d", e.K)
	if e.Purpose == tuner.PurposeFinish {
		t = fmt.Sprintf("finish: start %d", e.K)
	}
	if e.N > 0 {
		t += fmt.Sprintf(" of %d", e.N)
	}
	t += fmt.Sprintf("  %s %s", e.Trial.Engine.Kind, e.Trial.Engine.Name)
	if varies := e.Trial.Varies(); varies != "" {
		t += "  " + varies
	}
	if e.Trial.Baseline {
		t += "  (baseline)"
	}
	return t
}

// eventLine is an event as one line, "" for what is too small for a log.
func eventLine(e tuner.Event, simulated bool) string {
	switch e.Type {
	case tuner.EventTrialStarted:
		if e.Trial.Why != "" && !e.Trial.Baseline && e.Purpose == tuner.PurposeSearch {
			return title(e) + ": starting (" + e.Trial.Why + ")"
		}
		return title(e) + ": starting"
	case tuner.EventTrialReady:
		return title(e) + ": ready"
	case tuner.EventTrialRetried:
		return fmt.Sprintf("%s: %s, a fault of the machine: once more", title(e), e.Result.Failure.Class)
	case tuner.EventTrialDone:
		return title(e) + ": " + resultLine(e, simulated)
	case tuner.EventTrialReused:
		return fmt.Sprintf("%s: %s, measured in run %s", title(e), resultLine(e, simulated), e.Result.ReusedFrom)
	}
	return ""
}

func resultLine(e tuner.Event, simulated bool) string {
	r := e.Result
	if r.Status != tuner.OK {
		line := "failed"
		if r.Failure != nil {
			line += ": " + string(r.Failure.Class) + ": " + r.Failure.Line
		}
		return line
	}
	line := figures(r, simulated)
	if e.Best != nil {
		line += fmt.Sprintf(", best so far %s %s", e.Best.Result.Engine, e.Best.Result.Name)
	}
	return line
}

// figures are the throughputs of a trial at its last level, and its time.
func figures(r *tuner.TrialResult, simulated bool) string {
	word := ""
	if simulated {
		word = " simulated"
	}
	if len(r.Workloads) == 0 {
		return "nothing measured"
	}
	levels := r.Workloads[len(r.Workloads)-1].Levels
	if len(levels) == 0 {
		return "nothing measured"
	}
	l := &levels[len(levels)-1]
	return fmt.Sprintf("%s%s at %s, took %s", tuner.Figure(l.OutputThroughput, bench.UnitTokensPerSecond), word,
		bench.Level{Kind: l.Kind, Users: l.Users, Rate: l.Rate, OutputTokens: l.RequestedOutputTokens}, report.Duration(r.WallS))
}
