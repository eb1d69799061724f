package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/qtune/qtune/bench"
)

// load is what is sent: a profile's workload, or what the flags say.
func (f *benchFlags) load(w *world) (bench.Workload, error) {
	if f.profile == "" {
		if f.workloadName != "" || len(f.vars)+len(f.varFiles) > 0 {
			return bench.Workload{}, &usageError{errors.New("--workload, --var and --var-file belong to --profile")}
		}
		return f.workload()
	}
	for _, name := range loadFlags {
		if f.changed(name) {
			return bench.Workload{}, &usageError{fmt.Errorf("--profile and --%s both say what is sent: take one of them", name)}
		}
	}
	p, err := loadProfile(w, f.profile, &f.profileFlags, f.format == "json")
	if err != nil {
		return bench.Workload{}, err
	}
	var names []string
	for _, load := range p.Workloads {
		names = append(names, load.Name)
		if load.Name == f.workloadName || f.workloadName == "" && len(p.Workloads) == 1 {
			if f.changed("seed") {
				load.Seed = f.seed
			}
			return load, nil
		}
	}
	return bench.Workload{}, &usageError{fmt.Errorf("--workload %q: the profile has %s", f.workloadName, strings.Join(names, ", "))}
}

// workload turns the flags into what a profile would say.
func (f *benchFlags) workload() (bench.Workload, error) {
	w := bench.Workload{
		Name: "bench", API: bench.API(f.api), Seed: f.seed, Timeouts: f.timeouts, Whole: f.noStream, ResetCache: f.resetCache,
		Prompts: bench.Prompts{InputTokens: f.inputTokens},
	}
	if !slices.Contains(bench.APIs(), w.API) {
		return w, &usageError{fmt.Errorf("--api %q: choose one of %s", f.api, apiNames())}
	}
	if f.inputTokens < 1 || f.outputTokens < 1 {
		return w, &usageError{errors.New("--input-tokens and --output-tokens take numbers of at least 1")}
	}
	if f.requests < 0 || f.duration < 0 {
		return w, &usageError{errors.New("--requests and --duration cannot be negative")}
	}
	if err := f.prompts(&w.Prompts); err != nil {
		return w, err
	}
	for _, text := range f.slo {
		name, value, _ := strings.Cut(text, "=")
		limit, err := bench.ParseLimit(name, value)
		if err != nil {
			return w, &usageError{fmt.Errorf("--slo: %w", err)}
		}
		w.SLO = append(w.SLO, limit)
	}
	f.levels(&w)
	if err := f.misplaced(w); err != nil {
		return w, err
	}
	for _, l := range w.Levels {
		if err := w.Check(l); err != nil {
			return w, &usageError{err}
		}
	}
	return w, nil
}

func (f *benchFlags) prompts(p *bench.Prompts) error {
	var err error
	if p.Input, err = spread(f.inputSpread); err != nil {
		return &usageError{fmt.Errorf("--input-spread: %w", err)}
	}
	if p.Output, err = spread(f.outputSpread); err != nil {
		return &usageError{fmt.Errorf("--output-spread: %w", err)}
	}
	if f.prefixTokens != 0 || f.changed("prefix-groups") {
		p.SharedPrefix = bench.SharedPrefix{Tokens: f.prefixTokens, Groups: f.prefixGroups}
	}
	if f.file != "" {
		if p.File, err = readPrompts(f.file); err != nil {
			return err
		}
	}
	if f.trace != "" {
		if p.Trace, err = readTrace(f.trace); err != nil {
			return err
		}
	}
	return nil
}

func readPrompts(path string) (*bench.File, error) {
	r, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read prompts: %w", err)
	}
	defer func() { _ = r.Close() }()
	return bench.ReadFile(path, r)
}

func readTrace(path string) (*bench.Trace, error) {
	r, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read a trace: %w", err)
	}
	defer func() { _ = r.Close() }()
	return bench.ReadTrace(path, r)
}

