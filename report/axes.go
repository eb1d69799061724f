package report

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/qtune/qtune/tuner"
	"github.com/qtune/qtune/tuner/finish"
)

// Effect is what one value of a setting does to a figure of the objective, from the
// trials that ran.
type Effect struct {
	Metric   string `json:"metric"` // the figure, and where it was measured
	Workload string `json:"workload"`
	Level    string `json:"level"`
	Engine   string `json:"engine"` // kind and name of the block
	Axis     string `json:"axis"`
	Value    string `json:"value"`
	Trials   int    `json:"trials"` // measured with it
	Failed   int    `json:"failed"`
	// Mean is of the figure over those trials; nil without any.
	Mean *float64 `json:"mean"`
	// Reference says that this is the value which the others are compared with.
	Reference bool `json:"reference"`
	// Pairs counts the pairs of trials that differ in this setting alone, this
	// value against the reference; Change is the geometric mean of their changes of
	// the figure as fractions, with its 95 % interval, Median the one in the middle,
	// which one odd trial does not move, Low and High the least and the greatest.
	// The interval is that of a finish of so many blocks: of paired starts, which
	// differ by no less than restarts are known to. A figure that became 0 has no
	// logarithm: then the mean is the arithmetic one, and has none.
	Pairs    int         `json:"pairs"`
	Change   *float64    `json:"change"`
	Interval *[2]float64 `json:"interval"`
	Median   *float64    `json:"median"`
	Low      *float64    `json:"low"`
	High     *float64    `json:"high"`

	with, without []float64 // the figures of each pair
}

// setting is a trial's value of every axis of its engine.
type setting struct {
	values []string
	row    *tuner.Row
	figure *float64 // nil where the trial has none
}

// axes are what the trials of one engine block differ in.
type axes struct {
	engine   string
	figure   tuner.ObjectiveValue // that effects are on
	names    []string
	settings []setting
}

// axesOf finds, for each engine block, the flags and variables in which its
// trials differ, the baseline among them: it may be a place of its block's grid.
func axesOf(o *tuner.Outcome, results map[string]*tuner.TrialResult) []axes {
	var all []axes
	at := map[string]int{}
	for i := range o.Rows {
		r := &o.Rows[i]
		if results[r.Trial] == nil {
			continue
		}
		name := r.Engine + " " + r.Name
		k, ok := at[name]
		if !ok {
			k = len(all)
			at[name] = k
			all = append(all, axes{engine: name, figure: o.Summary.Objective})
		}
		all[k].settings = append(all[k].settings, setting{row: r, figure: r.Value})
	}
	for i := range all {
		all[i].find(results)
	}
	return slices.DeleteFunc(all, func(a axes) bool { return len(a.names) == 0 })
}

// second are the same axes, for effects on the second figure of an objective.
func (a *axes) second(figure tuner.ObjectiveValue) axes {
	other := axes{engine: a.engine, figure: figure, names: a.names, settings: slices.Clone(a.settings)}
	for i := range other.settings {
		other.settings[i].figure = other.settings[i].row.Second
	}
	return other
}

// onBoth are the axes for effects on each of the objective's figures.
func onBoth(o *tuner.Outcome, results map[string]*tuner.TrialResult) []axes {
	var all []axes
	for _, a := range axesOf(o, results) {
		all = append(all, a)
		if o.Summary.Pair != nil {
			all = append(all, a.second(o.Summary.Pair.Second))
		}
	}
	return all
}

// find names the axes and reads each trial's values of them.
func (a *axes) find(results map[string]*tuner.TrialResult) {
	maps := make([]map[string]string, len(a.settings))
	var order []string
	distinct := map[string]map[string]bool{}
	for i, s := range a.settings {
		maps[i] = flagsOf(results[s.row.Trial], &order, distinct)
	}
	for _, name := range order {
		for i := range maps {
			if _, ok := maps[i][name]; !ok {
				distinct[name]["off"] = true
			}
		}
		if len(distinct[name]) > 1 {
			a.names = append(a.names, name)
		}
	}
	for i := range a.settings {
		for _, name := range a.names {
			v, ok := maps[i][name]
			if !ok {
				v = "off"
			}
			a.settings[i].values = append(a.settings[i].values, v)
		}
	}
}

