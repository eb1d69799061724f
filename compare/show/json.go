package show

import (
	"encoding/json"
	"io"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/compare"
)

// SchemaVersion is the version of the JSON form. It grows when a reader of the old
// form would misread the new one; a new field is no such case.
const SchemaVersion = 1

// Data is the JSON form of a comparison. docs/compare.schema.json describes it.
type Data struct {
	Schema     string       `json:"schema"` // "qtune.compare"
	Version    int          `json:"schema_version"`
	Generator  string       `json:"generator"`
	A          SideData     `json:"a"`
	B          SideData     `json:"b"`
	Comparable bool         `json:"comparable"`
	Forced     bool         `json:"forced"`    // compared though not comparable
	Simulated  bool         `json:"simulated"` // a side is
	Reasons    []ReasonData `json:"reasons"`   // why they are not comparable
	Confidence float64      `json:"confidence"`
	Margin     float64      `json:"margin"`
	RestartSD  float64      `json:"restart_sd"`
	Levels     []LevelData  `json:"levels"` // none where the comparison was refused
	OnlyA      []string     `json:"only_a"`
	OnlyB      []string     `json:"only_b"`
	Gate       *GateData    `json:"gate"`
}

// SideData is one side.
type SideData struct {
	Name      string   `json:"name"`
	Source    string   `json:"source"`
	Client    string   `json:"client"`
	Model     string   `json:"model,omitempty"`
	Card      string   `json:"card,omitempty"`
	Bench     string   `json:"bench_version,omitempty"`
	Simulated bool     `json:"simulated"`
	Notes     []string `json:"notes,omitempty"`
}

// ReasonData is one reason.
type ReasonData struct {
	Code  string `json:"code"`
	Level string `json:"level,omitempty"`
	A     string `json:"a,omitempty"`
	B     string `json:"b,omitempty"`
	Text  string `json:"text"`
}

// LevelData is one level.
type LevelData struct {
	Workload  string    `json:"workload"`
	Level     string    `json:"level"`
	StartsA   int       `json:"starts_a"`
	StartsB   int       `json:"starts_b"`
	Pairs     int       `json:"pairs"` // requests of the same list; 0: not paired
	Simulated bool      `json:"simulated"`
	Forced    bool      `json:"forced"`
	Rows      []RowData `json:"rows"`
}

// RowData is one figure.
type RowData struct {
	Metric    string      `json:"metric"`
	Unit      bench.Unit  `json:"unit"`
	Better    string      `json:"better"` // higher or lower
	A         float64     `json:"a"`
	B         float64     `json:"b"`
	Change    *float64    `json:"change"`    // B/A - 1, or for a share B - A
	ChangeOf  string      `json:"change_of"` // ratio or difference
	Interval  *[2]float64 `json:"interval"`
	Verdict   string      `json:"verdict"`
	Why       string      `json:"why,omitempty"`    // nothing can be told
	Method    string      `json:"method,omitempty"` // of the interval
	NA        int         `json:"n_a"`
	NB        int         `json:"n_b"`
	Simulated bool        `json:"simulated"`
	Forced    bool        `json:"forced"`
}

// GateData is what became of --fail-if-slower.
type GateData struct {
	Slower  float64     `json:"slower"` // allowed
	Metrics []string    `json:"metrics"`
	Outcome string      `json:"outcome"`
	Checks  []CheckData `json:"checks"`
}

// CheckData is one metric at one level.
type CheckData struct {
	Workload  string `json:"workload"`
	Level     string `json:"level"`
	Metric    string `json:"metric"`
	Outcome   string `json:"outcome"`
	Text      string `json:"text"`
	Simulated bool   `json:"simulated"`
	Forced    bool   `json:"forced"`
}

// JSON writes a comparison for programs.
func JSON(w io.Writer, c *compare.Comparison, o Options) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(NewData(c, o))
}

// NewData puts the JSON form together.
func NewData(c *compare.Comparison, o Options) *Data {
	p := newPage(c, o)
	d := &Data{
		Schema: "qtune.compare", Version: SchemaVersion, Generator: o.Version, A: sideData(c.A), B: sideData(c.B),
		Comparable: c.Comparable(), Forced: p.forced(), Simulated: c.Simulated(),
		Confidence: compare.Confidence, Margin: c.Margin, RestartSD: c.Restart,
		Reasons: []ReasonData{}, Levels: []LevelData{}, OnlyA: append([]string{}, c.OnlyA...), OnlyB: append([]string{}, c.OnlyB...),
	}
	for _, r := range c.Reasons {
		d.Reasons = append(d.Reasons, ReasonData{r.Code, r.Level, r.A, r.B, p.reason(r)})
	}
	if !c.Comparable() && !o.Forced {
		return d
	}
	for i := range c.Levels {
		d.Levels = append(d.Levels, p.levelData(&c.Levels[i]))
	}
	d.Gate = p.gateData()
	return d
}

func (p *page) forced() bool { return p.o.Forced && !p.c.Comparable() }

func sideData(s *compare.Side) SideData {
	return SideData{s.Name, s.Source, s.Client, s.Model, s.Card, s.Bench, s.Simulated, s.Notes}
}

func (p *page) levelData(l *compare.LevelPair) LevelData {
	d := LevelData{
		Workload: l.Workload, Level: l.Name, StartsA: len(l.A.Starts), StartsB: len(l.B.Starts), Pairs: l.Pairs,
		Simulated: p.c.Simulated(), Forced: p.forced(), Rows: []RowData{},
	}
	for i := range l.Rows {
		d.Rows = append(d.Rows, p.rowData(&l.Rows[i]))
	}
	return d
}

func (p *page) rowData(r *compare.Row) RowData {
	d := RowData{
		Metric: r.Metric.Name, Unit: r.Metric.Unit, Better: "higher", A: r.A, B: r.B, Change: r.Change, ChangeOf: "ratio", Interval: r.Interval,
		Verdict: string(r.Verdict), Why: string(r.Why), Method: string(r.Method), NA: r.NA, NB: r.NB,
		Simulated: p.c.Simulated(), Forced: p.forced(),
	}
	if compare.LessIsBetter(r.Metric) {
		d.Better = "lower"
	}
	if r.Metric.Unit == bench.UnitShare {
		d.ChangeOf = "difference"
	}
	return d
}

func (p *page) gateData() *GateData {
	g := p.c.Gate
	if g == nil {
		return nil
	}
	d := &GateData{Slower: g.Gate.Slower, Metrics: g.Gate.Metrics, Outcome: string(g.Outcome), Checks: []CheckData{}}
	for i, text := range p.gate() {
		k := &g.Checks[i]
		d.Checks = append(d.Checks, CheckData{k.Workload, k.Level, k.Metric, string(k.Outcome), text, p.c.Simulated(), p.forced()})
	}
	return d
}
