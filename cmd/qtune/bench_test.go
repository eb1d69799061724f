package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/bench/benchtest"
)

var update = flag.Bool("update", false, "write the golden files anew")

// upServer is a server that is already up.
func upServer(t *testing.T, s *benchtest.Server) string {
	t.Helper()
	s.Tokenizer, s.BOS = true, 1
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/models" {
			_, _ = w.Write([]byte(`{"data":[{"id":"m"}]}`))
			return
		}
		s.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

func fastServer() *benchtest.Server {
	return &benchtest.Server{TTFT: 2 * time.Millisecond, Gap: 500 * time.Microsecond, Metrics: "vllm"}
}

// TestBenchJSON holds --json to the object that scripts read.
func TestBenchJSON(t *testing.T) {
	url := upServer(t, fastServer())
	c := newConsole(t)
	code := c.run(t, "bench", url, "--users", "2", "--rate", "40", "--single", "8", "--requests", "12", "--output-tokens", "8", "--slo", "ttft_p95=5s", "--json")
	if code != exitOK && !strings.Contains(c.err.String(), "bottleneck") {
		t.Fatalf("exit %d\n%s", code, c.err.String())
	}
	var got struct {
		Levels []map[string]json.RawMessage
	}
	if err := json.Unmarshal([]byte(c.out.String()), &got); err != nil {
		t.Fatalf("%v:\n%s", err, c.out.String())
	}
	kinds := ""
	for _, l := range got.Levels {
		kinds += string(l["kind"])
		for _, key := range strings.Fields("requested_output_tokens requests duration_s output_tokens output_throughput request_throughput ttft_ms tpot_ms itl_ms e2e_ms client good_share") {
			if _, ok := l[key]; !ok {
				t.Errorf("level %s has no %s", l["kind"], key)
			}
		}
		if string(l["requests"]) != `{"total":12,"completed":12,"failed":0}` || string(l["output_tokens"]) != "96" || !strings.Contains(string(l["ttft_ms"]), `"p99":null,"mean_interval":[`) {
			t.Errorf("level %s: requests %s, tokens %s, ttft %s", l["kind"], l["requests"], l["output_tokens"], l["ttft_ms"])
		}
	}
	if kinds != `"single""closed""open"` {
		t.Errorf("kinds %s", kinds)
	}
}