// flagsOf are a trial's flags and variables by name; new names go to order.
func flagsOf(r *tuner.TrialResult, order *[]string, distinct map[string]map[string]bool) map[string]string {
	values := map[string]string{}
	add := func(name, value string) {
		values[name] = value
		if distinct[name] == nil {
			distinct[name] = map[string]bool{}
			*order = append(*order, name)
		}
		distinct[name][value] = true
	}
	for _, f := range r.Flags {
		add(f.Name, f.Value.String())
	}
	for _, e := range r.Env {
		add("env."+e.Name, e.Value.String())
	}
	return values
}

// values of one axis: words in the order of the trials, then numbers in their own.
func (a *axes) values(axis int) []string {
	var all []string
	seen := map[string]bool{}
	for _, s := range a.settings {
		if v := s.values[axis]; !seen[v] {
			seen[v] = true
			all = append(all, v)
		}
	}
	number := func(s string) float64 {
		v, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return math.Inf(-1)
		}
		return v
	}
	slices.SortStableFunc(all, func(x, y string) int { return cmp.Compare(number(x), number(y)) })
	return all
}

// reference is the value that the others of an axis are compared with: the
// first of those that were measured most often.
func (a *axes) reference(axis int, values []string) int {
	counts := make([]int, len(values))
	for _, s := range a.settings {
		if s.figure != nil {
			counts[slices.Index(values, s.values[axis])]++
		}
	}
	return slices.Index(counts, slices.Max(counts))
}

// others is a key of all of a trial's values but those of some axes.
func (s *setting) others(skip ...int) string {
	var b strings.Builder
	for i, v := range s.values {
		if !slices.Contains(skip, i) {
			b.WriteString(v + "\x00")
		}
	}
	return b.String()
}

// Effects compares the values of each axis over the trials that differ in it alone.
func (a *axes) effects() [][]Effect {
	var all [][]Effect
	for axis := range a.names {
		all = append(all, a.effectsOf(axis))
	}
	slices.SortStableFunc(all, func(x, y []Effect) int { return cmp.Compare(strength(y), strength(x)) })
	return all
}

func (a *axes) effectsOf(axis int) []Effect {
	values := a.values(axis)
	all := make([]Effect, len(values))
	reference := a.reference(axis, values)
	references := map[string]float64{}
	for _, s := range a.settings {
		if s.values[axis] == values[reference] && s.figure != nil {
			references[s.others(axis)] = *s.figure
		}
	}
	for i, v := range values {
		e := &all[i]
		*e = Effect{Metric: a.figure.Metric, Workload: a.figure.Workload, Level: a.figure.Level, Engine: a.engine, Axis: a.names[axis], Value: v, Reference: i == reference}
		for _, s := range a.settings {
			if s.values[axis] == v {
				e.add(s.figure, references[s.others(axis)])
			}
		}
		e.finish()
	}
	return all
}

// add counts a trial, and its pair with the reference if that is not 0.
func (e *Effect) add(figure *float64, reference float64) {
	if figure == nil {
		e.Failed++
		return
	}
	e.Trials++
	if e.Mean == nil {
		e.Mean = new(float64)
	}
	*e.Mean += *figure
	if reference <= 0 || e.Reference {
		return
	}
	e.with, e.without = append(e.with, *figure), append(e.without, reference)
}

func (e *Effect) finish() {
	if e.Mean != nil {
		*e.Mean /= float64(e.Trials)
	}
	e.Pairs = len(e.with)
	if e.Pairs == 0 {
		return
	}
	changes, sum := make([]float64, e.Pairs), 0.0
	for i := range changes {
		changes[i] = e.with[i]/e.without[i] - 1
		sum += changes[i]
	}
	slices.Sort(changes)
	e.Change = new(sum / float64(e.Pairs))
	e.Median = new((changes[(e.Pairs-1)/2] + changes[e.Pairs/2]) / 2)
	e.Low, e.High = &changes[0], &changes[e.Pairs-1]
	if mean, err := finish.Decide([][]float64{e.without, e.with}, false, finish.DefaultNoise()); err == nil {
		e.Change, e.Interval = &mean.Gain, &[2]float64{mean.Low, mean.High}
	}
}

// clear says that the mean change is more than chance.
func (e *Effect) clear() bool { return e.Interval[0] > 0 || e.Interval[1] < 0 }

// strength is the greatest typical change that an axis makes.
func strength(effects []Effect) float64 {
	most := 0.0
	for _, e := range effects {
		if e.Change != nil {
			most = math.Max(most, math.Abs(*e.Change))
		}
	}
	return most
}
