package report

import (
	"fmt"
	"strings"

	"github.com/qtune/qtune/tuner"
)

// search says how the trials were chosen and why there are no more.
func (b *builder) search() Section {
	s := b.o.Summary.Search
	if s == nil || s.Strategy == "" {
		return Section{}
	}
	count := fixed(s.Candidates, 0)
	if !s.Exact {
		count = b.Say("search.about", count)
	}
	facts := []Fact{
		{Name: b.Say("search.strategy"), Value: b.Say("strategy." + s.Strategy)},
		{Name: b.Say("search.candidates"), Value: count},
		{Name: b.Say("search.tried"), Value: fmt.Sprint(b.o.Summary.Trials.OK + b.o.Summary.Trials.Failed)},
	}
	if n := b.o.Summary.Screened; n > 0 {
		facts = append(facts, Fact{Name: b.Say("search.screened"), Value: b.caption(b.Say("search.saved", n, b.duration(b.o.Summary.SavedS)))})
	}
	if s.Stopped != "" {
		facts = append(facts, Fact{Name: b.Say("search.stopped"), Value: b.translated(s.Stopped)})
	}
	blocks := []Block{{Facts: facts}}
	if len(s.Next) > 0 {
		blocks = append(blocks, Block{Text: b.Say("search.next")}, Block{List: b.upcoming(s.Next)})
	}
	return b.section("search", blocks...)
}

func (b *builder) upcoming(next []tuner.Upcoming) []string {
	var list []string
	for _, u := range next {
		list = append(list, strings.TrimSpace(u.Engine+" "+u.Name+"  "+u.Varies))
	}
	return list
}

// searchLine is the same in a line, "" for a grid that was gone through.
func searchLine(s *tuner.Summary) string {
	if s.Search == nil || s.Search.Strategy == "" || s.Search.Strategy == "grid" && s.Search.Stopped == tuner.StoppedAll {
		return ""
	}
	about := ""
	if !s.Search.Exact {
		about = "about "
	}
	line := fmt.Sprintf("Strategy %s tried %d of %s%s candidates", s.Search.Strategy, s.Trials.OK+s.Trials.Failed, about, fixed(s.Search.Candidates, 0))
	if s.Search.Stopped != "" {
		line += ": " + s.Search.Stopped
	}
	return line + "."
}

// advice is what to try next.
func (b *builder) advice() Section {
	var list []string
	for _, a := range b.o.Summary.Advice {
		list = append(list, b.translated(a))
	}
	if len(list) == 0 {
		return Section{}
	}
	return b.section("advice", Block{List: list})
}

func (p *printer) advice(o *tuner.Outcome) {
	if len(o.Summary.Advice) == 0 {
		return
	}
	p.printf("\nWhat to try next%s\n", tag(&o.Summary))
	for _, a := range o.Summary.Advice {
		p.printf("  %s.\n", a)
	}
}
