package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

const (
	tokenizeTimeout  = 10 * time.Second // wall time
	maxTokenizeReply = 8 << 20
	wordGroups       = 16   // groups into which words are cut to find those of several tokens
	minWords         = 32   // the smallest vocabulary that still makes prompts unlike each other
	maxVerified      = 4096 // tokens of the longest prompt that is counted just to verify
)

// counter counts the tokens of a text as the server does.
type counter func(ctx context.Context, text string) (int, error)

var errNoCount = errors.New("the server counted no tokens")

// tokenizer counts by POST /tokenize, which vLLM and SGLang answer with a count
// and llama.cpp with the tokens themselves.
func tokenizer(l *link) counter {
	return func(ctx context.Context, text string) (int, error) {
		ctx, cancel := context.WithTimeout(ctx, tokenizeTimeout)
		defer cancel()
		// llama.cpp reads content, the others prompt; none minds the other's.
		body, err := json.Marshal(map[string]any{
			"model": l.target.Model, "prompt": text, "content": text, "add_special": true,
		})
		if err != nil {
			return 0, fmt.Errorf("encoding a text to tokenize: %w", err)
		}
		answer, err := l.ask(ctx, http.MethodPost, "/tokenize", body, maxTokenizeReply)
		if err != nil {
			return 0, fmt.Errorf("asking the server to tokenize: %w", err)
		}
		return tokenCount(answer)
	}
}

func tokenCount(answer []byte) (int, error) {
	var reply struct {
		Count  int               `json:"count"`
		Tokens []json.RawMessage `json:"tokens"`
	}
	if err := json.Unmarshal(answer, &reply); err != nil {
		return 0, fmt.Errorf("reading the answer of /tokenize: %w", err)
	}
	if n := max(reply.Count, len(reply.Tokens)); n > 0 {
		return n, nil
	}
	return 0, errNoCount
}

// learn finds words that are one token each and what a prompt costs beside
// them, in at most 2 + wordGroups questions.
func learn(ctx context.Context, count counter) (*lexicon, error) {
	words := allWords()
	once, err := count(ctx, prompt(words))
	if err != nil {
		return nil, err
	}
	twice, err := count(ctx, prompt(append(backwards(words), words...)))
	if err != nil {
		return nil, err
	}
	l := &lexicon{words: words, overhead: once - len(words), perWord: 1, counted: true}
	if tokens := twice - once; tokens != len(words) {
		l.perWord = max(float64(tokens)/float64(len(words)), 0.01)
		l.overhead = max(0, once-tokens)
		return l, l.prune(ctx, count, once)
	}
	return l, nil
}

// prune keeps the groups of words that are one token each, if those suffice.
func (l *lexicon) prune(ctx context.Context, count counter, base int) error {
	var good []string
	size := (len(l.words) + wordGroups - 1) / wordGroups
	for from := 0; from < len(l.words); from += size {
		group := l.words[from:min(from+size, len(l.words))]
		n, err := count(ctx, prompt(append(append([]string(nil), l.words...), group...)))
		if err != nil {
			return err
		}
		if n-base == len(group) {
			good = append(good, group...)
		}
	}
	if len(good) >= minWords {
		l.words, l.perWord = good, 1
	}
	return nil
}

func prompt(words []string) string { return opening + " " + strings.Join(words, " ") }

func backwards(words []string) []string {
	back := make([]string, 0, 2*len(words))
	for i := len(words) - 1; i >= 0; i-- {
		back = append(back, words[i])
	}
	return back
}
