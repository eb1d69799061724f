package report

import (
	"unicode"
	"unicode/utf8"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/report/chart"
	"github.com/qtune/qtune/report/words"
	"github.com/qtune/qtune/tuner"
)

// Document is a report in words and pictures, in one language, before it has a
// form: HTML, Markdown and the files of pictures all show the same one.
type Document struct {
	Lang      string
	Title     string
	Lead      string // run, time and place, under the title
	Badge     string // the word that a simulated run carries everywhere; "" for a measured one
	Warning   string // what that word means
	Headline  string // the verdict in one sentence
	Sure      string // how sure it is
	Cautions  []string
	Figures   []KeyFigure
	Sections  []Section
	Generator string
	Contents  string // title of the list of sections
}

// KeyFigure is one of the few figures that stand out.
type KeyFigure struct{ Label, Value, Note string }

// Section is a part of a report with a heading. One without blocks is left out.
type Section struct {
	ID, Title, Lead string
	Blocks          []Block
}

// Block is one thing of a section; exactly one field is set.
type Block struct {
	Heading string
	Text    string
	List    []string
	Code    *Code
	Table   *Table
	Figure  *Figure
	Facts   []Fact
	Fault   *Fault
}

// Code is text as a machine reads it.
type Code struct {
	Label string
	Text  string
	Fold  bool // closed at first
}

// Fact is a name and its value.
type Fact struct{ Name, Value string }

// Fault is a failure, told.
type Fault struct {
	Title, What         string
	LineLabel, Line     string
	HintLabel, Hint     string
	TrialsLabel, Trials string
}

// Column is a column of a table.
type Column struct {
	Group   string // stands above the columns that share it
	Title   string
	Numeric bool
	Code    bool
}

// Tone says how a cell is meant.
type Tone string

// The tones of cells.
const (
	Plain  Tone = ""
	Better Tone = "better"
	Worse  Tone = "worse"
)

// Cell is a cell of a table.
type Cell struct {
	Text  string
	Small string // more of it, in smaller letters
	Tone  Tone
}

// Row kinds stand out.
const (
	rowWinner   = "winner"
	rowBaseline = "baseline"
	rowOut      = "out"
	rowTotal    = "total"
)

// TableRow is a row of a table; the first cell is its heading.
type TableRow struct {
	Kind  string
	Cells []Cell
}

// Table is a table with a caption.
type Table struct {
	Caption string
	Columns []Column
	Rows    []TableRow
	Fold    string // closed at first, under this word; "" for an open table
	Note    string
}

// drawer is a picture that can be drawn at any width.
type drawer interface {
	Draw(width float64) chart.Drawing
}

// Figure is a picture with the table that says the same.
type Figure struct {
	Name    string // of its file
	Title   string
	Note    string
	picture drawer
	Table   *Table
}

// Options say how a report is made.
type Options struct {
	Lang    string // "en" or "ko"; "" is English
	Version string // of qtune, named at the end
}

// builder writes the document of a run.
type builder struct {
	*words.Words
	run     *tuner.PastRun
	o       *tuner.Outcome
	unit    bench.Unit
	results map[string]*tuner.TrialResult
	picks   []pick
	tones   map[string]chart.Tone // of each engine block
}

// NewDocument writes a run's report.
func NewDocument(run *tuner.PastRun, opt Options) (*Document, error) {
	if opt.Lang == "" {
		opt.Lang = "en"
	}
	w, err := words.For(opt.Lang)
	if err != nil {
		return nil, err
	}
	b := newBuilder(run, w)
	d := &Document{Lang: w.Tag, Title: b.Say("title", b.o.Profile), Lead: b.lead(), Contents: b.Say("contents")}
	d.Generator = b.Say("generator", opt.Version)
	if b.o.Summary.Simulated {
		d.Badge = b.Say("simulated")
		d.Warning = b.Say("simulated.warning", b.o.Summary.Card)
	}
	d.Headline, d.Sure, d.Cautions = b.headline(), b.sure(), b.cautions()
	d.Figures = b.keyFigures()
	for _, s := range []Section{
		b.command(), b.finish(), b.comparison(), b.ceiling(), b.answers(), b.curves(), b.pair(), b.pareto(), b.effects(), b.heat(),
		b.advice(), b.search(), b.trials(), b.hardware(), b.failures(), b.timeline(), b.environment(), b.method(), b.profile(),
	} {
		if len(s.Blocks) > 0 {
			d.Sections = append(d.Sections, s)
		}
	}
	return d, nil
}

func newBuilder(run *tuner.PastRun, w *words.Words) *builder {
	b := &builder{Words: w, run: run, o: &run.Outcome, unit: bench.Unit(run.Outcome.Summary.Objective.Unit)}
	b.results = map[string]*tuner.TrialResult{}
	for i := range run.Results {
		b.results[run.Results[i].Trial] = &run.Results[i]
	}
	b.tones = map[string]chart.Tone{}
	for _, r := range b.o.Rows {
		if _, ok := b.tones[r.Engine+" "+r.Name]; !ok {
			b.tones[r.Engine+" "+r.Name] = chart.Other + chart.Tone(len(b.tones)%(chart.Tones-2))
		}
	}
	if w != nil {
		b.picks = b.choosePicks()
	}
	return b
}

// translated says an English sentence of another package in the report's language.
func (b *builder) translated(english string) string {
	text, _ := b.Translate(english)
	return text
}

// section begins a section by its key.
func (b *builder) section(key string, blocks ...Block) Section {
	return Section{ID: key, Title: b.Say(key + ".title"), Lead: b.Say(key + ".lead"), Blocks: blocks}
}

// capital begins a title with a capital letter.
func capital(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(r)) + s[n:]
}

// caption is a caption that says simulated where that holds.
func (b *builder) caption(text string) string {
	if b.o.Summary.Simulated {
		return text + " (" + b.Say("simulated") + ")"
	}
	return text
}

// Footer is the line under a picture that stands alone.
func (d *Document) Footer() string {
	if d.Badge == "" {
		return d.Lead
	}
	return d.Lead + " · " + d.Badge
}
