package predict

import (
	"cmp"
	"encoding/csv"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/qtune/qtune/catalog"
	"github.com/qtune/qtune/simulator"
)

// configuration is a row of a public pool of measured configurations.
type configuration struct {
	precision             string
	batch, tp, pp, copies float64 // copies of attention, each with its own batch
	in, out               float64 // tokens
	ttft, tpot            float64 // ms
}

func (c *configuration) cards() float64 { return c.tp * c.pp * c.copies }

// measured is its output tokens/s for each card.
func (c *configuration) measured() float64 {
	return c.batch * c.copies * c.out / ((c.ttft + (c.out-1)*c.tpot) / 1000) / c.cards()
}

// predicted is the same by the step model of one card, with no constant of the B200
// known. Copies of attention divide the sequences' keys and values between them, and
// all cards share the weights.
func (c *configuration) predicted(card catalog.Card, m catalog.Model) float64 {
	k := simulator.Kernels{WeightBytes: 1, FP8: true, GraphTokens: 8192, PrefillGraphs: true, Compiled: true, AsyncHost: true, Tensor: int(c.tp * c.copies), Pipeline: int(c.pp)}
	if c.precision == "fp4" {
		k.WeightBytes = m.BytesPerParam("modelopt_fp4")
		card.FP8FLOPS *= 2 // its four-bit units, by the data sheet
	}
	machine := simulator.NewMachine(card, m, k, simulator.EfficiencyOf(card))
	heads := func(tensor float64) float64 { // cards among which keys and values are divided
		if m.LatentRank > 0 {
			return 1
		}
		return math.Min(tensor, float64(m.KVHeads))
	}
	users := c.batch * c.copies
	share := heads(c.tp*c.copies) / (heads(c.tp) * c.copies)
	decode := machine.Step(simulator.Batch{Decodes: int(users), DecodeContext: users * (c.in + c.out/2) * share})
	prefill := machine.Step(simulator.Batch{Prefills: 1, PrefillTokens: int(c.in), PrefillWork: c.in * c.in / 2})
	return users * c.out / (c.out*decode.Seconds() + users*prefill.Seconds()) / c.cards()
}

// poolModels are the models of the pools, by the beginning of their files' names.
func poolModels(t *testing.T) map[string]catalog.Model {
	t.Helper()
	all := map[string]catalog.Model{
		"minimax-m2.5": {
			Layers: 62, Hidden: 3072, Intermediate: 1536, Heads: 48, KVHeads: 8, HeadDim: 128, Vocab: 200064, DType: "bfloat16",
			Experts: 256, ActiveExperts: 8, MoEIntermediate: 1536, // of the config.json of MiniMax-M2, from memory
		},
	}
	for name, id := range map[string]string{
		"deepseek-r1": "deepseek-ai/DeepSeek-R1", "deepseek-v3": "deepseek-ai/DeepSeek-V3", "gpt-oss-120b": "openai/gpt-oss-120b", "llama-3.1-70b": "meta-llama/Llama-3.1-70B",
	} {
		m, ok := catalog.FindModel(id)
		if !ok {
			t.Fatalf("the catalog has lost %s", id)
		}
		all[name] = m
	}
	return all
}

func readPool(t *testing.T, path string) []configuration {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(path, err)
	}
	at := map[string]int{}
	for i, name := range rows[0] {
		at[name] = i
	}
	var all []configuration
	for _, row := range rows[1:] {
		number := func(column string) float64 {
			v, err := strconv.ParseFloat(row[at[column]], 64)
			if err != nil {
				t.Fatal(path, column, err)
			}
			return v
		}
		all = append(all, configuration{
			precision: row[at["precision"]], batch: number("batch_size"), tp: number("tp_size"), pp: number("pp_size"), copies: number("attention_dp_size"),
			in: number("isl"), out: number("osl"), ttft: number("ttft_ms"), tpot: number("tpot_ms"),
		})
	}
	return all
}

// ranks gives each value its place; equal ones share theirs.
func ranks(values []float64) []float64 {
	order := make([]int, len(values))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(values[a], values[b]) })
	out := make([]float64, len(values))
	for i := 0; i < len(order); {
		j := i
		for j < len(order) && values[order[j]] == values[order[i]] {
			j++
		}
		for k := i; k < j; k++ {
			out[order[k]] = float64(i+j-1) / 2
		}
		i = j
	}
	return out
}

