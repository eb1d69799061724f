package profiles

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/catalog"
)

var (
	objectiveWords  = words{attrs: []string{"maximize", "minimize", "at", "pick"}, blocks: []string{"also"}, once: []string{"also"}}
	alsoWords       = words{attrs: []string{"maximize", "minimize", "at"}}
	constraintWords = words{attrs: []string{"max", "min", "at"}}
)

// goals reads the objective, then the constraints, which hold at its level unless
// they say another.
func (l *loader) goals(p *Profile, body *hclsyntax.Body) {
	var objective *hclsyntax.Block
	for _, b := range body.Blocks {
		if b.Type == "objective" && objective == nil {
			p.Objective, objective = l.objective(p, b), b
		}
	}
	for _, b := range body.Blocks {
		if b.Type == "constraint" {
			l.constraint(p, b)
		}
	}
	if objective != nil {
		l.checkPick(p, objective.DefRange())
	}
}

func (l *loader) objective(p *Profile, b *hclsyntax.Block) Objective {
	s := l.section(b, objectiveWords)
	o := s.goal("Write maximize = output_throughput, or minimize = ttft_p95.")
	o.At = s.at(p)
	l.checkSLO(p, o.Metric, o.At, b.DefRange())
	l.also(p, s, &o)
	return o
}

// goal reads which figure is made best, and which way.
func (s *section) goal(example string) Objective {
	o := Objective{Pos: pos(s.header), Minimize: s.has("minimize")}
	switch {
	case s.has("maximize") && s.has("minimize"):
		s.l.errorf(codeConflict, s.body.Attributes["minimize"].NameRange, "Both maximize and minimize",
			"One figure is made best. A limit on the other is a constraint; where both count, the second stands in a block of its own: also { minimize = ttft_p95 }.")
	case s.has("maximize"):
		o.Metric = s.metric("maximize")
	case s.has("minimize"):
		o.Metric = s.metric("minimize")
	default:
		s.missing("maximize or minimize", example)
	}
	return o
}

// also reads the second figure of an objective of two, and how one is picked where the
// two disagree.
func (l *loader) also(p *Profile, s *section, o *Objective) {
	b := s.child("also")
	if b == nil {
		if s.has("pick") {
			l.errorf(codeConflict, s.body.Attributes["pick"].NameRange, "pick without a second figure",
				"Of one figure the best is picked. Take it out, or name a second one: also { minimize = ttft_p95 }.")
		}
		return
	}
	t := l.section(b, alsoWords)
	second := t.goal("Write also { minimize = ttft_p95 }.")
	if second.At = o.At; t.has("at") {
		second.At = t.at(p)
	}
	l.checkSLO(p, second.Metric, second.At, b.DefRange())
	o.Also, o.Pick = &second, PickKnee
	s.choice("pick", &o.Pick, PickKnee, PickConstraint)
	for _, g := range []*Objective{o, o.Also} {
		if g.Metric.Name == "error_rate" && o.Pick == PickKnee {
			l.errorf(codeConflict, b.DefRange(), "error_rate has no knee",
				`A knee weighs ratios, and of no errors at all there is none. Write constraint "error_rate" { max = "1%" }.`)
		}
	}
	if second.Metric.Name != "" && second.Metric == o.Metric && second.At == o.At {
		l.errorf(codeTwice, b.DefRange(), "The second figure is the first",
			fmt.Sprintf("Both are %s at the same load. Name another metric, or another load with at.", o.Metric.Name))
	}
}

// checkPick wants the limit that a pick by a constraint is about.
func (l *loader) checkPick(p *Profile, at hcl.Range) {
	o := &p.Objective
	if o.Pick != PickConstraint || o.Also.Metric.Name == "" {
		return
	}
	if !slices.ContainsFunc(p.Constraints, func(c Constraint) bool { return c.Metric == o.Also.Metric && c.At == o.Also.At }) {
		word := "max"
		if !o.Also.Minimize {
			word = "min"
		}
		l.errorf(codeMissing, at, fmt.Sprintf("No constraint on %s at its load", o.Also.Metric.Name), fmt.Sprintf(
			`pick = "constraint" takes the best of the first figure that keeps a limit on the second. Write constraint %q { %s = %s }, with the at of also.`, o.Also.Metric.Name, word, exampleOf(o.Also.Metric)))
	}
}

// needsSLO says whether a metric counts requests that keep to the workload's SLO.
func needsSLO(m bench.Metric) bool { return m.Name == "goodput" || m.Name == "good_share" }

// checkSLO wants an SLO in the workload that a metric of good requests is about.
func (l *loader) checkSLO(p *Profile, m bench.Metric, at At, place hcl.Range) {
	if !needsSLO(m) || at.Workload >= len(p.Workloads) {
		return
	}
	if w := p.Workloads[at.Workload]; len(w.SLO) == 0 {
		l.errorf(codeMissing, place, fmt.Sprintf("%s needs an SLO", m.Name), fmt.Sprintf(
			"It counts the requests that keep to one, and workload %q has none. Write slo = { ttft = \"2s\" } there.", w.Name))
	}
}

// metric reads the name of a metric, a bare word or a text.
func (s *section) metric(name string) bench.Metric {
	a := s.body.Attributes[name]
	word := hcl.ExprAsKeyword(a.Expr)
	if word == "" {
		f, ok := s.field(name)
		if !ok {
			return bench.Metric{}
		}
		if word, ok = f.text(); !ok {
			return bench.Metric{}
		}
	}
	m, _ := s.l.findMetric(word, a.Expr.Range())
	return m
}

