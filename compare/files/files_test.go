package files

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/compare"
)

// read reads a file of testdata.
func read(t testing.TB, name string) *compare.Side {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s, err := Read(name, f)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestRead holds each field to the place that its client's definition gives it. The
// files are real ones, shortened.
func TestRead(t *testing.T) {
	closed := compare.Load{Kind: bench.KindClosed, Users: 4}
	tests := []struct {
		file, client, model string
		load                compare.Load
		requests            int
		want                map[string]float64
		absent              []string
	}{
		{"vllm.json", ClientVLLM, "Qwen/Qwen3-8B", closed, 0, map[string]float64{
			"ttft_mean": 50.228, "ttft_p50": 52.949, "tpot_p99": 18.962, "itl_p95": 18.547, "e2e_mean": 317.039, "output_throughput": 201.237, "request_throughput": 12.577, "total_throughput": 1540.091, "error_rate": 0,
		}, []string{"goodput", "peak_output_throughput"}},
		{"vllm-detailed.json", ClientVLLM, "Qwen/Qwen3-8B", closed, 40, map[string]float64{"ttft_mean": 50.750, "e2e_p95": 323.364}, nil},
		{"sglang.jsonl", ClientSGLang, "", closed, 40, map[string]float64{
			"ttft_mean": 44.738, "tpot_p95": 18.561, "itl_p99": 76.289, "e2e_p90": 322.736, "output_throughput": 201.018, "input_throughput": 804.073, "total_throughput": 1005.092, "error_rate": 0,
		}, []string{"goodput", "peak_output_throughput"}},
		{"guidellm.json", ClientGuideLLM, "Qwen/Qwen3-8B", closed, 40, map[string]float64{
			"ttft_mean": 33.858, "tpot_mean": 18.152, "e2e_mean": 307.103, "e2e_p95": 359.072, "output_throughput": 185.43, "request_throughput": 11.589, "error_rate": 0,
		}, []string{"itl_mean", "goodput"}},
		{"profile_export_aiperf.json", ClientAIPerf, "Qwen/Qwen3-8B", closed, 0, map[string]float64{
			"ttft_mean": 37.104, "ttft_p99": 57.404, "tpot_mean": 17.873, "itl_mean": 17.567, "e2e_p50": 300.807, "output_throughput": 204.964, "input_throughput": 831.549, "total_throughput": 1036.513, "error_rate": 0,
		}, []string{"goodput"}},
		{"profile_export.jsonl", ClientAIPerf, "", compare.Load{}, 40, map[string]float64{
			"ttft_mean": 37.104, "ttft_p99": 57.404, "tpot_mean": 17.873, "e2e_p50": 300.807, "error_rate": 0,
		}, []string{"itl_mean"}},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			s := read(t, tt.file)
			l := &s.Levels[0]
			if s.Client != tt.client || s.Model != tt.model || len(s.Levels) != 1 || l.Load != tt.load || s.Simulated || l.Separate {
				t.Errorf("%q of %q under %+v", s.Client, s.Model, l.Load)
			}
			if got := l.Starts[0].Requests; tt.requests > 0 && (got == nil || len(got.E2E) != tt.requests) || tt.requests == 0 && got != nil {
				t.Errorf("requests %v, want %d", got, tt.requests)
			}
			for name, want := range tt.want {
				if f, ok := l.Starts[0].Figures[name]; !ok || math.Abs(f.Value-want) > 0.001*want {
					t.Errorf("%s is %v, want %v", name, f.Value, want)
				}
			}
			for _, name := range tt.absent {
				if f, ok := l.Starts[0].Figures[name]; ok {
					t.Errorf("%s is made up: %v", name, f.Value)
				}
			}
		})
	}
}

// TestDetailsAreTheFigures: the requests of a detailed file make the figures that its
// client made of them.
func TestDetailsAreTheFigures(t *testing.T) {
	for _, name := range []string{"vllm-detailed.json", "sglang.jsonl", "guidellm.json", "profile_export.jsonl"} {
		start := read(t, name).Levels[0].Starts[0]
		for latency, all := range map[string][]float64{"ttft": start.Requests.TTFT, "tpot": start.Requests.TPOT, "e2e": start.Requests.E2E} {
			sum := 0.0
			for _, v := range all {
				sum += v / float64(len(all))
			}
			if want := start.Figures[latency+"_mean"].Value; math.Abs(sum-want) > 0.003*want {
				t.Errorf("%s: %s is %v on average, told as %v", name, latency, sum, want)
			}
		}
	}
}

