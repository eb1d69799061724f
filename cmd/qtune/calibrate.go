package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/qtune/qtune/catalog"
	"github.com/qtune/qtune/engine"
	"github.com/qtune/qtune/predict"
	"github.com/qtune/qtune/profiles"
	"github.com/qtune/qtune/tuner"
)

// calibrateFlags are the flags of calibrate.
type calibrateFlags struct {
	reportFlags
	first int
	card  string
	keep  bool
	json  bool
}

func calibrateCmd(w *world) *cobra.Command {
	var f calibrateFlags
	c := &cobra.Command{
		Use:   "calibrate [RUN]",
		Short: "Fit the predictions of plan to what a run has measured",
		Long: `Calibrate fits the simulator's model of a server to what a run has measured, shows
the fitted values with what they leave unexplained, and keeps them, by card and
engine version, for the predictions of qtune plan. A run on real engines does this at
its end by itself; without a RUN it is the newest.

  qtune calibrate                what the newest run says of this machine
  qtune calibrate RUN --first 2  fits to its first two trials, and predicts the others
                                 (nothing is kept)

A run of simulated engines can be looked at, and is never kept: it says nothing of a
real card.`,
		Args: atMostOne("at most one run"),
		RunE: func(_ *cobra.Command, args []string) error {
			return calibrateRun(w, &f, strings.Join(args, ""))
		},
	}
	f.bind(c)
	c.Flags().StringVar(&f.dir, "dir", "", "the `FOLDER` that keeps runs (default: $QTUNE_DIR, else .qtune)")
	c.Flags().IntVar(&f.first, "first", 0, "fit to the first `N` trials of each engine only, and predict the others")
	c.Flags().StringVar(&f.card, "card", "", "the `CARD` that it was measured on, for a run of another machine")
	c.Flags().BoolVar(&f.keep, "keep", true, "keep what was found for the predictions of plan")
	c.Flags().BoolVar(&f.json, "json", false, "print one JSON object for each engine")
	return c
}

func calibrateRun(w *world, f *calibrateFlags, run string) error {
	if f.first < 0 {
		return &usageError{fmt.Errorf("--first %d: give a number of trials", f.first)}
	}
	past, err := pastRun(w, &f.reportFlags, run)
	if err != nil {
		return err
	}
	if past.Profile == nil {
		return &noProfileError{past.Header.Run}
	}
	around, err := f.where(w, past)
	if err != nil {
		return err
	}
	fc := newForecaster(around, w.calibrations())
	if card, ok := catalog.FindCard(f.card); ok {
		fc.on(card, around)
	}
	views, err := fc.calibrate(past.Results, past.Header.Run, f.first, f.keep && f.first == 0)
	if err != nil {
		return err
	}
	for _, v := range views {
		if f.json {
			err = errors.Join(err, json.NewEncoder(w.stdout).Encode(v))
		} else {
			err = errors.Join(err, v.text(w))
		}
	}
	return err
}

// where is the place of a past run: its simulated card, or this machine.
func (f *calibrateFlags) where(w *world, past *tuner.PastRun) (*surroundings, error) {
	s := &surroundings{profile: past.Profile, environ: w.environ}
	if _, ok := catalog.FindCard(f.card); f.card != "" && !ok {
		return nil, &usageError{fmt.Errorf("--card %q: known are %s", f.card, strings.Join(catalog.CardNames(), ", "))}
	}
	if past.Header.Simulated {
		s.simulation = &engine.Simulation{Card: past.Header.Card}
		return s, nil
	}
	if host, _ := os.Hostname(); f.card == "" && past.Header.Host != "" && past.Header.Host != host {
		return nil, &otherHostError{past.Header.Run, past.Header.Host}
	}
	return s, nil
}

// otherHostError is a run that was measured elsewhere.
type otherHostError struct{ run, host string }

func (e *otherHostError) Error() string {
	return fmt.Sprintf("calibrate by run %s: it was measured on %s, whose card is not known here", e.run, e.host)
}

// Hint says what to do about it.
func (e *otherHostError) Hint() string { return "name the card with --card" }

// on predicts for a card that was named.
func (f *forecaster) on(card catalog.Card, s *surroundings) {
	model := s.site().Model
	if model == nil {
		return
	}
	f.unknown, f.site = "", predict.Site{Card: card, Model: model}
}

// calibrationView is what a fit to one engine's trials gave. Figures of the model are
// not measured ones.
type calibrationView struct {
	Engine     string              `json:"engine"`
	Version    string              `json:"engine_version"`
	Card       string              `json:"card"`
	Run        string              `json:"run"`
	Simulated  bool                `json:"simulated"` // so were the engines: it says nothing of a card
	Parameters []predict.Parameter `json:"parameters"`
	Residuals  []predict.Residual  `json:"residuals"`
	Before     predict.Errors      `json:"errors_before"`   // of all levels, by what is known of the card alone
	After      predict.Errors      `json:"errors_fitted"`   // of the levels that were fitted
	HeldOut    predict.Errors      `json:"errors_held_out"` // of trials that a fit had not seen
	Skipped    []string            `json:"skipped,omitempty"`
	Kept       string              `json:"kept,omitempty"` // the file
	Unfitted   string              `json:"unfitted,omitempty"`
}

