package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"text/tabwriter"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/tuner"
)

// benchFormats are how a result is written.
var benchFormats = map[string]func(*benchResult, io.Writer, *benchFlags) error{
	"text": (*benchResult).text, "json": (*benchResult).object, "csv": (*benchResult).csv,
	"vllm": (*benchResult).vllm, "sglang": (*benchResult).sglang,
}

// checkOutput refuses flags of the output that make no sense together.
func (f *benchFlags) checkOutput() error {
	if f.json {
		if f.changed("format") && f.format != "json" {
			return &usageError{fmt.Errorf("--json and --format %s: take one of them", f.format)}
		}
		f.format = "json"
	}
	switch other := f.format == "vllm" || f.format == "sglang"; {
	case benchFormats[f.format] == nil:
		return &usageError{fmt.Errorf("--format %q: choose text, json, csv, vllm or sglang", f.format)}
	case f.details && !other:
		return &usageError{fmt.Errorf("--details belongs to --format vllm or sglang")}
	case f.tokenTimes && f.requestsFile == "":
		return &usageError{fmt.Errorf("--token-times belongs to --requests-file")}
	}
	return nil
}

// deliver writes the result to standard output or into a file.
func (b *benchResult) deliver(w *world, f *benchFlags) error {
	write := benchFormats[f.format]
	if f.output == "" {
		return write(b, w.stdout, f)
	}
	var text bytes.Buffer
	if err := write(b, &text, f); err != nil {
		return err
	}
	if err := os.WriteFile(f.output, text.Bytes(), 0o644); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return nil
}

func (b *benchResult) object(out io.Writer, _ *benchFlags) error {
	return json.NewEncoder(out).Encode(b)
}

func (b *benchResult) text(out io.Writer, _ *benchFlags) error {
	_, _ = fmt.Fprintf(out, "%s, model %s\n", b.URL, b.Model)
	if b.Simulated != nil {
		_, _ = fmt.Fprintf(out, "SIMULATED: this server is a simulated engine on a simulated %s; its time runs at %g times ours\n", b.Simulated.Card, b.Simulated.Speed)
	}
	t := tabwriter.NewWriter(out, 2, 8, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "level\trequests\tfailed\ttok/s\treq/s\tTTFT mean\tp95\tTPOT mean\tITL p95\tE2E mean\tp95")
	for i := range b.Levels {
		b.row(t, i)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for i := range b.Levels {
		b.remarks(out, i)
	}
	return nil
}

func (b *benchResult) row(out io.Writer, i int) {
	l := &b.Levels[i]
	throughput := fmt.Sprintf("%.1f", l.OutputThroughput)
	if v := l.ThroughputInterval; v != nil {
		throughput += fmt.Sprintf(" ± %.1f", (v[1]-v[0])/2)
	}
	_, _ = fmt.Fprintf(out, "%s\t%d\t%d\t%s\t%.2f\t%s\t%s\t%s\t%s\t%s\t%s\n", b.load.Levels[i], l.Requests.Completed, l.Requests.Failed,
		throughput, l.RequestThroughput, ms(l.TTFT.Mean), ms(l.TTFT.P95), ms(l.TPOT.Mean), ms(l.ITL.P95), ms(l.E2E.Mean), ms(l.E2E.P95))
}

func ms(v *float64) string {
	if v == nil {
		return "–"
	}
	return tuner.Figure(*v, bench.UnitMilliseconds)
}

func (b *benchResult) remarks(out io.Writer, i int) {
	l, name := &b.Levels[i], b.load.Levels[i].String()
	say := func(format string, args ...any) { _, _ = fmt.Fprintf(out, format+"\n", args...) }
	if l.Kind == bench.KindMaxRate {
		say("%s: %s req/s, found in %d tries", name, strconv.FormatFloat(l.Rate, 'g', 4, 64), len(l.Tried))
	}
	if l.GoodShare != nil {
		say("good, %s: %.1f %% of all requests, %.2f req/s", name, 100**l.GoodShare, *l.Goodput)
	}
	if l.UserRate.Mean != nil {
		say("rates, %s: %.1f tok/s for each user%s", name, *l.UserRate.Mean, told(", %.0f tok/s in the best second", l.PeakOutputThroughput, 1))
	}
	if s := l.Server; s != nil && s.RunningMean != nil {
		say("server, %s: %s by its own metrics, %.1f requests running on average%s", name, s.Engine, *s.RunningMean, serverSaw(s))
	}
	for _, n := range l.Notes {
		say("note, %s: %s", name, n)
	}
	for _, f := range l.Failures {
		say("failed, %s: %d × %s %s", name, f.Count, f.Reason, f.Example)
	}
}

// serverSaw is what else the server's own metrics tell.
func serverSaw(s *bench.ServerView) string {
	ttft := ""
	if s.TTFTMS != nil {
		ttft = ", TTFT " + ms(s.TTFTMS)
	}
	preempted := ""
	if n := s.Preemptions; n != nil && *n >= 1 {
		preempted = ", " + plural(int(*n), "preemption")
	}
	return ttft + some(", at most %.0f waiting", s.WaitingMax, 1) + some(", KV use at most %.0f %%", s.KVUseMax, 100) + preempted +
		told(", %.0f %% of the prompts' tokens from the prefix cache", s.PrefixHitRate, 100)
}

// told is a figure in words, times scale; nothing where it is not known.
func told(format string, v *float64, scale float64) string {
	if v == nil {
		return ""
	}
	return fmt.Sprintf(format, scale**v)
}

// some is told, and nothing where the figure is rounded to 0.
func some(format string, v *float64, scale float64) string {
	if v == nil || math.RoundToEven(scale**v) == 0 {
		return ""
	}
	return told(format, v, scale)
}

// csv writes one line a level, with every metric under its name.
func (b *benchResult) csv(out io.Writer, _ *benchFlags) error {
	w := csv.NewWriter(out)
	head := []string{"level", "kind", "users", "rate", "requested_output_tokens", "requests", "completed", "failed", "duration_s", "input_tokens", "output_tokens", "client_bound", "saturated", "settled"}
	for _, m := range bench.Metrics() {
		head = append(head, m.Name)
	}
	head = append(head, "user_rate_mean", "user_rate_p50", "ttft_n", "tpot_n", "itl_n", "e2e_n")
	rows := [][]string{head}
	for i := range b.Levels {
		rows = append(rows, b.csvRow(i))
	}
	return w.WriteAll(rows)
}

func (b *benchResult) csvRow(i int) []string {
	l := &b.Levels[i]
	number := func(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
	row := []string{b.load.Levels[i].String(), string(l.Kind)}
	for _, v := range []float64{
		float64(l.Users), l.Rate, float64(l.RequestedOutputTokens), float64(l.Requests.Total), float64(l.Requests.Completed),
		float64(l.Requests.Failed), l.DurationS, float64(l.InputTokens), float64(l.OutputTokens),
	} {
		row = append(row, number(v))
	}
	for _, v := range []bool{l.Client.Bound, l.Saturated, l.Settled} {
		row = append(row, strconv.FormatBool(v))
	}
	for _, m := range bench.Metrics() {
		cell := ""
		if v, ok := l.Metric(m.Name); ok {
			cell = number(v)
		}
		row = append(row, cell)
	}
	row = append(row, told("%g", l.UserRate.Mean, 1), told("%g", l.UserRate.P50, 1))
	for _, s := range []bench.Stats{l.TTFT, l.TPOT, l.ITL, l.E2E} {
		row = append(row, strconv.Itoa(s.N))
	}
	return row
}
