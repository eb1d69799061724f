package bench

import (
	"math/rand/v2"
	"slices"
	"strings"
)

// opening is the first word of every prompt. It is the only one without a blank
// before it, so what it costs is part of a prompt's fixed cost.
const opening = "The"

// lexicon writes prompts of a wanted number of tokens.
type lexicon struct {
	words    []string
	overhead int     // tokens of a prompt beside its words: opening, special tokens, chat template
	perWord  float64 // tokens of a word; 1 where the lexicon is exact
	counted  bool    // the server counted tokens for it
	exact    bool    // a prompt's length was verified with this server
}

// count is how many words make a prompt of tokens tokens, at least one.
func (l *lexicon) count(tokens int) int {
	return max(1, int(float64(tokens-l.overhead)/l.perWord+0.5))
}

// draw appends n words to dst. They are drawn one by one from the seed, so two
// prompts differ from their first words on and no cache of prefixes serves one
// with what it learned from another, unless they share a seed.
func (l *lexicon) draw(dst []byte, seed uint64, n int) []byte {
	random := rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15))
	for range n {
		dst = append(dst, ' ')
		dst = append(dst, l.words[random.IntN(len(l.words))]...)
	}
	return dst
}

// allWords is the vocabulary in alphabetical order, each word once.
func allWords() []string {
	words := strings.Fields(vocabulary)
	slices.Sort(words)
	return slices.Compact(words)
}

// uncalibrated is the lexicon for a server whose tokenizer cannot be asked.
func uncalibrated() *lexicon { return &lexicon{words: allWords(), overhead: 1, perWord: 1} }
