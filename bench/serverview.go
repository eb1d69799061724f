package bench

import "fmt"

// ServerView is what a server's own metrics say of a level; null is not told.
// Counters are the difference between the level's end and its beginning, gauges
// were looked at once a second of wall time.
type ServerView struct {
	Engine           string   `json:"engine"` // vllm, sglang, llamacpp or tgi, by its names
	PromptTokens     *float64 `json:"prompt_tokens"`
	GeneratedTokens  *float64 `json:"generated_tokens"`
	TTFTMS           *float64 `json:"ttft_ms"`            // mean, as the server sees it
	QueueMS          *float64 `json:"queue_ms"`           // mean, inside the server
	RunningMean      *float64 `json:"running_mean"`       // requests
	RunningMax       *float64 `json:"running_max"`        //
	WaitingMean      *float64 `json:"waiting_mean"`       //
	WaitingMax       *float64 `json:"waiting_max"`        //
	KVUseMax         *float64 `json:"kv_use_max"`         // 0 to 1
	Preemptions      *float64 `json:"preemptions"`        //
	PrefixHitRate    *float64 `json:"prefix_hit_rate"`    // 0 to 1
	PromptMSMean     *float64 `json:"prompt_ms_mean"`     // of llama.cpp's timings
	GenerationMSMean *float64 `json:"generation_ms_mean"` // of llama.cpp's timings
	Looks            int      `json:"looks"`              // how often gauges were looked at
}

// view sums up what the server told; nil where it told nothing.
func (g *serverLog) view(l *ledger) *ServerView {
	g.mu.Lock()
	defer g.mu.Unlock()
	if l.timed == 0 && (g.before == nil || g.after == nil) {
		return nil
	}
	n := g.names
	v := &ServerView{
		Engine: g.engine, Looks: g.running.n,
		PromptTokens: g.grown(n.prompt), GeneratedTokens: g.grown(n.generated),
		TTFTMS: g.mean(n.ttftSum, n.ttftCount), QueueMS: g.mean(n.queueSum, n.queueCount),
		RunningMean: g.running.mean(), RunningMax: g.running.highest(),
		WaitingMean: g.waiting.mean(), WaitingMax: g.waiting.highest(),
		KVUseMax: g.kv.highest(), Preemptions: g.grown(n.preemptions), PrefixHitRate: g.hits(),
	}
	if l.timed > 0 {
		if v.Engine == "" {
			v.Engine = "llamacpp"
		}
		prompt, generation := l.timings.prompt/float64(l.timed), l.timings.predicted/float64(l.timed)
		v.PromptMSMean, v.GenerationMSMean = &prompt, &generation
	}
	return v
}

// grown is by how much a counter has grown.
func (g *serverLog) grown(names []string) *float64 {
	from, ok := g.before.get(names)
	to, ok2 := g.after.get(names)
	if d := to - from; ok && ok2 && d >= 0 {
		return &d
	}
	return nil
}

// mean is that of a histogram of seconds, in milliseconds.
func (g *serverLog) mean(sum, count []string) *float64 {
	s, n := g.grown(sum), g.grown(count)
	if s == nil || n == nil || *n == 0 {
		return nil
	}
	ms := 1e3 * *s / *n
	return &ms
}

func (g *serverLog) hits() *float64 {
	asked, hit := g.grown(g.names.prefixQueries), g.grown(g.names.prefixHits)
	if asked != nil && hit != nil && *asked > 0 {
		rate := *hit / *asked
		return &rate
	}
	if rate, ok := g.after.get(g.names.hitRate); ok {
		return &rate
	}
	return nil
}

// When the server's own figures and the client's are held to contradict each other.
const (
	tokenGap   = 0.01 // of the output tokens
	ttftGap    = 0.05 // of the server's mean TTFT,
	ttftGapMS  = 2.0  // and at least so much
	runningGap = 0.8  // of the requests that a closed loop has under way
	leastLooks = 5    // at gauges, before they are believed
)

// compare says where the server's own figures contradict the client's.
func (g *serverLog) compare(r *LevelResult) []string {
	v := r.Server
	if v == nil {
		return nil
	}
	var notes []string
	say := func(format string, args ...any) { notes = append(notes, fmt.Sprintf(format, args...)) }
	if n := v.GeneratedTokens; n != nil && r.Requests.Failed == 0 && !r.Partial {
		if off := *n - float64(r.OutputTokens); off > tokenGap*float64(r.OutputTokens)+1 || -off > tokenGap*float64(r.OutputTokens)+1 {
			say("the server counted %.0f generated tokens and the client %d: somebody else uses it, or its usage is not right", *n, r.OutputTokens)
		}
	}
	if s, c := v.TTFTMS, r.TTFT.Mean; s != nil && c != nil && r.TTFT.N == r.Requests.Total && *c-*s > max(ttftGap**s, ttftGapMS) {
		say("the server says that its mean TTFT was %.1f ms and the client saw %.1f ms: what lies between is the way there and back", *s, *c)
	}
	if r.Kind == KindClosed && v.Looks >= leastLooks && v.RunningMean != nil && v.WaitingMean != nil {
		if busy := *v.RunningMean + *v.WaitingMean; busy < runningGap*float64(r.Users) {
			say("the server had %.1f requests under way on average where the client had %d", busy, r.Users)
		}
	}
	if v.Preemptions != nil && *v.Preemptions > 0 {
		say("the server preempted %.0f requests: its KV cache is too small for this load", *v.Preemptions)
	}
	return notes
}
