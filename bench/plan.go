package bench

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
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
	DefaultWarmupOpen         = 8               // warm-up requests of an open loop or trace
)

// Request is one entry of a level's request list.
type Request struct {
	Seq          int    `json:"seq"`
	Warmup       bool   `json:"warmup,omitempty"`
	PromptSeed   uint64 `json:"prompt_seed"`  // all of the prompt's text follows from it, where it has no other source
	InputTokens  int    `json:"input_tokens"` // 0: not known before it is sent
	OutputTokens int    `json:"output_tokens"`
	// At is when a timed level sends it, after its start, in the engine's time.
	At time.Duration `json:"at_ns,omitempty"`
	// Prefix names the text that the prompt's first PrefixTokens share with others.
	Prefix       uint64 `json:"prefix,omitempty"`
	PrefixTokens int    `json:"prefix_tokens,omitempty"`
	// Turn is the number of the request of Prompts.File or of the entry of Prompts.Trace
	// that it is, from 0; -1 without.
	Turn int `json:"turn"`

	held bool // it could not be sent in time, since too many were under way
}

// Plan lists the requests of a level of w, warm-up first: a pure function of the
// workload, its seed and the level. A level that runs for a Duration may need more
// than are listed; those follow by the same rule. A level of KindMaxRate has no
// list before it is run.
func Plan(w Workload, l Level) []Request {
	if l.Kind == KindMaxRate {
		return nil
	}
	warmup := l.WarmupRequests()
	list := make([]Request, 0, warmup)
	for i := range warmup {
		list = append(list, planned(w, l, i, true))
	}
	if l.timed() {
		s := newSchedule(w, l)
		for i := range s.total {
			r := planned(w, l, i, false)
			r.At, _ = s.next()
			list = append(list, r)
		}
		return list
	}
	measured, _ := l.Cap()
	if measured == 0 {
		measured, _ = l.settleCap()
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
	r := Request{
		Seq: seq, Warmup: warmup, PromptSeed: h.Sum64(),
		InputTokens: max(w.Prompts.InputTokens, 1), OutputTokens: l.OutputTokens, Turn: -1,
	}
	switch p := &w.Prompts; {
	case p.File != nil:
		r.fromFile(p.File)
	case p.Trace != nil:
		r.fromTrace(p.Trace, l)
	case p.Input != Spread{} || p.Output != Spread{}:
		r.spread(p, l)
	}
	r.share(w)
	return r
}

// fromFile takes a request's turn. Warm-up takes the file's last ones, which are
// not what is measured next.
func (r *Request) fromFile(f *File) {
	r.Turn = r.Seq % f.turns
	if r.Warmup {
		r.Turn = f.turns - 1 - r.Turn
	}
	r.InputTokens = 0
	if n := f.Turn(r.Turn).OutputTokens; n > 0 {
		r.OutputTokens = n
	}
}

// fromTrace takes the lengths of a request; of a level that keeps the trace's
// times, those of that very entry.
func (r *Request) fromTrace(t *Trace, l Level) {
	r.Turn = r.Seq % len(t.Entries)
	if r.Warmup {
		r.Turn = int(l.warmQuantile(r.Seq) * float64(len(t.Entries)))
	}
	e := t.Entries[r.Turn]
	r.InputTokens, r.OutputTokens = e.InputTokens, e.OutputTokens
}

// spread draws lengths. Warm-up goes through them evenly, so that the server has
// seen short and long ones before it is measured.
func (r *Request) spread(p *Prompts, l Level) {
	random := rand.New(rand.NewPCG(r.PromptSeed, 0x1e97751))
	in, out := random.Float64(), random.Float64()
	if r.Warmup {
		in = l.warmQuantile(r.Seq)
		out = in
	}
	r.InputTokens = p.Input.length(r.InputTokens, open01(in))
	r.OutputTokens = p.Output.length(r.OutputTokens, open01(out))
}

// warmQuantile is the quantile of the lengths that a warm-up request has.
func (l Level) warmQuantile(seq int) float64 {
	return (float64(seq) + 0.5) / float64(max(l.WarmupRequests(), seq+1))
}

// open01 keeps a quantile off 0 and 1, which stand for infinite lengths.
func open01(q float64) float64 { return min(max(q, 1e-9), 1-1e-9) }

// share puts a synthetic prompt into a group of those that begin alike.
func (r *Request) share(w Workload) {
	p := w.Prompts.SharedPrefix
	if p.Tokens == 0 || r.Turn >= 0 {
		return
	}
	group := rand.New(rand.NewPCG(r.PromptSeed, 0x9405)).Uint64N(uint64(max(p.Groups, 1)))
	h := fnv.New64a()
	_, _ = fmt.Fprintf(h, "prefix %x %s %d %d", w.Seed, w.Name, p.Tokens, group)
	r.Prefix, r.PrefixTokens = h.Sum64(), min(p.Tokens, r.InputTokens-1)
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
	case l.Kind == KindTrace:
		return 0, 0 // the trace's end
	}
	return l.settleCap()
}

func (l Level) settleCap() (int, time.Duration) {
	switch l.Kind {
	case KindOpen:
		return max(1, int(math.Round(l.meanRate()*DefaultCapDuration.Seconds()))), DefaultCapDuration
	case KindMaxRate:
		return 0, rateTries * rateStep // what is tried again for the client's sake comes on top
	}
	if l.users() == 1 {
		return DefaultCapRequestsSingle, DefaultCapDuration
	}
	return max(DefaultCapRequestsMin, DefaultCapRequestsPerUser*l.users()), DefaultCapDuration
}

// settles says whether the level has no limit of its own.
func (l Level) settles() bool {
	return l.Kind != KindBurst && l.Kind != KindTrace && l.Requests == 0 && l.Duration == 0
}

// exact says whether the level measures a given number of requests, all of them.
func (l Level) exact() bool { return l.Kind == KindBurst || l.Requests > 0 }

// WarmupRequests is how many requests are sent before the measured ones: Warmup,
// or, where that is below 0, one for a single stream, one for each user of a
// closed loop or burst, at least two, and DefaultWarmupOpen elsewhere.
func (l Level) WarmupRequests() int {
	switch {
	case l.Warmup >= 0:
		return l.Warmup
	case l.Kind == KindSingle:
		return 1
	case l.Kind == KindClosed || l.Kind == KindBurst:
		return max(2, l.Users)
	}
	return DefaultWarmupOpen
}

// users is how many requests are under way at once.
func (l Level) users() int {
	if l.Kind == KindSingle {
		return 1
	}
	return max(l.Users, 1)
}
