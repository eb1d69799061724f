package engine

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
)

// Facts are what an engine said about itself while it started.
type Facts struct {
	KVTokens      int     `json:"kv_tokens,omitempty"` // tokens that its KV cache holds; 0: not known
	EngineVersion string  `json:"engine_version,omitempty"`
	StartupS      float64 `json:"startup_s"` // from its start to its first token, in the engine's time
	WallS         float64 `json:"wall_s"`    // the same in wall time
	ModelName     string  `json:"model_name"`
	ImageDigest   string  `json:"image_digest,omitempty"`
}

// factRule reads one fact from a line that has text in it.
type factRule struct {
	kind  string
	text  string
	match *regexp.Regexp
	set   func(*Facts, []string)
}

var factRules = []factRule{
	{"vllm", "KV cache size: ", regexp.MustCompile(`KV cache size: ([\d,]+) tokens`), kvTokens},
	{"vllm", "LLM engine (v", regexp.MustCompile(`LLM engine \(v([^)]+)\)`), version},
	{"sglang", "max_total_num_tokens=", regexp.MustCompile(`(?:^|[ \]])max_total_num_tokens=(\d+)`), kvTokens},
	{"llamacpp", " cells,", regexp.MustCompile(`size = +[\d.]+ MiB \( *(\d+) cells`), kvTokens},
	{"llamacpp", "n_ctx_slot = ", regexp.MustCompile(`n_slots = (\d+), n_ctx_slot = (\d+), kv_unified = '(\w+)'`), slots},
	{"llamacpp", "build: ", regexp.MustCompile(`build: (\d+) \(`), version},
}

func kvTokens(f *Facts, groups []string) {
	f.KVTokens, _ = strconv.Atoi(strings.ReplaceAll(groups[1], ",", "")) // digits by the pattern; too many of them are 0
}

func version(f *Facts, groups []string) { f.EngineVersion = groups[1] }

// slots is the KV cache of llama.cpp where its log does not say its cells: the
// slots share one of their size, or each has its own.
func slots(f *Facts, groups []string) {
	if f.KVTokens != 0 {
		return
	}
	n, _ := strconv.Atoi(groups[1])
	each, _ := strconv.Atoi(groups[2])
	if groups[3] == "true" {
		n = 1
	}
	f.KVTokens = n * each
}

// stageRule names what an engine is at, by a line that it prints then.
type stageRule struct {
	kind, text, stage string
}

var stageRules = []stageRule{
	{"vllm", "Starting to load model", "loading the model"},
	{"vllm", "Warming up model for the compilation", "compiling"},
	{"vllm", "Dynamo bytecode transform", "compiling"},
	{"vllm", "torch.compile took", "compiled"},
	{"vllm", "KV cache size: ", "allocating the KV cache"},
	{"vllm", "Capturing CUDA graphs", "capturing CUDA graphs"},
	{"vllm", "Starting vLLM server", "starting the HTTP server"},
	{"sglang", "Load weight begin", "loading the model"},
	{"sglang", "KV Cache is allocated", "allocating the KV cache"},
	{"sglang", "Capture cuda graph begin", "capturing CUDA graphs"},
	{"sglang", "Application startup complete", "warming up"},
	{"llamacpp", "loading model", "loading the model"},
	{"llamacpp", "model loaded", "starting the HTTP server"},
}

// shards is the progress bar of both Python engines.
var shards = regexp.MustCompile(`shards: +\d+% Completed \| (\d+)/(\d+)`)

// factReader reads the facts of one kind.
type factReader struct {
	facts  Facts
	rules  []factRule
	stages []stageRule
}

func newFactReader(kind string) *factReader {
	r := &factReader{}
	for _, f := range factRules {
		if f.kind == kind {
			r.rules = append(r.rules, f)
		}
	}
	for _, s := range stageRules {
		if s.kind == kind {
			r.stages = append(r.stages, s)
		}
	}
	return r
}

func (r *factReader) add(raw []byte) {
	for _, rule := range r.rules {
		if !bytes.Contains(raw, []byte(rule.text)) {
			continue
		}
		if groups := rule.match.FindStringSubmatch(string(raw[:min(len(raw), maxLine)])); groups != nil {
			rule.set(&r.facts, groups)
		}
	}
}

// stage is what a line says that the engine is at; "" if nothing.
func (r *factReader) stage(raw []byte) string {
	if bytes.Contains(raw, []byte("% Completed |")) {
		if m := shards.FindSubmatch(raw); m != nil {
			return "loading weights " + string(m[1]) + "/" + string(m[2])
		}
	}
	for _, s := range r.stages {
		if bytes.Contains(raw, []byte(s.text)) {
			return s.stage
		}
	}
	return ""
}
