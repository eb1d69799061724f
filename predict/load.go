package predict

import (
	"math"
	"time"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/simulator"
)

// Load is a level of a workload, ready to be predicted for many trials. It is for
// one goroutine at a time.
type Load struct {
	work  bench.Workload
	level bench.Level
	whole *simulator.Load         // as it would be measured; of a settling level what tells how long an answer takes
	short map[int]*simulator.Load // of a settling level, by the logarithm of how long it is

	rounds            float64 // of a settling level
	sequences, tokens int     // at most, at once and of one request; 0: not known
	done              map[any]bench.LevelResult
}

// maxDone bounds how many results a load remembers.
const maxDone = 10_000

// NewLoad plans a level. A closed loop that would be measured until it has settled is
// predicted from fewer requests: each user asks about six times behind the ramp, which
// is within 3 % of the whole. The error says why a level cannot be run.
func NewLoad(w bench.Workload, l bench.Level) (*Load, error) { return newLoad(w, l, 6) }

// Sketch is NewLoad for those who compare thousands of trials: half as long, and within
// 10 % of the whole.
func Sketch(w bench.Workload, l bench.Level) (*Load, error) { return newLoad(w, l, 3) }

func newLoad(w bench.Workload, l bench.Level, rounds float64) (*Load, error) {
	load := &Load{work: w, level: l, rounds: rounds, done: map[any]bench.LevelResult{}}
	load.sequences, load.tokens = most(&w, l)
	if load.settles() {
		load.short = map[int]*simulator.Load{}
		l.Requests, l.Warmup = l.Users, 0
	}
	var err error
	load.whole, err = simulator.NewLoad(w, l)
	return load, err
}

// settles says that the level has no limit of its own and that its users would go in
// step without a ramp.
func (l *Load) settles() bool {
	return l.level.Kind == bench.KindClosed && l.level.Users > 1 && l.level.Requests == 0 && l.level.Duration == 0
}

// requests is how many are computed for a level of which so many were measured.
func (l *Load) requests(measured int) int {
	if l.settles() {
		return int(l.rounds+2) * l.level.Users
	}
	return measured + l.level.WarmupRequests()
}

// most is how many requests a level has under way at most, and of how many tokens each;
// 0 where that is not fixed.
func most(w *bench.Workload, l bench.Level) (sequences, tokens int) {
	p := &w.Prompts
	fixed := l.Kind == bench.KindClosed || l.Kind == bench.KindBurst || l.Kind == bench.KindSingle
	if !fixed || p.File != nil || p.Trace != nil || p.SharedPrefix.Tokens > 0 || p.Input != (bench.Spread{}) || p.Output != (bench.Spread{}) {
		return 0, 0
	}
	return max(l.Users, 1), max(p.InputTokens, 1) + l.OutputTokens
}

// run computes the level, once for engines that differ in nothing that matters to it.
func (l *Load) run(e *simulator.Engine) bench.LevelResult {
	key := e.Alike(l.sequences, l.tokens)
	if r, ok := l.done[key]; ok {
		return r
	}
	r := l.compute(e)
	if len(l.done) < maxDone {
		l.done[key] = r
	}
	return r
}

func (l *Load) compute(e *simulator.Engine) bench.LevelResult {
	r := e.Run(l.whole, seed)
	if l.short == nil || r.E2E.Mean == nil || *r.E2E.Mean <= 0 {
		return r
	}
	// Lengths of the same tenth share one plan, which costs more than running it.
	step := int(math.Ceil(10 * math.Log2(l.rounds**r.E2E.Mean)))
	short, ok := l.short[step]
	if !ok {
		level := l.level
		level.Duration = time.Duration(math.Exp2(float64(step)/10) * float64(time.Millisecond))
		var err error
		if short, err = simulator.NewLoad(l.work, level); err != nil {
			return r // it could be planned with other limits, and so it can with these
		}
		l.short[step] = short
	}
	return e.Run(short, seed)
}

// Takes is how long the level would keep the server at most, given what was predicted
// of it: its own limits or its cap, and the warm-up, whose requests are taken to be like
// the measured ones.
func (l *Load) Takes(r *bench.LevelResult) time.Duration {
	seconds, sent := r.DurationS, float64(r.Requests.Total)
	if requests, limit := l.level.Cap(); l.settles() && r.RequestThroughput > 0 {
		sent = min(float64(requests), r.RequestThroughput*limit.Seconds())
		seconds = sent / r.RequestThroughput
	}
	if sent > 0 {
		seconds *= 1 + float64(l.level.WarmupRequests())/sent
	}
	return time.Duration(seconds * float64(time.Second))
}
