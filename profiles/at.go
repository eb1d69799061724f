package profiles

import (
	"fmt"
	"strings"

	"github.com/qtune/qtune/bench"
)

// selector is what an at says of a level; a zero field says nothing.
type selector struct {
	workload, kind      string
	users, outputTokens int
	rate                float64
}

// selects says whether a level is meant. Users means the closed loads, rate the
// open ones, and output_tokens alone the single ones.
func (q selector) selects(w bench.Workload, level bench.Level) bool {
	switch {
	case q.workload != "" && q.workload != w.Name,
		q.kind != "" && q.kind != string(level.Kind),
		q.outputTokens != 0 && q.outputTokens != level.OutputTokens:
		return false
	case q.rate != 0:
		return level.Kind == bench.KindOpen && q.rate == level.Rate && (q.users == 0 || q.users == level.Users)
	case q.users != 0:
		return (level.Kind == bench.KindClosed || level.Kind == bench.KindBurst) && q.users == level.Users
	case q.outputTokens != 0 && q.kind == "":
		return level.Kind == bench.KindSingle
	}
	return true
}

// at finds the one level that an objective or a constraint is about.
func (s *section) at(p *Profile) At {
	q, ok := s.selector()
	if !ok {
		return At{}
	}
	found := matches(p, q)
	if len(found) == 1 {
		return found[0]
	}
	if len(matches(p, selector{})) == 0 {
		return At{} // that there is no load has been reported
	}
	place, summary := s.header, "at selects no load"
	if a := s.body.Attributes["at"]; a != nil {
		place = a.Expr.Range()
	}
	switch {
	case !s.has("at"):
		summary = fmt.Sprintf("%s does not say at which load", s.title)
	case len(found) > 1:
		summary = fmt.Sprintf("at selects %d loads", len(found))
	}
	s.l.errorf(codeLevelNotOne, place, summary, "It has to select exactly one. Write one of these:"+listLevels(p))
	return At{}
}

// selector reads at = { users = 20 }.
func (s *section) selector() (selector, bool) {
	var q selector
	if !s.has("at") {
		return q, true
	}
	f, ok := s.field("at")
	if !ok {
		return q, false
	}
	before := s.l.diags.Errors()
	o, ok := f.object("Write at = { users = 20 } or at = { output_tokens = 500 }.", "workload", "kind", "users", "output_tokens", "rate")
	if !ok {
		return q, false
	}
	if rate, ok := o.get("rate"); ok {
		rate.decimal(&q.rate, highestRate)
	}
	o.text("workload", &q.workload)
	o.text("kind", &q.kind)
	o.whole("users", &q.users, maxUsers)
	o.whole("output_tokens", &q.outputTokens, maxTokens)
	return q, s.l.diags.Errors() == before
}

// whole reads a whole number from 1 to high.
func (p part) whole(name string, target *int, high int) {
	if f, ok := p.get(name); ok {
		if n, ok := f.whole(1, high); ok {
			*target = n
		}
	}
}

func matches(p *Profile, q selector) []At {
	var all []At
	for i, w := range p.Workloads {
		for j, level := range w.Levels {
			if q.selects(w, level) {
				all = append(all, At{Workload: i, Level: j})
			}
		}
	}
	return all
}

// maxListed is how many loads a message lists.
const maxListed = 20

func listLevels(p *Profile) string {
	var b strings.Builder
	n := 0
	for _, w := range p.Workloads {
		for _, level := range w.Levels {
			if n++; n <= maxListed {
				fmt.Fprintf(&b, "\n  at = %s", shortestAt(p, w, level))
			}
		}
	}
	if n > maxListed {
		fmt.Fprintf(&b, "\n  and %d more", n-maxListed)
	}
	return b.String()
}

// shortestAt is the least that selects a level.
func shortestAt(p *Profile, w bench.Workload, level bench.Level) string {
	q, text := selector{users: level.Users}, fmt.Sprintf("users = %d", level.Users)
	switch level.Kind {
	case bench.KindSingle:
		q, text = selector{outputTokens: level.OutputTokens}, fmt.Sprintf("output_tokens = %d", level.OutputTokens)
	case bench.KindOpen:
		q, text = selector{rate: level.Rate}, fmt.Sprintf("rate = %v", level.Rate)
	case bench.KindTrace, bench.KindMaxRate:
		q, text = selector{kind: string(level.Kind)}, fmt.Sprintf("kind = %q", level.Kind)
	}
	if more := q; len(matches(p, q)) > 1 && level.Kind != bench.KindSingle {
		more.outputTokens = level.OutputTokens
		if len(matches(p, more)) < len(matches(p, q)) {
			q, text = more, text+fmt.Sprintf(", output_tokens = %d", level.OutputTokens)
		}
	}
	if more := q; len(matches(p, q)) > 1 {
		more.kind = string(level.Kind)
		if len(matches(p, more)) < len(matches(p, q)) {
			q, text = more, text+fmt.Sprintf(", kind = %q", level.Kind)
		}
	}
	if len(matches(p, q)) > 1 {
		text = fmt.Sprintf("workload = %q, ", w.Name) + text
	}
	return "{ " + text + " }"
}
