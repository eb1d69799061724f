package catalog

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Answer says whether a configuration can start, before it is started.
type Answer string

// The three answers.
const (
	AnswerFits     Answer = "fits"
	AnswerCannot   Answer = "cannot fit"
	AnswerNotKnown Answer = "not known" // try it
)

// Feasible is an answer and, but for AnswerFits, its reason.
type Feasible struct {
	Answer Answer
	Why    string // with the arithmetic
	Fit    Fit    // of AnswerFits
}

// A configuration is refused only where it misses by more than the larger of the
// first two and the third beside it: to refuse what works is worse than to try what
// does not. Weights and the cache of a token are known to within some per cent;
// activations, libraries and graphs may be half of what is worked out.
const (
	FeasibleShare = 0.15 // of what is needed
	FeasibleBytes = 1 * gib
	FeasibleWork  = 0.5 // of activations, libraries and graphs
)

func cannot(format string, args ...any) Feasible {
	return Feasible{Answer: AnswerCannot, Why: fmt.Sprintf(format, args...)}
}

func notKnown(why string) Feasible { return Feasible{Answer: AnswerNotKnown, Why: why} }

// judge turns a fit into an answer. missing is what lacks, needed what is needed
// in all, work what of that is the least known, in bytes.
func (fit Fit) judge(missing, needed, work float64, learned Correction) Feasible {
	switch margin := learned.margin(needed, work); {
	case fit.Problem == ProblemNone:
		return Feasible{Answer: AnswerFits, Fit: fit}
	case missing > margin:
		return cannot("%s (it misses by %s, more than the margin of %s)", fit.Err, needsGiB(missing), needsGiB(margin))
	}
	return notKnown("within the margin: " + fit.Err)
}

// VLLMFeasible answers for vLLM.
func VLLMFeasible(card Card, m Model, flags VLLMFlags) Feasible {
	if why := unreckoned(m, flags.Quantization, flags.KVDType); why != "" {
		return notKnown(why)
	}
	f := flags.WithDefaults(card, m)
	if why := f.Refused(m); why != "" {
		return cannot("%s", why)
	}
	fit := VLLMMemory(card, m, flags)
	least, work := f.leastKV(m), fit.WorkBytes+fit.GraphBytes
	switch fit.Problem {
	case ProblemWeights:
		need := fit.WeightBytes + contextBytes
		if card.CPU {
			return fit.judge(fit.WeightBytes+fit.KVBytes-card.MemoryBytes, FeasibleBytes, 0, f.Correction)
		}
		return fit.judge(math.Max(need-card.MemoryBytes, -fit.KVBytes), FeasibleBytes, work, f.Correction) // what it may use of the card is less
	case ProblemWork:
		need := fit.WeightBytes + work + fit.KVBytes
		return fit.judge(need-card.MemoryBytes, work, work, f.Correction)
	}
	if m.KVUnknown != "" {
		least = 0 // whatever its cache takes, nothing left is too little
	}
	return fit.judge(least-fit.KVBytes, least, work, f.Correction).unlessKVUnknown(m)
}

// SGLangFeasible answers for SGLang.
func SGLangFeasible(card Card, m Model, flags SGLangFlags) Feasible {
	if why := unreckoned(m, flags.Quantization, flags.KVDType); why != "" {
		return notKnown(why)
	}
	if card.CPU {
		return notKnown("SGLang's share of a CPU's memory depends on what else runs there")
	}
	f := flags.WithDefaults(card, m)
	if why := f.Refused(m); why != "" {
		return cannot("%s", why)
	}
	fit := SGLangMemory(card, m, flags)
	work := fit.WorkBytes + fit.GraphBytes
	switch free := f.free(card); fit.Problem {
	case ProblemWeights:
		return fit.judge(fit.WeightBytes-free, FeasibleBytes, 0, f.Correction)
	case ProblemNoKV:
		return fit.judge(-fit.KVBytes, FeasibleBytes, 0, f.Correction).unlessDefault(flags).unlessKVUnknown(m)
	case ProblemWork:
		if m.KVUnknown != "" {
			break
		}
		tokens := math.Floor(fit.KVBytes / f.cell(m))
		if f.MaxTotalTokens > 0 {
			tokens = math.Min(tokens, float64(f.MaxTotalTokens))
		}
		rest := free - fit.WeightBytes - tokens*f.cell(m)
		return fit.judge(work-rest, work, work, f.Correction).unlessDefault(flags)
	}
	return Feasible{Answer: AnswerFits, Fit: fit}.unlessKVUnknown(m)
}

// unlessDefault takes back that SGLang cannot start where its fraction is left to it:
// from version to version it works it out in another way.
func (f Feasible) unlessDefault(flags SGLangFlags) Feasible {
	if f.Answer == AnswerCannot && flags.MemFraction == 0 {
		return notKnown("SGLang chooses mem-fraction-static itself: " + f.Why)
	}
	return f
}

// unlessKVUnknown takes back that a configuration fits where its cache is of a kind
// that is not reckoned.
func (f Feasible) unlessKVUnknown(m Model) Feasible {
	if m.KVUnknown != "" && f.Answer != AnswerCannot {
		return notKnown("its KV cache is not reckoned: " + m.KVUnknown)
	}
	return f
}

// unreckoned says why the arithmetic does not hold for a model: a format whose
// size is not in the table would be counted at its full width.
func unreckoned(m Model, quant, kvDType string) string {
	used := orString(quant, m.Quantization)
	_, known := quantBytes[strings.ToLower(used)]
	if used != "" && !known && (m.QuantBits == 0 || used != m.Quantization) {
		return fmt.Sprintf("the size of weights in %s is not known", used)
	}
	if !slices.Contains(reckonedKV, strings.ToLower(kvDType)) {
		return fmt.Sprintf("the size of a KV cache in %s is not known", kvDType)
	}
	return ""
}

// reckonedKV are the types of a KV cache whose size the arithmetic knows.
var reckonedKV = []string{
	"", "auto", "float16", "half", "bfloat16", "bf16", "float32", "fp8", "fp8_e4m3", "fp8_e5m2", "int8_per_token_head", "fp8_per_token_head",
}
