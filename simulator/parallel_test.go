package simulator

import (
	"strings"
	"testing"
)

// What the model does not know is no refusal of the engine: nothing is said of it.
func TestWhatIsNotModelledIsNotRefused(t *testing.T) {
	rows := []struct{ what, kind, card, words, says string }{
		{"copies of a model", "vllm", "RTX 5090", awq32 + " --data-parallel-size 2", "--data-parallel-size"},
		{"one copy is no copies", "vllm", "RTX 5090", awq32 + " --max-model-len 4096 --data-parallel-size 1", ""},
		{"copies of SGLang's attention", "sglang", "RTX 5090", "--model-path " + awq32 + " --enable-dp-attention", "--enable-dp-attention"},
		{"several machines", "vllm", "RTX 5090", awq32 + " -tp 4 --nnodes 2", "--nnodes"},
		{"processes that share a CPU", "vllm", "2-core CPU", smol + " -tp 3", "processes of a CPU"},
	}
	for _, r := range rows {
		e, err := Prepare(Setup{Kind: r.kind, Args: strings.Fields(r.words), Card: card(t, r.card)})
		switch {
		case r.says == "" && (err != nil || e.Facts().Refusal != ""):
			t.Errorf("%s: %v, %+v", r.what, err, e)
		case r.says != "" && (err == nil || !strings.Contains(err.Error(), r.says)):
			t.Errorf("%s: %v, want an error that names %s", r.what, err, r.says)
		}
	}
}

// llama-server shrinks what was left open until it fits, and spreads layers over cards.
func TestLlamaServerFitsByItself(t *testing.T) {
	const q8 = "-m Qwen3-32B-Q8_0.gguf " // 32 GiB of weights
	rows := []struct {
		what    string
		cards   int
		words   string
		starts  bool
		context int  // of a slot, at least
		offload bool // some layers stay in the host's memory
	}{
		{"everything is given, and too large for 32 GB", 1, q8 + "-ngl all -c 8192", false, 0, false},
		{"the same on two cards", 2, q8 + "-ngl all -c 8192", true, 2048, false},
		{"the same where the layers may use one card alone", 2, q8 + "-ngl all -c 8192 --split-mode none", false, 0, false},
		{"layers are left open", 1, q8 + "-c 8192", true, 2048, true},
		{"layers are left open, and it is told not to", 1, q8 + "-c 8192 --fit off", false, 0, false},
		{"a context that fits is the model's own", 1, "-m Qwen3-0.6B-Q8_0.gguf", true, 40960, false},
		{"a context that does not is shorter", 1, "-m Qwen3-32B-Q4_K_M.gguf -ngl all", true, 4096, false},
	}
	for _, r := range rows {
		e, err := Prepare(Setup{Kind: "llamacpp", Args: strings.Fields(r.words), Card: card(t, "RTX 5090"), Cards: r.cards})
		if err != nil {
			t.Errorf("%s: %v", r.what, err)
			continue
		}
		f := e.Facts()
		if (f.Refusal == "") != r.starts || f.MaxModelLen < r.context && r.starts {
			t.Errorf("%s: refused %q, %d tokens", r.what, f.Refusal, f.MaxModelLen)
		}
		if got := e.i.kernels.OffloadBytes > 0; r.starts && got != r.offload {
			t.Errorf("%s: layers in the host's memory: %v", r.what, got)
		}
	}
}
