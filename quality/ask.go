package quality

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/qtune/qtune/bench"
)

const (
	answerTokens = 32
	askLimit     = 2 * time.Minute // for all prompts together
)

// Ask puts the prompts to a server of an engine's kind, one at a time, so that no
// batch of chance changes a sum. With a reference it also asks, where the engine can
// say so, how far the server would have written the reference's texts. What could not
// be learned is told in the answers' Problem: it says nothing against the server.
func Ask(ctx context.Context, t bench.Target, kind string, reference *Answers) *Answers {
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	a := &Answers{}
	tokens := make([]int, 0, len(Prompts()))
	for _, prompt := range Prompts() {
		text, n, err := complete(ctx, t, prompt)
		if err != nil {
			return &Answers{Problem: fmt.Sprintf("asking for an answer: %v", err)}
		}
		a.Texts, tokens = append(a.Texts, text), append(tokens, n)
	}
	force := forcers[kind]
	if reference == nil {
		reference = a
	}
	if force == nil || len(reference.Texts) != len(a.Texts) {
		return a
	}
	f := Forced{}
	for i, prompt := range Prompts() {
		agreed, positions, err := force(ctx, t, prompt+reference.Texts[i], tokens[i])
		if err != nil {
			a.Problem = fmt.Sprintf("asking for the ranks of tokens: %v", err)
			return a
		}
		f.Agreed, f.Positions = f.Agreed+agreed, f.Positions+positions
	}
	a.Forced = &f
	return a
}

// complete asks for a greedy answer; n is how many tokens the prompt has.
func complete(ctx context.Context, t bench.Target, prompt string) (text string, n int, err error) {
	var answer struct {
		Choices []struct{ Text string }
		Usage   struct {
			PromptTokens int `json:"prompt_tokens"`
		}
	}
	err = post(ctx, t, "/v1/completions", map[string]any{
		"model": t.Model, "prompt": prompt, "max_tokens": answerTokens, "temperature": 0, "seed": 1, "stream": false,
	}, &answer)
	if err == nil && len(answer.Choices) == 0 {
		err = errors.New("the server answered without a choice")
	}
	if err != nil {
		return "", 0, err
	}
	return answer.Choices[0].Text, answer.Usage.PromptTokens, nil
}

// forcer asks how many tokens of a text behind its first n would have been chosen.
type forcer func(ctx context.Context, t bench.Target, text string, n int) (agreed, positions int, err error)

var forcers = map[string]forcer{"vllm": forceVLLM, "sglang": forceSGLang}

// forceVLLM reads prompt_logprobs: for each token of the prompt its rank among all.
func forceVLLM(ctx context.Context, t bench.Target, text string, n int) (agreed, positions int, err error) {
	var answer struct {
		Choices []struct {
			PromptLogprobs []map[string]struct {
				Rank int `json:"rank"`
			} `json:"prompt_logprobs"`
		}
	}
	err = post(ctx, t, "/v1/completions", map[string]any{
		"model": t.Model, "prompt": text, "max_tokens": 1, "temperature": 0, "prompt_logprobs": 0, "stream": false,
	}, &answer)
	if err != nil {
		return 0, 0, err
	}
	if len(answer.Choices) == 0 || len(answer.Choices[0].PromptLogprobs) == 0 {
		return 0, 0, errors.New("the server gave no prompt_logprobs")
	}
	for i, token := range answer.Choices[0].PromptLogprobs {
		if i < n || len(token) != 1 {
			continue
		}
		positions++
		for _, it := range token {
			if it.Rank == 1 {
				agreed++
			}
		}
	}
	return agreed, positions, nil
}

// forceSGLang reads input_token_logprobs beside the likeliest token of each place.
func forceSGLang(ctx context.Context, t bench.Target, text string, n int) (agreed, positions int, err error) {
	var answer struct {
		Meta struct {
			Tokens [][]json.RawMessage   `json:"input_token_logprobs"` // logprob, id, text
			Top    [][][]json.RawMessage `json:"input_top_logprobs"`
		} `json:"meta_info"`
	}
	err = post(ctx, t, "/generate", map[string]any{
		"text": text, "sampling_params": map[string]any{"max_new_tokens": 1, "temperature": 0},
		"return_logprob": true, "logprob_start_len": 0, "top_logprobs_num": 1, "stream": false,
	}, &answer)
	if err != nil {
		return 0, 0, err
	}
	if len(answer.Meta.Tokens) == 0 || len(answer.Meta.Tokens) != len(answer.Meta.Top) {
		return 0, 0, errors.New("the server gave no input_token_logprobs")
	}
	for i := max(n, 1); i < len(answer.Meta.Tokens); i++ {
		token, top := answer.Meta.Tokens[i], answer.Meta.Top[i]
		if len(token) < 2 || len(top) == 0 || len(top[0]) < 2 {
			continue
		}
		positions++
		if string(token[1]) == string(top[0][1]) {
			agreed++
		}
	}
	return agreed, positions, nil
}

func post(ctx context.Context, t bench.Target, path string, body any, into any) error {
	sent, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("writing the request: %w", err)
	}
	status, got, err := t.Post(ctx, path, sent)
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		return fmt.Errorf("%s answered %d", path, status)
	}
	if err := json.Unmarshal(got, into); err != nil {
		return fmt.Errorf("reading the answer of %s: %w", path, err)
	}
	return nil
}
