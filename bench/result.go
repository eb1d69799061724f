package bench

import "time"

// Target is the server that is measured.
type Target struct {
	URL    string // scheme, host and port, without a path
	Model  string // the name that requests ask for
	APIKey string // sent as a bearer token; never written anywhere
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
}

// LevelResult is what one level measured. All times are in the engine's time
// but those whose name says wall. Requests counts all that were sent after the
// warm-up; how many of them a latency is made of is its N, which leaves out the
// ramp of a closed loop.
type LevelResult struct {
	Kind                  Kind           `json:"kind"`
	Users                 int            `json:"users,omitempty"`
	Rate                  float64        `json:"rate,omitempty"`
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
	TTFT                  Stats          `json:"ttft_ms"`
	TPOT                  Stats          `json:"tpot_ms"`
	ITL                   Stats          `json:"itl_ms"`
	E2E                   Stats          `json:"e2e_ms"`
	TokensEstimated       bool           `json:"tokens_estimated,omitempty"` // the server sent no usage
	Settled               bool           `json:"settled"`                    // the throughput's 95 % interval is within 2 % of it
	Partial               bool           `json:"partial,omitempty"`          // interrupted before its end
	Client                ClientCost     `json:"client"`
	// SimulatorLagMS is how late a simulated server was in this level (99th percentile, its own time).
	SimulatorLagMS *float64 `json:"simulator_lag_ms,omitempty"`
	Notes          []string `json:"notes,omitempty"` // what a reader must know before believing it
}

// ErrorRate is the share of measured requests that failed, 0 to 1; 1 if none was measured.
func (r *LevelResult) ErrorRate() float64 {
	if r.Requests.Total == 0 {
		return 1
	}
	return float64(r.Requests.Failed) / float64(r.Requests.Total)
}
