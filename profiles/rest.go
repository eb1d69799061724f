package profiles

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/qtune/qtune/catalog"
)

// The small blocks: model, gpu and search.

var (
	modelWords  = words{attrs: []string{"id", "path", "revision"}}
	gpuWords    = words{attrs: []string{"devices", "simulate"}}
	searchWords = words{attrs: []string{"strategy", "seed", "screen", "max_candidates"}, blocks: []string{"budget", "finish"}, once: []string{"budget", "finish"}}
	budgetWords = words{attrs: []string{"trials", "starts", "time", "gpu_hours", "cost", "gpu_hour_price"}}
	finishWords = words{attrs: []string{"candidates", "starts"}}
)

func (l *loader) model(b *hclsyntax.Block) Model {
	s := l.section(b, modelWords)
	var m Model
	s.text("id", &m.ID)
	s.text("path", &m.Path)
	s.text("revision", &m.Revision)
	if !s.has("id") && !s.has("path") {
		s.missing("id", `Write id = "Qwen/Qwen3-8B", or path = "/models/Qwen3-8B" for a model on this machine.`)
	}
	if f, ok := s.field("id"); ok && f.value.IsNull() && m.Path == "" {
		f.wrong(codeMissing, "The model has no id", `Write the name that the hub gives it, such as "Qwen/Qwen3-8B".`)
	}
	if m.Path != "" {
		m.Path = l.hostPath(m.Path)
	}
	if m.ID == "" && m.Path != "" {
		m.ID = filepath.Base(m.Path)
	}
	return m
}

func (l *loader) gpu(b *hclsyntax.Block) GPU {
	s := l.section(b, gpuWords)
	g := GPU{Declared: true}
	s.text("simulate", &g.Simulate)
	if _, ok := catalog.FindCard(g.Simulate); g.Simulate != "" && !ok {
		var names []string
		for _, c := range catalog.Cards() {
			names = append(names, c.Name)
		}
		l.errorf(codeUnknownName, b.Body.Attributes["simulate"].Expr.Range(), fmt.Sprintf("No card is called %q", g.Simulate), oneOf(g.Simulate, names))
	}
	f, ok := s.field("devices")
	if !ok || f.value.IsNull() {
		return g
	}
	elems, ok := f.list()
	if !ok {
		f.wrong(codeWrongType, "devices takes a list", `Write [0], or ["GPU-..."] for a UUID, or [] for none.`)
		return g
	}
	g.Devices = []string{}
	for _, e := range elems {
		d, ok := e.device()
		if ok && slices.Contains(g.Devices, d) {
			e.wrong(codeTwice, fmt.Sprintf("Device %s is there twice", d), "Take one of them out.")
		}
		if ok {
			g.Devices = append(g.Devices, d)
		}
	}
	return g
}

// device reads an index or a UUID.
func (f field) device() (string, bool) {
	if f.value.IsNull() || f.value.Type() != cty.String {
		n, ok := f.whole(0, 1023)
		return fmt.Sprint(n), ok
	}
	d := f.value.AsString()
	if strings.Trim(d, "0123456789") != "" && !strings.HasPrefix(d, "GPU-") && !strings.HasPrefix(d, "MIG-") || d == "" {
		f.wrong(codeBadValue, fmt.Sprintf("%q is no device", d), "Write an index as nvidia-smi shows it, such as 0, or a UUID, which begins with GPU- or MIG-.")
		return "", false
	}
	return d, true
}

// search reads the search block, which may be missing, and asks whether the sweeps fit.
func (l *loader) search(p *Profile, b *hclsyntax.Block) {
	if b != nil {
		s := l.section(b, searchWords)
		s.choice("strategy", &p.Search.Strategy, StrategyGrid, StrategyRandom, StrategyOFAT, StrategyAuto)
		s.whole("seed", &p.Search.Seed, 0, math.MaxInt32)
		p.Search.Screen = p.Search.Chooses()
		s.truth("screen", &p.Search.Screen)
		s.whole("max_candidates", &p.Search.MaxCandidates, 1, maxGrid)
		if inner := s.child("budget"); inner != nil {
			l.budgetOf(p, inner)
		}
		l.finish(p, s.child("finish"))
	}
	l.fits(p)
}

// budgetOf reads the budget block.
func (l *loader) budgetOf(p *Profile, b *hclsyntax.Block) {
	s, budget := l.section(b, budgetWords), &p.Search.Budget
	s.whole("trials", &budget.Trials, 1, maxGrid)
	s.whole("starts", &budget.Starts, 1, maxGrid)
	s.duration("time", &budget.Time)
	s.amount("gpu_hours", &budget.GPUHours)
	s.amount("cost", &budget.Cost)
	s.amount("gpu_hour_price", &budget.GPUHourPrice)
	switch {
	case budget.Cost > 0 && budget.GPUHourPrice == 0:
		s.missing("gpu_hour_price", "Write gpu_hour_price = 2.5, in the currency of cost: what an hour of one card costs.")
	case budget.GPUHours+budget.Cost > 0 && p.GPU.None():
		l.errorf(codeConflict, b.DefRange(), "A budget of cards without a card", "The gpu block says devices = [], so gpu_hours and cost would never be used up. Write time instead.")
	}
}

// amount reads a number above 0.
func (s *section) amount(name string, target *float64) {
	f, ok := s.given(name)
	if !ok {
		return
	}
	n, ok := f.number()
	if !ok {
		return
	}
	v, _ := n.Float64()
	if !(v > 0) || math.IsInf(v, 0) {
		f.wrong(codeBadValue, fmt.Sprintf("%s is out of range", name), "Write a number above 0, or leave it out for no limit.")
		return
	}
	*target = v
}

// finish reads the finish block. Without one there is a finish where a strategy
// chooses: a grid is what its user asked for, start by start.
func (l *loader) finish(p *Profile, b *hclsyntax.Block) {
	if b == nil && !p.Search.Chooses() {
		return
	}
	p.Search.Finish = DefaultFinish()
	if b != nil {
		s := l.section(b, finishWords)
		s.whole("candidates", &p.Search.Finish.Candidates, 1, maxFinish)
		s.whole("starts", &p.Search.Finish.Starts, 0, maxFinish)
	}
}

// fits says whether there are few enough candidates to be tried. Where a strategy
// chooses among them there may be any number: only those that it tries are made.
func (l *loader) fits(p *Profile) {
	budget := p.Search.Budget.Trials > 0
	switch p.Search.Strategy {
	case StrategyOFAT, StrategyAuto:
		return
	case StrategyRandom:
		if budget || p.Search.Budget.Time > 0 {
			return
		}
	}
	total, limit := 0, p.Search.MaxCandidates
	if budget {
		limit = maxGrid
	}
	for _, e := range p.Engines {
		n, ok := e.kept()
		if total += n; ok && n <= limit && total <= limit {
			continue
		}
		summary := fmt.Sprintf("The sweeps have %s candidates", grouped(total))
		if !ok {
			summary = "The sweeps have more candidates than can be counted"
		}
		detail := fmt.Sprintf("At most %s are gone through. Write strategy = \"auto\" in search, which chooses among any number, or a budget { trials = 40 }, or raise max_candidates, or take values out of an axis.", grouped(limit))
		if budget {
			detail = fmt.Sprintf("A grid goes through %s at most, whatever the budget. Write strategy = \"auto\" in search, which chooses among any number, or take values out of an axis.", grouped(limit))
		}
		l.report(problem(codeTooManyCandidates, e.sweepAt, summary, detail))
		return
	}
}
