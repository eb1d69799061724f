package report

import (
	"encoding/json"
	"io"
	"time"

	"github.com/qtune/qtune/tuner"
)

// SchemaVersion is the version of the JSON report's form. It grows when a
// reader of the old form would misread the new one; a new field is no such case.
const SchemaVersion = 1

// Data is the JSON report: all that the run's folder tells, and what the report
// made of it. docs/report.schema.json describes it.
type Data struct {
	Schema    string              `json:"schema"` // "qtune.report"
	Version   int                 `json:"schema_version"`
	Generator string              `json:"generator"` // the qtune that wrote it
	Run       tuner.RunHeader     `json:"run"`
	State     tuner.RunState      `json:"state"` // done, ended, crashed or running
	Started   time.Time           `json:"started"`
	Ended     time.Time           `json:"ended"`
	Outcome   tuner.Outcome       `json:"outcome"`
	Gain95    *[2]float64         `json:"gain_interval"` // 95 %, within one start of each
	Results   []tuner.TrialResult `json:"results"`
	Finish    []tuner.TrialResult `json:"finish,omitempty"` // each start of the finish
	Effects   []Effect            `json:"effects"`
	Front     []string            `json:"pareto_front"` // trials, by growing throughput
	Timeline  []Stay              `json:"timeline"`
	Profile   string              `json:"profile,omitempty"` // as read, without secrets
	Missing   []string            `json:"missing,omitempty"` // what of the folder could not be read
}

// NewData puts the JSON report of a run together.
func NewData(run *tuner.PastRun, version string) *Data {
	b := newBuilder(run, nil)
	d := &Data{
		Schema: "qtune.report", Version: SchemaVersion, Generator: version,
		Run: run.Header, State: run.State, Started: run.Started, Ended: run.Ended,
		Outcome: run.Outcome, Gain95: run.Outcome.GainInterval(), Results: run.Results, Finish: run.Finish,
		Timeline: staysOf(run), Profile: b.source(), Missing: run.Missing,
	}
	for _, a := range onBoth(b.o, b.results) {
		for _, effects := range a.effects() {
			d.Effects = append(d.Effects, effects...)
		}
	}
	metric, _ := b.latencyMetric()
	for _, s := range paretoFront(b.spots(metric)) {
		d.Front = append(d.Front, s.row.Trial)
	}
	return d
}

// JSON writes the JSON report of a run.
func JSON(w io.Writer, run *tuner.PastRun, version string) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(NewData(run, version))
}
