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
}

// NewLoad plans a level. A closed loop that would be measured until it has settled is
// predicted from fewer requests: each user asks about rounds times behind the ramp.
// The error says why a level cannot be run.
func NewLoad(w bench.Workload, l bench.Level) (*Load, error) {
	load := &Load{work: w, level: l}
	if load.settles() {
		load.short = map[int]*simulator.Load{}
		l.Requests, l.Warmup = l.Users, 0
	}
	var err error
	load.whole, err = simulator.NewLoad(w, l)
	return load, err
}

// rounds of a settling level that are computed.
const rounds = 6

// settles says that the level has no limit of its own and that its users would go in
// step without a ramp.
func (l *Load) settles() bool {
	return l.level.Kind == bench.KindClosed && l.level.Users > 1 && l.level.Requests == 0 && l.level.Duration == 0
}

// run computes the level.
func (l *Load) run(e *simulator.Engine) bench.LevelResult {
	r := e.Run(l.whole, seed)
	if l.short == nil || r.E2E.Mean == nil {
		return r
	}
	// Lengths of the same tenth share one plan, which costs more than running it.
	step := int(math.Ceil(10 * math.Log2(rounds**r.E2E.Mean)))
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
