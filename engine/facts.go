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
	// Caches says what the start had of what earlier starts of the run compiled:
	// "kept", "new" for the first one, "" where none are kept.
	Caches string `json:"caches,omitempty"`
	// Reused: its log says that it took compiled code from a cache.
	Reused bool `json:"reused,omitempty"`
	// Recompiled is why an engine that found compiled code in a cache could not take it,
	// in its own words; "" where it took it, or found none.
	Recompiled string `json:"recompiled,omitempty"`
	// SavedS is by how much this start was shorter than the one that compiled the
	// same code, in the engine's time; 0: not known.
	SavedS float64 `json:"saved_s,omitempty"`

	compiled string // where the code lies that it compiled or took; "": not known
}

// factRule reads one fact from a line that has text in it.
type factRule struct {
	text  string
	match *regexp.Regexp
	set   func(*Facts, []string)
}

func kvTokens(f *Facts, groups []string) {
	f.KVTokens, _ = strconv.Atoi(strings.ReplaceAll(groups[1], ",", "")) // digits by the pattern; too many of them are 0
}

func version(f *Facts, groups []string) { f.EngineVersion = groups[1] }

func compiled(f *Facts, groups []string) { f.compiled = groups[1] }

func recompiled(f *Facts, groups []string) { f.Recompiled = show(groups[1]) }

func reused(f *Facts, groups []string) {
	f.Reused = true
	if len(groups) > 1 {
		f.compiled = groups[1]
	}
}

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
	text, stage string
}

// shards is the progress bar of both Python engines, counted any other one.
var (
	shards  = regexp.MustCompile(`shards: +\d+% Completed \| (\d+)/(\d+)`)
	counted = regexp.MustCompile(`\d+%\|.*\| *(\d+/\d+) \[`)
)

// factReader reads the facts of one kind.
type factReader struct {
	facts  Facts
	rules  []factRule
	stages []stageRule
}

func newFactReader(kind string) *factReader {
	k, _ := Lookup(kind)
	return &factReader{rules: k.facts, stages: k.stages}
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
			if m := counted.FindSubmatch(raw); m != nil {
				return s.stage + " " + string(m[1])
			}
			return s.stage
		}
	}
	return ""
}
