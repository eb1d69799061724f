package main

import (
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/catalog"
	"github.com/qtune/qtune/engine"
	"github.com/qtune/qtune/predict"
	"github.com/qtune/qtune/profiles"
	"github.com/qtune/qtune/tuner"
)

// forecaster predicts the trials of a profile where they would run.
type forecaster struct {
	profile *profiles.Profile
	site    predict.Site // without efficiencies, which differ between engines
	unknown string       // why nothing can be predicted; "" if something can
	known   map[*profiles.Engine]simulatorOf
	store   predict.Store
	same    bool                          // the engines are simulated by the very model that predicts
	loads   map[profiles.At]*predict.Load // nil: it cannot be computed
	sketch  map[profiles.At]*predict.Load // for the many trials of a search
	starts  map[string]*predict.Starts    // that were seen here, by kind of engine
	traffic *catalog.Traffic              // of the objective's level, once it is asked for
	notes   []string
}

// simulatorOf is how an engine block is predicted.
type simulatorOf struct {
	site       predict.Site
	calibrated *predict.Calibration // nil: by what is known of the card alone
}

// newForecaster looks up what is known of the card, the model and earlier fits.
func newForecaster(s *surroundings, calibrations string) *forecaster {
	f := &forecaster{profile: s.profile, store: predict.Store{Dir: calibrations}, known: map[*profiles.Engine]simulatorOf{}, same: s.simulation != nil,
		loads: map[profiles.At]*predict.Load{}, sketch: map[profiles.At]*predict.Load{}, starts: map[string]*predict.Starts{}}
	where := s.site()
	card := where.Card
	if card == nil {
		card = s.profilesCard()
	}
	switch {
	case card == nil:
		f.unknown = s.noCard()
	case where.Model == nil:
		f.unknown = fmt.Sprintf("the shape of the model %s is not known", s.modelName())
	default:
		f.site = predict.Site{Card: *card, Cards: where.Cards, Model: where.Model}
	}
	return f
}

// thisCPU is this machine's CPU, with all its memory and as many of the catalog's cores
// as it has. What they do is a guess that only a calibration makes better.
func thisCPU() *catalog.Card {
	card, ok := catalog.FindCard("2-core CPU")
	if !ok {
		return nil
	}
	n := runtime.NumCPU()
	more := float64(n) / float64(card.Cores)
	card.Name, card.Cores = fmt.Sprintf("%d-core CPU", n), n
	card.Bandwidth, card.BF16FLOPS = card.Bandwidth*more, card.BF16FLOPS*more
	if memory := engine.HostMemory(); memory > 0 {
		card.MemoryBytes = float64(memory)
	}
	return &card
}

// of is how an engine block is predicted: with what was fitted to its version, if
// something was. Simulated engines have the constants that are known of their card.
func (f *forecaster) of(e *profiles.Engine) simulatorOf {
	k, ok := f.known[e]
	if ok {
		return k
	}
	k.site = f.site
	if !f.same {
		c, found, note := f.store.Find(f.site.Card, e.Kind, catalog.ImageVersion(e.Image))
		if found {
			k.site.Efficiency, k.calibrated = c.Apply(f.site.Card), &c
		}
		if note != "" && !slices.Contains(f.notes, note) {
			f.notes = append(f.notes, note)
		}
	}
	f.known[e] = k
	return k
}

// trial is a candidate as its engine would be started.
func (f *forecaster) trial(e *profiles.Engine, c profiles.Candidate) predict.Trial {
	return predict.Trial{
		Kind: e.Kind, Version: catalog.ImageVersion(e.Image), Args: engine.Arguments(e, c, f.profile.Model),
		Getenv: func(name string) string {
			for _, v := range c.Env {
				if v.Name == name {
					return v.Value.Text
				}
			}
			return ""
		},
	}
}

// serve prepares a trial; the string is why nothing can be predicted of it.
func (f *forecaster) serve(t *tuner.Trial) (*predict.Server, string) {
	if f.unknown != "" {
		return nil, f.unknown
	}
	k := f.of(t.Engine)
	server, err := k.site.Serve(f.trial(t.Engine, t.Candidate))
	if err != nil {
		return nil, err.Error()
	}
	return server, ""
}

