package simulator

import (
	"errors"
	"fmt"
	"os"
	"sort"
	"strings"

	"github.com/qtune/qtune/catalog"
)

const kindLlamaCpp = "llamacpp"

// newLlamaCpp reads the command line of llama-server, as newVLLM does vLLM's.
func newLlamaCpp(s settings, words []string) (*instance, error) {
	set, _ := catalog.EngineFlags(kindLlamaCpp)
	s.version = firstOf(s.version, set.Version)
	a, err := parser{set: set, underscores: true}.parse(words)
	if err != nil {
		return nil, err
	}
	i := &instance{settings: s, kind: kindLlamaCpp, args: a, metrics: a.on("metrics", false), interval: 1}
	i.modelName = firstOf(a.text("model", ""), a.text("hf-repo", ""))
	if i.modelName == "" {
		return nil, errors.New("a simulated llama-server needs -m FILE: router mode is not simulated")
	}
	i.names = []string{firstOf(a.text("alias", ""), i.modelName)}
	i.host, i.port = a.text("host", "127.0.0.1"), a.number("port", 8080)
	if key := a.text("api-key", ""); key != "" {
		i.apiKeys = strings.Split(key, ",")
	}
	if i.model, err = s.findModel(i.modelName); err != nil {
		if !errors.Is(err, errNoModel) {
			return nil, err
		}
		if _, statErr := os.Stat(i.modelName); statErr == nil {
			return nil, fmt.Errorf("the simulation reads no GGUF headers and the file's name is none in the catalog: set QTUNE_SIMULATE_MODEL to one of %s", strings.Join(catalog.ModelIDs(), ", "))
		}
		i.die(stageConfig, 1, fmt.Sprintf("gguf_init_from_file: failed to open GGUF file '%s' (No such file or directory)", i.modelName))
		return i, nil
	}
	i.configureLlamaCpp()
	return i, nil
}

func (i *instance) configureLlamaCpp() {
	a := i.args
	f := catalog.LlamaCppFlags{
		Context: a.number("ctx-size", 0), Slots: max(0, a.number("parallel", 0)),
		KType: a.text("cache-type-k", ""), VType: a.text("cache-type-v", ""),
		MicroBatch: a.number("ubatch-size", 512), Quant: i.model.Quantization, GPULayers: -1,
	}
	f.Unified = a.on("kv-unified", f.Slots == 0)
	if layers := a.text("n-gpu-layers", "auto"); layers != "auto" && layers != "all" {
		f.GPULayers = max(-1, a.number("n-gpu-layers", -1))
	}
	if strings.HasPrefix(f.VType, "q") && a.text("flash-attn", "auto") == "off" {
		i.die(stageConfig, 1, "llama_init_from_model: quantized V cache requires flash_attn to be enabled")
	}
	if f.Context < 0 || f.MicroBatch < 1 {
		i.die(stageConfig, 1, fmt.Sprintf("failed to create context with model '%s'", i.modelName))
	}
	f = i.fitByItself(f)
	i.fit = catalog.LlamaCppMemory(i.memoryOfAll(), i.model, f)
	i.maxLen = i.fit.MaxModelLen
	if i.fit.Problem != catalog.ProblemNone {
		i.die(stageLoad, 1,
			fmt.Sprintf("ggml_backend_cuda_buffer_type_alloc_buffer: allocating %.2f MiB on device 0: cudaMalloc failed: out of memory", i.fit.WeightBytes/(1<<20)),
			fmt.Sprintf("llama_model_load: error loading model: unable to allocate CUDA0 buffer; failed to load model, '%s'", i.modelName))
	}
	i.kernels = Kernels{
		WeightBytes: i.model.BytesPerParam(i.model.Quantization), KVDType: firstOf(f.KType, "f16"),
		GraphTokens: 1, Compiled: true, AttentionFactor: llamaAttention(a.text("flash-attn", "auto")),
	}
	if f.GPULayers >= 0 && f.GPULayers < i.model.Layers {
		// Layers that stay in the host's memory are read there, about as fast as PCIe 5.0.
		i.kernels.OffloadBytes = i.model.LinearParams() * i.kernels.WeightBytes * (1 - float64(f.GPULayers)/float64(i.model.Layers))
	}
	batch := max(1, min(a.number("batch-size", 2048), max(i.fit.KVTokens, 1)))
	i.scheduling = Scheduling{
		MaxRunning: pick(f.Slots, 4), Prefixes: a.on("cache-prompt", true), Budget: batch, Chunked: true, Pool: i.fit.KVTokens, Block: 1,
	}
	i.boot = boot{}
}

// fitByItself is what llama-server makes of a command line that leaves context or layers
// open: the longest context that fits, --fit-ctx at least, then as many layers on the
// card as fit (--fit, on by default).
func (i *instance) fitByItself(f catalog.LlamaCppFlags) catalog.LlamaCppFlags {
	a, card := i.args, i.memoryOfAll()
	fits := func(f catalog.LlamaCppFlags) bool {
		return catalog.LlamaCppMemory(card, i.model, f).Problem == catalog.ProblemNone
	}
	const step = 256
	least := max(step, a.number("fit-ctx", 4096))
	if fit := a.text("fit", "on"); fit == "off" || fit == "false" || f.Context < 0 || fits(f) {
		return f
	}
	if f.Context == 0 && i.model.MaxPosition > least {
		shorter := sort.Search((i.model.MaxPosition-least)/step, func(n int) bool {
			f.Context = i.model.MaxPosition - n*step
			return fits(f)
		})
		f.Context = max(least, i.model.MaxPosition-shorter*step)
	}
	if layers := a.text("n-gpu-layers", "auto"); layers == "auto" {
		more := sort.Search(i.model.Layers+1, func(n int) bool {
			f.GPULayers = n
			return !fits(f)
		})
		f.GPULayers = more - 1
		if more > i.model.Layers {
			f.GPULayers = -1
		}
	}
	return f
}

// memoryOfAll is the card with the memory of all that llama-server spreads a model's
// layers over, one after the other: that it does by itself, and no token comes faster.
func (i *instance) memoryOfAll() catalog.Card {
	card := i.card
	if i.args.text("split-mode", "layer") != "none" {
		card.MemoryBytes *= float64(i.cards)
	}
	return card
}

// llamaAttention is what attention without the fused kernel costs (judgement).
func llamaAttention(flash string) float64 {
	if flash == "off" {
		return 2
	}
	return 1
}
