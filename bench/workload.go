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
}

// Prompts says what the requests ask.
type Prompts struct {
	// InputTokens is the length of each synthetic prompt, in tokens of the served model.
	InputTokens int `json:"input_tokens"`
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
	Rate         float64 `json:"rate,omitempty"`  // requests per second, KindOpen
	OutputTokens int     `json:"output_tokens"`   // asked for in each request, end of sequence ignored
	Requests     int     `json:"requests"`        // measured requests, exactly; 0: until settled
	// Warmup is how many requests of the same lengths are sent before the
	// measured ones and not counted. 0: none. Below 0: WarmupRequests chooses.
	Warmup int `json:"warmup"`
	// Duration is how long requests are sent, exactly, in the engine's time; 0: until settled.
	Duration time.Duration `json:"duration"`
}

// String names the level as a person would: "20 users", "single, 500 tokens", "2 req/s".
func (l Level) String() string {
	switch l.Kind {
	case KindSingle:
		return fmt.Sprintf("single, %d tokens", l.OutputTokens)
	case KindBurst:
		return fmt.Sprintf("burst of %d", l.Users)
	case KindOpen:
		return strconv.FormatFloat(l.Rate, 'g', -1, 64) + " req/s"
	case KindClosed:
		if l.Users == 1 {
			return "1 user"
		}
		return fmt.Sprintf("%d users", l.Users)
	}
	return string(l.Kind)
}
