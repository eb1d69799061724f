package compare

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// Reason is one thing that makes two sides not comparable. Codes are stable.
type Reason struct {
	Code  string
	Level string // "" for the whole
	A, B  string // what the sides say of it
}

// The codes of reasons.
const (
	OtherSimulated = "simulated"    // one is simulated, the other measured
	OtherModel     = "model"        // another model
	OtherCard      = "card"         // another GPU
	OtherClient    = "client"       // another load client, which defines figures differently
	OtherBench     = "bench"        // another version of qtune's measuring
	OtherLoad      = "load"         // another load: users, rate
	OtherWorkload  = "workload"     // another workload: prompts, arrivals, interface
	OtherInput     = "input"        // prompts of another length
	OtherOutput    = "output"       // answers of another length
	ClientBound    = "client-bound" // a load client was the bottleneck
	NoCommonLevel  = "no-level"     // nothing to compare; no force helps
)

// lengthLimit is by how much the mean lengths of prompts or answers may differ,
// where the request lists are not known to be alike.
const lengthLimit = 0.05

// reasons lists everything that speaks against comparing.
func reasons(c *Comparison) []Reason {
	a, b := c.A, c.B
	var all []Reason
	differ := func(code, x, y string) {
		if x != "" && y != "" && x != y {
			all = append(all, Reason{Code: code, A: x, B: y})
		}
	}
	if a.Simulated != b.Simulated {
		all = append(all, Reason{Code: OtherSimulated, A: how(a), B: how(b)})
	}
	differ(OtherModel, a.Model, b.Model)
	differ(OtherCard, a.Card, b.Card)
	differ(OtherClient, a.Client, b.Client)
	differ(OtherBench, a.Bench, b.Bench)
	for i := range c.Levels {
		all = append(all, c.Levels[i].reasons()...)
	}
	if len(c.Levels) == 0 {
		all = append(all, Reason{Code: NoCommonLevel})
	}
	return all
}

func how(s *Side) string {
	if s.Simulated {
		return "simulated"
	}
	return "measured"
}

func (p *LevelPair) reasons() []Reason {
	a, b := p.A, p.B
	var all []Reason
	say := func(code, x, y string) { all = append(all, Reason{code, p.Name, x, y}) }
	switch {
	case !a.Load.like(b.Load):
		say(OtherLoad, a.Load.String(), b.Load.String())
	case len(a.Sends) > 0 && len(b.Sends) > 0:
		if x, y := apartFrom(a.Sends, b.Sends), apartFrom(b.Sends, a.Sends); x+y != "" {
			say(OtherWorkload, x, y)
		}
	default:
		if apart(a.Input, b.Input) {
			say(OtherInput, tokens(a.Input), tokens(b.Input))
		}
		if apart(a.Output, b.Output) {
			say(OtherOutput, tokens(a.Output), tokens(b.Output))
		}
	}
	if bound(a) || bound(b) {
		say(ClientBound, boundWord(a), boundWord(b))
	}
	return all
}

// apartFrom are the words of a that b lacks.
func apartFrom(a, b []string) string {
	var all []string
	for _, word := range a {
		if !slices.Contains(b, word) {
			all = append(all, word)
		}
	}
	return strings.Join(all, ", ")
}

// apart says whether two mean lengths are not the same; 0 is one that is not known.
func apart(x, y float64) bool {
	return x > 0 && y > 0 && math.Abs(x-y) > lengthLimit*math.Max(x, y)
}

func tokens(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) }

func bound(l *Level) bool {
	for i := range l.Starts {
		if l.Starts[i].Bound {
			return true
		}
	}
	return false
}

func boundWord(l *Level) string {
	if bound(l) {
		return "client-bound"
	}
	return "valid"
}

// Comparable says whether nothing speaks against comparing.
func (c *Comparison) Comparable() bool { return len(c.Reasons) == 0 }
