// Package quality owns the question whether two configurations of a server answer
// alike: the prompts, how they are asked, and how far two answers agree. It does not
// own when that is asked, nor what follows from it.
package quality

import (
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// Answers is what one start of a server said to the prompts, greedily.
type Answers struct {
	Texts []string `json:"texts,omitempty"`
	// Forced is the agreement with the reference's texts, position for position;
	// nil where there is no reference, or the server gives no ranks of prompt tokens.
	Forced  *Forced `json:"forced,omitempty"`
	Problem string  `json:"problem,omitempty"` // why there is less than that
}

// Forced counts the positions at which a server, given the reference's text up to
// there, would have gone on as the reference did.
type Forced struct {
	Agreed    int `json:"agreed"`
	Positions int `json:"positions"`
}

// Share is the part that agreed, 0 to 1; 1 of no positions.
func (f Forced) Share() float64 {
	if f.Positions == 0 {
		return 1
	}
	return float64(f.Agreed) / float64(f.Positions)
}

// Agreement is how far one start's answers are the reference's.
type Agreement struct {
	Forced *Forced `json:"forced,omitempty"`
	Same   int     `json:"same"`   // answers that are the same to the last character
	Common float64 `json:"common"` // mean share of the reference's text before the first difference, 0 to 1
	Texts  int     `json:"texts"`
}

// Compare says how far other answers as reference does; false where one of them said nothing.
func Compare(reference, other *Answers) (Agreement, bool) {
	if reference == nil || other == nil || len(reference.Texts) == 0 || len(reference.Texts) != len(other.Texts) {
		return Agreement{}, false
	}
	a := Agreement{Forced: other.Forced, Texts: len(other.Texts)}
	for i, want := range reference.Texts {
		got := other.Texts[i]
		if got == want {
			a.Same++
		}
		a.Common += common(want, got)
	}
	a.Common /= float64(a.Texts)
	return a, true
}

// common is the share of want, in characters, before got differs from it.
func common(want, got string) float64 {
	if want == "" {
		return 1
	}
	n := 0
	for n < len(want) && n < len(got) && want[n] == got[n] {
		n++
	}
	for n > 0 && n < len(want) && !utf8.RuneStart(want[n]) {
		n--
	}
	return float64(utf8.RuneCountInString(want[:n])) / float64(utf8.RuneCountInString(want))
}

// Differs says whether a configuration agrees with the reference clearly less than the
// reference does with itself on other starts, the floor: honest kernels differ too. By
// less than twice the standard error of the difference of two shares, and one
// position, chance explains it. False where one of the two is not known.
func Differs(floor, a *Forced) bool {
	if floor == nil || a == nil || floor.Positions == 0 || a.Positions == 0 {
		return false
	}
	n, m := float64(floor.Positions), float64(a.Positions)
	p := (float64(floor.Agreed) + float64(a.Agreed)) / (n + m)
	se := math.Sqrt(p * (1 - p) * (1/n + 1/m))
	return a.Share() < floor.Share()-2*se-1/m
}

// answerFlags are what a flag's name holds that can change what a server says: other
// weights, another cache, another kernel, guesses that are checked.
var answerFlags = []string{
	"quantiz", "dtype", "cache-type", "speculative", "spec-", "model-draft", "draft-model", "attention-backend", "decode-backend", "prefill-backend",
	"sampling-backend", "moe-backend", "gemm-backend", "runner-backend", "flash-attn", "hf-overrides", "rope-", "sliding",
}

// Matters says whether a flag can change what a server says, by its name.
func Matters(flag string) bool {
	return slices.ContainsFunc(answerFlags, func(part string) bool { return strings.Contains(flag, part) })
}

// Prompts are the same for every start: facts, code, sums, prose and lists, in three
// languages, so that more than one kind of error shows.
func Prompts() []string {
	return []string{
		"The capital of Norway is Oslo. The capital of Finland is",
		"To boil an egg, first bring a pot of water to a boil. Then",
		"def fibonacci(n):\n    \"\"\"Returns the n-th Fibonacci number.\"\"\"\n",
		"12 + 7 = 19\n35 + 48 = 83\n126 + 377 =",
		"The three states of matter are solid,",
		"Die Hauptstadt von Österreich ist",
		"대한민국의 수도는",
		"{\"name\": \"Ada\", \"born\": 1815, \"field\": \"mathematics\"}\n{\"name\": \"Alan\", \"born\":",
	}
}