func TestReadRefuses(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"no JSON", "hello", "is no result file"},
		{"nothing", "", "fields of no known"},
		{"other JSON", `{"a": 1}`, "fields of no known client"},
		{"a list", `[1]`, "where { should be"},
		{"cut short", `{"total_token_throughput": 1, "request_throughput": 2, "output_thr`, "unexpected EOF"},
		{"an interrupted bench", `{"type": "bench", "partial": true, "levels": []}`, "interrupted"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := Read("x.json", strings.NewReader(tt.text))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%+v, %v", s, err)
			}
		})
	}
}

func TestPythonNumbers(t *testing.T) {
	for in, want := range map[string]string{
		`{"a": Infinity, "b": -Infinity, "c": NaN}`:                   `{"a": null, "b": null, "c": null}`,
		`{"a": "NaN and \"Infinity\"", "b": -1, "c": "I\\", "d":NaN}`: `{"a": "NaN and \"Infinity\"", "b": -1, "c": "I\\", "d":null}`,
		`{"a": Inf, "N": N}`:                    `{"a": Inf, "N": N}`,
		strings.Repeat(" ", 65530) + "Infinity": strings.Repeat(" ", 65530) + "null",
	} {
		var out strings.Builder
		buf := make([]byte, 7)
		r := newPythonReader(strings.NewReader(in))
		for {
			n, err := r.Read(buf)
			out.Write(buf[:n])
			if err != nil {
				break
			}
		}
		if out.String() != want {
			t.Errorf("%.80s became %.80s", in, out.String())
		}
	}
}

func TestReadRequests(t *testing.T) {
	text := `{"workload":"w","level":"4 users","seq":0,"user":0,"intended_ns":0,"sent_ns":0,"ttft_ns":5000000,"e2e_ns":25000000,"input_tokens":3,"output_tokens":5,"warmup":true}
{"workload":"w","level":"4 users","seq":1,"user":0,"intended_ns":0,"sent_ns":3000000,"ttft_ns":6000000,"e2e_ns":26000000,"input_tokens":3,"output_tokens":5}
{"workload":"w","level":"4 users","seq":0,"user":0,"intended_ns":0,"sent_ns":2000000,"ttft_ns":5000000,"e2e_ns":25000000,"input_tokens":3,"output_tokens":5}
{"workload":"w","level":"4 users","seq":2,"user":0,"intended_ns":0,"sent_ns":4000000,"ttft_ns":0,"e2e_ns":0,"input_tokens":3,"output_tokens":0,"error":"refused","detail":"say \"no\""}
{ "workload": "w", "level": "8 \u0075sers", "seq": 0, "sent_ns": 1, "ttft_ns": 1000000, "e2e_ns": 3000000, "output_tokens": 2, "arrivals": [{"at_ns": 1, "events": 1}] }
{"workload":"w","level":"8 users","seq":1,"us`
	all, err := ReadRequests("r", strings.NewReader(text))
	if err != nil || len(all) != 2 {
		t.Fatal(all, err)
	}
	r := all[Place{"w", "4 users"}]
	if got := fmt.Sprint(r.Sent, r.TTFT, r.TPOT, r.E2E); got != "[2 3 NaN] [5 6 NaN] [5 5 NaN] [25 26 NaN]" {
		t.Error(got)
	}
	if r = all[Place{"w", "8 users"}]; fmt.Sprint(r.TTFT, r.TPOT) != "[1] [2]" {
		t.Errorf("%+v", r)
	}
	if _, err := ReadRequests("r", strings.NewReader("{\n{}\n")); err == nil {
		t.Error("a broken line in the middle was passed over")
	}
}

func TestSentBy(t *testing.T) {
	w := bench.Workload{Name: "w", API: bench.APIChat, Seed: 1, Prompts: bench.Prompts{InputTokens: 64}}
	l := bench.Level{Kind: bench.KindClosed, Users: 8, OutputTokens: 50}
	base := SentBy(w, l)
	longer := l
	longer.Requests, longer.Warmup = 500, 3
	if got := SentBy(w, longer); fmt.Sprint(got) != fmt.Sprint(base) {
		t.Errorf("more requests are another workload: %v, %v", got, base)
	}
	seed := w
	seed.Seed = 2
	if got := SentBy(seed, l); got.List == base.List || fmt.Sprint(got.Sends) != fmt.Sprint(base.Sends) {
		t.Errorf("of another seed: %v, %v", got, base)
	}
	prompts := w
	prompts.Prompts.InputTokens = 65
	if got := SentBy(prompts, l); fmt.Sprint(got.Sends) == fmt.Sprint(base.Sends) || got.List == base.List {
		t.Errorf("of longer prompts: %v, %v", got, base)
	}
}

