package bench

import (
	"fmt"
	"strconv"
	"time"
)

// API names the HTTP interface that a workload is sent to.
type API string

// The interfaces that Client speaks.
const (
	APICompletions API = "completions" // POST /v1/completions, streamed
	APIChat        API = "chat"        // POST /v1/chat/completions, streamed
	APIGenerate    API = "generate"    // POST /generate, SGLang's own
	APILlamaCpp    API = "llamacpp"    // POST /completion, llama.cpp's own
	APIOllama      API = "ollama"      // POST /api/generate, Ollama's own, without a template
	APIOllamaChat  API = "ollama-chat" // POST /api/chat, Ollama's own
)

// Kind says how the requests of a level arrive.
type Kind string

// The kinds of load.
const (
	KindSingle Kind = "single" // one request at a time
	KindClosed Kind = "closed" // a fixed number of users, each waiting for its answer
	KindBurst  Kind = "burst"  // every user sends one request at the same moment, once
	KindOpen   Kind = "open"   // requests arrive whether or not the server keeps up
	KindTrace  Kind = "trace"  // requests arrive at recorded times
	// KindMaxRate looks for the highest rate of an open loop at which the
	// workload's SLO holds, by bisection.
	KindMaxRate Kind = "max_rate"
)

// Arrival says how the requests of an open loop are spaced.
type Arrival string

// The arrivals of an open loop.
const (
	ArrivalPoisson  Arrival = "poisson"  // independently of each other; the default
	ArrivalConstant Arrival = "constant" // evenly
	ArrivalGamma    Arrival = "gamma"    // with gaps of a gamma distribution, of shape Burstiness
)

// Workload is what is sent to a server: prompts, and one or more levels of load.
// Everything random in it follows from Seed, so every trial sees the same requests.
type Workload struct {
	Name     string   `json:"name"`
	API      API      `json:"api"`
	Prompts  Prompts  `json:"prompts"`
	Levels   []Level  `json:"levels"`
	Seed     uint64   `json:"seed"`
	Timeouts Timeouts `json:"timeouts"`
	// SLO is what a request must keep to for goodput, and a rate for KindMaxRate.
	SLO []Limit `json:"slo,omitempty"`
	// ResetCache empties the server's cache of prefixes before what is measured of
	// each level, where the server can.
	ResetCache bool `json:"reset_cache,omitempty"`
	// Whole asks for answers in one piece instead of a stream, of the two OpenAI
	// interfaces. Then there is no TTFT, TPOT or ITL.
	Whole bool `json:"whole,omitempty"`
}

// Prompts says what the requests ask: synthetic text, unless File is set.
type Prompts struct {
	// InputTokens is the length of each synthetic prompt, in tokens of the served model;
	// with Input, its mean.
	InputTokens int `json:"input_tokens"`
	// Input spreads the lengths of prompts about InputTokens, Output those of answers
	// about the level's OutputTokens.
	Input        Spread       `json:"input,omitzero"`
	Output       Spread       `json:"output,omitzero"`
	SharedPrefix SharedPrefix `json:"shared_prefix,omitzero"`
	// File holds the prompts themselves; they are asked in its order, from its
	// beginning again when it is at its end.
	File *File `json:"file,omitempty"`
	// Trace holds the lengths of prompts and answers, used in its order; a level of
	// KindTrace takes its times too.
	Trace *Trace `json:"trace,omitempty"`
}

// SharedPrefix makes synthetic prompts begin alike, as those with a system
// prompt do, so that a cache of prefixes has something to find.
type SharedPrefix struct {
	Tokens int `json:"tokens"` // of each prompt, that it shares; less than the prompt's length
	Groups int `json:"groups"` // how many different prefixes there are; at least 1. Each request is in one by chance
}

// Timeouts bound a request, in the engine's time. Zero means the default of the same name.
type Timeouts struct {
	FirstToken    time.Duration `json:"first_token"`    // from send to first content
	BetweenTokens time.Duration `json:"between_tokens"` // from one event with content to the next
	Request       time.Duration `json:"request"`        // from send to the end of the stream
}

