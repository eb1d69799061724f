package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/tuner"
)

// benchFlags are the flags of bench; they have the words of a profile's workload.
type benchFlags struct {
	model        string
	api          string
	users        []int
	single       []int
	inputTokens  int
	outputTokens int
	requests     int
	duration     time.Duration
	warmup       int
	burst        bool
	seed         uint64
	keyEnv       string
	json         bool
}

func benchCmd(w *world) *cobra.Command {
	var f benchFlags
	c := &cobra.Command{
		Use:   "bench URL",
		Short: "Measure a server that is already up",
		Long: `Bench sends load to a server with an OpenAI-compatible API and measures what comes
back. It starts nothing.

  qtune bench http://127.0.0.1:8000 --users 1,4,16 --input-tokens 64 --output-tokens 50`,
		Args: exactly(1, "one URL"),
		RunE: func(c *cobra.Command, args []string) error {
			return benchURL(c.Context(), w, args[0], &f)
		},
	}
	fl := c.Flags()
	fl.StringVar(&f.model, "model", "", "the model to ask for (default: the first that the server lists)")
	fl.StringVar(&f.api, "api", string(bench.APICompletions), "completions or chat")
	fl.IntSliceVar(&f.users, "users", nil, "numbers of users, each waiting for its answer (default 1)")
	fl.IntSliceVar(&f.single, "single", nil, "one request at a time, of these numbers of output tokens")
	fl.IntVar(&f.inputTokens, "input-tokens", 64, "tokens in each prompt")
	fl.IntVar(&f.outputTokens, "output-tokens", 50, "tokens that each request of --users asks for")
	fl.IntVar(&f.requests, "requests", 0, "measured requests of each level (default: until settled)")
	fl.DurationVar(&f.duration, "duration", 0, "how long each level sends (default: until settled)")
	fl.IntVar(&f.warmup, "warmup", -1, "requests before the measured ones (default: one for each user)")
	fl.BoolVar(&f.burst, "burst", false, "every user sends at the same moment, once")
	fl.Uint64Var(&f.seed, "seed", 0, "seed of the prompts (default: a new one each time, so that no prompt is in the server's cache)")
	fl.StringVar(&f.keyEnv, "api-key-env", "", "the environment `VARIABLE` that holds the API key")
	fl.BoolVar(&f.json, "json", false, "print one JSON object")
	return c
}

// workload turns the flags into what a profile would say.
func (f *benchFlags) workload() (bench.Workload, error) {
	w := bench.Workload{Name: "bench", API: bench.API(f.api), Seed: f.seed, Prompts: bench.Prompts{InputTokens: f.inputTokens}}
	if w.API != bench.APICompletions && w.API != bench.APIChat {
		return w, &usageError{fmt.Errorf("--api %q: choose completions or chat", f.api)}
	}
	if f.inputTokens < 1 || f.outputTokens < 1 {
		return w, &usageError{errors.New("--input-tokens and --output-tokens take numbers of at least 1")}
	}
	if f.requests < 0 || f.duration < 0 {
		return w, &usageError{errors.New("--requests and --duration cannot be negative")}
	}
	users := f.users
	if len(users) == 0 && len(f.single) == 0 {
		users = []int{1}
	}
	for _, n := range f.single {
		w.Levels = append(w.Levels, f.level(bench.KindSingle, 1, n))
	}
	kind := bench.KindClosed
	if f.burst {
		kind = bench.KindBurst
	}
	for _, n := range users {
		w.Levels = append(w.Levels, f.level(kind, n, f.outputTokens))
	}
	for _, l := range w.Levels {
		if l.Users < 1 || l.OutputTokens < 1 {
			return w, &usageError{errors.New("--users and --single take numbers of at least 1")}
		}
	}
	return w, nil
}

func (f *benchFlags) level(k bench.Kind, users, tokens int) bench.Level {
	return bench.Level{Kind: k, Users: users, OutputTokens: tokens, Requests: f.requests, Duration: f.duration, Warmup: f.warmup}
}

// benchResult is what bench prints with --json.
type benchResult struct {
	Type    string              `json:"type"` // "bench"
	URL     string              `json:"url"`
	Model   string              `json:"model"`
	Seed    uint64              `json:"seed"`
	Partial bool                `json:"partial,omitempty"` // interrupted
	Levels  []bench.LevelResult `json:"levels"`
}

