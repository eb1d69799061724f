package bench

import (
	"hash/fnv"
	"strconv"
	"time"
)

// Version is the measuring version: it changes whenever the same server under
// the same workload would be measured differently.
const Version = "1"

// The cap under which a level without limits runs until it has settled.
const (
	DefaultCapRequestsPerUser = 20
	DefaultCapRequestsMin     = 200 // of a closed loop
	DefaultCapRequestsSingle  = 50
	DefaultCapDuration        = 2 * time.Minute // in the engine's time
)

// Request is one entry of a level's request list.
type Request struct {
	Seq          int    `json:"seq"`
	Warmup       bool   `json:"warmup,omitempty"`
	PromptSeed   uint64 `json:"prompt_seed"` // all of the prompt's text follows from it
	InputTokens  int    `json:"input_tokens"`
	OutputTokens int    `json:"output_tokens"`
}

// Plan lists the requests of a level of w, warm-up first: a pure function of the
// workload, its seed and the level. A level that runs for a Duration may need more
// than are listed; those follow by the same rule.
func Plan(w Workload, l Level) []Request {
	warmup := l.WarmupRequests()
	measured, _ := l.Cap()
	if measured == 0 {
		measured, _ = l.settleCap()
	}
	list := make([]Request, 0, warmup+measured)
	for i := range warmup {
		list = append(list, planned(w, l, i, true))
	}
	for i := range measured {
		list = append(list, planned(w, l, i, false))
	}
	return list
}

// planned is the request number seq of a level.
func planned(w Workload, l Level, seq int, warmup bool) Request {
	h := fnv.New64a()
	for _, word := range []string{
		strconv.FormatUint(w.Seed, 16), w.Name, string(w.API), string(l.Kind), strconv.Itoa(l.Users),
		strconv.FormatFloat(l.Rate, 'g', -1, 64), strconv.Itoa(l.OutputTokens),
		strconv.FormatBool(warmup), strconv.Itoa(seq),
	} {
		_, _ = h.Write(append([]byte(word), 0))
	}
	return Request{
		Seq: seq, Warmup: warmup, PromptSeed: h.Sum64(),
		InputTokens: max(w.Prompts.InputTokens, 1), OutputTokens: l.OutputTokens,
	}
}

// Cap is where the level ends at the latest: at its own limits if it has any,
// else at the cap of a level that runs until it has settled. Zero is no limit.
// The duration is how long requests are sent, in the engine's time.
func (l Level) Cap() (requests int, d time.Duration) {
	switch {
	case l.Requests > 0 || l.Duration > 0:
		return l.Requests, l.Duration
	case l.Kind == KindBurst:
		return l.Users, 0
	}
	return l.settleCap()
}

func (l Level) settleCap() (int, time.Duration) {
	if l.users() == 1 {
		return DefaultCapRequestsSingle, DefaultCapDuration
	}
	return max(DefaultCapRequestsMin, DefaultCapRequestsPerUser*l.users()), DefaultCapDuration
}

// settles says whether the level has no limit of its own.
func (l Level) settles() bool {
	return l.Kind != KindBurst && l.Requests == 0 && l.Duration == 0
}

// exact says whether the level measures a given number of requests, all of them.
func (l Level) exact() bool { return l.Kind == KindBurst || l.Requests > 0 }

// WarmupRequests is how many requests are sent before the measured ones: Warmup,
// or, where that is below 0, one for a single stream and one for each user, at
// least two, elsewhere.
func (l Level) WarmupRequests() int {
	switch {
	case l.Warmup >= 0:
		return l.Warmup
	case l.Kind == KindSingle:
		return 1
	}
	return max(2, l.Users)
}

// users is how many requests are under way at once.
func (l Level) users() int {
	if l.Kind == KindSingle {
		return 1
	}
	return max(l.Users, 1)
}
