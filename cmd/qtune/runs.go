package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/tuner"
)

func runsCmd(w *world) *cobra.Command {
	var dir string
	var asJSON, check bool
	c := &cobra.Command{
		Use:   "runs [--check [RUN…]]",
		Short: "List past runs, from their journals, or check these",
		Args:  cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, args []string) error {
			switch {
			case check:
				return checkRuns(w, w.runFolder(dir), args, asJSON)
			case len(args) > 0:
				return &usageError{fmt.Errorf("a run is named with --check only; `qtune logs` shows one")}
			}
			return runs(w, w.runFolder(dir), asJSON)
		},
	}
	c.Flags().StringVar(&dir, "dir", "", "the `FOLDER` that keeps runs (default: $QTUNE_DIR, else .qtune)")
	c.Flags().BoolVar(&asJSON, "json", false, "print a JSON object for each run")
	c.Flags().BoolVar(&check, "check", false, "verify each line of the journals of these runs or of all; exit 1 if any is damaged")
	return c
}

// runView is a run as a list shows it.
type runView struct {
	Run       string         `json:"run"`
	Profile   string         `json:"profile"`
	Started   time.Time      `json:"started"`
	Simulated bool           `json:"simulated"`
	State     string         `json:"state"` // running, done, ended, crashed, of a newer qtune
	OK        int            `json:"ok"`
	Failed    int            `json:"failed"`
	Reused    int            `json:"reused"`
	Summary   *tuner.Summary `json:"summary,omitempty"`
}

func runs(w *world, path string, asJSON bool) error {
	folder, err := tuner.OpenFolder(path)
	if err != nil {
		return err
	}
	ids, err := folder.Runs()
	if err != nil {
		return err
	}
	var views []runView
	live := folder.Live()
	for _, id := range ids {
		records, err := folder.Journal(id)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			w.log.Warn().Err(err).Msg("read up to there")
		}
		views = append(views, newRunView(id, id == live, records))
		if errors.As(err, new(*tuner.NewerJournalError)) {
			views[len(views)-1].State = "of a newer qtune"
		}
	}
	if asJSON {
		return printLines(w, views)
	}
	if len(views) == 0 {
		fmt.Fprintf(w.stdout, "No run is kept in %s.\n", relative(folder.Path))
		return nil
	}
	return printRuns(w, views)
}

func printLines[T any](w *world, views []T) error {
	enc := json.NewEncoder(w.stdout)
	for _, v := range views {
		if err := enc.Encode(v); err != nil {
			return err
		}
	}
	return nil
}

func newRunView(id string, live bool, records []tuner.Record) runView {
	v := runView{Run: id, State: "crashed"}
	for _, r := range records {
		switch r.Type {
		case tuner.RecordRun:
			v.Profile, v.Simulated, v.Started = r.Header.Profile, r.Header.Simulated, r.Time
		case tuner.RecordTrialDone, tuner.RecordTrialReused:
			v.count(&r)
		case tuner.RecordResult:
			v.State, v.Summary = "done", r.Summary
		case tuner.RecordEnded:
			v.State, v.Summary = "ended", r.Summary
		}
	}
	if live {
		v.State = "running"
	}
	return v
}

func (v *runView) count(r *tuner.Record) {
	if r.Result == nil {
		return
	}
	if r.Result.Status == tuner.OK {
		v.OK++
	} else {
		v.Failed++
	}
	if r.Type == tuner.RecordTrialReused {
		v.Reused++
	}
}

func printRuns(w *world, views []runView) error {
	t := tabwriter.NewWriter(w.stdout, 2, 8, 2, ' ', 0)
	fmt.Fprintln(t, "RUN\tPROFILE\tSTATE\tOK\tFAILED\tREUSED\tWINNER")
	for _, v := range views {
		fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%d\t%d\t%s\n", v.Run, v.Profile, v.State, v.OK, v.Failed, v.Reused, winnerOf(v.Summary))
	}
	return t.Flush()
}

func winnerOf(s *tuner.Summary) string {
	if s == nil || s.Winner == nil {
		return "–"
	}
	var parts []string
	parts = append(parts, s.Winner.Engine+" "+s.Winner.Name)
	if s.Winner.Value != nil {
		parts = append(parts, tuner.Figure(*s.Winner.Value, bench.Unit(s.Objective.Unit))+simulatedWord(s.Simulated))
	}
	if p := s.Pair; p != nil && p.Second.Value != nil {
		parts = append(parts, p.Second.Metric+" "+tuner.Figure(*p.Second.Value, bench.Unit(p.Second.Unit))+simulatedWord(s.Simulated))
	}
	return strings.Join(parts, ", ")
}
