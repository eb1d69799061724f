package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/compare/files"
)

// benchFlags are the flags of bench; they have the words of a profile's workload.
type benchFlags struct {
	profileFlags
	profile, workloadName string

	model   string
	keyEnv  string
	headers []string
	ca      string

	api          string
	noStream     bool
	users        []int
	single       []int
	burst        bool
	rates        []float64
	rateEnd      float64
	steps        int
	arrival      string
	burstiness   float64
	maxRate      bool
	maxInFlight  int
	trace        string
	speedup      float64
	file         string
	inputTokens  int
	outputTokens int
	inputSpread  string
	outputSpread string
	prefixTokens int
	prefixGroups int
	requests     int
	duration     time.Duration
	warmup       int
	slo          []string
	resetCache   bool
	timeouts     bench.Timeouts
	seed         uint64

	json          bool
	format        string
	details       bool
	output        string
	requestsFile  string
	tokenTimes    bool
	writeRequests string

	changed func(name string) bool // whether a flag was given
}

// loadFlags are those that say what is sent; a profile's workload says it instead.
var loadFlags = []string{
	"api", "no-stream", "users", "single", "burst", "rate", "rate-end", "steps", "arrival", "burstiness", "max-rate", "max-in-flight",
	"trace", "speedup", "file", "input-tokens", "output-tokens", "input-spread", "output-spread", "shared-prefix", "prefix-groups",
	"requests", "duration", "warmup", "slo", "reset-cache", "first-token-timeout", "between-tokens-timeout", "request-timeout",
}

const benchLong = `Bench sends load to a server that is already up and measures what comes back. It
starts nothing. A run that the load client itself held back is invalid and fails.

  qtune bench http://127.0.0.1:8000 --users 1,4,16 --input-tokens 64 --output-tokens 50
  qtune bench http://127.0.0.1:8000 --rate 2,4 --arrival gamma --burstiness 0.5 --duration 60s
  qtune bench http://127.0.0.1:8000 --max-rate --slo ttft_p95=2s --slo tpot_p95=50ms
  qtune bench http://127.0.0.1:8000 --trace azure.csv --speedup 2 --requests 500
  qtune bench http://127.0.0.1:8000 --file sharegpt.jsonl --api chat --users 8
  qtune bench http://127.0.0.1:8000 --profile examples.hcl --workload qwen-style

A level without --requests and --duration runs until its figures have settled.`

func benchCmd(w *world) *cobra.Command {
	var f benchFlags
	c := &cobra.Command{
		Use:   "bench URL",
		Short: "Measure a server that is already up",
		Long:  benchLong,
		Args:  exactly(1, "one URL"),
		RunE: func(c *cobra.Command, args []string) error {
			f.changed = c.Flags().Changed
			return benchURL(c.Context(), w, args[0], &f)
		},
	}
	f.bindTarget(c)
	f.bindArrivals(c)
	f.bindPrompts(c)
	f.bindOutput(c)
	return c
}

func (f *benchFlags) bindTarget(c *cobra.Command) {
	fl := c.Flags()
	fl.StringVar(&f.model, "model", "", "the model to ask for (default: the first that the server lists)")
	fl.StringVar(&f.api, "api", string(bench.APICompletions), "the interface: "+apiNames())
	fl.BoolVar(&f.noStream, "no-stream", false, "ask for answers in one piece (completions and chat)")
	fl.StringVar(&f.keyEnv, "api-key-env", "", "the environment `VARIABLE` that holds the API key")
	fl.StringArrayVar(&f.headers, "header", nil, "send `NAME=VALUE` with each request (can be repeated); a VALUE of env:VARIABLE is taken from the environment")
	fl.StringVar(&f.ca, "ca", "", "trust the certificates of this PEM `FILE` instead of the system's")
	fl.DurationVar(&f.timeouts.FirstToken, "first-token-timeout", bench.DefaultFirstToken, "from the send to the first token")
	fl.DurationVar(&f.timeouts.BetweenTokens, "between-tokens-timeout", bench.DefaultBetweenTokens, "from one token to the next")
	fl.DurationVar(&f.timeouts.Request, "request-timeout", bench.DefaultRequest, "of a whole request")
	fl.StringVar(&f.profile, "profile", "", "send a workload of this profile `FILE` instead of what the flags say")
	fl.StringVar(&f.workloadName, "workload", "", "the `NAME` of the profile's workload (default: its only one)")
	f.profileFlags.bind(c)
}

