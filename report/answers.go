package report

import (
	"fmt"
	"strings"

	"github.com/qtune/qtune/quality"
	"github.com/qtune/qtune/tuner"
)

// answersLine says in English whether the winner answers as the baseline does; ""
// where the two cannot differ in that.
func answersLine(s *tuner.Summary) string {
	a := s.Answers
	switch {
	case a == nil || s.KeptBaseline:
		return ""
	case a.Unknown != "":
		return "answers were not compared: " + a.Unknown
	case a.Differs:
		return fmt.Sprintf("caution: it answers otherwise than the baseline: %s, where the baseline agrees with itself in %s", agrees(a.Winner), agrees(a.Floor))
	}
	return fmt.Sprintf("it answers as the baseline does: %s, where the baseline agrees with itself in %s", agrees(a.Winner), agrees(a.Floor))
}

func agrees(a *quality.Agreement) string {
	if f := a.Forced; f != nil {
		return fmt.Sprintf("%s %% of %d next tokens", fixed(100*f.Share(), 1), f.Positions)
	}
	return fmt.Sprintf("%d of %d answers, %s %% of the text before the first difference", a.Same, a.Texts, fixed(100*a.Common, 0))
}

// answers shows whether the winner says what the baseline says.
func (b *builder) answers() Section {
	a := b.o.Summary.Answers
	switch {
	case a == nil:
		return Section{}
	case a.Unknown != "":
		return b.section("answers", Block{Text: b.Say("answers.unknown", b.translated(a.Unknown))})
	}
	s := b.section("answers")
	if !b.o.Summary.KeptBaseline {
		s.Blocks = append(s.Blocks, Block{Table: b.agreements(a)}, Block{Text: b.Say("answers.how")})
	}
	if a.Differs {
		s.Blocks = append(s.Blocks, Block{Text: b.Say("answers.differs")})
	}
	if len(a.Below) > 0 {
		s.Blocks = append(s.Blocks, Block{Text: b.Say("answers.below", strings.Join(a.Below, ", "))})
	}
	return s
}

func (b *builder) agreements(a *tuner.Alike) *Table {
	t := &Table{Caption: b.caption(b.Say("answers.caption")), Columns: []Column{
		{Title: b.Say("column.configuration")}, {Title: b.Say("answers.forced"), Numeric: true},
		{Title: b.Say("answers.same"), Numeric: true}, {Title: b.Say("answers.common"), Numeric: true},
	}}
	add := func(kind, name string, g *quality.Agreement) {
		forced := "–"
		if g.Forced != nil {
			forced = fmt.Sprintf("%s %% (%d)", fixed(100*g.Forced.Share(), 1), g.Forced.Positions)
		}
		t.Rows = append(t.Rows, TableRow{Kind: kind, Cells: []Cell{
			{Text: name}, {Text: forced}, {Text: fmt.Sprintf("%d / %d", g.Same, g.Texts)}, {Text: fixed(100*g.Common, 0) + " %"},
		}})
	}
	w := b.o.Summary.Winner
	add(rowWinner, w.Engine+" "+w.Name, a.Winner)
	floor := b.Say("answers.floor")
	if a.OneStart {
		floor = b.Say("answers.own")
	}
	add(rowBaseline, floor, a.Floor)
	return t
}