// TestBenchFormats holds the result files to those of the clients whose they are.
func TestBenchFormats(t *testing.T) {
	url := upServer(t, fastServer())
	for _, format := range []string{"vllm", "sglang", "csv", "text"} {
		t.Run(format, func(t *testing.T) {
			args := []string{"bench", url, "--users", "2", "--requests", "12", "--output-tokens", "8", "--input-tokens", "16", "--format", format}
			if format == "vllm" || format == "sglang" {
				args = append(args, "--details")
			}
			c := newConsole(t)
			if code := c.run(t, args...); code != exitOK && !strings.Contains(c.err.String(), "bottleneck") {
				t.Fatalf("exit %d\n%s", code, c.err.String())
			}
			// Numbers differ from run to run, and on a busy machine whether a figure
			// can be given at all; that the places for them are there does not.
			got := regexp.MustCompile(`\b\d+(\.\d+)?(e[-+]\d+)?\b`).ReplaceAllString(c.out.String(), "N")
			got = regexp.MustCompile(` ± N|true|false`).ReplaceAllString(got, "")
			got = regexp.MustCompile(`\bnull\b|–`).ReplaceAllString(got, "N")
			if format == "csv" {
				got = filled(got)
			}
			got = regexp.MustCompile(`\[(N,?)+\]`).ReplaceAllString(got, "[N]")
			got = regexp.MustCompile(`(\[N\],?){2,}`).ReplaceAllString(got, "[N]")
			got = regexp.MustCompile(`(note|server|rates), .*\n`).ReplaceAllString(got, "")
			got = regexp.MustCompile(` {2,}`).ReplaceAllString(got, "  ")
			path := filepath.Join("testdata", "bench."+format+".golden")
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// What a server tells of itself is said, and nothing that it does not tell.
func TestBenchSaysWhatTheServerSaw(t *testing.T) {
	num := func(v float64) *float64 { return &v }
	b := benchResult{load: bench.Workload{Levels: []bench.Level{{Kind: bench.KindClosed, Users: 4}, {Kind: bench.KindClosed, Users: 8}, {Kind: bench.KindClosed, Users: 16}}}}
	b.Levels = []bench.LevelResult{
		{
			UserRate: bench.Stats{Mean: num(25)}, PeakOutputThroughput: num(104),
			Server: &bench.ServerView{Engine: "vllm", RunningMean: num(3.9), TTFTMS: num(200), WaitingMax: num(2), KVUseMax: num(0.5), Preemptions: num(1), PrefixHitRate: num(0.25)},
		},
		{Server: &bench.ServerView{Engine: "tgi", RunningMean: num(7)}},
		{Server: &bench.ServerView{Engine: "vllm", RunningMean: num(9), WaitingMax: num(0), KVUseMax: num(0.004), Preemptions: num(0)}},
	}
	var got strings.Builder
	for i := range b.Levels {
		b.remarks(&got, i)
	}
	const want = `rates, 4 users: 25.0 tok/s for each user, 104 tok/s in the best second
server, 4 users: vllm by its own metrics, 3.9 requests running on average, TTFT 200 ms, at most 2 waiting, KV use at most 50 %, 1 preemption, 25 % of the prompts' tokens from the prefix cache
server, 8 users: tgi by its own metrics, 7.0 requests running on average
server, 16 users: vllm by its own metrics, 9.0 requests running on average
`
	if got.String() != want {
		t.Errorf("got\n%s\nwant\n%s", got.String(), want)
	}
}

// filled puts an N into each empty field of a CSV text.
func filled(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		fields := strings.Split(line, ",")
		for j, f := range fields {
			if f == "" && len(fields) > 1 {
				fields[j] = "N"
			}
		}
		lines[i] = strings.Join(fields, ",")
	}
	return strings.Join(lines, "\n")
}

// What is not measured is null, not a number.
func TestBenchFormatsMakeNothingUp(t *testing.T) {
	url := upServer(t, fastServer())
	c := newConsole(t)
	c.run(t, "bench", url, "--users", "2", "--requests", "4", "--output-tokens", "8", "--no-stream", "--format", "vllm")
	for _, want := range []string{`"mean_ttft_ms":null`, `"p99_itl_ms":null`, `"max_output_tokens_per_s":null`, `"total_output_tokens":32`} {
		if !strings.Contains(c.out.String(), want) {
			t.Errorf("no %s in %s%s", want, c.out.String(), c.err.String())
		}
	}
}

func TestBenchWritesRequests(t *testing.T) {
	url := upServer(t, fastServer())
	dir := t.TempDir()
	each, sent := filepath.Join(dir, "each.jsonl"), filepath.Join(dir, "sent.jsonl")
	c := newConsole(t)
	c.run(t, "bench", url, "--users", "2", "--requests", "6", "--warmup", "0", "--output-tokens", "8", "--requests-file", each, "--token-times", "--write-requests", sent, "--output", filepath.Join(dir, "out"), "--format", "csv")
	text, err := os.ReadFile(each)
	if err != nil {
		t.Fatal(err)
	}
	var one struct {
		Level    string
		Arrivals []struct {
			At int64 `json:"at_ns"`
		}
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	if err := json.Unmarshal([]byte(lines[0]), &one); err != nil || len(lines) != 6 || one.Level != "2 users" || len(one.Arrivals) == 0 || one.Arrivals[0].At == 0 {
		t.Errorf("%d lines, %v: %s", len(lines), err, lines[0])
	}
	f, err := os.Open(sent)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	if list, err := bench.ReadFile(sent, f); err != nil || len(list.Talks) != 6 || list.Talks[0][0].OutputTokens != 8 {
		t.Errorf("the requests that were sent cannot be read back: %v", err)
	}
	again := newConsole(t)
	if code := again.run(t, "bench", url, "--file", sent, "--requests", "6", "--json"); code != exitOK && !strings.Contains(again.err.String(), "bottleneck") || !strings.Contains(again.out.String(), `"output_tokens":48`) {
		t.Errorf("exit %d\n%s%s", code, again.out.String(), again.err.String())
	}
	if out, err := os.ReadFile(filepath.Join(dir, "out")); err != nil || !strings.HasPrefix(string(out), "level,kind") || c.out.String() != "" {
		t.Errorf("--output: %v", err)
	}
}

func TestBenchUsage(t *testing.T) {
	bad := write(t, "bad.jsonl", `{"prompt":"a","output_tokens":3}`+"\n{oops\n")
	trace := write(t, "trace.csv", "TIMESTAMP,ContextTokens,GeneratedTokens\n1,2,3\n")
	const url = "http://127.0.0.1:1"
	for _, tt := range []struct {
		name string
		args []string
		code int
		err  string
	}{
		{"an unknown interface", []string{"--api", "telepathy"}, exitUsage, "llamacpp"},
		{"an unknown format", []string{"--format", "xml"}, exitUsage, "sglang"},
		{"two formats", []string{"--json", "--format", "csv"}, exitUsage, "take one"},
		{"details of nothing", []string{"--details"}, exitUsage, "--format vllm"},
		{"token times of nothing", []string{"--token-times"}, exitUsage, "--requests-file"},
		{"an arrival without a rate", []string{"--arrival", "gamma"}, exitUsage, "--rate"},
		{"an unknown arrival", []string{"--rate", "1", "--arrival", "tidal"}, exitUsage, "tidal"},
		{"a rate of nothing", []string{"--rate", "0"}, exitUsage, "rate is 0"},
		{"a burst without users", []string{"--rate", "1", "--burst"}, exitUsage, "--users"},
		{"the highest rate under nothing", []string{"--max-rate"}, exitUsage, "SLO"},
		{"an SLO of nothing", []string{"--slo", "ttft_p96=2s"}, exitUsage, "ttft_p96"},
		{"a spread that is none", []string{"--input-spread", "wide"}, exitUsage, "lognormal:0.5"},
		{"a spread of unknown shape", []string{"--input-spread", "square:1"}, exitUsage, "square"},
		{"a prefix that is all", []string{"--shared-prefix", "64"}, exitUsage, "shorter"},
		{"a file with a bad line", []string{"--file", bad}, exitError, "line 2"},
		{"a file that is not there", []string{"--file", bad + "x"}, exitError, "no such file"},
		{"a trace and lengths", []string{"--trace", trace, "--output-tokens", "3"}, exitUsage, "--trace"},
		{"a trace of users, sped up", []string{"--trace", trace, "--users", "2", "--speedup", "3"}, exitUsage, "--speedup"},
		{"a workload without a profile", []string{"--workload", "w"}, exitUsage, "--profile"},
		{"a profile and flags", []string{"--profile", write(t, "small.hcl", small), "--users", "3"}, exitUsage, "--users"},
		{"a workload that is not in the profile", []string{"--profile", write(t, "small.hcl", small), "--workload", "x"}, exitUsage, "has w"},
		{"a header without value", []string{"--header", "X"}, exitUsage, "NAME=VALUE"},
		{"certificates that are not there", []string{"--ca", "/nowhere"}, exitUsage, "no such file"},
	} {
		c := newConsole(t)
		if code := c.run(t, append([]string{"bench", url}, tt.args...)...); code != tt.code || !strings.Contains(c.err.String(), tt.err) || strings.Contains(c.out.String(), `"type":"bench"`) {
			t.Errorf("%s: exit %d, want %d and %q\n%s%s", tt.name, code, tt.code, tt.err, c.err.String(), c.out.String())
		}
	}
}

func TestBenchOfAProfilesWorkload(t *testing.T) {
	url := upServer(t, fastServer())
	c := newConsole(t)
	code := c.run(t, "bench", url, "--profile", write(t, "small.hcl", small), "--json")
	if code != exitOK && !strings.Contains(c.err.String(), "bottleneck") || !strings.Contains(c.out.String(), `"users":8`) || !strings.Contains(c.out.String(), `"total":16`) {
		t.Errorf("exit %d\n%s%s", code, c.err.String(), c.out.String())
	}
}

func TestBenchInterrupted(t *testing.T) {
	url := upServer(t, &benchtest.Server{TTFT: 2 * time.Millisecond, Gap: time.Millisecond})
	c := newConsole(t)
	c.terminal = true
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(1500*time.Millisecond, func() { cancel(errors.New("Ctrl-C")) })
	code := run(ctx, []string{"bench", url, "--users", "2", "--duration", "1h", "--output-tokens", "8", "--json"}, &c.world)
	var got struct {
		Partial bool
		Levels  []bench.LevelResult
	}
	if err := json.Unmarshal([]byte(c.out.String()), &got); err != nil || code != exitInterrupted || !got.Partial || !got.Levels[0].Partial || got.Levels[0].Requests.Completed == 0 {
		t.Errorf("exit %d, %v: %.300s\n%s", code, err, c.out.String(), c.err.String())
	}
	if !strings.Contains(c.err.String(), "requests done") || !strings.Contains(c.err.String(), "\r\x1b[K") {
		t.Errorf("no live line:\n%q", c.err.String())
	}
}

// TestBenchSaysThatItWasTheBottleneck starves the client: one core, and two
// neighbours that want all of it.
func TestBenchSaysThatItWasTheBottleneck(t *testing.T) {
	url := upServer(t, fastServer())
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	var stop atomic.Bool
	var neighbours sync.WaitGroup
	for range 2 {
		neighbours.Go(func() {
			for !stop.Load() {
			}
		})
	}
	c := newConsole(t)
	code := c.run(t, "bench", url, "--users", "4", "--requests", "12", "--output-tokens", "10", "--json")
	stop.Store(true)
	neighbours.Wait()
	if code != exitError || !strings.Contains(c.err.String(), "bottleneck") || !strings.Contains(c.out.String(), `"bound":true`) {
		t.Errorf("exit %d\n%s", code, c.err.String())
	}
}

// TestPlanOfOpenLoads shows what a plan says of loads that have no users.
func TestPlanOfOpenLoads(t *testing.T) {
	text := strings.Replace(small, "objective {", "workload \"o\" {\n  slo = { ttft_p95 = \"2s\" }\n  prompts {\n    input_tokens = 8\n  }\n  open {\n    rate          = 2\n    output_tokens = 5\n  }\n  max_rate {\n    output_tokens = 5\n  }\n}\n\nobjective {\n  at = { rate = 2 }", 1)
	c := newConsole(t)
	if code := c.run(t, "plan", write(t, "open.hcl", text), "--simulate", "--dir", t.TempDir()); code != exitOK {
		t.Fatalf("exit %d\n%s", code, c.err.String())
	}
	for _, want := range []string{"o: 2 req/s, until settled, at most 240 requests or 2 min", "o: max rate, until settled, about 8 min"} {
		if !strings.Contains(c.out.String(), want) {
			t.Errorf("no %q in\n%s", want, c.out.String())
		}
	}
}