func (f *benchFlags) bindArrivals(c *cobra.Command) {
	fl := c.Flags()
	fl.IntSliceVar(&f.users, "users", nil, "numbers of users, each waiting for its answer (default 1)")
	fl.IntSliceVar(&f.single, "single", nil, "one request at a time, of these numbers of output tokens")
	fl.BoolVar(&f.burst, "burst", false, "every user sends at the same moment, once")
	fl.Float64SliceVar(&f.rates, "rate", nil, "requests per second that arrive whether or not the server keeps up")
	fl.Float64Var(&f.rateEnd, "rate-end", 0, "the rate goes from --rate to this; with --max-rate, the highest to try")
	fl.IntVar(&f.steps, "steps", 0, "the rate goes there in so many steps (default: in a straight line)")
	fl.StringVar(&f.arrival, "arrival", string(bench.ArrivalPoisson), "how requests of a rate are spaced: poisson, constant or gamma")
	fl.Float64Var(&f.burstiness, "burstiness", 0, "of gamma arrivals: 1 is Poisson, less comes in bursts")
	fl.BoolVar(&f.maxRate, "max-rate", false, "look for the highest rate at which --slo holds")
	fl.IntVar(&f.maxInFlight, "max-in-flight", 0, fmt.Sprintf("requests of a rate or trace under way at most (default %d)", bench.DefaultMaxInFlight))
	fl.StringVar(&f.trace, "trace", "", "replay this `FILE` (Azure's CSV or Mooncake's JSON lines); with --users, --single or --rate only its lengths are taken")
	fl.Float64Var(&f.speedup, "speedup", 1, "replay a trace so many times as fast")
	fl.IntVar(&f.requests, "requests", 0, "measured requests of each level (default: until settled)")
	fl.DurationVar(&f.duration, "duration", 0, "how long each level sends (default: until settled)")
	fl.IntVar(&f.warmup, "warmup", -1, "requests before the measured ones (default: one for each user)")
	fl.StringArrayVar(&f.slo, "slo", nil, "a limit such as ttft_p95=2s or e2e=10s, for goodput and --max-rate (can be repeated)")
	fl.BoolVar(&f.resetCache, "reset-cache", false, "empty the server's prefix cache before each level, where it can")
}

func (f *benchFlags) bindPrompts(c *cobra.Command) {
	fl := c.Flags()
	fl.IntVar(&f.inputTokens, "input-tokens", 64, "tokens in each prompt")
	fl.IntVar(&f.outputTokens, "output-tokens", 50, "tokens that each request asks for (of --file: where it says none)")
	fl.StringVar(&f.inputSpread, "input-spread", "", "spread prompts' lengths: `SHAPE:WIDTH[:MIN:MAX]`, SHAPE being uniform, normal or lognormal, WIDTH a share of the mean")
	fl.StringVar(&f.outputSpread, "output-spread", "", "spread answers' lengths likewise")
	fl.IntVar(&f.prefixTokens, "shared-prefix", 0, "tokens at the beginning of each prompt that it shares with others")
	fl.IntVar(&f.prefixGroups, "prefix-groups", 1, "how many different shared prefixes there are")
	fl.StringVar(&f.file, "file", "", "take prompts from this `FILE` of JSON lines: prompt, messages or ShareGPT's conversations")
	fl.Uint64Var(&f.seed, "seed", 0, "seed of prompts, lengths and arrivals (default: a new one each time, so that no prompt is in the server's cache)")
}

