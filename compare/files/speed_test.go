package files

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/compare"
)

// lines are the requests of a run, as it writes them.
func lines(n int, seed uint64) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	var b bytes.Buffer
	for i := range n {
		sent, ttft := i*250_000, 60_000_000+r.IntN(40_000_000)
		fmt.Fprintf(&b, `{"workload":"chat","level":"64 users","seq":%d,"user":%d,"intended_ns":%d,"sent_ns":%d,"ttft_ns":%d,"e2e_ns":%d,"input_tokens":512,"output_tokens":200}`+"\n",
			i, i%64, sent, sent, ttft, ttft+199*(10_000_000+r.IntN(2_000_000)))
	}
	return b.Bytes()
}

// BenchmarkMillion compares two sides of a million requests each from the lines that
// their runs kept. The goal is 2 s.
func BenchmarkMillion(b *testing.B) {
	const n = 1_000_000
	files := [2][]byte{lines(n, 1), lines(n, 2)}
	b.SetBytes(int64(len(files[0]) + len(files[1])))
	b.ReportAllocs()
	for b.Loop() {
		began := time.Now()
		var sides [2]*compare.Side
		var wait sync.WaitGroup
		for i := range files {
			wait.Go(func() { sides[i] = million(b, files[i]) })
		}
		wait.Wait()
		read := time.Since(began)
		c := compare.Compare(sides[0], sides[1], compare.Options{})
		if c.Levels[0].Pairs != n || c.Levels[0].Row("ttft_p99").Method != compare.ByPairs {
			b.Fatalf("%+v", c.Levels[0].Rows)
		}
		b.ReportMetric(read.Seconds(), "s-reading")
		b.ReportMetric(time.Since(began).Seconds(), "s-in-all")
	}
}

func million(b *testing.B, text []byte) *compare.Side {
	all, err := ReadRequests("r", bytes.NewReader(text))
	if err != nil {
		b.Error(err)
	}
	figures := map[string]compare.Figure{}
	for _, m := range bench.Metrics() {
		figures[m.Name] = compare.Figure{Value: 100, N: 1_000_000}
	}
	return &compare.Side{Levels: []compare.Level{{
		Load: compare.Load{Kind: bench.KindClosed, Users: 64}, List: "same",
		Starts: []compare.Start{{Figures: figures, Requests: all[Place{"chat", "64 users"}]}},
	}}}
}
