package compare

import (
	"fmt"
	"math"

	"github.com/qtune/qtune/bench"
)

// Side is one of the two that are compared, as its source tells of it. What a
// source does not tell is "", 0 or nil, and is never made up.
type Side struct {
	Name      string // of the configuration: "vllm plain"
	Source    string // the run or the file
	Client    string // what measured it: ClientQtune, "vllm bench serve", …
	Model     string
	Card      string
	Bench     string // the version of qtune's measuring
	Simulated bool
	// Objectives are the figures that the run it is from was about: none, one or two.
	Objectives []Objective
	Levels     []Level
	Notes      []string // what a reader must know, in English
	Requests   string   // the file that holds its single requests, as the source names it
}

// ClientQtune is the client of qtune's own measurements.
const ClientQtune = "qtune"

// Objective is the figure that a run was about.
type Objective struct {
	Metric   string
	Workload string
	Load     Load
	Lacking  string // the level's name where the side did not measure it, and Load tells nothing; else ""
}

// Load says what a level sends; it is what levels of two sides are matched by. One
// without a kind is not known, and may be any.
type Load struct {
	Kind         bench.Kind
	Users        int     // 0: not known, or not bounded
	Rate         float64 // requests a second
	RateEnd      float64
	OutputTokens int // that a request asks for; 0: not known, or various
}

// String names the load as bench names a level.
func (l Load) String() string {
	if l.Kind == "" {
		return "unknown load"
	}
	return bench.Level{Kind: l.Kind, Users: l.Users, Rate: l.Rate, RateEnd: l.RateEnd, OutputTokens: l.OutputTokens}.String()
}

// like says whether two loads are the same as far as both are known.
func (l Load) like(m Load) bool {
	known := l.OutputTokens == 0 || m.OutputTokens == 0 || l.OutputTokens == m.OutputTokens
	if l.Kind == "" || m.Kind == "" {
		return true
	}
	return known && l.Kind == m.Kind && l.Users == m.Users && l.Rate == m.Rate && l.RateEnd == m.RateEnd
}

// Level is what was measured under one load: once, or more often.
type Level struct {
	Workload string
	Named    string // the level in full, as a file of requests names it
	Load     Load
	// Sends is all that is sent but for what chance decides, as "name=value"; nil where
	// that is not known. List stands for that and for chance: sides with the same List
	// sent the same requests.
	Sends  []string
	List   string
	SLO    string  // what goodput is of
	Input  float64 // mean tokens of a prompt
	Output float64 // mean tokens of an answer
	Starts []Start // at least one
	// Separate says that each of Starts is a life of the server of its own, as against
	// repeats of which that is not known.
	Separate bool
}

// Start is what one start of a server, or one repeat, measured at a level.
type Start struct {
	Figures  map[string]Figure // by the metric's name
	Requests *Requests         // nil where single requests are not kept
	Bound    bool              // the load client was the bottleneck
	// Block names what was measured beside this start, with the same requests: starts of
	// both sides with the same block are compared with each other. "" is none.
	Block string
}

// Figure is the value of a metric.
type Figure struct {
	Value    float64
	Interval *[2]float64 // 95 %; nil where the source gives none
	N        int         // samples; of a share the requests that it is of; 0: not known
	// Of tells figures apart that have one name and are not the same: "" is qtune's
	// own definition. Those that differ are not compared.
	Of string
}

// Requests are the measured requests of a level by their number in the request
// list, in milliseconds. NaN is a request that failed or has no such figure. A
// list that is shorter than the others holds nothing.
type Requests struct {
	Sent, TTFT, TPOT, E2E []float64
}

// Add enters a request.
func (r *Requests) Add(seq int, sent, ttft, tpot, e2e float64) {
	put(&r.Sent, seq, sent)
	put(&r.TTFT, seq, ttft)
	put(&r.TPOT, seq, tpot)
	put(&r.E2E, seq, e2e)
}

// of are the samples of a latency; nil for another figure.
func (r *Requests) of(latency string) []float64 {
	if r == nil {
		return nil
	}
	switch latency {
	case "ttft":
		return r.TTFT
	case "tpot":
		return r.TPOT
	case "e2e":
		return r.E2E
	}
	return nil
}

// figures are the metric's figures of each start; false where one has none.
func (l *Level) figures(metric string) ([]Figure, bool) {
	var all []Figure
	for i := range l.Starts {
		f, ok := l.Starts[i].Figures[metric]
		if !ok {
			return nil, false
		}
		all = append(all, f)
	}
	return all, len(all) > 0
}

// Name is the level with its workload, if it has one.
func (l *Level) Name() string {
	if l.Workload == "" {
		return l.Load.String()
	}
	return l.Workload + ", " + l.Load.String()
}

// put sets a number in a list that grows; what was not set is NaN.
func put(list *[]float64, at int, v float64) {
	for len(*list) <= at {
		*list = append(*list, math.NaN())
	}
	(*list)[at] = v
}

// Replace takes what several starts measured instead of what a level had; each start
// is a list of levels.
func (s *Side) Replace(starts [][]Level) {
	fresh := map[*Level][]Start{}
	for _, levels := range starts {
		for i := range levels {
			if k := s.level(&levels[i]); k != nil {
				fresh[k] = append(fresh[k], levels[i].Starts...)
			}
		}
	}
	for k, all := range fresh {
		k.Starts, k.List = all, ""
	}
}

func (s *Side) level(l *Level) *Level {
	for i := range s.Levels {
		if k := &s.Levels[i]; k.Load == l.Load && k.Workload == l.Workload {
			return k
		}
	}
	return nil
}

// Span is from the first request's send to the last one's end, in milliseconds; 0
// where none was completed.
func (r *Requests) Span() float64 {
	first, last := math.Inf(1), 0.0
	for i, v := range r.E2E {
		if !math.IsNaN(v) {
			first, last = math.Min(first, r.Sent[i]), math.Max(last, r.Sent[i]+v)
		}
	}
	return math.Max(0, last-first)
}

// Join enters another measurement of the same, made on a start of its own. An error
// is one that is not of the same.
func (s *Side) Join(other *Side) error {
	c := Comparison{A: s, B: other}
	c.match()
	for _, r := range reasons(&c) {
		if r.Code != ClientBound {
			return fmt.Errorf("%s and %s cannot be starts of one side: %s: %s and %s", s.Source, other.Source, r.Code, r.A, r.B)
		}
	}
	for i := range c.Levels {
		a := c.Levels[i].A
		a.Starts = append(a.Starts, c.Levels[i].B.Starts...)
		a.Separate = true
	}
	s.Source += ", " + other.Source
	return nil
}
