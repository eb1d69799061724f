package bench

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Limit is one part of an SLO. A request is good if its latency is at most Max;
// a level keeps to it if the named statistic is, or where none is named, if
// DefaultGoodShare of all requests are good.
type Limit struct {
	Latency   string        `json:"latency"`             // ttft, tpot or e2e; ttft and e2e from the intended send
	Statistic string        `json:"statistic,omitempty"` // mean, p50, p90, p95, p99 or empty
	Max       time.Duration `json:"max"`                 // of the engine's time
}

// DefaultGoodShare is the share of requests, failed ones among them, that must be good
// where a limit names no statistic.
const DefaultGoodShare = 0.95

var limitLatencies = []string{"ttft", "tpot", "e2e"}

// ParseLimit reads a limit such as ttft_p95 and 2s.
func ParseLimit(name, value string) (Limit, error) {
	latency, statistic, named := strings.Cut(name, "_")
	if !slices.Contains(limitLatencies, latency) || named && !slices.Contains(statistics, statistic) {
		return Limit{}, fmt.Errorf("%q is no latency of a request: use ttft, tpot or e2e, and perhaps _mean, _p50, _p90, _p95 or _p99 behind it", name)
	}
	d, err := time.ParseDuration(value)
	if err != nil || d <= 0 {
		return Limit{}, fmt.Errorf("%s=%s: write a time above 0, such as 500ms or 2s", name, value)
	}
	return Limit{latency, statistic, d}, nil
}

// String is the limit as ParseLimit reads it.
func (l Limit) String() string { return l.name() + "=" + l.Max.String() }

func (l Limit) name() string {
	if l.Statistic == "" {
		return l.Latency
	}
	return l.Latency + "_" + l.Statistic
}

// good says whether a completed request keeps to every limit.
func good(limits []Limit, s sample) bool {
	for _, l := range limits {
		took := s.queue + s.ttft
		switch l.Latency {
		case "tpot":
			took = time.Duration(s.tpot)
		case "e2e":
			took = s.queue + s.e2e
		}
		if took > l.Max {
			return false
		}
	}
	return true
}

// Holds says whether a level keeps to every limit, and which it breaks first. A
// figure that the level cannot support breaks its limit, as does a saturated level.
func (r *LevelResult) Holds(limits []Limit) (bool, string) {
	if r.Saturated {
		return false, "the server was saturated"
	}
	for _, l := range limits {
		if l.Statistic == "" {
			if r.GoodShare == nil || *r.GoodShare < DefaultGoodShare {
				return false, fmt.Sprintf("fewer than %.0f %% of requests kept to %s", 100*DefaultGoodShare, l)
			}
			continue
		}
		s := map[string]*Stats{"ttft": &r.TTFTIntended, "tpot": &r.TPOT, "e2e": &r.E2EIntended}[l.Latency]
		v, ok := s.value(l.Statistic)
		if !ok {
			return false, fmt.Sprintf("too few requests for %s", l.name())
		}
		if v > inMS(l.Max) {
			return false, fmt.Sprintf("%s was %.4g ms, above %s", l.name(), v, l.Max)
		}
	}
	return true, ""
}
