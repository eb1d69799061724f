package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/qtune/qtune/deploy"
	"github.com/qtune/qtune/engine"
	"github.com/qtune/qtune/profiles"
	"github.com/qtune/qtune/report"
	"github.com/qtune/qtune/tuner"
)

// applyFlags are the flags of apply, and of plan, which shows what it would do.
type applyFlags struct {
	profileFlags
	simulateFlags
	dir             string
	fresh           bool
	confirm         bool // apply only
	offline         bool
	json            bool
	price           float64
	wait, sharedGPU bool // of apply alone
	noDeploy        bool // of apply alone
}

// bindPrice is the flag of what a card costs.
func (f *applyFlags) bindPrice(c *cobra.Command) {
	c.Flags().Float64Var(&f.price, "gpu-hour-price", 0, "what an `HOUR` of one GPU costs; it goes over the profile's gpu_hour_price")
}

func (f *applyFlags) setPrice(p *profiles.Profile) error {
	if f.price < 0 {
		return &usageError{fmt.Errorf("--gpu-hour-price %g: give a price above 0", f.price)}
	}
	if f.price > 0 {
		p.Search.Budget.GPUHourPrice = f.price
	}
	return nil
}

func applyCmd(w *world) *cobra.Command {
	var f applyFlags
	c := &cobra.Command{
		Use:   "apply FILE",
		Short: "Run a profile: start, measure and remove each candidate, name the winner",
		Long: `Apply plans the profile's trials, runs them one after the other, and reports the
best configuration that keeps every constraint. Nothing is left running, but the
winner where the profile has a deploy block. Apply again measures only what is
missing; Ctrl-C ends it with everything torn down.

` + exitCodes,
		Args:              exactly(1, "one profile"),
		ValidArgsFunction: completeProfiles,
		RunE: func(c *cobra.Command, args []string) error {
			return apply(c.Context(), w, args[0], &f)
		},
	}
	f.profileFlags.bind(c)
	f.simulateFlags.bind(c)
	c.Flags().StringVar(&f.dir, "dir", "", "keep runs in this `FOLDER` (default: $QTUNE_DIR, else .qtune)")
	c.Flags().BoolVar(&f.fresh, "fresh", false, "measure everything again, even what earlier runs have measured")
	c.Flags().BoolVar(&f.confirm, "confirm", false, "measure the winner and the baseline again on fresh starts, whatever earlier runs say of them")
	c.Flags().BoolVar(&f.offline, "offline", false, "fetch nothing: no image, no model; what is not here is an error")
	c.Flags().BoolVar(&f.wait, "wait", false, "wait for a card that another run or program uses, rather than refuse it")
	c.Flags().BoolVar(&f.sharedGPU, "shared-gpu", false, "measure on a card that others use, too: figures are those of a busy card")
	f.bindPrice(c)
	c.Flags().BoolVar(&f.noDeploy, "no-deploy", false, "leave nothing running, whatever the profile's deploy block says")
	c.Flags().BoolVar(&f.json, "json", false, "print events as JSON lines; the last is the result")
	return c
}

func apply(ctx context.Context, w *world, path string, f *applyFlags) error {
	p, err := loadProfile(w, path, &f.profileFlags, f.json)
	if err != nil {
		return err
	}
	began := time.Now()
	s, err := newSession(w, p, f)
	if err != nil {
		return err
	}
	results, plan, runErr := s.guard(ctx, s.run)
	outcome := tuner.Conclude(plan, results, time.Since(began))
	if s.around != nil {
		outcome.CompareWithCeiling(s.around.roof(), results)
		s.calibrate(results)
	}
	return s.finish(ctx, outcome, runErr)
}

// finish writes the reports, prints the result and decides how the run ended.
func (s *session) finish(ctx context.Context, o tuner.Outcome, runErr error) error {
	s.describe(ctx, &o.Summary, runErr)
	if s.journal != nil {
		runErr = errors.Join(runErr, s.keep(o))
	}
	var left *deployed
	if runErr == nil {
		if left, runErr = s.deployWinner(ctx, &o); runErr != nil {
			s.describe(ctx, &o.Summary, runErr)
		}
	}
	closing := s.close(ctx)
	if closing != nil {
		s.w.log.Error().Err(closing).Msg("closing the run")
	}
	s.view.stop()
	if err := s.printOutcome(o, left); err != nil {
		return err
	}
	switch {
	case runErr != nil:
		return runErr
	case o.Summary.Exit != exitOK:
		return &silentError{o.Summary.Exit}
	}
	return closing
}

// printOutcome prints the result, and what was deployed.
func (s *session) printOutcome(o tuner.Outcome, left *deployed) error {
	if s.f.json {
		if left != nil {
			s.emit(left)
		}
		s.emit(o.Summary)
		return nil
	}
	if err := report.Text(s.w.stdout, o); err != nil {
		return fmt.Errorf("print the report: %w", err)
	}
	if left == nil {
		return nil
	}
	if left.Action == string(deploy.Keep) {
		_, err := fmt.Fprintf(s.w.stdout, "%s is deployed already, at %s: no change\n", left.Name, left.URL)
		return err
	}
	return printDeployed(s.w, left, false)
}

// describe completes the summary with what only the session knows.
func (s *session) describe(ctx context.Context, sum *tuner.Summary, runErr error) {
	sum.Run, sum.Folder = s.runID, relative(s.folder.RunPath(s.runID))
	sum.Simulated = s.simulation != nil
	if sum.Simulated {
		sum.Card = s.simulation.Card
	}
	switch {
	case runErr != nil:
		sum.Exit, sum.Error, sum.Code, sum.Hint = exitCode(ctx, runErr), runErr.Error(), codeOf(runErr), hintOf(runErr)
	case sum.Winner == nil:
		sum.Exit = exitNoWinner
	}
	if left := leftIn(runErr); left != nil {
		sum.Left = append(sum.Left, left.Error())
	}
	if sum.Winner != nil && runErr != nil {
		sum.Error = "The run ended early: " + sum.Error
	}
}

// leftIn is what an error says of something that could not be removed; nil for nothing.
func leftIn(err error) error {
	if left, ok := errors.AsType[*tuner.LeftError](err); ok {
		return left
	}
	if left, ok := errors.AsType[*engine.TeardownError](err); ok {
		return left
	}
	return nil
}

// keep writes the last record of the journal and the reports beside it.
func (s *session) keep(o tuner.Outcome) error {
	kind := tuner.RecordResult
	if o.Summary.Error != "" {
		kind = tuner.RecordEnded
	}
	if err := s.journal.Append(tuner.Record{Type: kind, Summary: &o.Summary, Reason: o.Summary.Error}); err != nil {
		return err
	}
	dir := s.folder.RunPath(s.runID)
	if err := writeJSON(filepath.Join(dir, "result.json"), o); err != nil {
		return err
	}
	text, err := os.Create(filepath.Join(dir, "report.txt"))
	if err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	if err := errors.Join(report.Text(text, o), text.Close()); err != nil {
		return err
	}
	return keepReports(s.w, s.folder, s.runID, s.profile)
}

// completeProfiles offers HCL files to the shell.
func completeProfiles(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return []string{"hcl"}, cobra.ShellCompDirectiveFilterFileExt
}

// usesDocker says whether a run of the profile needs a Docker Engine.
func usesDocker(p *profiles.Profile) bool {
	for _, e := range p.Engines {
		if e.Runtime == profiles.RuntimeDocker {
			return true
		}
	}
	return false
}
