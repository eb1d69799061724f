// Package report owns how a run is shown to a person: text from what the tuner
// recorded. It decides nothing and measures nothing.
package report

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/tuner"
)

// Text writes the outcome of a run: the winner with its command and its gain,
// the comparison with the baseline, all trials, what failed and why, and where
// the files are. Lines that carry figures say so if they are simulated.
func Text(w io.Writer, o tuner.Outcome) error {
	p := &printer{out: w, simulated: o.Summary.Simulated}
	p.verdict(&o)
	p.finish(&o)
	p.comparison(&o)
	p.trials(&o)
	p.hardware(&o)
	p.failures(&o)
	p.advice(&o)
	p.files(&o)
	return p.err
}

type printer struct {
	out       io.Writer
	err       error
	simulated bool
}

func (p *printer) printf(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.out, format, args...)
	}
}

// table writes aligned columns; the rows are what f writes, tab-separated. A
// simulated row says so itself, since rows are quoted without their heading.
func (p *printer) table(f func(row func(cells ...string))) {
	if p.err != nil {
		return
	}
	tw := tabwriter.NewWriter(p.out, 2, 8, 2, ' ', 0)
	f(func(cells ...string) {
		if p.err == nil {
			if p.simulated {
				cells = append(cells, "simulated")
			}
			_, p.err = fmt.Fprintln(tw, "  "+strings.Join(cells, "\t"))
		}
	})
	if p.err == nil {
		p.err = tw.Flush()
	}
}

// tag is the word that stands beside every simulated figure.
func tag(s *tuner.Summary) string {
	if s.Simulated {
		return " (simulated)"
	}
	return ""
}

func (p *printer) verdict(o *tuner.Outcome) {
	s := &o.Summary
	switch {
	case s.Winner == nil && s.Error != "":
		p.printf("The run ended before there was a winner: %s\n", s.Error)
		return
	case s.Winner == nil:
		p.printf("No trial met the constraints: %s.\n", strings.Join(constraintsOr(o), ", "))
		return
	case s.Error != "":
		p.printf("%s\nBest so far: %s %q%s\n", s.Error, s.Winner.Engine, s.Winner.Name, against(s))
	case s.KeptBaseline && s.Finish != nil && s.Finish.Failed == "":
		p.printf("Keep the baseline: measured again, no candidate is better than %s %q by more than chance.\n", s.Winner.Engine, s.Winner.Name)
	case s.KeptBaseline:
		p.printf("Keep the baseline: %s %q is the best of %d trials.\n", s.Winner.Engine, s.Winner.Name, s.Trials.OK+s.Trials.Failed)
	default:
		p.printf("Winner: %s %q%s\n", s.Winner.Engine, s.Winner.Name, against(s))
	}
	unit := bench.Unit(s.Objective.Unit)
	p.printf("  %s %s at %s%s\n", s.Objective.Metric, tuner.Figure(*s.Winner.Value, unit), s.Objective.Level, tag(s))
	p.pair(s)
	if line := ceilingLine(s); line != "" {
		p.printf("  %s\n", line)
	}
	if line := answersLine(s); line != "" {
		p.printf("  %s\n", line)
	}
	if s.Doubt != "" {
		p.printf("  caution: %s\n", s.Doubt)
	}
	if s.Search != nil && s.Search.LedBy != "" {
		p.printf("  the search was led by %s\n", s.Search.LedBy)
	}
	for _, a := range impossible(s, "%d more trials have figures above the card's ceiling") {
		p.printf("  caution: %s\n", a)
	}
	p.printf("\n%s\n", Command(s.Winner.Command))
}

func constraintsOr(o *tuner.Outcome) []string {
	if len(o.Constraints) == 0 {
		return []string{"none could be measured"}
	}
	return o.Constraints
}

func against(s *tuner.Summary) string {
	of := "" // of two figures, which one
	if s.Pair != nil {
		of = s.Objective.Metric + " "
	}
	switch {
	case s.Finish != nil && s.Finish.Failed != "":
		return "; no gain can be given, since the finish could not decide"
	case s.GainInterval != nil:
		return fmt.Sprintf(", %s%s (95 %% interval %s … %s) than the baseline %s %q%s", of, Change(*s.Gain),
			changeText(s.GainInterval[0]), changeText(s.GainInterval[1]), s.Baseline.Engine, s.Baseline.Name, tag(s))
	case s.Gain != nil:
		return fmt.Sprintf(", %s%s than the baseline %s %q%s", of, Change(*s.Gain), s.Baseline.Engine, s.Baseline.Name, tag(s))
	case s.Baseline != nil:
		return fmt.Sprintf("; no gain can be given, since the baseline %s %q has no value", s.Baseline.Engine, s.Baseline.Name)
	}
	return "; no gain can be given, since the baseline was not measured"
}

// Change says a signed fraction in words: "23.5 % better", "6.2 times better".
func Change(gain float64) string {
	switch {
	case gain >= 1:
		return fmt.Sprintf("%.1f times better", gain+1)
	case gain >= 0:
		return fmt.Sprintf("%.1f %% better", 100*gain)
	}
	return fmt.Sprintf("%.1f %% worse", -100*gain)
}

// Command writes a command line over several lines, a flag on each, in a form
// that a shell takes.
func Command(argv []string) string {
	var b strings.Builder
	b.WriteString(" ")
	for i, word := range argv {
		if i > 2 && strings.HasPrefix(word, "-") && !isNumber(word) { // "python3 -m module" stays together
			b.WriteString(" \\\n     ")
		}
		b.WriteString(" " + quote(word))
	}
	return b.String()
}

func isNumber(word string) bool {
	return len(word) > 1 && word[1] >= '0' && word[1] <= '9'
}

func quote(word string) string {
	safe := word != ""
	for _, r := range word {
		if !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:=,@%+", r) {
			safe = false
		}
	}
	if safe {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