// load is a level of the profile, planned once by plan. Nil is one that cannot be computed.
func (f *forecaster) load(all map[profiles.At]*predict.Load, at profiles.At, plan func(bench.Workload, bench.Level) (*predict.Load, error)) *predict.Load {
	load, ok := all[at]
	if !ok {
		w := f.profile.Workloads[at.Workload]
		var err error
		if load, err = plan(w, w.Levels[at.Level]); err != nil {
			load = nil
		}
		all[at] = load
	}
	return load
}

// forecastView is what is predicted of a trial. Every figure is a prediction.
type forecastView struct {
	Unknown  string           `json:"unknown,omitempty"` // why nothing is predicted
	Refusal  string           `json:"refusal,omitempty"` // it would not start: why, in the engine's words
	Figures  *predict.Figures `json:"at_objective,omitempty"`
	Ceiling  float64          `json:"ceiling,omitempty"` // tokens/s at the objective's level on the cards that it uses
	StartS   float64          `json:"start_s,omitempty"`
	Guessed  bool             `json:"start_guessed,omitempty"` // no real start is known on which that rests
	MeasureS float64          `json:"measure_s,omitempty"`     // all levels, at most
	unseen   []string
}

// forecast predicts a trial: the objective's level, and how long all levels take.
func (f *forecaster) forecast(t *tuner.Trial) forecastView {
	server, why := f.serve(t)
	switch {
	case why != "":
		return forecastView{Unknown: engine.Hider(f.profile.Secrets).Replace(why)}
	case server.Refusal() != "":
		return forecastView{Refusal: engine.Hider(f.profile.Secrets).Replace(server.Refusal()), StartS: server.Start().Seconds()}
	}
	start, seen := f.start(t.Engine.Kind, server)
	v := forecastView{StartS: start.Seconds(), Guessed: !seen, Ceiling: f.ceiling(t), unseen: server.Unseen()}
	goal := f.profile.Objective.At
	var measure time.Duration
	for w := range f.profile.Workloads {
		for l := range f.profile.Workloads[w].Levels {
			at := profiles.At{Workload: w, Level: l}
			load := f.load(f.loads, at, predict.NewLoad)
			if load == nil {
				continue
			}
			r := server.Run(load)
			measure += load.Takes(&r)
			if at == goal {
				figures := predict.FiguresOf(&r)
				v.Figures = &figures
			}
		}
	}
	v.MeasureS = measure.Seconds()
	return v
}

// ceiling is the most that the cards of a trial can do at the objective's level, by as
// many cards and the format of weights that it has; 0: not known, or none holds, or a rate
// decides how much is asked for.
func (f *forecaster) ceiling(t *tuner.Trial) float64 {
	if f.traffic == nil {
		goal := f.profile.Objective.At
		w := f.profile.Workloads[goal.Workload]
		traffic := plannedTraffic(w, w.Levels[goal.Level])
		f.traffic = &traffic
	}
	use, speculates := engine.Use(t.Engine.Kind, t.Candidate)
	top, ok := catalog.CeilingOf(f.site.Card, *f.site.Model, use, *f.traffic)
	if !ok || speculates || f.traffic.Users == 0 {
		return 0
	}
	return top.Tokens
}

// text says it in a line.
func (v *forecastView) text(level string) string {
	switch {
	case v.Unknown != "":
		return "not predicted: " + v.Unknown
	case v.Refusal != "":
		return "predicted not to start: " + v.Refusal
	case v.Figures == nil || v.Figures.Tokens <= 0:
		return "predicted to start, and not to answer at " + level
	}
	figure := func(ms float64) string { return tuner.Figure(ms, bench.UnitMilliseconds) }
	text := "predicted: " + tuner.Figure(v.Figures.Tokens, bench.UnitTokensPerSecond)
	if v.Ceiling > 0 {
		text += fmt.Sprintf(" (%.0f %% of its ceiling)", 100*v.Figures.Tokens/v.Ceiling)
	}
	if v.Figures.TTFT > 0 {
		text += ", TTFT " + figure(v.Figures.TTFT)
	}
	if v.Figures.TPOT > 0 {
		text += ", TPOT " + figure(v.Figures.TPOT)
	}
	start := "up in " + figure(1000*v.StartS)
	if v.Guessed {
		start = "how soon up is not known, taken to be " + figure(1000*v.StartS)
	}
	return fmt.Sprintf("%s at %s; %s", text, level, start)
}

// calibrations is the folder of fitted efficiencies: this user's cache, since they are
// of this machine and not of a project.
func (w *world) calibrations() string { return w.cache("calibration") }
