package engine

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/catalog"
	"github.com/qtune/qtune/profiles"
)

// Site is where trials would run, as far as it is known before the first start.
type Site struct {
	Card  *catalog.Card  // nil: not known
	Model *catalog.Model // nil: not known
	Cards int            // that an engine may use; 0: not known
	// LongestRequest is the least context, in tokens, that the workload needs; 0: not known.
	LongestRequest int

	starts map[string][]catalog.Start // by engine block and cards, see Learn
}

// Feasible says whether a candidate can start and serve, by arithmetic alone. It
// asks nobody, errs towards trying, and names secrets instead of showing them.
func (s *Site) Feasible(e *profiles.Engine, c profiles.Candidate) catalog.Feasible {
	answer := s.feasible(e, c)
	if answer.Why != "" {
		answer.Why = withoutSecrets(answer.Why, c)
	}
	return answer
}

// withoutSecrets puts names in the place of a candidate's secret values, which may
// have been folded to lower case.
func withoutSecrets(text string, c profiles.Candidate) string {
	for _, f := range c.Flags {
		if f.Value.Secret != "" && f.Value.Text != "" {
			text = strings.NewReplacer(f.Value.Text, "("+f.Value.Secret+")", strings.ToLower(f.Value.Text), "("+f.Value.Secret+")").Replace(text)
		}
	}
	return text
}

func (s *Site) feasible(e *profiles.Engine, c profiles.Candidate) catalog.Feasible {
	if e.Runtime == profiles.RuntimeExternal || !slices.Contains([]string{"vllm", "sglang", "llamacpp"}, e.Kind) {
		return unsure("the memory of " + e.Kind + " is not reckoned")
	}
	r := newReading(e.Kind, c)
	r.block = e.Label()
	answer := s.parallel(r)
	if answer.Answer == catalog.AnswerFits {
		answer = s.limits(r)
	}
	if answer.Answer == catalog.AnswerFits {
		answer = s.memory(r)
	}
	if len(r.odd) > 0 && answer.Answer != catalog.AnswerNotKnown {
		return unsure(strings.Join(r.odd, ", ") + " is not a number that is understood")
	}
	return answer
}

var feasible = catalog.Feasible{Answer: catalog.AnswerFits}

func unsure(why string) catalog.Feasible {
	return catalog.Feasible{Answer: catalog.AnswerNotKnown, Why: why}
}

func cannot(format string, args ...any) catalog.Feasible {
	return catalog.Feasible{Answer: catalog.AnswerCannot, Why: fmt.Sprintf(format, args...)}
}

// parallel compares the size of tensor and pipeline parallelism with the cards.
func (s *Site) parallel(r *reading) catalog.Feasible {
	p := r.parallel()
	for _, name := range append(catalog.Copies(), "base-gpu-id", "gpu-id-step") {
		if r.has(name) && r.text(name) != "1" {
			return unsure("with " + name + ", cards and memory of several machines or copies are not reckoned")
		}
	}
	switch {
	case p.Tensor < 0 || p.Pipeline < 0 || p.Tensor > maxCards || p.Pipeline > maxCards:
		return unsure("it is not known how many cards it takes")
	case s.Cards > 0 && p.Cards() > s.Cards:
		tp, pp := r.parallelFlags()
		return cannot("%s %d × %s %d needs %d cards and the engine gets %d", tp, max(p.Tensor, 1), pp, max(p.Pipeline, 1), p.Cards(), s.Cards)
	case s.Model != nil && r.kind != "llamacpp" && !r.has("hf-overrides") && !r.has("json-model-override-args"):
		if why := p.Refused(*s.Model); why != "" {
			return cannot("%s", why)
		}
	}
	return feasible
}

// maxCards bounds what is multiplied.
const maxCards = 1 << 12

func (r *reading) parallelFlags() (tensor, pipeline string) {
	if r.kind == "sglang" {
		return "tp-size", "pp-size"
	}
	return "tensor-parallel-size", "pipeline-parallel-size"
}

