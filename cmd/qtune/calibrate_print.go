package main

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/tuner"
)

// text shows a fit to a person.
func (v *calibrationView) text(w *world) error {
	p := &planPrinter{out: w.stdout}
	p.printf("%s %s on %s, by run %s%s\n", v.Engine, v.Version, v.Card, v.Run, map[bool]string{true: ": SIMULATED engines, which say nothing of a card"}[v.Simulated])
	if v.Unfitted != "" {
		p.printf("  not fitted: %s\n\n", v.Unfitted)
		return p.err
	}
	p.table(func(row func(...any)) {
		row("", "before", "fitted", "")
		for _, q := range v.Parameters {
			row(q.Name, short(q.Prior), short(q.Value), q.Unit)
		}
	})
	p.printf("\nWhat was measured, and what the model says of it before and after the fit (predicted)\n")
	p.table(func(row func(...any)) {
		row("trial", "level", "tok/s", "predicted before", "after", "TTFT", "predicted before", "after", "TPOT", "predicted before", "after", "")
		for _, r := range v.Residuals {
			row(r.Trial, r.Level, short(r.Measured.Tokens), short(r.Before.Tokens), beside(r.Predicted.Tokens, r.Measured.Tokens),
				latency(r.Measured.TTFT), latency(r.Before.TTFT), beside(r.Predicted.TTFT, r.Measured.TTFT),
				latency(r.Measured.TPOT), latency(r.Before.TPOT), beside(r.Predicted.TPOT, r.Measured.TPOT), map[bool]string{false: "not fitted to"}[r.Seen])
		}
	})
	p.printf("\nMean error before: %s. Fitted: %s.\n", v.Before, v.After)
	if v.HeldOut.Levels > 0 {
		p.printf("On trials that a fit had not seen: %s.\n", v.HeldOut)
	}
	for _, why := range v.Skipped {
		p.printf("Left out: %s.\n", why)
	}
	if v.Kept != "" {
		p.printf("Kept in %s: the next plan predicts with it.\n", v.Kept)
	}
	p.printf("\n")
	return p.err
}

// table writes aligned columns.
func (p *planPrinter) table(f func(row func(cells ...any))) {
	tw := tabwriter.NewWriter(p.out, 2, 8, 2, ' ', 0)
	f(func(cells ...any) {
		for i, c := range cells {
			if i > 0 {
				_, _ = fmt.Fprint(tw, "\t")
			} else {
				_, _ = fmt.Fprint(tw, "  ")
			}
			_, _ = fmt.Fprint(tw, c)
		}
		_, _ = fmt.Fprintln(tw)
	})
	if err := tw.Flush(); p.err == nil {
		p.err = err
	}
}

func short(v float64) string {
	if v == 0 {
		return "–"
	}
	return strings.TrimSuffix(tuner.Figure(v, ""), " ")
}

func latency(v float64) string {
	if v == 0 {
		return "–"
	}
	return tuner.Figure(v, bench.UnitMilliseconds)
}

// beside is by how much a prediction is off, with a sign.
func beside(predicted, measured float64) string {
	if predicted == 0 || measured == 0 {
		return "–"
	}
	return fmt.Sprintf("%+.1f %%", 100*(predicted/measured-1))
}