// FuzzRead: whatever a file holds, it is refused or becomes figures that can be
// compared.
func FuzzRead(f *testing.F) {
	for _, text := range []string{ // small ones: large seeds keep a fuzzer busy with making them smaller
		`{"model_id":"m","request_rate":"inf","max_concurrency":4,"completed":40,"failed":0,"request_throughput":12.5,"output_throughput":201,"total_token_throughput":1540,"mean_ttft_ms":50,"std_ttft_ms":8.7,"p99_itl_ms":33}`,
		`{"benchmarks":[{"config":{"strategy":{"type_":"concurrent","streams":4},"confidence":0.95},"scheduler_metrics":{"requests_made":{"successful":40,"errored":1}},"metrics":{"request_latency":{"successful":{"mean":0.3,"count":40,"percentiles":{"p95":0.35},"mean_ci":{"lower":0.29,"upper":0.31}}}},"requests":{"successful":[{"info":{"timings":{"request_start":1.0,"first_token_iteration":1.1,"last_token_iteration":1.3,"request_end":1.3}},"output_metrics":{"total_tokens":16}}]}}]}`,
		`{"request_throughput":{"unit":"requests/sec","avg":13},"request_latency":{"unit":"ms","avg":300,"p50":300,"std":4.9,"count":40},"request_count":{"avg":40},"error_summary":[],"input_config":{"phases":[{"kind":"profiling","concurrency":4}]}}`,
		`{"type":"bench","model":"m","levels":[{"kind":"closed","users":4,"requests":{"total":40,"completed":40,"failed":0},"output_throughput":200,"output_throughput_interval":[190,210],"ttft_ms":{"mean":50,"n":40,"mean_interval":[48,52]}}],"loads":[{"sends":["a=b"],"list":"x","level":"4 users"}]}`,
	} {
		f.Add([]byte(text))
	}
	f.Add([]byte(`{"total_throughput":1,"request_throughput":2,"output_throughput":3,"request_rate":Infinity,"ttfts":[1,null],"itls":[[1],[]],"output_lens":[2,0]}`))
	f.Add([]byte(`{"metadata":{"request_start_ns":1,"request_end_ns":2},"metrics":{"time_to_first_token":{"value":[1],"unit":"ms"}}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := Read("x", strings.NewReader(string(text)))
		if err != nil {
			return
		}
		for i := range s.Levels {
			for _, start := range s.Levels[i].Starts {
				for name, g := range start.Figures {
					if m, ok := bench.LookupMetric(name); !ok || math.IsNaN(g.Value) || math.IsInf(g.Value, 0) {
						t.Errorf("%s (%s) is %v", name, m.Unit, g.Value)
					}
				}
			}
		}
		c := compare.Compare(s, s, compare.Options{Gate: &compare.Gate{Slower: 0.05}})
		for _, l := range c.Levels {
			for _, r := range l.Rows {
				if r.Verdict == compare.Better || r.Verdict == compare.Worse {
					t.Errorf("%s of a file is %s than itself: %v", r.Metric.Name, r.Verdict, *r.Interval)
				}
			}
		}
	})
}

func FuzzReadRequests(f *testing.F) {
	f.Add([]byte("{\"workload\":\"w\",\"level\":\"4 users\",\"seq\":0,\"sent_ns\":2000000,\"ttft_ns\":5000000,\"e2e_ns\":25000000,\"output_tokens\":5}\n"))
	f.Add([]byte("{\"seq\":-1}\n{\"seq\":99999999999}\n{\"seq\":1e3,\"warmup\":null}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		var fast request
		if !strings.Contains(string(text), "\n") && fast.scan(text) {
			var slow request
			if err := slow.parse(text); err == nil && fmt.Sprintf("%+v", fast) != fmt.Sprintf("%+v", slow) {
				t.Errorf("%s: %+v, slowly %+v", text, fast, slow)
			}
		}
		_, _ = ReadRequests("x", strings.NewReader(string(text)))
	})
}