func (r *reading) parallel() catalog.Parallel {
	if r.kind == "llamacpp" {
		return catalog.Parallel{}
	}
	tp, pp := r.parallelFlags()
	return catalog.Parallel{Tensor: r.whole(tp), Pipeline: r.whole(pp)}
}

// limits compares flags with each other, the model and the workload.
func (s *Site) limits(r *reading) catalog.Feasible {
	batched, seqs := r.number("max-num-batched-tokens", 0), r.number("max-num-seqs", 0)
	if r.kind == "vllm" && batched > 0 && batched < seqs {
		return cannot("max-num-batched-tokens %g is less than max-num-seqs %g, which vLLM refuses", batched, seqs)
	}
	flag, allow := "max-model-len", "VLLM_ALLOW_LONG_MAX_MODEL_LEN"
	if r.kind == "sglang" {
		flag, allow = "context-length", "SGLANG_ALLOW_OVERWRITE_LONGER_CONTEXT_LEN"
	}
	length := r.number(flag, 0)
	known := s.Model != nil && !s.Model.Stretched && r.kind != "llamacpp" && !r.has("hf-overrides") && !r.has("json-model-override-args")
	switch {
	case known && length > float64(s.Model.MaxPosition) && !slices.Contains(r.env, allow):
		return cannot("%s %g is more than the model's %d (%s=1 allows it)", flag, length, s.Model.MaxPosition, allow)
	case length > 0 && float64(s.LongestRequest) > length*(1+catalog.FeasibleShare):
		return cannot("%s %g is less than the %d tokens of the workload's requests", flag, length, s.LongestRequest)
	case r.kind == "vllm" && r.wholePrefill() && batched > 0 && batched < length:
		return cannot("max-num-batched-tokens %g is less than max-model-len %g, which vLLM refuses without chunked prefill", batched, length)
	}
	if s.Model != nil && s.Card != nil && r.kind != "llamacpp" {
		if why := catalog.QuantizationRefused(r.kind, *s.Card, *s.Model, r.text("quantization")); why != "" {
			return cannot("%s", why)
		}
	}
	return feasible
}

// wholePrefill says that prompts are not to be read in pieces.
func (r *reading) wholePrefill() bool {
	return r.text("enable-chunked-prefill") == "false" || r.text("no-enable-chunked-prefill") == "true"
}

// unreckonedFlags change a memory that the arithmetic does not follow.
var unreckonedFlags = []string{
	"hf-overrides", "json-model-override-args", "num-gpu-blocks-override", "offload-backend", "offload-group-size", "cpu-offload-params",
	"load-format", "config", "hf-config-path", "quantization-param-path", "kv-cache-dtype-skip-layers",
	"language-model-only", "device", "torchao-config", "mamba-cache-dtype",
}

// memory asks the catalog's arithmetic.
func (s *Site) memory(r *reading) catalog.Feasible {
	switch {
	case s.Model == nil:
		return unsure("the shape of the model is not known")
	case s.Card == nil:
		return unsure("the card that it would get is not known")
	}
	for _, name := range unreckonedFlags {
		if r.has(name) && (name != "device" || !s.Card.CPU || r.text(name) != "cpu") {
			return unsure(name + " changes what is reckoned")
		}
	}
	model := s.modelOf(r)
	switch r.kind {
	case "sglang":
		f := r.sglang()
		f.Correction = s.learned(r)
		return catalog.SGLangFeasible(*s.Card, model, f)
	case "llamacpp":
		return r.llamaCpp(*s.Card, model, s.Cards)
	}
	f := r.vllm(s.Card.CPU)
	if s.Card.CPU && f.KVCacheBytes == 0 {
		return unsure("on a CPU vLLM's cache is a share of what memory is free, unless kv-cache-memory-bytes says how large")
	}
	f.Correction = s.learned(r)
	return catalog.VLLMFeasible(*s.Card, model, f)
}

