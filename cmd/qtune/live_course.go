package main

import (
	"time"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/profiles"
	"github.com/qtune/qtune/tuner"
)

// gate is what a trial is at.
type gate int

const (
	gateNone gate = iota // between trials
	gateStart
	gateLoad
	gateStop
)

// lately is the span over which "now" is an average, in wall time: an answer counts
// when it is whole, so that a single second may have none.
const lately = 5 * time.Second

// liveCourse is what the live view knows of a run: all that it shows is made of the
// events. It reads no clock and writes nothing.
type liveCourse struct {
	simulated bool
	profile   *profiles.Profile // nil before the plan
	began     time.Time         // of the run

	now    tuner.Event
	base   *tuner.TrialResult // the baseline's; nil before it is there
	stage  string             // what a start is at
	gate   gate
	trial  time.Time           // when the trial began
	since  time.Time           // when its gate did, of the load gate when the level did
	startS float64             // wall seconds of its start
	points []bench.LevelResult // what it has measured
	recent []sampled           // of the level under way
	spent  liveSpent
}

// sampled is a progress and when it was told.
type sampled struct {
	at time.Time
	bench.Progress
}

// liveSpent is what the starts of this run have taken.
type liveSpent struct {
	starts   int
	wall     time.Duration
	engineS  float64 // engine seconds
	gpuHours float64
}

func (c *liveCourse) plan(p *tuner.Plan) { c.profile = p.Profile }

// event takes an event, and gives the line that is to stay on the screen.
func (c *liveCourse) event(e tuner.Event, now time.Time) string {
	c.now = e
	switch e.Type {
	case tuner.EventTrialStarted:
		c.trial, c.stage, c.points = now, "", nil
		c.enter(gateStart, now)
	case tuner.EventTrialReady:
		c.startS = now.Sub(c.trial).Seconds()
		c.enter(gateLoad, now)
	case tuner.EventTrialStage:
		c.enter(gateLoad, now)
	case tuner.EventLevelDone:
		c.points = append(c.points, *e.Level)
		if len(c.points) == c.levels() {
			c.enter(gateStop, now)
		}
	case tuner.EventTrialDone, tuner.EventTrialReused, tuner.EventTrialRetried:
		c.ended(e)
		return eventLine(e, c.simulated)
	}
	return ""
}

func (c *liveCourse) enter(g gate, now time.Time) {
	c.gate, c.since, c.recent = g, now, nil
}

// ended closes the account of a start.
func (c *liveCourse) ended(e tuner.Event) {
	c.gate = gateNone
	if e.Trial.Baseline && e.Purpose == tuner.PurposeSearch && e.Type != tuner.EventTrialRetried && c.profile != nil {
		c.base = e.Result
	}
	if e.Type == tuner.EventTrialReused {
		return
	}
	s := e.Result.EngineS()
	c.spent.starts++
	c.spent.wall += time.Duration(e.Result.WallS * float64(time.Second))
	c.spent.engineS += s
	c.spent.gpuHours += s * float64(e.Result.Cards) / 3600
}

// levels is how many levels a trial has; 0 before the plan.
func (c *liveCourse) levels() int {
	if c.profile == nil {
		return 0
	}
	return levelCount(c.profile)
}

// load takes how the level under way goes on.
func (c *liveCourse) load(p bench.Progress, now time.Time) {
	c.recent = append(c.recent, sampled{now, p})
	for len(c.recent) > 2 && now.Sub(c.recent[1].at) >= lately {
		c.recent = c.recent[1:]
	}
}

// rate is tokens in an engine second: lately, or where no answer was completed
// lately since the level began; false before there is one.
func (c *liveCourse) rate() (tokens float64, current, ok bool) {
	if len(c.recent) == 0 {
		return 0, false, false
	}
	last := c.recent[len(c.recent)-1]
	first := sampled{}
	if len(c.recent) > 1 {
		first = c.recent[0]
	}
	if s := (last.Elapsed - first.Elapsed).Seconds(); s > 0 && last.OutputTokens > first.OutputTokens {
		return float64(last.OutputTokens-first.OutputTokens) / s, true, true
	}
	if s := last.Elapsed.Seconds(); s > 0 && last.OutputTokens > 0 {
		return float64(last.OutputTokens) / s, false, true
	}
	return 0, false, false
}

// left is what the rest of the run takes, guessed from the starts so far.
type left struct {
	wall time.Duration
	cost float64 // by the profile's price
}

// left guesses the rest: as many starts as are planned and the budget pays for, each as
// long as the mean of those so far. False before the first has ended, and where neither
// the plan nor a budget bounds the run.
func (c *liveCourse) left(now time.Time) (left, bool) {
	n := float64(c.spent.starts)
	if n == 0 || c.profile == nil || c.now.Trial == nil {
		return left{}, false
	}
	starts, bounded := c.planned()
	each := left{c.spent.wall / time.Duration(c.spent.starts), c.cost() / n}
	b := c.profile.Search.Budget
	for _, bound := range []struct{ most, used float64 }{
		{b.Time.Seconds(), c.spent.engineS}, {b.GPUHours, c.spent.gpuHours}, {b.Cost, c.cost()}, {float64(b.Starts), n},
	} {
		if bound.most <= 0 || bound.used <= 0 {
			continue
		}
		if rest := max(bound.most-bound.used, 0) / (bound.used / n); !bounded || rest < starts {
			starts, bounded = rest, true
		}
	}
	if !bounded {
		return left{}, false
	}
	l := left{time.Duration(starts * float64(each.wall)), starts * each.cost}
	if c.gate != gateNone {
		l.wall -= min(now.Sub(c.trial), each.wall)
	}
	return left{max(l.wall, 0), l.cost}, true
}

// planned is how many starts are still to come, the one under way among them; false
// where nobody knows.
func (c *liveCourse) planned() (float64, bool) {
	if c.now.N == 0 {
		return 0, false
	}
	n := c.now.N - c.now.K
	if c.gate != gateNone {
		n++
	}
	if f := c.profile.Search.Finish; c.now.Purpose == tuner.PurposeSearch && f.Starts > 0 {
		n += f.Servers(c.now.N)
	}
	return float64(n), true
}

// cost is what was spent, 0 without a price.
func (c *liveCourse) cost() float64 {
	return c.spent.gpuHours * c.profile.Search.Budget.GPUHourPrice
}
