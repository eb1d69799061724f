package simulator

// Alike is a key of an engine: engines with equal keys give equal results under a load
// of at most so many requests at once, each of at most so many tokens with its answer,
// of which no two begin alike. 0 sequences is any load. What no result depends on is not
// in it, such as a cache that is larger than the load fills.
func (e *Engine) Alike(sequences, tokens int) any {
	if e.facts.Refusal != "" {
		return e.facts.Refusal
	}
	s, longest := e.i.scheduling, e.i.maxLen
	if sequences > 0 {
		// A prompt must fit beside what others may still write, which SGLang estimates.
		if enough := 2 * sequences * (tokens + s.Block); s.Pool > enough {
			s.Pool = enough
		}
		s.MaxRunning = min(s.MaxRunning, sequences)
		longest = min(longest, tokens)
		s.Budget = min(s.Budget, sequences*tokens)
	}
	return struct {
		machine           Machine
		scheduling        Scheduling
		longest, interval int
		kind              string
	}{*e.machine, s, longest, e.i.interval, e.i.kind}
}