// modelOf is the model in the data type that an engine computes with.
func (s *Site) modelOf(r *reading) catalog.Model {
	model := *s.Model
	switch dtype := r.text("dtype"); {
	case dtype != "" && dtype != "auto":
		model.DType = dtype
	case model.DType == "float32":
		model.DType = "float16" // auto: no engine serves 32 bits unless told to
	}
	return model
}

// llamaCpp answers for llama-server, which fits what is left open by itself: only
// where context and layers are given can it fail. On several cards their memory is
// taken as one, which is more than it can use.
func (r *reading) llamaCpp(card catalog.Card, m catalog.Model, cards int) catalog.Feasible {
	layers := r.text("n-gpu-layers")
	if r.text("fit") != "off" && (layers == "" || layers == "auto" || !r.has("ctx-size")) {
		return unsure("llama-server fits by itself what is left open (--fit)")
	}
	for _, name := range []string{"override-tensor", "cpu-moe", "n-cpu-moe", "model-draft", "rpc", "no-kv-offload"} {
		if r.has(name) {
			return unsure(name + " changes what is reckoned")
		}
	}
	f := catalog.LlamaCppFlags{
		Context: r.whole("ctx-size"), Slots: r.whole("parallel"), Unified: r.text("kv-unified") == "true",
		KType: r.text("cache-type-k"), VType: r.text("cache-type-v"), GPULayers: -1, MicroBatch: r.whole("ubatch-size"),
	}
	if layers != "" && layers != "all" && layers != "auto" {
		f.GPULayers = r.whole("n-gpu-layers")
	}
	card.MemoryBytes *= float64(max(cards, 1))
	return catalog.LlamaCppFeasible(card, m, f)
}

// vllm is what vLLM's memory depends on. What decides the graphs in a way that is
// not followed here counts as no graphs: that leaves most for the cache.
func (r *reading) vllm(cpu bool) catalog.VLLMFlags {
	f := catalog.VLLMFlags{
		Utilization: r.number("gpu-memory-utilization", 0), MaxNumSeqs: int(r.number("max-num-seqs", 0)),
		BatchedTokens: int(r.number("max-num-batched-tokens", 0)), OffloadGiB: r.number("cpu-offload-gb", 0), KVDType: r.text("kv-cache-dtype"),
		KVCacheBytes: r.number("kv-cache-memory-bytes", 0), BlockSize: int(r.number("block-size", 0)), Quantization: r.text("quantization"),
		GraphSize: int(r.number("max-cudagraph-capture-size", 0)), Eager: r.text("enforce-eager") == "true",
		NoHybrid: r.text("disable-hybrid-kv-cache-manager") == "true", Parallel: r.parallel(),
	}
	for _, name := range []string{"optimization-level", "compilation-config", "cudagraph-capture-sizes", "performance-mode"} {
		f.Eager = f.Eager || r.has(name)
	}
	f.Eager = f.Eager || slices.Contains(r.env, "VLLM_MEMORY_PROFILER_ESTIMATE_CUDAGRAPHS")
	if r.text("max-model-len") == "auto" {
		f.MaxModelLen = -1
	} else {
		f.MaxModelLen = int(r.number("max-model-len", 0))
	}
	if space := r.envNumber("VLLM_CPU_KVCACHE_SPACE"); cpu && space > 0 {
		f.KVCacheBytes = space * (1 << 30)
	}
	return f
}

