package main

import (
	"encoding/json"
	"fmt"
	"io"
	"sync"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/tuner"
)

// streamVersion is the version of the stream that docs/events.md describes. Fields and
// types of lines may be added to a version; none changes its meaning.
const streamVersion = 1

// The types of the stream's lines that are no events of the tuner's.
const (
	streamRun     = "run"         // first: which run this is
	streamMessage = "message"     // what goes on beside the trials
	streamStage   = "start_stage" // what a start is at, from the engine's log
)

// jsonView prints JSON lines, as docs/events.md describes them.
type jsonView struct {
	simulated bool

	mu    sync.Mutex // engines tell of their stages while trials tell of theirs
	out   io.Writer
	trial string // that starts
}

// jsonRun is the stream's first line.
type jsonRun struct {
	Type      string `json:"type"`
	Version   int    `json:"stream_version"`
	Run       string `json:"run"`
	Folder    string `json:"folder"`
	Profile   string `json:"profile"`
	Qtune     string `json:"qtune"`
	Simulated bool   `json:"simulated"`
}

// jsonMessage is a line for people.
type jsonMessage struct {
	Type    string `json:"type"`
	Message string `json:"message"`
}

// jsonStage is a step of a start.
type jsonStage struct {
	Type  string `json:"type"`
	Trial string `json:"trial,omitempty"` // none while images and models are brought
	Stage string `json:"stage"`
}

// jsonEvent is an event as a line of JSON.
type jsonEvent struct {
	Type      string             `json:"type"`
	K         int                `json:"k"`
	N         int                `json:"n"`
	Trial     string             `json:"trial"`
	Engine    string             `json:"engine"`
	Name      string             `json:"name"`
	Flags     tuner.Flags        `json:"flags"`
	Why       string             `json:"why,omitempty"` // what a strategy chose it for
	Simulated bool               `json:"simulated"`
	Purpose   string             `json:"purpose"` // search or finish
	Start     int                `json:"start"`   // of this purpose, from 1
	Stage     string             `json:"stage,omitempty"`
	Level     *bench.LevelResult `json:"level,omitempty"`
	Result    *tuner.TrialResult `json:"result,omitempty"`
	Best      string             `json:"best,omitempty"` // the trial that leads
}

func (v *jsonView) plan(p *tuner.Plan, s *surroundings) { v.print(newPlanView(p, s, v.simulated)) }
func (v *jsonView) say(text string)                     { v.print(jsonMessage{streamMessage, text}) }
func (v *jsonView) stop()                               {}

func (v *jsonView) run(s *session) {
	v.print(jsonRun{streamRun, streamVersion, s.runID, relative(s.folder.RunPath(s.runID)), s.profile.Name, qtuneVersion(), v.simulated})
}

func (v *jsonView) stage(text string) {
	v.mu.Lock()
	trial := v.trial
	v.mu.Unlock()
	v.print(jsonStage{streamStage, trial, text})
}

func (v *jsonView) event(e tuner.Event) {
	v.mu.Lock()
	v.trial = e.Trial.ID
	v.mu.Unlock()
	line := jsonEvent{
		Type: e.Type, K: e.K, N: e.N, Trial: e.Trial.ID, Engine: e.Trial.Engine.Kind, Name: e.Trial.Engine.Name,
		Flags: e.Trial.Candidate.Flags, Why: e.Trial.Why, Simulated: v.simulated, Purpose: e.Purpose, Start: e.Start, Stage: e.Stage, Level: e.Level, Result: e.Result,
	}
	if e.Best != nil {
		line.Best = e.Best.Result.Trial
	}
	v.print(line)
}

func (v *jsonView) print(line any) {
	text, err := json.Marshal(line)
	if err != nil {
		text = fmt.Appendf(nil, `{"type":"error","error":%q}`, err.Error())
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	_, _ = v.out.Write(append(text, '\n')) // a reader that went away does not stop the run
}

// emit prints one line of JSON on stdout.
func (s *session) emit(v any) {
	if err := json.NewEncoder(s.w.stdout).Encode(v); err != nil {
		s.w.log.Error().Err(err).Msg("print JSON")
	}
}
