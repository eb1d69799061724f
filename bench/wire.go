package bench

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// wire is how an API is spoken: where requests go and what they look like.
type wire struct {
	path   string
	before []byte // the body up to the prompt's text
	after  []byte // the body from there to the number of tokens
}

// ignore_eos makes every request generate as many tokens as asked, and usage is
// asked for since tokens cannot be counted from the text or the events.
const wireOptions = `,"temperature":0,"stream":true,"stream_options":{"include_usage":true},"ignore_eos":true,"max_tokens":`

func newWire(api API, model string) (wire, error) {
	name, err := json.Marshal(model)
	if err != nil {
		return wire{}, fmt.Errorf("encoding the model name %q: %w", model, err)
	}
	switch api {
	case APICompletions, "":
		return wire{
			path:   "/v1/completions",
			before: fmt.Appendf(nil, `{"model":%s,"prompt":"`, name),
			after:  []byte(`"` + wireOptions),
		}, nil
	case APIChat:
		return wire{
			path:   "/v1/chat/completions",
			before: fmt.Appendf(nil, `{"model":%s,"messages":[{"role":"user","content":"`, name),
			after:  []byte(`"}]` + wireOptions),
		}, nil
	}
	return wire{}, fmt.Errorf("the API %q is not one that bench speaks: use %q or %q", api, APICompletions, APIChat)
}

// body writes a request's body. The prompt needs no escaping: it is made of words
// of plain letters. A body is never reused, since the transport may still be
// sending one when its answer is already there.
func (w wire) body(l *lexicon, seed uint64, words, tokens int) []byte {
	b := make([]byte, 0, len(w.before)+7*words+len(w.after)+16)
	b = append(b, w.before...)
	b = l.write(b, seed, words)
	b = append(b, w.after...)
	b = strconv.AppendInt(b, int64(tokens), 10)
	return append(b, '}')
}
