package simulator

import (
	"encoding/json"
	"strings"

	"github.com/qtune/qtune/catalog"
)

// speculation is how an engine drafts tokens that the model then checks together.
type speculation struct {
	drafted     int     // tokens a step and sequence
	accept      float64 // chance that a draft is taken, if those before it were
	draftLayers float64 // what drafting a token costs, in layers of the model
}

// newSpeculation is a method's. How often drafts are taken depends on the text: EAGLE-3
// had 67 % at the first position for gpt-oss-120b on real text; the rest is judgement,
// and random tokens make every such figure meaningless.
func newSpeculation(method string, drafted int, m catalog.Model) speculation {
	method = strings.ToLower(method)
	switch {
	case method == "" || drafted < 1:
		return speculation{}
	case strings.Contains(method, "ngram"), strings.Contains(method, "suffix"):
		return speculation{drafted: drafted, accept: 0.35}
	case strings.Contains(method, "draft"), strings.Contains(method, "standalone"):
		return speculation{drafted: drafted, accept: 0.6, draftLayers: 0.1 * float64(m.Layers)}
	}
	return speculation{drafted: drafted, accept: 0.67, draftLayers: 1}
}

// vllmSpeculation reads --speculative-config and its short forms.
func vllmSpeculation(a *argv, m catalog.Model) speculation {
	var config struct {
		Method string `json:"method"`
		Model  string `json:"model"`
		Tokens int    `json:"num_speculative_tokens"`
	}
	if text := a.text("speculative-config", ""); text != "" {
		_ = json.Unmarshal([]byte(text), &config) // the parser has refused what is no JSON
	}
	method := firstOf(a.text("spec-method", ""), a.dotted["speculative-config.method"], config.Method)
	if method == "" && firstOf(a.text("spec-model", ""), config.Model) != "" {
		method = "draft_model"
	}
	tokens := config.Tokens
	if n, ok := wholeNumber(a.dotted["speculative-config.num_speculative_tokens"]); ok {
		tokens = n
	}
	return newSpeculation(method, a.number("spec-tokens", tokens), m)
}

// sglangSpeculation reads --speculative-algorithm and what belongs to it. A tree of
// drafts is taken to be as good as a chain of its depth.
func sglangSpeculation(a *argv, m catalog.Model) speculation {
	steps := a.number("speculative-num-steps", 3)
	if tokens := a.number("speculative-num-draft-tokens", 0); tokens > 0 && !a.has("speculative-num-steps") {
		steps = tokens - 1
	}
	return newSpeculation(a.text("speculative-algorithm", ""), steps, m)
}