func (l *loader) findMetric(word string, at hcl.Range) (bench.Metric, bool) {
	if m, ok := bench.LookupMetric(word); ok {
		return m, true
	}
	var names []string
	for _, m := range bench.Metrics() {
		names = append(names, m.Name)
	}
	detail := "The metrics are " + strings.Join(names, ", ") + "."
	if near := catalog.Nearest(word, append(names, AgreementWord)); near != "" {
		detail = fmt.Sprintf("Did you mean %s?", near)
	} else if _, ok := bench.LookupMetric(word + "_p95"); ok {
		detail = fmt.Sprintf("Say which figure of it: %s_mean, %s_p50, %s_p90, %s_p95 or %s_p99.", word, word, word, word, word)
	}
	l.errorf(codeUnknownWord, at, fmt.Sprintf("Unknown metric %s", word), detail)
	return bench.Metric{}, false
}

func (l *loader) constraint(p *Profile, b *hclsyntax.Block) {
	if len(b.Labels) != 1 {
		l.errorf(codeBadName, b.DefRange(), "A constraint names one metric", `Write constraint "ttft_p95" { max = "2s" }.`)
		return
	}
	s := l.section(b, constraintWords)
	if b.Labels[0] == AgreementWord {
		l.agreement(p, s)
		return
	}
	c := Constraint{Pos: pos(b.DefRange()), At: p.Objective.At}
	var ok bool
	if c.Metric, ok = l.findMetric(b.Labels[0], b.LabelRanges[0]); !ok {
		return
	}
	c.Max, c.Min = s.limit("max", c.Metric), s.limit("min", c.Metric)
	switch {
	case !s.has("max") && !s.has("min"):
		s.missing("max or min", fmt.Sprintf("Write max = %s.", exampleOf(c.Metric)))
	case c.Max != nil && c.Min != nil && *c.Min > *c.Max:
		l.errorf(codeConflict, s.body.Attributes["min"].SrcRange, "min is above max", "No value can keep both. Swap them, or take one out.")
	}
	if s.has("at") {
		c.At = s.at(p)
	}
	l.checkSLO(p, c.Metric, c.At, b.DefRange())
	for _, o := range p.Constraints {
		if o.Metric == c.Metric && o.At == c.At {
			l.errorf(codeTwice, b.DefRange(), fmt.Sprintf("A second constraint on %s at the same load", c.Metric.Name),
				fmt.Sprintf("The first stands on line %d. Put max and min into one block.", o.Pos.Line))
			return
		}
	}
	p.Constraints = append(p.Constraints, c)
}

// AgreementWord is the constraint that is about what a server says, not how fast.
const AgreementWord = "agreement"

// agreement reads the constraint on the answers. It has no load: answers do not depend
// on how many ask.
func (l *loader) agreement(p *Profile, s *section) {
	for _, word := range []string{"max", "at"} {
		if s.has(word) {
			l.errorf(codeConflict, s.body.Attributes[word].NameRange, fmt.Sprintf("A constraint on %s has no %s", AgreementWord, word),
				"It says how far a winner's answers have to agree with the baseline's, at any load. Write min = \"97%\".")
			return
		}
	}
	if !s.has("min") {
		s.missing("min", `Write min = "97%": 97 % of what the baseline agrees with itself.`)
		return
	}
	if p.Agreement != nil {
		l.errorf(codeTwice, s.body.Attributes["min"].NameRange, "A second constraint on "+AgreementWord, "Take one of them out.")
		return
	}
	p.Agreement = s.limit("min", bench.Metric{Name: AgreementWord, Unit: bench.UnitShare})
}

func exampleOf(m bench.Metric) string {
	switch m.Unit {
	case bench.UnitMilliseconds:
		return `"2s"`
	case bench.UnitShare:
		return `"1%"`
	}
	return "100"
}

// limit reads the bound of a metric, in the metric's unit; nil if there is none.
func (s *section) limit(name string, m bench.Metric) *float64 {
	f, ok := s.field(name)
	if !ok || f.value.IsNull() {
		return nil
	}
	switch m.Unit {
	case bench.UnitMilliseconds:
		if d, ok := f.duration(); ok {
			ms := float64(d) / 1e6
			return &ms
		}
		return nil
	case bench.UnitShare:
		return f.share()
	}
	return f.positive(m)
}

func (f field) positive(m bench.Metric) *float64 {
	n, ok := f.number()
	if !ok {
		return nil
	}
	v, _ := n.Float64()
	if v < 0 {
		f.wrong(codeBadValue, fmt.Sprintf("%s is out of range", f.name), fmt.Sprintf("%s is never below zero. Write a number in %s, such as 100.", m.Name, m.Unit))
		return nil
	}
	return &v
}

// share reads "1%" or 0.01.
func (f field) share() *float64 {
	v, ok := 0.0, false
	if text := f.value; text.Type() == cty.String {
		percent, found := strings.CutSuffix(strings.TrimSpace(text.AsString()), "%")
		n, err := strconv.ParseFloat(strings.TrimSpace(percent), 64)
		v, ok = n/100, found && err == nil
	} else if n, err := toNumber(text); err == nil {
		v, _ = n.AsBigFloat().Float64()
		ok = true
	}
	if !ok || !(v >= 0 && v <= 1) {
		f.wrong(codeWrongType, fmt.Sprintf("%s is no share", f.name), fmt.Sprintf("This is %s. Write a percentage such as \"1%%\", or a number from 0 to 1 such as 0.01.", describe(f.value)))
		return nil
	}
	return &v
}
