package tuner

import (
	"time"

	"github.com/qtune/qtune/profiles"
)

// Started is a start of a real engine that came up, in an earlier run.
type Started struct {
	Host      string // on which, as it calls itself
	Kind      string
	Model     string // as it was served
	Candidate profiles.Candidate
	Took      time.Duration // launch to ready
}

// Starts are those of all runs, oldest first, whatever was measured afterwards.
func (e *Earlier) Starts() []Started { return e.starts }

// watch adds the starts of a run.
func (e *Earlier) watch(records []Record) {
	host := ""
	for i := range records {
		if h := records[i].Header; h != nil {
			host = h.Host
		}
		r := records[i].Result
		if records[i].Type != RecordTrialDone || r == nil || r.Simulated || r.StartS <= 0 || r.Facts.StartupS <= 0 {
			continue
		}
		e.starts = append(e.starts, Started{
			Host: host, Kind: r.Engine, Model: r.Facts.ModelName, Candidate: profiles.Candidate{Flags: r.Flags, Env: r.Env},
			Took: time.Duration(r.StartS * float64(time.Second)),
		})
	}
}
