package bench

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/qtune/qtune/usage"
)

// Target is the server that is measured.
type Target struct {
	URL    string // scheme, host and port, without a path
	Model  string // the name that requests ask for
	APIKey string // sent as a bearer token; never written anywhere
	// Header is sent with each request, beside or instead of what bench sets; never
	// written anywhere either.
	Header http.Header
	CA     []byte // PEM certificates to trust for https instead of the system's
}

// Sent is a measured request as it is sent.
type Sent struct {
	Prompt       json.RawMessage // a text, or a list of messages
	Messages     bool            // it is a list of messages
	InputTokens  int             // planned; 0 where that is not known
	OutputTokens int             // asked for
}

// Outcome is what became of one request. Times are in the engine's time, in
// nanoseconds since the level's clock started.
type Outcome struct {
	Seq          int           `json:"seq"`
	User         int           `json:"user"`
	Intended     time.Duration `json:"intended_ns"` // when the schedule wanted it sent
	Sent         time.Duration `json:"sent_ns"`
	TTFT         time.Duration `json:"ttft_ns"` // from Sent to the first non-empty content
	E2E          time.Duration `json:"e2e_ns"`  // from Sent to the last event with content
	InputTokens  int           `json:"input_tokens"`
	OutputTokens int           `json:"output_tokens"`
	Error        string        `json:"error,omitempty"`  // the class of its failure, one of few; "" is success
	Detail       string        `json:"detail,omitempty"` // the failure in the server's or the system's words, at most 200 bytes
	Warmup       bool          `json:"warmup,omitempty"`
	Good         *bool         `json:"good,omitempty"`     // the workload's SLO held; absent without one
	Arrivals     []Arrived     `json:"arrivals,omitempty"` // when its tokens came, where Client.TokenTimes asks for it
}

// Arrived is one read that brought content.
type Arrived struct {
	At     time.Duration `json:"at_ns"`            // after the level's clock started
	Events int           `json:"events"`           // that had content
	Tokens int           `json:"tokens,omitempty"` // where the server counted them in each event
}

// Stats summarises one latency over the completed requests of a level, in
// milliseconds; of the time between tokens, over all tokens. A nil pointer is a
// figure that N samples cannot support: see MinP50 to MinInterval. Percentiles
// are order statistics, not interpolated.
type Stats struct {
	Mean         *float64    `json:"mean"`
	P50          *float64    `json:"p50"`
	P90          *float64    `json:"p90"`
	P95          *float64    `json:"p95"`
	P99          *float64    `json:"p99"`
	MeanInterval *[2]float64 `json:"mean_interval"` // 95 % confidence
	N            int         `json:"n"`
	// Intervals of the percentiles, 95 % confidence, by order statistics: they assume
	// that samples do not depend on each other.
	P50Interval *[2]float64 `json:"p50_interval,omitempty"`
	P90Interval *[2]float64 `json:"p90_interval,omitempty"`
	P95Interval *[2]float64 `json:"p95_interval,omitempty"`
	P99Interval *[2]float64 `json:"p99_interval,omitempty"`
}

// RequestCount counts the measured requests of a level.
type RequestCount struct {
	Total     int `json:"total"`
	Completed int `json:"completed"`
	Failed    int `json:"failed"`
}

// FailureCount is one reason for which requests failed, and how often.
type FailureCount struct {
	Reason  string `json:"reason"`            // the class, one of few
	Count   int    `json:"count"`             //
	Example string `json:"example,omitempty"` // the first such failure's detail
}

// ClientCost says whether the load client itself was the bottleneck.
type ClientCost struct {
	Bound              bool     `json:"bound"`                 // the figures are clearly the client's, not the server's
	Reasons            []string `json:"reasons"`               // why it is held to be
	ScheduleDelayP99MS *float64 `json:"schedule_delay_p99_ms"` // wall time
	CPUShare           float64  `json:"cpu_share"`             // of one core, wall time
	SchedLatencyP99MS  *float64 `json:"sched_latency_p99_ms"`  // how long goroutines that could run had to wait, wall time
	SocketWaitMS       *float64 `json:"socket_wait_ms"`        // how long a byte waited to be read, on average, wall time; Linux
}

