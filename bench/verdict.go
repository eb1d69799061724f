package bench

import (
	"cmp"
	"slices"
	"time"
)

// lookAgain is by how much a level must have grown before it is asked again
// whether it has settled.
const lookAgain = 1.05

// settle stops a level that has no limit of its own once it has settled; the
// caller holds the lock.
func (l *ledger) settle() {
	if l.warmup || l.stopped || !l.level.settles() || l.requests.Completed < l.enough() {
		return
	}
	now := l.clock.now()
	if float64(now) < lookAgain*float64(l.checked) {
		return
	}
	l.checked = now
	if v := l.look(now); v.ok && l.narrow(v) {
		l.stop(now, stopSettled)
	}
}

// narrow says whether the intervals are narrow enough: that of the throughput; of
// an open loop, whose throughput is the schedule's, those of mean TPOT and of the
// 95th percentile of the time to the first token from the intended send.
func (l *ledger) narrow(v view) bool {
	if !l.level.timed() {
		return v.throughput.settled()
	}
	var first []float64
	var each ratio
	for _, s := range l.samples {
		if !l.all && s.sent < v.cut {
			continue
		}
		wait := s.ttft
		if l.whole {
			wait = s.e2e
		}
		first = append(first, float64(s.queue+wait))
		if s.tokens >= 2 {
			each.add(1, s.tpot)
		}
	}
	slices.Sort(first)
	p95 := l.factors.rankInterval(first, 0.95)
	if p95 == nil || p95[1]-p95[0] > 2*settlePercentile*p95[1] {
		return false
	}
	half, ok := each.half(&l.factors)
	return !ok || half <= settleHalf*each.value()
}

// settled says whether the level has settled, at its end or when it was ended for that.
func (l *ledger) settled(v view) bool {
	return l.why == stopSettled || v.ok && l.narrow(v)
}

// enough is the fewest requests that a level is stopped on: settleOpen of an open
// loop, ten of a single stream, twenty in all and two of each user of a closed loop.
func (l *ledger) enough() int {
	switch {
	case l.level.timed():
		return settleOpen
	case l.level.lone():
		return settleBatches
	}
	return max(20, 2*l.level.users())
}

// view is what the ledger shows of the level up to some moment.
type view struct {
	throughput interval      // of output tokens, per second
	cut        time.Duration // where the measured part begins
	end        time.Duration // where it ends
	ok         bool          // the start-up could be told from the rest
}

func (v view) seconds() float64 { return (v.end - v.cut).Seconds() }

// look measures the level up to now, or to where it was stopped; the caller
// holds the lock, or is alone.
func (l *ledger) look(now time.Duration) view {
	switch {
	case l.level.lone():
		return l.lookSingle()
	case l.all:
		return l.lookAll()
	}
	return l.lookWindow(now)
}

// lookSingle takes each request of a single stream, with the pause behind it, as a batch.
func (l *ledger) lookSingle() view {
	v := view{cut: l.first, end: l.last, ok: true}
	v.throughput.value = rate(l.delivered.total(0), v.seconds())
	slices.SortFunc(l.samples, func(a, b sample) int { return cmp.Compare(a.sent, b.sent) })
	var r ratio
	for i, s := range l.samples {
		next := s.sent + s.e2e
		if i+1 < len(l.samples) && l.seen == len(l.samples) {
			next = l.samples[i+1].sent
		}
		r.add((next - s.sent).Seconds(), float64(s.tokens))
	}
	v.throughput.half, v.throughput.known = r.half(&l.factors)
	return v
}

// lookAll measures from the first send to the last token. Its interval has the
// width, in proportion, of that of batches up to the last send.
func (l *ledger) lookAll() view {
	v := view{cut: l.first, end: l.last, ok: true}
	v.throughput.value = rate(l.delivered.total(0), v.seconds())
	if l.level.Kind == KindBurst {
		return v
	}
	if b := l.factors.batchMeans(&l.delivered, 0, l.stopAt); b.known && b.value > 0 {
		v.throughput.half, v.throughput.known = v.throughput.value*b.half/b.value, true
	}
	return v
}

// lookWindow measures from the end of the ramp, or of what looks like start-up
// after it, to the last send.
func (l *ledger) lookWindow(now time.Duration) view {
	if l.stopped {
		now = l.stopAt
	} else {
		now = l.known(now)
	}
	length := now - l.origin
	if length <= 0 || l.delivered.width == 0 {
		return view{cut: l.origin, end: max(l.origin, l.last)}
	}
	slot, ok := trimBins(&l.delivered, length)
	if ok {
		late, fine := l.trimTTFT()
		slot, ok = max(slot, int(late/l.delivered.width)), fine
	}
	if !ok {
		slot = 0
	}
	v := view{cut: l.origin + time.Duration(slot)*l.delivered.width, end: now, ok: ok}
	v.throughput = l.factors.batchMeans(&l.delivered, slot, length)
	v.throughput.value = rate(l.delivered.total(slot), v.seconds())
	return v
}

// known is until when all that came has been entered: tokens are entered when
// their request ends, so those of requests under way are still to come.
func (l *ledger) known(now time.Duration) time.Duration {
	for _, since := range l.busy {
		if since >= 0 {
			now = min(now, since)
		}
	}
	return now
}

// trimTTFT is how long after the origin the start-up ends by the requests' time
// to the first token, in the order of their sending.
func (l *ledger) trimTTFT() (time.Duration, bool) {
	if len(l.samples) < 10*5 {
		return 0, true
	}
	slices.SortFunc(l.samples, func(a, b sample) int { return cmp.Compare(a.sent, b.sent) })
	series := make([]float64, len(l.samples))
	for i, s := range l.samples {
		series[i] = float64(s.ttft)
	}
	cut, ok := trim(series)
	return max(0, l.samples[min(cut, len(series)-1)].sent-l.origin), ok
}

func rate(n, seconds float64) float64 {
	if seconds <= 0 {
		return 0
	}
	return n / seconds
}
