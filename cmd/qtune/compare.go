package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/compare"
	"github.com/qtune/qtune/compare/show"
	"github.com/qtune/qtune/report/words"
)

// compareFlags are the flags of compare.
type compareFlags struct {
	profileFlags
	dir     string
	format  string
	output  string
	lang    string
	slower  string
	restart string
	margin  string
	metrics []string
	all     bool
	force   bool
	json    bool
}

// compareFormats are how a comparison is written.
var compareFormats = map[string]func(io.Writer, *compare.Comparison, show.Options) error{
	"text": show.Text, "markdown": show.Markdown, "json": show.JSON, "junit": show.JUnit,
}

const compareLong = `Compare says for each figure whether B is better than A, by how much, and how
sure that is. A is what was, B is what is new. Each of them is

  RUN               the winner of a run of --dir, or of a run's folder anywhere
  RUN:PICK          another trial: winner, baseline, an engine (vllm), its name
                    (plain) or both (vllm/plain), or a trial's id. An engine is its
                    best trial. Without RUN it is the newest: ":vllm"
  FILE              what ` + "`qtune bench --json`" + ` or ` + "`qtune report --format json`" + ` wrote, or
                    a result of vllm bench serve, sglang.bench_serving, GuideLLM or
                    AIPerf; FILE:PICK of a report
  FILE,FILE,...     the same measured on several starts of the server

With one RUN alone its winner is compared with its baseline.

  qtune compare 20261124-093000.123
  qtune compare :vllm :sglang
  qtune compare main.json :winner --fail-if-slower 5%
  qtune compare old.json new.json --metric ttft_p95 --metric tpot_mean

The same requests on both sides (same workload and seed, single requests kept)
are compared in pairs. Of several starts of a server the differences between
them count; one start each is widened by --restart-noise. Better and worse mean
that the whole 95 % interval of the change lies on that side of none; no
difference, that it holds none and stays within --margin; all else is "cannot
tell".

--fail-if-slower PCT exits 6 if the whole 95 % interval of a figure's change is
worse than PCT: where the truth is PCT worse exactly, that happens about 1 time
in 40. An interval that reaches to both sides of PCT passes, and says that it
cannot tell. It holds the objective's one or two figures, each at its own
level; where neither side is a run: output_throughput at every level. A figure
whose level a side lacks passes too, and it says that it cannot tell. --metric
names others. For shares, such as error_rate, PCT is points of a percent.

What is not comparable is refused with the reasons (exit 1): another workload,
model, card or load client, another way of measuring, simulated against
measured, a client that was the bottleneck. --force compares all the same, and
marks every line.`

func compareCmd(w *world) *cobra.Command {
	var f compareFlags
	c := &cobra.Command{
		Use:   "compare A [B]",
		Short: "Say whether B is faster than A: two runs, two engines of a run, result files",
		Long:  compareLong,
		Args:  oneOrTwo,
		RunE: func(_ *cobra.Command, args []string) error {
			return compareSides(w, &f, args)
		},
	}

	f.bind(c)
	fl := c.Flags()
	fl.StringVar(&f.dir, "dir", "", "the `FOLDER` that keeps runs (default: $QTUNE_DIR, else .qtune)")
	fl.StringVar(&f.format, "format", "text", "text, markdown (a pull request's comment), json (docs/compare.schema.json) or junit")
	fl.BoolVar(&f.json, "json", false, "the same as --format json")
	fl.StringVarP(&f.output, "output", "o", "", "write to this `FILE` instead of standard output")
	fl.StringVar(&f.lang, "lang", "", "the `LANGUAGE`: "+strings.Join(words.Tags(), ", ")+" (default: of $LC_ALL, $LC_MESSAGES or $LANG)")
	fl.StringVar(&f.slower, "fail-if-slower", "", "exit 6 if B is certainly worse by more than `PCT`, as in 5%")
	fl.StringArrayVar(&f.metrics, "metric", nil, "show this `METRIC`, and hold it to --fail-if-slower (can be repeated)")
	fl.BoolVar(&f.all, "all", false, "show every figure that both sides have")
	fl.StringVar(&f.restart, "restart-noise", "1.5%", "`PCT` by which starts of one server differ (standard deviation); 0 where one start measured both")
	fl.StringVar(&f.margin, "margin", "10%", "`PCT` that the interval must stay within for \"no difference\"")
	fl.BoolVar(&f.force, "force", false, "compare what is not comparable, and say so in every line")
	return c
}

// oneOrTwo asks for the sides.
func oneOrTwo(c *cobra.Command, args []string) error {
	if len(args) < 1 || len(args) > 2 {
		return &usageError{fmt.Errorf("%s takes one run, or two sides, %d given", c.CommandPath(), len(args))}
	}
	return nil
}

// incomparableError is a comparison that was refused.
type incomparableError struct{ reasons []string }

func (e *incomparableError) Error() string {
	return "the two are not comparable:\n  - " + strings.Join(e.reasons, "\n  - ")
}