// LevelResult is what one level measured. All times are in the engine's time
// but those whose name says wall. Requests counts all that were sent after the
// warm-up; how many of them a latency is made of is its N, which leaves out the
// ramp of a closed loop.
type LevelResult struct {
	Kind                  Kind           `json:"kind"`
	Users                 int            `json:"users,omitempty"`
	Rate                  float64        `json:"rate,omitempty"`
	RateEnd               float64        `json:"rate_end,omitempty"` // where the rate went from there
	RequestedOutputTokens int            `json:"requested_output_tokens"`
	Requests              RequestCount   `json:"requests"`
	Failures              []FailureCount `json:"failures,omitempty"`
	DurationS             float64        `json:"duration_s"` // from the first send to the last token
	WindowS               float64        `json:"window_s"`   // the time over which the throughputs are taken
	WallS                 float64        `json:"wall_s"`
	InputTokens           int            `json:"input_tokens"`
	OutputTokens          int            `json:"output_tokens"`
	OutputThroughput      float64        `json:"output_throughput"`  // tokens/s
	TotalThroughput       float64        `json:"total_throughput"`   // input and output tokens/s
	RequestThroughput     float64        `json:"request_throughput"` // completed requests/s
	ThroughputInterval    *[2]float64    `json:"output_throughput_interval"`
	InputThroughput       float64        `json:"input_throughput"`       // tokens/s of the prompts of completed requests
	PeakOutputThroughput  *float64       `json:"peak_output_throughput"` // tokens/s of the best stretch of a second; null for less than one
	PeakInFlight          int            `json:"peak_in_flight"`         // the most requests under way at once
	// Goodput is completed requests/s that kept to the workload's SLO, and GoodShare
	// their share of all, failed ones among them. Null without an SLO.
	Goodput      *float64 `json:"goodput"`
	GoodShare    *float64 `json:"good_share"`
	TTFT         Stats    `json:"ttft_ms"`
	TPOT         Stats    `json:"tpot_ms"`
	ITL          Stats    `json:"itl_ms"`
	E2E          Stats    `json:"e2e_ms"`
	Queue        Stats    `json:"queue_ms"`         // from the intended send to the actual
	TTFTIntended Stats    `json:"ttft_intended_ms"` // TTFT and E2E from the intended send
	E2EIntended  Stats    `json:"e2e_intended_ms"`
	UserRate     Stats    `json:"user_rate"` // tokens/s that a request gets behind its first: 1/TPOT
	// Saturated: requests came faster than the server completed them, so that latencies
	// from the send grow with the length of the run and are no figures of the server.
	Saturated       bool        `json:"saturated,omitempty"`
	InFlightCap     int         `json:"in_flight_cap,omitempty"`    // of a timed level: more wait to be sent
	Held            int         `json:"held,omitempty"`             // requests that had to wait for that
	Server          *ServerView `json:"server,omitempty"`           // what the server's own metrics say of the level
	Tried           []TriedRate `json:"tried,omitempty"`            // by KindMaxRate, in order
	Counting        string      `json:"tokens_counted_by"`          // usage, usage in each event, tokenize or events
	TokensEstimated bool        `json:"tokens_estimated,omitempty"` // the server sent no usage
	Settled         bool        `json:"settled"`                    // the throughput's 95 % interval is within 2 % of it
	Partial         bool        `json:"partial,omitempty"`          // interrupted before its end
	Simulated       bool        `json:"simulated,omitempty"`        // computed: no request was sent, see Virtual
	Client          ClientCost  `json:"client"`
	// SimulatorLagMS is how late the steps of a simulated server ended in this level, on average, in its own time.
	SimulatorLagMS *float64 `json:"simulator_lag_ms,omitempty"`
	// Usage is what the machine did meanwhile, where somebody looked.
	Usage *usage.Level `json:"usage,omitempty"`
	// HourCost is what an hour of the server's cards costs; 0 where nobody has said.
	HourCost float64   `json:"hour_cost,omitempty"`
	Notes    []string  `json:"notes,omitempty"` // what a reader must know before believing it
	Began    time.Time `json:"-"`               // of the measured time, which is WallS long; behind the warm-up
}

// TriedRate is one rate that KindMaxRate tried.
type TriedRate struct {
	Rate      float64 `json:"rate"`
	Held      bool    `json:"held"`             // the SLO held
	Reason    string  `json:"reason,omitempty"` // why not
	Requests  int     `json:"requests"`
	DurationS float64 `json:"duration_s"`
}

// ErrorRate is the share of measured requests that failed, 0 to 1; 1 if none was measured.
func (r *LevelResult) ErrorRate() float64 {
	if r.Requests.Total == 0 {
		return 1
	}
	return float64(r.Requests.Failed) / float64(r.Requests.Total)
}
