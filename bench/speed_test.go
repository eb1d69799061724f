package bench

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/qtune/qtune/bench/benchtest"
)

// The test binary is also a server or a bare reader in a process of its own, so that
// what a process costs is one side's cost alone.
const (
	serveGap = "BENCH_TEST_SERVE_GAP" // serves tokens that far apart
	bareURL  = "BENCH_TEST_BARE"      // reads from there; arguments: streams, tokens, requests of each stream
)

func TestMain(m *testing.M) {
	gap, err := time.ParseDuration(os.Getenv(serveGap))
	switch url := os.Getenv(bareURL); {
	case url != "":
		err = bareAlone(url, os.Args[1:])
	case err != nil:
		m.Run()
		return
	default:
		err = serveAlone(gap)
	}
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// serveAlone says where it serves and does so until its standard input ends, with its parent.
func serveAlone(gap time.Duration) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintln(os.Stdout, l.Addr())
	srv := &http.Server{Handler: &benchtest.Server{TTFT: gap, Gap: gap, BOS: 1, Tokenizer: true, Metrics: "vllm"}}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		_ = srv.Close()
	}()
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func bareAlone(url string, args []string) error {
	var streams, tokens, requests int
	if _, err := fmt.Sscan(strings.Join(args, " "), &streams, &tokens, &requests); err != nil {
		return fmt.Errorf("streams, tokens and requests of each stream from %q: %w", args, err)
	}
	return bare(Target{URL: url}, streams, tokens, requests)
}

// serve starts that process for the benchmark's time.
func serve(b *testing.B, gap time.Duration) Target {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), serveGap+"="+gap.String())
	stdin, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Wait()
	})
	addr, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	return Target{URL: "http://" + strings.TrimSpace(addr), Model: "m"}
}