func benchURL(ctx context.Context, w *world, rawURL string, f *benchFlags) error {
	if f.seed == 0 {
		f.seed = rand.Uint64()
	}
	load, err := f.workload()
	if err != nil {
		return err
	}
	target, err := f.target(ctx, w, rawURL)
	if err != nil {
		return err
	}
	client := bench.Client{Speed: 1}
	out := benchResult{Type: "bench", URL: target.URL, Model: target.Model, Seed: f.seed, Levels: []bench.LevelResult{}}
	for _, l := range load.Levels {
		fmt.Fprintf(w.stderr, "measuring %s\n", l)
		r, err := client.Run(ctx, target, load, l)
		if err != nil && ctx.Err() == nil {
			return fmt.Errorf("measure %s: %w", l, err)
		}
		out.Levels = append(out.Levels, r)
		if ctx.Err() != nil {
			out.Partial = true
			break
		}
	}
	if err := out.print(w, f.json); err != nil {
		return err
	}
	return out.verdict(ctx)
}

// verdict is an error where the figures must not be used.
func (b *benchResult) verdict(ctx context.Context) error {
	if ctx.Err() != nil {
		return fmt.Errorf("interrupted: the figures are partial")
	}
	for i := range b.Levels {
		switch l := &b.Levels[i]; {
		case l.Client.Bound:
			return fmt.Errorf("%s is invalid: the load client was the bottleneck: %s", levelOf(l), strings.Join(l.Client.Reasons, ", "))
		case l.Requests.Completed == 0:
			return fmt.Errorf("%s: no request was completed", levelOf(l))
		}
	}
	return nil
}

func levelOf(l *bench.LevelResult) bench.Level {
	return bench.Level{Kind: l.Kind, Users: l.Users, Rate: l.Rate, OutputTokens: l.RequestedOutputTokens}
}

func (f *benchFlags) target(ctx context.Context, w *world, rawURL string) (bench.Target, error) {
	u, err := url.Parse(rawURL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return bench.Target{}, &usageError{fmt.Errorf("%q is no URL of a server: write one such as http://127.0.0.1:8000", rawURL)}
	}
	t := bench.Target{URL: strings.TrimSuffix(strings.TrimSuffix(rawURL, "/"), "/v1"), Model: f.model}
	if f.keyEnv != "" {
		key, ok := w.lookup(f.keyEnv)
		if !ok {
			return t, &usageError{fmt.Errorf("--api-key-env: %s is not set", f.keyEnv)}
		}
		t.APIKey = key
	}
	if t.Model == "" {
		t.Model, err = firstModel(ctx, t)
	}
	return t, err
}

// firstModel asks a server which model it serves.
func firstModel(ctx context.Context, t bench.Target) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, t.URL+"/v1/models", nil)
	if err != nil {
		return "", err
	}
	if t.APIKey != "" {
		req.Header.Set("Authorization", "Bearer "+t.APIKey)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", fmt.Errorf("ask the server for its models (name one with --model if it lists none): %w", err)
	}
	defer resp.Body.Close()
	var list struct {
		Data []struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&list); err != nil || len(list.Data) == 0 {
		return "", fmt.Errorf("%s/v1/models lists no model (status %d): name one with --model", t.URL, resp.StatusCode)
	}
	return list.Data[0].ID, nil
}

func (b *benchResult) print(w *world, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w.stdout).Encode(b)
	}
	fmt.Fprintf(w.stdout, "%s, model %s\n", b.URL, b.Model)
	t := tabwriter.NewWriter(w.stdout, 2, 8, 2, ' ', 0)
	fmt.Fprintln(t, "level\trequests\tfailed\ttok/s\treq/s\tTTFT mean\tp95\tTPOT mean\tITL p95\tE2E mean\tp95")
	for i := range b.Levels {
		printLevel(t, &b.Levels[i])
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for i := range b.Levels {
		printRemarks(w.stdout, &b.Levels[i])
	}
	return nil
}

func printLevel(out io.Writer, l *bench.LevelResult) {
	fmt.Fprintf(out, "%s\t%d\t%d\t%.1f\t%.2f\t%s\t%s\t%s\t%s\t%s\t%s\n", levelOf(l), l.Requests.Completed, l.Requests.Failed,
		l.OutputThroughput, l.RequestThroughput, ms(l.TTFT.Mean), ms(l.TTFT.P95), ms(l.TPOT.Mean), ms(l.ITL.P95), ms(l.E2E.Mean), ms(l.E2E.P95))
}

func ms(v *float64) string {
	if v == nil {
		return "–"
	}
	return tuner.Figure(*v, bench.UnitMilliseconds)
}

func printRemarks(out io.Writer, l *bench.LevelResult) {
	for _, n := range l.Notes {
		fmt.Fprintf(out, "note, %s: %s\n", levelOf(l), n)
	}
	for _, f := range l.Failures {
		fmt.Fprintf(out, "failed, %s: %d × %s\n", levelOf(l), f.Count, f.Reason)
	}
}