func (f *benchFlags) bindOutput(c *cobra.Command) {
	fl := c.Flags()
	fl.BoolVar(&f.json, "json", false, "print one JSON object (the same as --format json)")
	fl.StringVar(&f.format, "format", "text", "text, json, csv, or a result file of vllm (vllm bench serve) or sglang (sglang.bench_serving)")
	fl.BoolVar(&f.details, "details", false, "of --format vllm and sglang: each request's figures too")
	fl.StringVar(&f.output, "output", "", "write the result to this `FILE` instead of standard output")
	fl.StringVar(&f.requestsFile, "requests-file", "", "write each request as a JSON line to this `FILE`")
	fl.BoolVar(&f.tokenTimes, "token-times", false, "of --requests-file: when each token came, too")
	fl.StringVar(&f.writeRequests, "write-requests", "", "write the prompts and lengths that are sent to this `FILE`, as --file and vllm's custom dataset read them")
}

func apiNames() string {
	var names []string
	for _, a := range bench.APIs() {
		names = append(names, string(a))
	}
	return strings.Join(names, ", ")
}

// benchResult is what bench prints with --json.
type benchResult struct {
	Type    string              `json:"type"` // "bench"
	URL     string              `json:"url"`
	Model   string              `json:"model"`
	Seed    uint64              `json:"seed"`
	Bench   string              `json:"bench_version"`
	Loads   []files.Sent        `json:"loads"` // what each level sends, for compare
	Kept    string              `json:"requests_file,omitempty"`
	Partial bool                `json:"partial,omitempty"` // interrupted
	Levels  []bench.LevelResult `json:"levels"`
	// Simulated: the server is a simulated engine, and so is every figure.
	Simulated *simulatedServer `json:"simulated,omitempty"`

	load    bench.Workload
	details []levelDetails // for --format vllm and sglang
}

func benchURL(ctx context.Context, w *world, rawURL string, f *benchFlags) error {
	if f.seed == 0 {
		f.seed = rand.Uint64()
	}
	if err := f.checkOutput(); err != nil {
		return err
	}
	load, err := f.load(w)
	if err != nil {
		return err
	}
	target, err := f.target(ctx, w, rawURL)
	if err != nil {
		return err
	}
	out := &benchResult{Type: "bench", URL: target.URL, Model: target.Model, Seed: load.Seed, Levels: []bench.LevelResult{}, Bench: bench.Version, Kept: f.requestsFile, Simulated: askSimulated(ctx, target), load: load}
	for _, l := range load.Levels {
		out.Loads = append(out.Loads, files.SentBy(load, l))
	}
	if out.Simulated != nil && f.format != "text" {
		fmt.Fprintln(w.stderr, "the server is a simulated engine: every figure is simulated")
	}
	if err := out.measure(ctx, w, f, target); err != nil {
		return err
	}
	if err := out.deliver(w, f); err != nil {
		return err
	}
	return out.verdict(ctx)
}

// measure runs the levels one after the other, until the context ends.
func (b *benchResult) measure(ctx context.Context, w *world, f *benchFlags, target bench.Target) (err error) {
	rec, err := newBenchRecorder(f)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rec.close()) }()
	live := newBenchLive(w)
	client := bench.Client{Record: rec.record, TokenTimes: rec.wantsTimes(), Progress: live.progress, Sent: rec.sent()}
	if b.Simulated != nil {
		client.Speed = b.Simulated.Speed
	}
	for _, l := range b.load.Levels {
		live.begin(l)
		rec.begin(l)
		r, err := client.Run(ctx, target, b.load, l)
		live.end()
		if err != nil && ctx.Err() == nil {
			return fmt.Errorf("measure %s: %w", l, err)
		}
		b.Levels = append(b.Levels, r)
		b.details = append(b.details, rec.level)
		if ctx.Err() != nil {
			b.Partial = true
			break
		}
	}
	return nil
}

// verdict is an error where the figures must not be used.
func (b *benchResult) verdict(ctx context.Context) error {
	if ctx.Err() != nil {
		return errors.New("the figures are partial")
	}
	for i := range b.Levels {
		switch l := &b.Levels[i]; {
		case l.Requests.Completed == 0:
			return fmt.Errorf("%s: no request was completed", b.load.Levels[i])
		case l.Client.Bound:
			return fmt.Errorf("%s is invalid: the load client was the bottleneck: %s", b.load.Levels[i], strings.Join(l.Client.Reasons, ", "))
		}
	}
	return nil
}
