package bench

import "fmt"

// remarks are what a reader must know before believing the result.
func (s *session) remarks(l *ledger, v view) []string {
	var notes []string
	say := func(when bool, format string, args ...any) {
		if when {
			notes = append(notes, fmt.Sprintf(format, args...))
		}
	}
	completed := l.requests.Completed
	say(l.why == stopDead && l.unbroken == 1, "stopped early: one request failed, and none was answered in the time that a first token may take")
	say(l.why == stopDead && l.unbroken != 1, "stopped early: %d requests in a row failed", l.unbroken)
	say(l.estimated > 0 && l.perEvent == 0, "%d of %d requests came without usage: their tokens are estimated by counting events", l.estimated, completed)
	say(l.estimated > 0 && l.perEvent > 0, "%d of %d requests came without usage: their tokens are estimated at %.3g an event, as the server's tokenizer counts those of the warm-up", l.estimated, completed, l.perEvent)
	say(l.doubtful > 0, "in %d of %d requests usage contradicts the events: fewer tokens than events, or more than asked for", l.doubtful, completed)
	say(l.short > 0, "%d of %d requests ended early, with fewer tokens than asked for", l.short, completed)
	say(l.bundled > 0, "%d of %d requests had several tokens in an event: the time between tokens is spread over them", l.bundled, completed)
	say(l.offPrompt > 0, "%d of %d prompts were not of the planned length: up to %d tokens off", l.offPrompt, completed, l.worstOff)
	say(l.seen > len(l.samples), "latencies are those of %d requests picked by chance out of %d", len(l.samples), l.seen)
	say(l.waited > 0, "%d requests had to wait to be sent: %d were under way, and no more may be", l.waited, s.level.connections())
	say(l.saturated(),
		"saturated: requests came faster than the server completed them, so latencies grow with the length of the run and are not given")
	if f := s.work.Prompts.File; f != nil {
		say(l.issued > f.turns, "the file has %d requests and %d were sent: those that were repeated may have been answered from the server's cache", f.turns, l.issued)
	}
	capped := l.why == stopLimit || l.why == stopTime
	say(s.level.settles() && capped && !l.settled(v), "not settled when it was ended by the cap of %s", s.capName(l.why))
	return notes
}

func (s *session) capName(why stopReason) string {
	requests, d := s.level.Cap()
	if why == stopTime {
		return d.String()
	}
	return fmt.Sprintf("%d requests", requests)
}
