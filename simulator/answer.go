package simulator

import (
	"encoding/json"
	"fmt"
	"time"
)

// answer writes what one request gets, in its engine's shape.
type answer struct {
	s       *server
	g       *generation
	id      string
	name    string
	created int64
	started time.Time

	before, after []byte // around a token's text, in an event that is not the last
	pending       []byte // text that waits for its event
	buf           []byte
	first         time.Time // wall time of the first token
}

func newAnswer(s *server, g *generation, serial uint64) *answer {
	a := &answer{s: s, g: g, created: time.Now().Unix(), started: time.Now(), name: s.i.names[0]}
	if g.Model != "" {
		a.name = g.Model
	}
	unique := fmt.Sprintf("%016x%016x", s.i.seed^serial*0x9e3779b97f4a7c15, g.hash)
	object := "text_completion"
	a.id = "cmpl-" + unique
	if g.chat {
		a.id, object = "chatcmpl-"+unique, "chat.completion.chunk"
	}
	head := fmt.Sprintf(`data: {"id":"%s","object":"%s","created":%d,"model":%s,"choices":[`, a.id, object, a.created, jsonText(a.name))
	if g.chat {
		a.before = []byte(head + `{"index":0,"delta":{"content":"`)
		a.after = []byte(`"},"logprobs":null,"finish_reason":`)
	} else {
		a.before = []byte(head + `{"index":0,"text":"`)
		a.after = []byte(`","logprobs":null,"finish_reason":`)
	}
	return a
}

func (a *answer) say(index int) string { return sayToken(a.s.i.seed, a.g.hash, index) }

// token is what the stream carries for one token: nothing while events hold several,
// and with the last token also usage and the end. It is valid until the next call.
func (a *answer) token(e Event) []byte {
	a.buf = a.buf[:0]
	if e.Index == 0 {
		a.first = time.Now()
		if a.g.chat {
			a.role()
		}
	}
	a.pending = append(a.pending, a.say(e.Index)...)
	if !e.Done && e.Index%a.s.i.interval != 0 {
		return a.buf
	}
	a.buf = append(a.buf, a.before...)
	a.buf = append(a.buf, a.pending...)
	a.buf = append(a.buf, a.after...)
	a.pending = a.pending[:0]
	if e.Done {
		return a.end(e.Index + 1)
	}
	if a.s.i.kind == kindVLLM {
		a.buf = append(a.buf, "null,\"stop_reason\":null}],\"usage\":null}\n\n"...)
	} else {
		a.buf = append(a.buf, "null}]}\n\n"...)
	}
	return a.buf
}

// role is the first event of a chat, which holds no text.
func (a *answer) role() {
	content := `""`
	if a.s.i.kind == kindLlamaCpp {
		content = "null"
	}
	head := a.before[:len(a.before)-len(`{"index":0,"delta":{"content":"`)]
	a.buf = append(a.buf, head...)
	a.buf = append(a.buf, `{"index":0,"delta":{"role":"assistant","content":`+content+`},"logprobs":null,"finish_reason":null}]}`+"\n\n"...)
}

// end closes the last event, and adds usage where it was asked for and the end mark.
func (a *answer) end(tokens int) []byte {
	a.buf = append(a.buf, `"`+a.g.reason+`"}]`...)
	llama := a.s.i.kind == kindLlamaCpp
	if llama && !a.g.chat { // always, and beside the choice
		a.buf = append(a.buf, `,"usage":`+a.usage(tokens)...)
	}
	if llama {
		a.buf = append(a.buf, `,"timings":`+a.timings(tokens)...)
	}
	a.buf = append(a.buf, "}\n\n"...)
	if a.g.StreamOptions.IncludeUsage && !(llama && !a.g.chat) {
		object := "text_completion"
		if a.g.chat {
			object = "chat.completion.chunk"
		}
		a.buf = fmt.Appendf(a.buf, `data: {"id":"%s","object":"%s","created":%d,"model":%s,"choices":[],"usage":%s}`+"\n\n", a.id, object, a.created, jsonText(a.name), a.usage(tokens))
	}
	return append(a.buf, "data: [DONE]\n\n"...)
}

func (a *answer) usage(tokens int) string {
	return fmt.Sprintf(`{"prompt_tokens":%d,"total_tokens":%d,"completion_tokens":%d}`, a.g.prompt, a.g.prompt+tokens, tokens)
}

// timings are llama-server's own, in the engine's time.
func (a *answer) timings(tokens int) string {
	speed := a.s.i.speed
	prompt := float64(a.first.Sub(a.started)) / 1e6 * speed
	predicted := float64(time.Since(a.first)) / 1e6 * speed
	return fmt.Sprintf(`{"cache_n":0,"prompt_n":%d,"prompt_ms":%.3f,"predicted_n":%d,"predicted_ms":%.3f}`, a.g.prompt, prompt, tokens, predicted)
}

// whole is the answer in one piece.
func (a *answer) whole(text string) any {
	tokens := a.g.output
	usage := map[string]int{"prompt_tokens": a.g.prompt, "total_tokens": a.g.prompt + tokens, "completion_tokens": tokens}
	choice := map[string]any{"index": 0, "logprobs": nil, "finish_reason": a.g.reason}
	object := "text_completion"
	if a.g.chat {
		object = "chat.completion"
		choice["message"] = map[string]any{"role": "assistant", "content": text}
	} else {
		choice["text"] = text
	}
	return map[string]any{"id": a.id, "object": object, "created": a.created, "model": a.name, "choices": []any{choice}, "usage": usage}
}

func jsonText(text string) string {
	b, _ := json.Marshal(text) // a string can always be written
	return string(b)
}