// spearman is the correlation of the ranks.
func spearman(a, b []float64) float64 {
	x, y := ranks(a), ranks(b)
	mean := float64(len(x)-1) / 2
	var xy, xx, yy float64
	for i := range x {
		xy += (x[i] - mean) * (y[i] - mean)
		xx += (x[i] - mean) * (x[i] - mean)
		yy += (y[i] - mean) * (y[i] - mean)
	}
	return xy / math.Sqrt(xx*yy)
}

// withinBatches is the mean correlation among rows of one batch size, the harder
// question: that a greater batch gives more is easily predicted.
func withinBatches(rows []configuration, measured, predicted []float64) float64 {
	groups := map[float64][]int{}
	for i, c := range rows {
		groups[c.batch] = append(groups[c.batch], i)
	}
	sum, n := 0.0, 0
	for _, at := range groups {
		if len(at) < 5 {
			continue
		}
		var m, p []float64
		for _, i := range at {
			m, p = append(m, measured[i]), append(p, predicted[i])
		}
		if rho := spearman(m, p); !math.IsNaN(rho) {
			sum, n = sum+rho, n+1
		}
	}
	return sum / float64(max(n, 1))
}

func TestSpearman(t *testing.T) {
	tests := []struct {
		name string
		a, b []float64
		want float64
	}{
		{"the same order on another scale", []float64{1, 2, 3, 4}, []float64{10, 20, 30, 400}, 1},
		{"the opposite", []float64{1, 2, 3}, []float64{3, 2, 1}, -1},
		{"equal values share a place", []float64{1, 1, 2}, []float64{1, 2, 3}, .8660},
	}
	for _, tt := range tests {
		if got := spearman(tt.a, tt.b); math.Abs(got-tt.want) > 1e-3 {
			t.Errorf("%s: %.4f, want %.4f", tt.name, got, tt.want)
		}
	}
}

// The ranking of configurations by throughput for each card, predicted by a model that
// has never seen a B200, against what was measured on B200s with TensorRT-LLM, vLLM and
// SGLang. QTUNE_DATA names the folder of the data.
func TestRankingOfPublicPools(t *testing.T) {
	folder := os.Getenv("QTUNE_DATA")
	if folder == "" {
		folder = filepath.Join("..", "..", "shared", "data")
	}
	files, _ := filepath.Glob(filepath.Join(folder, "pools", "*.csv"))
	if len(files) == 0 {
		t.Skipf("no pools of measured configurations in %s; set QTUNE_DATA", folder)
	}
	card, ok := catalog.FindCard("B200")
	if !ok {
		t.Fatal("the catalog has lost the B200")
	}
	models := poolModels(t)
	var all []float64
	t.Logf("%-38s %5s  %9s  %14s  %s", "pool", "rows", "Spearman", "at equal batch", "predicted/measured: median, 10th and 90th percentile")
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".csv")
		var model *catalog.Model
		for prefix, m := range models {
			if strings.HasPrefix(name, prefix) {
				model = &m
			}
		}
		if model == nil {
			t.Logf("%-38s its model is not known to this test", name)
			continue
		}
		var measured, predicted, ratios []float64
		rows := readPool(t, file)
		for _, c := range rows {
			measured, predicted = append(measured, c.measured()), append(predicted, c.predicted(card, *model))
			ratios = append(ratios, predicted[len(predicted)-1]/measured[len(measured)-1])
		}
		slices.Sort(ratios)
		at := func(q float64) float64 { return ratios[int(q*float64(len(ratios)-1))] }
		rho := spearman(measured, predicted)
		t.Logf("%-38s %5d  %9.3f  %14.3f  %.2f, %.2f, %.2f", name, len(measured), rho, withinBatches(rows, measured, predicted), at(.5), at(.1), at(.9))
		all = append(all, rho)
	}
	slices.Sort(all)
	median, worst := all[len(all)/2], all[0]
	t.Logf("median %.3f, worst %.3f", median, worst)
	if median < .9 || worst < .85 {
		t.Errorf("rank correlation: median %.3f, worst %.3f", median, worst)
	}
}
