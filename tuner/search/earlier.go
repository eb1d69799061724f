package search

import (
	"fmt"
	"math"
	"slices"
)

// How far a value that was measured on another day is off, beside a start's own noise,
// in log units. Nobody has published how days differ: starts differ by up to 1.5 % and a
// clock drifts by 1 %, and against the baseline of its day a value has both twice, which
// is 2.5 %. That another version of an engine moves flags' effects against each other
// doubles it, and without a baseline in common the level may be another one as well (both
// are judgements).
const (
	doubtOfDay   = 0.05
	doubtOfLevel = 0.15
)

// minForetold is from how many measured trials on earlier runs are judged by them.
const minForetold = 3

// hints are the trials of earlier runs as they would come out today: what a run has
// measured is moved by as much as the baseline has moved since, if both runs have it.
func (p *Problem) hints(h []Trial) []Trial {
	now := p.baselineOf(h)
	var all []Trial
	for _, run := range p.Earlier {
		then := p.baselineOf(run)
		for i := range run {
			switch {
			case now == nil || then == nil:
				all = append(all, run[i].doubted(doubtOfLevel))
			case &run[i] != then:
				all = append(all, run[i].since(then, now))
			}
		}
	}
	return all
}

// baselineOf is the trial of the baseline that has a value; nil if there is none.
func (p *Problem) baselineOf(h []Trial) *Trial {
	key := p.Space.Key(p.Baseline)
	for i := range h {
		if h[i].measured() && h[i].Value > 0 && p.Space.Key(h[i].Point) == key {
			return &h[i]
		}
	}
	return nil
}

func (t *Trial) doubted(by float64) Trial {
	d := *t
	d.Doubt = math.Hypot(t.Doubt, by)
	return d
}

// since moves a trial from the baseline of then to that of now. A limit that neither or
// only one of them has stays as it is.
func (t *Trial) since(then, now *Trial) Trial {
	d := t.doubted(doubtOfDay)
	d.Value *= now.Value / then.Value
	d.Limits = slices.Clone(t.Limits)
	for i := range d.Limits {
		if moved := now.Limits[i] / then.Limits[i]; moved > 0 && !math.IsInf(moved, 1) {
			d.Limits[i] *= moved
		}
	}
	return d
}

// believable are the hints, unless the trials measured since are foretold worse with them
// than without: then none, and the text says so. The surface of the value that was fitted
// to decide is given too; nil where nothing was to be decided.
func (a *auto) believable(h []Trial, hasPrior bool) (hints []Trial, value *surface, doubted string) {
	hints = a.hints(h)
	n := countMeasured(h)
	if len(hints) == 0 || n < minForetold {
		return hints, nil, ""
	}
	m := &model{oracle: a.oracle, trusted: hasPrior}
	with, without := m.fitValue(slices.Concat(hints, h)), m.fitValue(h)
	if with.rest.foretells(n) >= without.rest.foretells(n) {
		return hints, &with, ""
	}
	return nil, &without, fmt.Sprintf("; the earlier runs are set aside: the %d trials measured are foretold worse with them than without", n)
}

func countMeasured(h []Trial) int {
	n := 0
	for i := range h {
		if h[i].measured() {
			n++
		}
	}
	return n
}

// plenty says that there are as many measured hints as the baseline has axes, so that
// models know more of each than one change at a time would show.
func (a *auto) plenty(hints []Trial) bool {
	return len(hints) > 0 && countMeasured(hints) >= len(a.Baseline.At)
}