// spread reads SHAPE:WIDTH[:MIN:MAX].
func spread(text string) (bench.Spread, error) {
	if text == "" {
		return bench.Spread{}, nil
	}
	parts := strings.Split(text, ":")
	wrong := fmt.Errorf("%q: write SHAPE:WIDTH or SHAPE:WIDTH:MIN:MAX, such as lognormal:0.5", text)
	if len(parts) != 2 && len(parts) != 4 {
		return bench.Spread{}, wrong
	}
	s := bench.Spread{Shape: bench.Shape(parts[0])}
	var err error
	if s.Width, err = strconv.ParseFloat(parts[1], 64); err != nil {
		return s, wrong
	}
	if len(parts) == 2 {
		return s, nil
	}
	low, errLow := strconv.Atoi(parts[2])
	high, errHigh := strconv.Atoi(parts[3])
	if errLow != nil || errHigh != nil {
		return s, wrong
	}
	s.Min, s.Max = low, high
	return s, nil
}

// levels adds what the flags ask for, one user if they ask for nothing.
func (f *benchFlags) levels(w *bench.Workload) {
	base := bench.Level{OutputTokens: f.outputTokens, Requests: f.requests, Duration: f.duration, Warmup: f.warmup}
	if (f.file != "" || f.trace != "") && !f.changed("output-tokens") {
		base.OutputTokens = 0
	}
	add := func(k bench.Kind, change func(*bench.Level)) {
		l := base
		l.Kind = k
		change(&l)
		w.Levels = append(w.Levels, l)
	}
	for _, n := range f.single {
		add(bench.KindSingle, func(l *bench.Level) { l.Users, l.OutputTokens = 1, n })
	}
	closed := bench.KindClosed
	if f.burst {
		closed = bench.KindBurst
	}
	for _, n := range f.users {
		add(closed, func(l *bench.Level) { l.Users = n })
	}
	for _, r := range f.rates {
		if !f.maxRate {
			add(bench.KindOpen, func(l *bench.Level) { f.open(l, r) })
		}
	}
	switch {
	case f.maxRate:
		rate := 0.0
		if len(f.rates) > 0 {
			rate = f.rates[0]
		}
		add(bench.KindMaxRate, func(l *bench.Level) { f.open(l, rate) })
	case len(w.Levels) > 0:
	case f.trace != "":
		add(bench.KindTrace, func(l *bench.Level) { l.Speedup, l.MaxInFlight = f.speedup, f.maxInFlight })
	default:
		add(closed, func(l *bench.Level) { l.Users = 1 })
	}
}

func (f *benchFlags) open(l *bench.Level, rate float64) {
	l.Rate, l.RateEnd, l.Steps = rate, f.rateEnd, f.steps
	l.Arrival, l.Burstiness, l.MaxInFlight = bench.Arrival(f.arrival), f.burstiness, f.maxInFlight
}

// misplaced refuses a flag that would say nothing beside the others.
func (f *benchFlags) misplaced(w bench.Workload) error {
	has := func(kinds ...bench.Kind) bool {
		return slices.ContainsFunc(w.Levels, func(l bench.Level) bool { return slices.Contains(kinds, l.Kind) })
	}
	for _, rule := range []struct {
		flags []string
		kinds []bench.Kind
		needs string
	}{
		{[]string{"rate-end", "steps", "arrival", "burstiness"}, []bench.Kind{bench.KindOpen, bench.KindMaxRate}, "--rate or --max-rate"},
		{[]string{"max-in-flight"}, []bench.Kind{bench.KindOpen, bench.KindMaxRate, bench.KindTrace}, "--rate, --max-rate or --trace"},
		{[]string{"speedup"}, []bench.Kind{bench.KindTrace}, "a --trace that is replayed"},
		{[]string{"burst"}, []bench.Kind{bench.KindBurst}, "--users"},
	} {
		for _, name := range rule.flags {
			if f.changed(name) && !has(rule.kinds...) {
				return &usageError{fmt.Errorf("--%s belongs to %s", name, rule.needs)}
			}
		}
	}
	switch {
	case f.maxRate && len(f.rates) > 1:
		return &usageError{errors.New("--max-rate begins at one --rate")}
	case (f.file != "" || f.trace != "") && f.changed("input-tokens"):
		return &usageError{errors.New("--input-tokens says how long synthetic prompts are; those of --file and --trace have their own lengths")}
	case f.trace != "" && f.changed("output-tokens"):
		return &usageError{errors.New("--output-tokens and --trace both say how long answers are: take one of them")}
	}
	return nil
}