// Hint says how to compare all the same.
func (e *incomparableError) Hint() string {
	return "compare what was measured alike, or --force: every line then says that it is not comparable"
}

func compareSides(w *world, f *compareFlags, args []string) error {
	opt, o, err := f.check(w)
	if err != nil {
		return err
	}
	if len(args) == 1 {
		if args, err = againstBaseline(args[0]); err != nil {
			return err
		}
	}
	sides, err := readSides(w, f, args)
	if err != nil {
		return err
	}
	if sides[0].Name == sides[1].Name && sides[0].Source == sides[1].Source {
		fmt.Fprintf(w.stderr, "both sides are the same: %s of %s\n", sides[0].Name, sides[0].Source)
	}
	c := compare.Compare(sides[0], sides[1], opt)
	refused := !c.Comparable() && !f.force
	if len(c.Levels) == 0 || refused && (f.format == "text" || f.format == "markdown") {
		return &incomparableError{show.Reasons(c, o.Words)}
	}
	if err := f.deliver(w, c, o); err != nil {
		return err
	}
	switch {
	case refused:
		return &incomparableError{show.Reasons(c, o.Words)}
	case c.Gate != nil && c.Gate.Outcome == compare.Slower:
		return &silentError{exitSlower}
	}
	return nil
}

// againstBaseline are the two sides of one run.
func againstBaseline(run string) ([]string, error) {
	if strings.ContainsAny(run, ",") || strings.Contains(run, ":") {
		return nil, &usageError{fmt.Errorf("%s is one side: name the other one too", run)}
	}
	return []string{run + ":baseline", run + ":winner"}, nil
}

// check reads the flags.
func (f *compareFlags) check(w *world) (compare.Options, show.Options, error) {
	var opt compare.Options
	o := show.Options{Version: qtuneVersion(), Width: w.width(), Metrics: f.metrics, Forced: f.force}
	if f.json {
		f.format = "json"
	}
	if f.format == "md" { // as report calls it
		f.format = "markdown"
	}
	if compareFormats[f.format] == nil {
		return opt, o, &usageError{fmt.Errorf("--format %q: choose text, markdown, json or junit", f.format)}
	}
	if f.lang != "" && f.format == "json" {
		return opt, o, &usageError{errors.New("--format json is for programs and has no language: leave out --lang")}
	}
	lang, err := w.language(f.lang)
	if err != nil {
		return opt, o, err
	}
	if f.format == "json" {
		lang = "en"
	}
	if o.Words, err = words.For(lang); err != nil {
		return opt, o, err
	}
	if err := f.checkMetrics(&o); err != nil {
		return opt, o, err
	}
	return opt, o, f.fractions(&opt)
}

func (f *compareFlags) checkMetrics(o *show.Options) error {
	for _, m := range f.metrics {
		if _, ok := bench.LookupMetric(m); !ok {
			return &usageError{fmt.Errorf("--metric %q: there is no such metric; `qtune compare A B --all` shows those that there are", m)}
		}
	}
	if f.all {
		o.Metrics = nil
		for _, m := range bench.Metrics() {
			o.Metrics = append(o.Metrics, m.Name)
		}
	}
	return nil
}

// fractions reads the flags that are percentages.
func (f *compareFlags) fractions(opt *compare.Options) error {
	restart, err := percentage("restart-noise", f.restart)
	if err != nil {
		return err
	}
	if opt.Restart = restart; restart == 0 {
		opt.Restart = -1
	}
	if opt.Margin, err = percentage("margin", f.margin); err != nil {
		return err
	}
	if opt.Margin == 0 {
		return &usageError{errors.New("--margin takes a percentage above 0, as in 10%")}
	}
	if f.slower == "" {
		return nil
	}
	slower, err := percentage("fail-if-slower", f.slower)
	if err != nil {
		return err
	}
	opt.Gate = &compare.Gate{Slower: slower, Metrics: slices.Clone(f.metrics)}
	return nil
}

// percentage reads "5%" or "5" as 0.05.
func percentage(flag, text string) (float64, error) {
	v, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(text, "%")), 64)
	if err != nil || !(v >= 0 && v < 100) {
		return 0, &usageError{fmt.Errorf("--%s %q: write a percentage from 0 to 100, as in 5%%", flag, text)}
	}
	return v / 100, nil
}

// readSides reads both at once: they may be large.
func readSides(w *world, f *compareFlags, args []string) ([2]*compare.Side, error) {
	var sides [2]*compare.Side
	var errs [2]error
	var wait sync.WaitGroup
	for i, arg := range args {
		wait.Go(func() { sides[i], errs[i] = readSide(w, f, arg) })
	}
	wait.Wait()
	return sides, errors.Join(errs[:]...)
}

// deliver writes the comparison.
func (f *compareFlags) deliver(w *world, c *compare.Comparison, o show.Options) error {
	var text strings.Builder
	if err := compareFormats[f.format](&text, c, o); err != nil {
		return fmt.Errorf("write the comparison: %w", err)
	}
	return deliverText(w, f.output, text.String())
}
