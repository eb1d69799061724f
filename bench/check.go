package bench

import (
	"errors"
	"fmt"
	"math"
)

// A usageError is a level or target that cannot be run at all.
type usageError struct{ problem, hint string }

func (e *usageError) Error() string { return e.problem }

// Hint says what to do instead.
func (e *usageError) Hint() string { return e.hint }

// Check says why a level cannot be run with the workload, without asking any server.
func (w Workload) Check(l Level) error {
	if err := check(w, l); err != nil {
		return err
	}
	wire, err := newWire(w.API, "", w.Whole)
	if err == nil && w.Prompts.File != nil {
		err = wire.takes(w.Prompts.File)
	}
	return err
}

// check says why a level of a workload cannot be run at all.
func check(w Workload, l Level) error {
	for _, err := range []error{checkKind(l), checkPrompts(w.Prompts, l), checkTokens(w, l)} {
		if err != nil {
			return err
		}
	}
	switch {
	case l.Requests < 0 || l.Duration < 0:
		return errors.New("a level's requests or duration is below zero")
	case l.Kind == KindMaxRate && len(w.SLO) == 0:
		return &usageError{"a maximal rate needs an SLO that it keeps to", "give one, such as ttft_p95=2s"}
	}
	return nil
}

func checkKind(l Level) error {
	switch l.Kind {
	case KindSingle:
	case KindClosed, KindBurst:
		if l.Users < 1 {
			return &usageError{fmt.Sprintf("a level of kind %q has %d users", l.Kind, l.Users), "give it at least one"}
		}
	case KindTrace:
		if l.Speedup < 0 || math.IsNaN(l.Speedup) || math.IsInf(l.Speedup, 0) {
			return &usageError{fmt.Sprintf("a trace is sped up by %v", l.Speedup), "give a number above 0"}
		}
	case KindOpen, KindMaxRate:
		return checkRate(l)
	default:
		return &usageError{fmt.Sprintf("there is no load of kind %q", l.Kind), "use single, closed, burst, open, trace or max_rate"}
	}
	if l.MaxInFlight < 0 {
		return &usageError{"fewer than no requests may be under way", "leave max_in_flight out or give at least 1"}
	}
	return nil
}

// highestRate is the highest rate that is believed, in requests per second.
const highestRate = 1e6

func checkRate(l Level) error {
	fine := func(r float64) bool { return r > 0 && r <= highestRate }
	switch {
	case !fine(l.Rate) && l.Kind == KindOpen, l.Rate != 0 && !fine(l.Rate), l.RateEnd != 0 && !fine(l.RateEnd):
		return &usageError{fmt.Sprintf("a rate is %v", l.Rate), "give requests per second, above 0 and at most a million"}
	case l.Steps < 0 || l.Steps == 1 || l.Steps > 0 && l.RateEnd == 0:
		return &usageError{fmt.Sprintf("a rate that changes in %d steps", l.Steps), "give at least two steps, and the rate at the end"}
	case l.Kind == KindMaxRate && (l.Steps > 0 || l.RateEnd > 0 && l.RateEnd <= l.Rate):
		return &usageError{"the search for a rate has steps, or ends where it begins", "give only where it begins and a higher end"}
	case l.Arrival == ArrivalGamma && !(l.Burstiness > 0 && l.Burstiness <= 1e6):
		return &usageError{fmt.Sprintf("gamma arrivals have the burstiness %v", l.Burstiness), "give one above 0; 1 is Poisson"}
	case l.Arrival != ArrivalGamma && l.Burstiness != 0:
		return &usageError{"only gamma arrivals have a burstiness", "use the arrival gamma, or leave burstiness out"}
	}
	switch l.Arrival {
	case "", ArrivalPoisson, ArrivalConstant, ArrivalGamma:
		return nil
	}
	return &usageError{fmt.Sprintf("there is no arrival %q", l.Arrival), "use poisson, constant or gamma"}
}

// checkTokens wants to know how long the answers are.
func checkTokens(w Workload, l Level) error {
	p := w.Prompts
	if l.OutputTokens >= 1 || p.Trace != nil && l.OutputTokens == 0 {
		return nil
	}
	if f := p.File; f != nil && l.OutputTokens == 0 {
		for i, talk := range f.Talks {
			for _, t := range talk {
				if t.OutputTokens == 0 {
					return &LineError{f.Name, f.lines[i], &usageError{"it does not say how long the answer is", "write output_tokens there, or give the level's"}}
				}
			}
		}
		return nil
	}
	return &usageError{fmt.Sprintf("a level asks for %d output tokens", l.OutputTokens), "ask for at least one"}
}

func checkPrompts(p Prompts, l Level) error {
	if err := p.Input.check("prompts"); err != nil {
		return err
	}
	if err := p.Output.check("answers"); err != nil {
		return err
	}
	recorded := p.File != nil || p.Trace != nil
	spread := p.Input != Spread{} || p.Output != Spread{}
	switch {
	case p.File != nil && p.Trace != nil:
		return &usageError{"prompts come from a file and from a trace", "take one of them"}
	case recorded && (spread || p.SharedPrefix.Tokens > 0):
		return &usageError{"prompts that are recorded have a distribution or a shared prefix too", "take one of them out"}
	case l.Kind == KindTrace && p.Trace == nil:
		return &usageError{"a level replays a trace and there is none", "give the workload one"}
	case p.File != nil && p.File.multiTurn() && l.Kind != KindSingle && l.Kind != KindClosed:
		return &usageError{fmt.Sprintf("%s holds conversations of several turns, and a level of kind %q", p.File.Name, l.Kind),
			"a turn waits for the answer to the last: use a single or closed level"}
	case p.SharedPrefix.Tokens < 0 || p.SharedPrefix.Groups < 0 || p.SharedPrefix.Tokens > 0 && !spread && p.SharedPrefix.Tokens >= max(p.InputTokens, 1):
		return &usageError{"the shared prefix is not shorter than the prompts", "make it shorter"}
	case p.SharedPrefix.Tokens == 0 && p.SharedPrefix.Groups > 0:
		return &usageError{"groups of a shared prefix without one", "say how many tokens it has"}
	}
	return nil
}
