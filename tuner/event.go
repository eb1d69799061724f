package tuner

import "github.com/qtune/qtune/bench"

// The types of events.
const (
	EventTrialStarted = "trial_started"
	EventTrialStage   = "trial_stage" // Stage says what the start is at
	EventTrialReady   = "trial_ready"
	EventLevelDone    = "level_done"
	EventTrialRetried = "trial_retried" // a fault of the machine: the trial starts once more
	EventTrialDone    = "trial_done"
	EventTrialReused  = "trial_reused"
)

// Event is what somebody who watches a run is told.
type Event struct {
	Type  string
	K, N  int // trial K of N, from 1; N is 0 where nobody knows how many there will be
	Trial *Trial
	// Purpose is PurposeSearch or PurposeFinish, where K and N count starts and Start
	// is the trial's in the finish, from 1.
	Purpose string
	Start   int
	Stage   string             // EventTrialStage, and for EventLevelDone the level's name
	Level   *bench.LevelResult // EventLevelDone
	Result  *TrialResult       // EventTrialDone, EventTrialReused, EventTrialRetried
	Best    *Verdict           // the best so far, nil before there is one
}
