package bench

import (
	"math/rand/v2"
	"slices"
	"time"
)

// begin begins the measured part.
func (v *Virtual) begin() {
	v.measure, v.now = true, 0
	v.due, v.failing = v.due[:0], v.failing[:0]
	l, level := v.ledger, v.session.level
	l.limits, l.sure, l.whole = v.session.work.SLO, v.session.verdict, v.session.work.Whole
	l.limit, l.until = level.Cap()
	l.all = level.exact() || level.lone()
	if v.warming.completed == 0 {
		l.unbroken = v.warming.ended
	}
	switch {
	case v.timed:
		l.limit, l.until = len(v.times), v.until
	case level.Kind == KindBurst:
		v.wave()
		return
	case !l.all:
		l.origin = level.rampOver(v.warming.sum, v.warming.completed)
	}
	v.users()
}

// users lets the users of a closed loop begin, one after the other over the ramp.
func (v *Virtual) users() {
	if v.timed {
		return
	}
	n := v.session.level.users()
	file := v.session.work.Prompts.File
	if file != nil && !file.multiTurn() {
		file = nil
	}
	for i := n - 1; i >= 0; i-- { // the next one is the last in the line
		v.every[i] = talker{file: file, next: &v.session.talks}
		v.due = append(v.due, sending{v.ledger.origin * time.Duration(i) / time.Duration(n), i})
	}
}

// wave sends the next burst.
func (v *Virtual) wave() {
	if v.ledger.stopped {
		return
	}
	for i := min(v.session.level.users(), v.ledger.limit-v.ledger.issued) - 1; i >= 0; i-- { // the next one is the last in the line
		v.due = append(v.due, sending{v.now, i})
	}
}

// later puts a user into the line of those that will send.
func (v *Virtual) later(s sending) {
	i := len(v.due)
	for i > 0 && v.due[i-1].at <= s.at {
		i--
	}
	v.due = slices.Insert(v.due, i, s)
}

// again makes l as new, in the memory that it has.
func (l *ledger) again() {
	l.gaps.Reset()
	l.delays.Reset()
	*l = ledger{
		level: l.level, clock: l.clock, stopping: make(chan struct{}),
		random: rand.New(rand.NewPCG(1, uint64(l.level.users()))), factors: l.factors, gaps: l.gaps, delays: l.delays,
		busy: l.busy[:0], samples: l.samples[:0], sorted: l.sorted[:0], delivered: bins{slots: l.delivered.slots[:0]},
		backlog: backlog{points: l.backlog.points[:0]},
	}
}
