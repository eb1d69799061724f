package benchtest

import (
	"fmt"
	"net/http"
	"strings"
)

// answer is one answer under way.
type answer struct {
	*Server
	input, want int
	sent, fresh int // tokens so far, and of this event
	chat        bool
}

// dialect is how an interface answers.
type dialect struct {
	media string
	event func(w http.ResponseWriter, a *answer)
	end   func(w http.ResponseWriter, a *answer)
	whole func(w http.ResponseWriter, a *answer)
}

var dialects = map[string]dialect{
	"/v1/completions":      {"text/event-stream", openAIEvent, openAIEnd, openAIWhole},
	"/v1/chat/completions": {"text/event-stream", openAIEvent, openAIEnd, openAIWhole},
	"/generate":            {"text/event-stream", sglangEvent, done, nil},
	"/completion":          {"text/event-stream", llamaEvent, llamaEnd, nil},
	"/api/generate":        {"application/x-ndjson", ollamaEvent, ollamaEnd, nil},
	"/api/chat":            {"application/x-ndjson", ollamaEvent, ollamaEnd, nil},
}

// words are as many words as tokens.
func words(n int) string { return strings.Repeat(" w", n) }

func (a *answer) over() bool { return a.sent == a.want }

func (a *answer) openAIText() string {
	if a.chat {
		return fmt.Sprintf(`"delta":{"content":"%s"}`, words(a.fresh))
	}
	return fmt.Sprintf(`"text":"%s"`, words(a.fresh))
}

func openAIEvent(w http.ResponseWriter, a *answer) {
	finish, usage := "null", ""
	if a.over() {
		finish = `"length"`
	}
	if a.Running {
		usage = "," + a.usage(a.input, a.sent)
	}
	event(w, `{"id":"cmpl-0123456789abcdef0123456789abcdef","object":"text_completion","created":1,"model":"m","choices":[{"index":0,%s,"logprobs":null,"finish_reason":%s,"stop_reason":null,"token_ids":null,"prompt_logprobs":null}]%s}`, a.openAIText(), finish, usage)
}

func openAIEnd(w http.ResponseWriter, a *answer) {
	if !a.NoUsage {
		event(w, `{"id":"cmpl-0123456789abcdef","choices":[],%s}`, a.usage(a.input, a.want))
	}
	done(w, a)
}

func openAIWhole(w http.ResponseWriter, a *answer) {
	content := fmt.Sprintf(`"text":"%s"`, words(a.sent))
	if a.chat {
		content = fmt.Sprintf(`"message":{"role":"assistant","content":"%s"}`, words(a.sent))
	}
	_, _ = fmt.Fprintf(w, `{"id":"cmpl-0","choices":[{"index":0,%s,"finish_reason":"length"}],%s}`, content, a.usage(a.input, a.sent))
}

func done(w http.ResponseWriter, _ *answer) { event(w, "[DONE]") }

func sglangEvent(w http.ResponseWriter, a *answer) {
	finish := "null"
	if a.over() {
		finish = fmt.Sprintf(`{"type":"length","length":%d}`, a.want)
	}
	event(w, `{"text":"%s","output_ids":[1],"meta_info":{"id":"x","finish_reason":%s,"prompt_tokens":%d,"completion_tokens":%d,"cached_tokens":0}}`, words(a.sent), finish, a.input, a.sent)
}

func llamaEvent(w http.ResponseWriter, a *answer) {
	event(w, `{"index":0,"content":"%s","tokens":[1],"stop":false,"id_slot":-1,"tokens_predicted":%d,"tokens_evaluated":%d}`, words(a.fresh), a.sent, a.input)
}

func llamaEnd(w http.ResponseWriter, a *answer) {
	event(w, `{"index":0,"content":"","tokens":[],"stop":true,"stop_type":"limit","tokens_predicted":%d,"tokens_evaluated":%d,"timings":{"prompt_n":%d,"prompt_ms":%g,"predicted_n":%d,"predicted_ms":%g}}`,
		a.sent, a.input, a.input, 1e3*a.TTFT.Seconds(), a.sent, 1e3*a.Gap.Seconds()*float64(a.sent-1))
}

func ollamaEvent(w http.ResponseWriter, a *answer) {
	line(w, `{"model":"m","created_at":"2026-01-01T00:00:00Z",%s,"done":false}`, a.ollamaText(words(a.fresh)))
}

func ollamaEnd(w http.ResponseWriter, a *answer) {
	line(w, `{"model":"m","created_at":"2026-01-01T00:00:00Z",%s,"done":true,"done_reason":"length","total_duration":1,"prompt_eval_count":%d,"eval_count":%d}`,
		a.ollamaText(""), a.input, a.sent)
}

func (a *answer) ollamaText(text string) string {
	if a.chat {
		return fmt.Sprintf(`"message":{"role":"assistant","content":"%s"}`, text)
	}
	return fmt.Sprintf(`"response":"%s"`, text)
}

func line(w http.ResponseWriter, format string, args ...any) {
	_, _ = fmt.Fprintf(w, format+"\n", args...)
	_ = http.NewResponseController(w).Flush()
}
