package report

import (
	"encoding/csv"
	"io"
	"strconv"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/tuner"
)

// CSV writes every figure of every level that was measured, a line each:
// configuration, kind of test, quantity, value, unit, detail. Values are in
// base units with a point, whatever the language of a report.
func CSV(w io.Writer, run *tuner.PastRun) error {
	out := csv.NewWriter(w)
	if err := out.Write([]string{"configuration", "kind of test", "quantity", "value", "unit", "detail"}); err != nil {
		return err
	}
	varies := variesOf(run)
	err := eachLevel(run, func(r *tuner.TrialResult, workload string, l *bench.LevelResult) error {
		name := label(r)
		if v := varies[r.Trial]; v != "" {
			name += " " + v
		}
		detail := "trial " + r.Trial + ", workload " + workload
		if r.Simulated {
			detail += ", simulated"
		}
		for _, m := range bench.Metrics() {
			v, ok := l.Metric(m.Name)
			if !ok {
				continue
			}
			if err := out.Write(safe(name, tuner.LevelName(l), m.Name, exact(v), string(m.Unit), detail)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	out.Flush()
	return out.Error()
}

// FullCSV writes a line for each level of each trial, with all that was
// measured in columns, and a line for each trial that failed.
func FullCSV(w io.Writer, run *tuner.PastRun) error {
	out := csv.NewWriter(w)
	head := []string{"run", "simulated", "trial", "engine", "name", "varies", "baseline", "winner", "status", "failure", "reused_from", "start_s", "kv_tokens",
		"workload", "level", "kind", "users", "rate", "requested_output_tokens", "requests", "completed", "failed", "duration_s"}
	for _, m := range bench.Metrics() {
		head = append(head, m.Name+" ("+string(m.Unit)+")")
	}
	head = append(head, "output_throughput_low", "output_throughput_high", "e2e_mean_low (ms)", "e2e_mean_high (ms)", "settled", "client_bound")
	cards, engines := hardwareKinds(run)
	head = append(head, hardwareCSV(cards, engines, nil)...)
	if err := out.Write(head); err != nil {
		return err
	}
	varies := variesOf(run)
	for i := range run.Results {
		r := &run.Results[i]
		if len(r.Workloads) > 0 {
			continue
		}
		line := append(trialColumns(run, r, varies[r.Trial]), make([]string, len(head)-13)...)
		if err := out.Write(safe(line...)); err != nil {
			return err
		}
	}
	err := eachLevel(run, func(r *tuner.TrialResult, workload string, l *bench.LevelResult) error {
		return out.Write(safe(append(trialColumns(run, r, varies[r.Trial]), append(levelColumns(workload, l), hardwareCSV(cards, engines, l)...)...)...))
	})
	if err != nil {
		return err
	}
	out.Flush()
	return out.Error()
}

func eachLevel(run *tuner.PastRun, do func(*tuner.TrialResult, string, *bench.LevelResult) error) error {
	for i := range run.Results {
		r := &run.Results[i]
		for w := range r.Workloads {
			for l := range r.Workloads[w].Levels {
				if err := do(r, r.Workloads[w].Workload, &r.Workloads[w].Levels[l]); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func variesOf(run *tuner.PastRun) map[string]string {
	varies := map[string]string{}
	for _, r := range run.Outcome.Rows {
		varies[r.Trial] = r.Varies
	}
	return varies
}

func trialColumns(run *tuner.PastRun, r *tuner.TrialResult, varies string) []string {
	failure := ""
	if r.Failure != nil {
		failure = r.Failure.String()
	}
	winner := run.Outcome.Summary.Winner
	return []string{run.Outcome.Summary.Run, strconv.FormatBool(r.Simulated), r.Trial, r.Engine, r.Name, varies, strconv.FormatBool(r.Baseline),
		strconv.FormatBool(winner != nil && winner.Trial == r.Trial), string(r.Status), failure, r.ReusedFrom, exact(r.StartS), strconv.Itoa(r.Facts.KVTokens)}
}

func levelColumns(workload string, l *bench.LevelResult) []string {
	line := []string{workload, tuner.LevelName(l), string(l.Kind), strconv.Itoa(l.Users), exact(l.Rate), strconv.Itoa(l.RequestedOutputTokens),
		strconv.Itoa(l.Requests.Total), strconv.Itoa(l.Requests.Completed), strconv.Itoa(l.Requests.Failed), exact(l.DurationS)}
	for _, m := range bench.Metrics() {
		v, ok := l.Metric(m.Name)
		if !ok {
			line = append(line, "")
			continue
		}
		line = append(line, exact(v))
	}
	for _, in := range []*[2]float64{l.ThroughputInterval, l.E2E.MeanInterval} {
		if in == nil {
			line = append(line, "", "")
			continue
		}
		line = append(line, exact(in[0]), exact(in[1]))
	}
	return append(line, strconv.FormatBool(l.Settled), strconv.FormatBool(l.Client.Bound))
}

func exact(v float64) string { return strconv.FormatFloat(v, 'g', 10, 64) }

// safe keeps spreadsheets from running a cell as a formula.
func safe(cells ...string) []string {
	for i, c := range cells {
		if c == "" {
			continue
		}
		switch c[0] {
		case '=', '+', '@', '\t', '\r':
			cells[i] = "'" + c
		case '-':
			if _, err := strconv.ParseFloat(c, 64); err != nil {
				cells[i] = "'" + c
			}
		}
	}
	return cells
}