// engineRelease is an engine of one version, which is calibrated for itself.
type engineRelease struct{ kind, version string }

// calibrate fits each engine of a run. What keep asks to be kept is so only for real
// engines. The error is a file that could not be written, or that nothing can be fitted.
func (f *forecaster) calibrate(results []tuner.TrialResult, run string, first int, keep bool) ([]calibrationView, error) {
	if f.unknown != "" {
		return nil, fmt.Errorf("calibrate by run %s: %s", run, f.unknown)
	}
	order, seen := f.observations(results)
	var views []calibrationView
	for _, release := range order {
		v := calibrationView{Engine: release.kind, Version: release.version, Card: f.site.Card.Name, Run: run, Simulated: f.same}
		fitted, err := f.site.Fit(seen[release], first)
		if err != nil {
			v.Unfitted = engine.Hider(f.profile.Secrets).Replace(err.Error())
			views = append(views, v)
			continue
		}
		for i, why := range fitted.Skipped { // an engine's refusal repeats its command line
			fitted.Skipped[i] = engine.Hider(f.profile.Secrets).Replace(why)
		}
		v.fill(fitted)
		if keep && !f.same {
			c := predict.NewCalibration(fitted)
			c.Card, c.Engine, c.EngineVersion, c.Served, c.Run, c.Time = v.Card, v.Engine, v.Version, f.profile.Model.ID, run, time.Now().UTC()
			if v.Kept, err = f.store.Keep(&c); err != nil {
				return views, err
			}
		}
		views = append(views, v)
	}
	if len(views) == 0 {
		return nil, fmt.Errorf("calibrate by run %s: no trial of it was measured", run)
	}
	return views, nil
}

func (v *calibrationView) fill(f *predict.Fitted) {
	v.Parameters, v.Residuals, v.Skipped = f.Parameters, f.Residuals, f.Skipped
	v.Before, v.After, v.HeldOut = f.Before, f.After, f.HeldOut
}

// observations are the measured levels of a run by engine and version.
func (f *forecaster) observations(results []tuner.TrialResult) ([]engineRelease, map[engineRelease][]predict.Observation) {
	var order []engineRelease
	all := map[engineRelease][]predict.Observation{}
	for i := range results {
		r := &results[i]
		e := f.block(r)
		if r.Status != tuner.OK || e == nil {
			continue
		}
		release := engineRelease{r.Engine, r.Facts.EngineVersion}
		if release.version == "" {
			release.version = catalog.ImageVersion(e.Image)
		}
		if all[release] == nil {
			order = append(order, release)
		}
		all[release] = append(all[release], f.levelsOf(e, r)...)
	}
	return order, all
}

// block is the engine block that a result is of.
func (f *forecaster) block(r *tuner.TrialResult) *profiles.Engine {
	for _, e := range f.profile.Engines {
		if e.Kind == r.Engine && e.Name == r.Name {
			return e
		}
	}
	return nil
}

func (f *forecaster) levelsOf(e *profiles.Engine, r *tuner.TrialResult) []predict.Observation {
	trial := f.trial(e, profiles.Candidate{Flags: r.Flags, Env: r.Env})
	var all []predict.Observation
	for w := range r.Workloads {
		for l := range r.Workloads[w].Levels {
			if w >= len(f.profile.Workloads) || l >= len(f.profile.Workloads[w].Levels) {
				continue
			}
			all = append(all, predict.Observation{
				Name: r.Trial, Trial: trial, Cores: coreSettings(r), Workload: f.profile.Workloads[w], Level: f.profile.Workloads[w].Levels[l], Measured: r.Workloads[w].Levels[l],
			})
		}
	}
	return all
}

// coreSettings are the settings of a trial that say on which cores its engine computes: its
// environment, and the flags that count threads.
func coreSettings(r *tuner.TrialResult) string {
	text := fmt.Sprint(r.Env)
	for _, f := range r.Flags {
		if strings.Contains(f.Name, "thread") {
			text += fmt.Sprint(" ", f)
		}
	}
	return text
}

// noProfileError is a run whose profile needs variables to be read again.
type noProfileError struct{ run string }

func (e *noProfileError) Error() string {
	return fmt.Sprintf("calibrate by run %s: its profile cannot be read again without the variables that it was given", e.run)
}

// Hint says what to do about it.
func (e *noProfileError) Hint() string { return "give them again with --var" }
