package bench

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// summary makes the result of what a ledger holds, at the level's end.
func (s *session) summary(l *ledger, use clientUse, wall time.Duration) LevelResult {
	r, v := s.figures(l)
	r.WallS = wall.Seconds()
	r.Server = s.server.view(l)
	r.Client = use.cost(wall, clientSigns{
		delayMS: l.delayP99(), socketMS: s.link.sockets.wait(l.bytes, wall), figure: wallFigure(&r, l.clock), hub: s.link.reads(&s.wire),
	})
	r.Notes = append(s.notes, s.remarks(l, v)...)
	r.Notes = append(r.Notes, s.server.compare(&r)...)
	return r
}

// figures are those that follow from the requests alone.
func (s *session) figures(l *ledger) (LevelResult, view) {
	v := l.look(l.clock.now())
	r := LevelResult{
		Kind: s.level.Kind, Users: s.level.users(), Rate: s.level.Rate,
		RequestedOutputTokens: s.level.OutputTokens,
		Requests:              l.requests, Failures: l.failures,
		DurationS: max(0, (l.last - l.first).Seconds()), WindowS: max(0, v.seconds()),
		InputTokens: l.input, OutputTokens: l.output,
		OutputThroughput:  v.throughput.value,
		InputThroughput:   v.throughput.value * share(l.input, l.output),
		TotalThroughput:   v.throughput.value * (1 + share(l.input, l.output)),
		RequestThroughput: v.throughput.value * share(l.requests.Completed, l.output),
		PeakInFlight:      l.peak,
		TokensEstimated:   l.estimated > 0,
		Counting:          l.counting(s.running),
		Settled:           l.settled(v),
	}
	slices.SortStableFunc(r.Failures, func(a, b FailureCount) int { return cmp.Compare(b.Count, a.Count) })
	if v.throughput.known {
		r.ThroughputInterval = &[2]float64{v.throughput.value - v.throughput.half, v.throughput.value + v.throughput.half}
	}
	r.PeakOutputThroughput = l.delivered.peak()
	if l.judged > 0 {
		good := share(l.good, l.judged)
		rate := r.RequestThroughput * share(l.good, l.judged) / max(1-r.ErrorRate(), 1e-9)
		r.GoodShare, r.Goodput = &good, &rate
	}
	l.latencies(&r, v.cut)
	s.timedFigures(l, &r)
	return r, v
}

// counting names how tokens were counted.
func (l *ledger) counting(running bool) string {
	switch {
	case l.estimated > 0 && l.perEvent > 0:
		return "tokenize"
	case l.estimated > 0:
		return "events"
	case running:
		return "usage in each event"
	}
	return "usage"
}

// saturated says whether requests came faster than they were completed.
func (l *ledger) saturated() bool {
	return l.level.timed() && (l.waited > 0 || l.backlog.grows(l.stopAt, l.issued, l.level.Kind == KindTrace || l.level.RateEnd > 0))
}

// timedFigures are those that only a schedule has. Where the server was saturated,
// latencies are no figures of it and are left out.
func (s *session) timedFigures(l *ledger, r *LevelResult) {
	if !s.level.timed() {
		return
	}
	r.Users = 0
	r.InFlightCap, r.Held = s.level.connections(), l.waited
	if s.level.Kind == KindTrace {
		r.Rate = 0
	}
	r.RateEnd = s.level.RateEnd
	r.Saturated = l.saturated()
	if r.Saturated {
		for _, v := range []*Stats{&r.TTFT, &r.E2E, &r.TTFTIntended, &r.E2EIntended, &r.Queue} {
			*v = Stats{N: v.N}
		}
	}
}

// share is part/whole, 0 for nothing at all.
func share(part, whole int) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

// latencies summarises the requests that were sent in the measured part.
func (l *ledger) latencies(r *LevelResult, cut time.Duration) {
	latency := func(of func(*sample) time.Duration) Stats {
		l.sorted = l.sorted[:0]
		for i := range l.samples {
			if s := &l.samples[i]; l.all || s.sent >= cut {
				l.sorted = append(l.sorted, milliseconds(float64(of(s))))
			}
		}
		return l.factors.summarise(l.sorted)
	}
	r.E2E = latency(func(s *sample) time.Duration { return s.e2e })
	r.Queue = latency(func(s *sample) time.Duration { return s.queue })
	late := func(own Stats, of func(*sample) time.Duration) Stats {
		if m := r.Queue.Mean; m == nil || *m == 0 {
			return own // nothing was sent late
		}
		return latency(of)
	}
	r.E2EIntended = late(r.E2E, func(s *sample) time.Duration { return s.queue + s.e2e })
	if l.whole {
		return
	}
	r.TTFT = latency(func(s *sample) time.Duration { return s.ttft })
	r.TTFTIntended = late(r.TTFT, func(s *sample) time.Duration { return s.queue + s.ttft })
	r.TPOT, r.UserRate = l.perToken(cut)
	r.ITL = l.interToken()
}

// perToken summarises the time per token and its inverse, of requests with a second token.
func (l *ledger) perToken(cut time.Duration) (tpot, userRate Stats) {
	l.sorted = l.sorted[:0]
	for i := range l.samples {
		if s := &l.samples[i]; s.tpot > 0 && (l.all || s.sent >= cut) {
			l.sorted = append(l.sorted, milliseconds(s.tpot))
		}
	}
	tpot = l.factors.summarise(l.sorted)
	for i, ms := range l.sorted {
		l.sorted[i] = 1e3 / ms
	}
	slices.Reverse(l.sorted)
	return tpot, l.factors.summarise(l.sorted)
}

// interToken summarises the gaps between tokens. Their percentiles come from a
// histogram of three significant digits; the mean is exact, and its interval
// takes the gaps of one request together, since they are alike.
func (l *ledger) interToken() Stats {
	n := int(l.gaps.TotalCount())
	if n == 0 || l.gapRatio.n == 0 {
		return Stats{}
	}
	s := Stats{N: n}
	unit := milliseconds(float64(tick))
	mean := l.gapRatio.value() * unit
	s.Mean = &mean
	at := func(p float64, least int) *float64 {
		if n < least {
			return nil
		}
		v := float64(l.gaps.ValueAtQuantile(100*p)) * unit
		return &v
	}
	s.P50, s.P90, s.P95, s.P99 = at(0.50, MinP50), at(0.90, MinP90), at(0.95, MinP95), at(0.99, MinP99)
	if half, ok := l.gapRatio.half(&l.factors); ok {
		s.MeanInterval = &[2]float64{mean - half*unit, mean + half*unit}
	}
	return s
}

func milliseconds(ns float64) float64 { return ns / float64(time.Millisecond) }

// delayP99 is the schedule delay in milliseconds of wall time.
func (l *ledger) delayP99() *float64 {
	if l.delays.TotalCount() == 0 {
		return nil
	}
	ms := float64(l.delays.ValueAtQuantile(99)) / 1e3
	return &ms
}

// wallFigure is the smaller of the mean TTFT and TPOT in milliseconds of wall time.
func wallFigure(r *LevelResult, c clock) float64 {
	least := math.Inf(1)
	for _, s := range []Stats{r.TTFT, r.TPOT} {
		if s.Mean != nil && *s.Mean > 0 {
			least = min(least, *s.Mean/c.speed)
		}
	}
	if math.IsInf(least, 1) {
		return 0
	}
	return least
}