// bare is the least that a client can do: split lines and take a time. Each of
// its streams sends some requests, one after the other.
func bare(t Target, streams, tokens, requests int) error {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: streams}}
	defer client.CloseIdleConnections()
	failed := make([]error, streams)
	var wg sync.WaitGroup
	for i := range streams {
		wg.Go(func() {
			for range requests {
				if failed[i] = bareRequest(client, t, tokens); failed[i] != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	for i, err := range failed {
		if err != nil {
			return fmt.Errorf("stream %d: %w", i, err)
		}
	}
	return nil
}

func bareRequest(client *http.Client, t Target, tokens int) error {
	body := fmt.Sprintf(`{"prompt":"a","max_tokens":%d,"stream":true}`, tokens)
	res, err := client.Post(t.URL+"/v1/completions", "application/json", strings.NewReader(body))
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	r := bufio.NewReader(res.Body)
	times := make([]time.Time, 0, tokens+2)
	for {
		line, err := r.ReadSlice('\n')
		switch {
		case err != nil && len(times) < tokens:
			return fmt.Errorf("%d events, then %w", len(times), err)
		case err != nil:
			return nil
		case bytes.HasPrefix(line, dataField):
			times = append(times, time.Now())
		}
	}
}

// BenchmarkEvents gives token events per CPU-second of the client, beside those of
// a bare reader of the same server.
func BenchmarkEvents(b *testing.B) {
	for _, load := range []struct {
		name            string
		streams, tokens int
		gap             time.Duration
	}{
		{"saturated/streams=16", 16, 5000, 0},
		{"paced/streams=200", 200, 300, 10 * time.Millisecond},
		{"paced/streams=1000", 1000, 300, 10 * time.Millisecond},
	} {
		b.Run(load.name+"/bare", func(b *testing.B) {
			t := serve(b, load.gap)
			perCPU(b, load.streams*load.tokens, func() {
				if err := bare(t, load.streams, load.tokens, 1); err != nil {
					b.Fatal(err)
				}
			})
		})
		b.Run(load.name+"/bench", func(b *testing.B) {
			t := serve(b, load.gap)
			c := &Client{}
			l := Level{Kind: KindBurst, Users: load.streams, OutputTokens: load.tokens}
			var r LevelResult
			perCPU(b, load.streams*load.tokens, func() {
				var err error
				if r, err = c.Run(b.Context(), t, Workload{Prompts: Prompts{InputTokens: 16}}, l); err != nil || r.Requests.Failed > 0 {
					b.Fatalf("%v, %+v", err, r.Failures)
				}
			})
			b.ReportMetric(*r.TTFT.Mean, "ms-ttft")
			if r.Server != nil && r.Server.TTFTMS != nil {
				b.ReportMetric(*r.Server.TTFTMS, "ms-ttft-server")
			}
			b.ReportMetric(*r.ITL.Mean, "ms-itl")
			b.ReportMetric(*r.ITL.P99, "ms-itl-p99")
			b.ReportMetric(map[bool]float64{true: 1}[r.Client.Bound], "bound")
		})
	}
}

// BenchmarkUsers gives what is measured of 1,000 users whose tokens come every
// 10 ms, beside what the server itself says.
func BenchmarkUsers(b *testing.B) {
	t := serve(b, 10*time.Millisecond)
	var r LevelResult
	for b.Loop() {
		var err error
		l := Level{Kind: KindClosed, Users: 1000, Duration: 12 * time.Second, OutputTokens: 300, Warmup: 10}
		if r, err = (&Client{}).Run(b.Context(), t, Workload{Prompts: Prompts{InputTokens: 16}}, l); err != nil || r.Requests.Failed > 0 {
			b.Fatalf("%v, %+v", err, r.Failures)
		}
	}
	for name, v := range map[string]*float64{
		"ms-ttft": r.TTFT.Mean, "ms-ttft-server": r.Server.TTFTMS, "ms-itl": r.ITL.Mean, "ms-itl-p99": r.ITL.P99,
		"ms-delay-p99": r.Client.ScheduleDelayP99MS, "ms-socket-wait": r.Client.SocketWaitMS,
	} {
		if v != nil {
			b.ReportMetric(*v, name)
		}
	}
	b.ReportMetric(100*r.Client.CPUShare, "%-cpu")
	b.ReportMetric(map[bool]float64{true: 1}[r.Client.Bound], "bound")
	b.Logf("%q", r.Client.Reasons)
}

// BenchmarkMemory gives the memory of an open stream, with 10,000 of them, as the
// garbage collector leaves it.
func BenchmarkMemory(b *testing.B) {
	const streams = 10_000
	t := serve(b, 3*time.Second)
	var before, now runtime.MemStats
	most := uint64(0)
	for b.Loop() {
		runtime.GC()
		runtime.ReadMemStats(&before)
		c := &Client{Progress: func(p Progress) {
			if p.InFlight < streams {
				return
			}
			runtime.GC()
			runtime.ReadMemStats(&now)
			most = max(most, now.HeapInuse+now.StackInuse-before.HeapInuse-before.StackInuse)
		}}
		l := Level{Kind: KindBurst, Users: streams, OutputTokens: 4}
		if r, err := c.Run(b.Context(), t, Workload{Prompts: Prompts{InputTokens: 64}}, l); err != nil || r.Requests.Failed > 0 {
			b.Fatalf("%v, %+v", err, r.Failures)
		}
	}
	b.ReportMetric(float64(most)/streams/1024, "KiB/stream")
}

// BenchmarkOpenLoop gives how late requests of an open loop are sent.
func BenchmarkOpenLoop(b *testing.B) {
	t := serve(b, 10*time.Millisecond)
	var r LevelResult
	for b.Loop() {
		var err error
		l := Level{Kind: KindOpen, Rate: 2000, Duration: 5 * time.Second, OutputTokens: 2, Warmup: -1}
		if r, err = (&Client{}).Run(b.Context(), t, Workload{Prompts: Prompts{InputTokens: 16}}, l); err != nil || r.Requests.Failed > 0 {
			b.Fatalf("%v, %+v", err, r.Failures)
		}
	}
	b.ReportMetric(*r.Client.ScheduleDelayP99MS, "ms-delay-p99")
	b.ReportMetric(float64(r.Requests.Completed)/5, "requests/s")
	b.ReportMetric(100*r.Client.CPUShare, "%-cpu")
	b.ReportMetric(map[bool]float64{true: 1}[r.Client.Bound], "bound")
}

func perCPU(b *testing.B, events int, f func()) {
	before := cpuTime()
	for b.Loop() {
		f()
	}
	b.ReportMetric(float64(events)*float64(b.N)/(cpuTime()-before).Seconds(), "events/cpu-s")
}

// BenchmarkEvent is the cost of reading and understanding one event, without the network.
func BenchmarkEvent(b *testing.B) {
	event := `data: {"id":"cmpl-0123456789abcdef0123456789abcdef","object":"text_completion","created":1,"model":"Qwen/Qwen3-32B-AWQ",` +
		`"choices":[{"index":0,"text":" word","logprobs":null,"finish_reason":null,"stop_reason":null,"token_ids":null}],"usage":null}` + "\n\n"
	stream := bytes.Repeat([]byte(event), 1000)
	c := newClock(1)
	s := &reading{}
	r := bytes.NewReader(stream)
	s.events.reset(r, c.now, false)
	b.ReportAllocs()
	b.SetBytes(int64(len(event)))
	for b.Loop() {
		data, _, err := s.events.next()
		if err != nil {
			r.Reset(stream)
			s.events.reset(r, c.now, false)
			continue
		}
		if s.chunk.parse(data) != nil || !s.chunk.content {
			b.Fatal("no content")
		}
	}
}

// reading is the parts of a stream that an event passes through.
type reading struct {
	events eventReader
	chunk  chunk
}