func (r *reading) sglang() catalog.SGLangFlags {
	f := catalog.SGLangFlags{
		MemFraction: r.number("mem-fraction-static", 0), MaxTotalTokens: int(r.number("max-total-tokens", 0)),
		ContextLength: int(r.number("context-length", 0)), ChunkedPrefill: int(r.number("chunked-prefill-size", 0)),
		MaxPrefill: int(r.number("max-prefill-tokens", 0)), MaxRunning: int(r.number("max-running-requests", 0)),
		KVDType: r.text("kv-cache-dtype"), Quantization: r.text("quantization"), OffloadGiB: r.number("cpu-offload-gb", 0),
		GraphSize: int(r.number("cuda-graph-max-bs-decode", r.number("cuda-graph-max-bs", 0))), Parallel: r.parallel(),
		WindowRatio: r.number("swa-full-tokens-ratio", 0), NoWindowPool: r.text("disable-hybrid-swa-memory") == "true",
	}
	for _, name := range []string{"disable-cuda-graph", "cuda-graph-backend-decode", "cuda-graph-bs-decode", "cuda-graph-bs"} {
		f.NoGraph = f.NoGraph || r.has(name) && r.text(name) != "false"
	}
	return f
}

// reading is a candidate's flags by their canonical names.
type reading struct {
	kind     string
	block    string // the engine block, for people
	values   map[string]profiles.Value
	env      []string // names that are set
	variable []profiles.EnvVar
	odd      []string // numbers that are none
}

func newReading(kind string, c profiles.Candidate) *reading {
	set, _ := catalog.EngineFlags(kind)
	r := &reading{kind: kind, values: make(map[string]profiles.Value, len(c.Flags)), variable: c.Env}
	for _, f := range c.Flags {
		name, _, _ := strings.Cut(f.Name, ".")
		value := f.Value
		if known, ok := set.Lookup(name); ok {
			name = known.Name
		}
		r.values[name] = value
	}
	for _, v := range c.Env {
		if !v.Value.IsNull() {
			r.env = append(r.env, v.Name)
		}
	}
	return r
}

func (r *reading) has(name string) bool {
	v, ok := r.values[name]
	return ok && !v.IsNull()
}

// text is a flag's value; "" where it is left off.
func (r *reading) text(name string) string { return r.values[name].Text }

// number is a flag's value as a number; def where it is left off or is none.
func (r *reading) number(name string, def float64) float64 {
	v, ok := r.values[name]
	if !ok || v.IsNull() {
		return def
	}
	n, ok := wholeOrDecimal(v.Text)
	if !ok {
		if name != "max-model-len" || v.Text != "auto" {
			r.odd = append(r.odd, name+" "+v.Text)
		}
		return def
	}
	return n
}

// whole is a flag's value as a whole number; 0 where it is left off or is none.
func (r *reading) whole(name string) int {
	n := r.number(name, 0)
	if n != math.Trunc(n) || math.Abs(n) > math.MaxInt32 {
		r.odd = append(r.odd, name+" "+r.text(name))
		return 0
	}
	return int(n)
}

func (r *reading) envNumber(name string) float64 {
	for _, v := range r.variable {
		if v.Name == name {
			n, _ := wholeOrDecimal(v.Value.Text)
			return n
		}
	}
	return 0
}

// wholeOrDecimal reads 0.9, 8192, 8k (8000) and 8K (8192).
func wholeOrDecimal(text string) (float64, bool) {
	if n, err := strconv.ParseFloat(text, 64); err == nil {
		return n, true
	}
	if text == "" {
		return 0, false
	}
	units := map[byte]float64{'k': 1e3, 'm': 1e6, 'g': 1e9, 't': 1e12, 'K': 1 << 10, 'M': 1 << 20, 'G': 1 << 30, 'T': 1 << 40}
	unit, ok := units[text[len(text)-1]]
	n, err := strconv.ParseFloat(text[:len(text)-1], 64)
	return n * unit, ok && err == nil
}

// LongestRequest is the longest request that every candidate must serve, in
// tokens; 0 where the workloads' lengths are drawn or recorded.
func LongestRequest(workloads []bench.Workload) int {
	longest := 0
	for i := range workloads {
		p := &workloads[i].Prompts
		if p.File != nil || p.Trace != nil || p.Input != (bench.Spread{}) || p.Output != (bench.Spread{}) {
			continue
		}
		for _, l := range workloads[i].Levels {
			longest = max(longest, p.InputTokens+l.OutputTokens)
		}
	}
	return longest
}