// The defaults of Timeouts.
const (
	DefaultFirstToken    = 2 * time.Minute
	DefaultBetweenTokens = 1 * time.Minute
	DefaultRequest       = 15 * time.Minute
)

// Level is one load: how many requests, how they arrive, and how many tokens each asks for.
type Level struct {
	Kind         Kind    `json:"kind"`
	Users        int     `json:"users,omitempty"` // KindClosed and KindBurst; 1 for KindSingle
	Rate         float64 `json:"rate,omitempty"`  // requests per second, KindOpen; where KindMaxRate begins
	OutputTokens int     `json:"output_tokens"`   // asked for in each request, end of sequence ignored; a trace or file may say another
	Requests     int     `json:"requests"`        // measured requests, exactly; 0: until settled
	// Warmup is how many requests of the same lengths are sent before the
	// measured ones and not counted. 0: none. Below 0: WarmupRequests chooses.
	Warmup int `json:"warmup"`
	// Duration is how long requests are sent, exactly, in the engine's time; 0: until settled.
	// For KindMaxRate it is how long each rate is tried, but no shorter than the SLO's
	// figures need and no longer than it takes to be certain; 0 is 30 s.
	Duration time.Duration `json:"duration"`

	// Arrival spaces the requests of KindOpen and KindMaxRate; empty is ArrivalPoisson.
	Arrival Arrival `json:"arrival,omitempty"`
	// Burstiness is the shape of ArrivalGamma's gaps: 1 is Poisson, less comes in
	// bursts, more is evener (the coefficient of variation of a gap is 1/sqrt of it).
	Burstiness float64 `json:"burstiness,omitempty"`
	// RateEnd makes the rate of KindOpen go from Rate to this: in a straight line, or
	// in as many equal Steps as that says. For KindMaxRate it is the highest rate tried.
	RateEnd float64 `json:"rate_end,omitempty"`
	Steps   int     `json:"steps,omitempty"`
	// Speedup divides the times of a trace: 2 sends it twice as fast. 0 is 1.
	Speedup float64 `json:"speedup,omitempty"`
	// MaxInFlight is how many requests of an open loop or trace may be under way at
	// once; those above wait, and the result says so. 0 is DefaultMaxInFlight.
	MaxInFlight int `json:"max_in_flight,omitempty"`
}

// DefaultMaxInFlight bounds the requests that an open loop has under way.
const DefaultMaxInFlight = 10_000

// timed says whether requests are sent by a schedule, whatever the server does.
func (l Level) timed() bool { return l.Kind == KindOpen || l.Kind == KindTrace }

// lone says whether there is one request at a time.
func (l Level) lone() bool { return !l.timed() && l.users() == 1 }

// String names the level as a person would: "20 users", "single, 500 tokens", "2 req/s".
func (l Level) String() string {
	switch l.Kind {
	case KindSingle:
		return fmt.Sprintf("single, %d tokens", l.OutputTokens)
	case KindBurst:
		return fmt.Sprintf("burst of %d", l.Users)
	case KindOpen:
		return l.rateName()
	case KindTrace:
		if l.Speedup != 0 && l.Speedup != 1 {
			return "trace × " + short(l.Speedup)
		}
		return "trace"
	case KindMaxRate:
		return "max rate"
	case KindClosed:
		if l.Users == 1 {
			return "1 user"
		}
		return fmt.Sprintf("%d users", l.Users)
	}
	return string(l.Kind)
}

// rateName is the rate of an open loop, and whatever is special about it.
func (l Level) rateName() string {
	name := short(l.Rate)
	if l.RateEnd > 0 {
		name += " to " + short(l.RateEnd)
	}
	name += " req/s"
	switch {
	case l.RateEnd > 0 && l.Steps > 1:
		name += fmt.Sprintf(" in %d steps", l.Steps)
	case l.Arrival == ArrivalConstant:
		name += ", constant"
	case l.Arrival == ArrivalGamma:
		name += ", burstiness " + short(l.Burstiness)
	}
	return name
}

func short(f float64) string { return strconv.FormatFloat(f, 'g', 6, 64) }
