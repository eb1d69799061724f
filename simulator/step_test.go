package simulator

import (
	"testing"
	"time"

	"github.com/qtune/qtune/catalog"
)

func model(t testing.TB, id string) catalog.Model {
	t.Helper()
	m, ok := catalog.FindModel(id)
	if !ok {
		t.Fatalf("no model %s", id)
	}
	return m
}

func card(t testing.TB, name string) catalog.Card {
	t.Helper()
	c, ok := catalog.FindCard(name)
	if !ok {
		t.Fatalf("no card %s", name)
	}
	return c
}

// decode is a step of users sequences with 64 tokens of context each.
func decode(users int) Batch {
	return Batch{Decodes: users, DecodeContext: float64(64 * users)}
}

func ms(d time.Duration) float64 { return float64(d) / 1e6 }

// The card and model of the public report that qtune starts from.
func TestStepOfTheReportsCard(t *testing.T) {
	c, m := card(t, "RTX 5090"), model(t, "Qwen/Qwen3-32B-AWQ")
	awq := Kernels{WeightBytes: m.BytesPerParam("awq"), DequantBytes: 4, AttentionFactor: 1.25}
	marlin := Kernels{WeightBytes: m.BytesPerParam("awq"), GraphTokens: 512, Compiled: true, AsyncHost: true}
	eager, native, offload := marlin, marlin, marlin
	blocking := awq
	blocking.SequenceUS, blocking.Blocking = 92, true
	eager.GraphTokens = 0
	native.SequenceUS = 92
	offload.OffloadBytes = 4 << 30
	base := map[int]float64{}
	for _, users := range []int{1, 2, 5, 10, 20} {
		base[users] = ms(NewMachine(c, m, marlin, EfficiencyOf(c)).Step(decode(users)))
	}
	rows := []struct {
		what     string
		k        Kernels
		users    int
		min, max float64 // ms
	}{
		{"dequantized AWQ, measured 94 to 97 ms flat", awq, 1, 94, 97.4},
		{"the same at 2", awq, 2, 94, 97.4},
		{"the same at 5", awq, 5, 94, 97.4},
		{"the same at 10", awq, 10, 94, 97.4},
		{"the same at 20", awq, 20, 94, 97.4},
		{"and with torch_native and blocking launches, measured 119.1 ms", blocking, 1, 119.1 * .95, 119.1 * 1.05},
		{"the same at 2, measured 123.6 ms", blocking, 2, 123.6 * .95, 123.6 * 1.05},
		{"the same at 5, measured 143.6 ms", blocking, 5, 143.6 * .95, 143.6 * 1.05},
		{"the same at 10, measured 173.1 ms", blocking, 10, 173.1 * .95, 173.1 * 1.05},
		{"the same at 20, measured 229.9 ms", blocking, 20, 229.9 * .95, 229.9 * 1.05},
		{"Marlin with graphs: 65 to 85 tok/s at one user", marlin, 1, 1000.0 / 85, 1000.0 / 65},
		{"Marlin with graphs: 1,100 to 1,400 tok/s at twenty", marlin, 20, 20e3 / 1400, 20e3 / 1100},
		{"eager: launches wait at one user", eager, 1, base[1] + 1.5, base[1] + 6},
		{"torch_native: 92 µs a layer and sequence", native, 20, base[20] + 117, base[20] + 119},
		{"4 GiB offloaded at one user: 67 to 86 ms more at 50 to 64 GB/s, less what the card no longer reads", offload, 1, base[1] + 64, base[1] + 84},
		{"and the same at twenty", offload, 20, base[20] + 64, base[20] + 84},
	}
	for _, r := range rows {
		got := ms(NewMachine(c, m, r.k, EfficiencyOf(c)).Step(decode(r.users)))
		t.Logf("%-70s %2d users %7.2f ms", r.what, r.users, got)
		if got < r.min || got > r.max {
			t.Errorf("%s: %d users: %.2f ms, want %.2f to %.2f", r.what, r.users, got, r.min, r.max)
		}
	}
}

// No step may beat the card: reading all weights at full bandwidth.
func TestNoStepBeatsTheCard(t *testing.T) {
	for _, c := range catalog.Cards() {
		for _, id := range catalog.ModelIDs() {
			m := model(t, id)
			if m.Experts > 0 {
				continue
			}
			k := Kernels{WeightBytes: m.BytesPerParam(m.Quantization), GraphTokens: 512, Compiled: true, AsyncHost: true}
			got := NewMachine(c, m, k, EfficiencyOf(c)).Step(decode(1)).Seconds()
			if floor := (m.LinearParams()*k.WeightBytes + 2*m.VocabParams()) / c.Bandwidth; got < floor {
				t.Errorf("%s on %s: %g s, reading the weights takes %g", id, c.Name, got, floor)
			}
		}
	}
}

// A real vLLM 0.32 on two cores: 37, 41 and 53 ms a token at 1, 4 and 16 users, eager.
func TestStepOfACPU(t *testing.T) {
	c, m := card(t, "2-core CPU"), model(t, "HuggingFaceTB/SmolLM2-135M")
	machine := NewMachine(c, m, Kernels{WeightBytes: 2, AsyncHost: false}, EfficiencyOf(c))
	for users, want := range map[int]float64{1: 37, 4: 41, 16: 53} {
		got := ms(machine.Step(decode(users)))
		t.Logf("%2d users: %.1f ms, measured %.0f", users, got, want)
		if got < want*0.9 || got > want*1.1 {
			t.Errorf("%d users: %.1f ms, measured %.0f", users, got, want)
		}
	}
}

func TestMixtureReadsMoreExpertsInLargerBatches(t *testing.T) {
	c, m := card(t, "RTX PRO 6000"), model(t, "Qwen/Qwen3-30B-A3B")
	machine := NewMachine(c, m, Kernels{WeightBytes: 2, GraphTokens: 512, Compiled: true}, EfficiencyOf(c))
	one, many := machine.Step(decode(1)), machine.Step(decode(64))
	if one > 12*time.Millisecond || many < 3*one {
		t.Errorf("1 user %v, 64 users %v: 3 of 30 billion weights are active in one, nearly all are read for 64", one, many)
	}
}

// Two cards read a layer's weights in half the time, and then have to talk: over NVLink
// that leaves most of the gain, through the host much less. A pipeline of two leaves
// one user where he was and shares a crowd's work.
func TestSeveralCards(t *testing.T) {
	m := model(t, "Qwen/Qwen3-32B")
	k := Kernels{WeightBytes: 2, GraphTokens: 512, PrefillGraphs: true, Compiled: true, AsyncHost: true}
	two, pipe := k, k
	two.Tensor, pipe.Pipeline = 2, 2
	rows := []struct {
		what, card string
		k          Kernels
		b          Batch
		min, max   float64 // times as fast as one card
	}{
		{"tensor parallel over NVLink", "H100", two, decode(1), 1.5, 2},
		{"the same, a crowd", "H100", two, decode(64), 1.5, 2},
		{"through the host, one user", "RTX PRO 6000", two, decode(1), 1.2, 1.8},
		{"through the host, a prompt: slower than one card", "RTX PRO 6000", two, Batch{Prefills: 1, PrefillTokens: 2048, PrefillWork: 2048 * 1024}, .8, 1.4},
		{"a pipeline, one user", "H100", pipe, decode(1), .95, 1.05},
		{"a pipeline, a prompt", "H100", pipe, Batch{Prefills: 1, PrefillTokens: 8192, PrefillWork: 8192 * 4096}, 1.8, 2},
	}
	for _, r := range rows {
		c := card(t, r.card)
		one, many := NewMachine(c, m, k, EfficiencyOf(c)).Step(r.b), NewMachine(c, m, r.k, EfficiencyOf(c)).Step(r.b)
		times := float64(one) / float64(many)
		t.Logf("%-50s %7.2f ms, one card %7.2f ms", r.what, ms(many), ms(one))
		if times < r.min || times > r.max {
			t.Errorf("%s: %.2f times as fast, want %g to %g", r.what, times, r.min, r.max)
		}
	}
}

// Layers with a window read no more than that, however long the context.
func TestWindowsBoundWhatIsRead(t *testing.T) {
	c, m := card(t, "H100"), model(t, "Qwen/Qwen3-8B")
	k := Kernels{WeightBytes: 2, GraphTokens: 512, Compiled: true}
	full := NewMachine(c, m, k, EfficiencyOf(c))
	m.Window, m.WindowLayers = 1024, m.Layers
	windowed := NewMachine(c, m, k, EfficiencyOf(c))
	short, long := Batch{Decodes: 8, DecodeContext: 8 * 1024}, Batch{Decodes: 8, DecodeContext: 8 * 32768}
	if windowed.Step(long) != windowed.Step(short) || full.Step(long) < windowed.Step(long)+time.Millisecond {
		t.Errorf("a context of 32,768: %v with windows, %v without; of 1,024: %v", windowed.Step(long), full.Step(long), windowed.Step(short))
	}
}

func TestStepAllocatesNothing(t *testing.T) {
	c, m := card(t, "RTX 5090"), model(t, "Qwen/Qwen3-32B-AWQ")
	core := NewCore(Scheduling{MaxRunning: 32, Budget: 2048, Chunked: true, Pool: 30000, Block: 16}, NewMachine(c, m, Kernels{WeightBytes: .52}, EfficiencyOf(c)), 1)
	core.noise = newNoise(1, 1, 1)
	requests := make([]Request, 16)
	round := func() {
		for i := range requests {
			requests[i] = Request{Prompt: 100, Output: 20}
			core.Submit(&requests[i])
		}
		for !core.Idle() {
			core.Step()
		}
	}
	round()
	if n := testing.AllocsPerRun(10, round); n > 0 {
		t.Errorf("%g allocations in 16 requests", n)
	}
}
