package bench

import (
	"encoding/json"
	"fmt"
	"strings"
)

// dialect is the form of what an interface answers.
type dialect uint8

const (
	dialectOpenAI dialect = iota // choices with text or delta, and usage
	dialectWhole                 // the same in one piece
	dialectNative                // those of SGLang, llama.cpp and Ollama, whose keys are not in each other's way
)

// wire is how an API is spoken: where requests go and what they look like.
type wire struct {
	path       string
	dialect    dialect
	lines      bool   // a JSON object a line instead of server-sent events
	cumulative bool   // each event may repeat the text so far: the count tells whether there is more
	chat       bool   // the prompt is a list of messages
	before     []byte // the body up to the prompt
	open, shut string // around a plain text, as a JSON string's inside
	after      string // from the prompt to the number of tokens
	running    string // the same, with usage asked for in each event; empty where that is not spoken
	tail       string // behind the number of tokens
}

// ignore_eos makes every request generate as many tokens as asked, and usage is
// asked for since tokens cannot be counted from the text or the events. Ollama
// has no such word: its answers may end early, which is noted.
const (
	openAIOptions  = `,"temperature":0,"stream":true,"stream_options":{"include_usage":true},"ignore_eos":true,"max_tokens":`
	runningOptions = `,"temperature":0,"stream":true,"stream_options":{"include_usage":true,"continuous_usage_stats":true},"ignore_eos":true,"max_tokens":`
	wholeOptions   = `,"temperature":0,"ignore_eos":true,"max_tokens":`
	sglangOptions  = `,"stream":true,"sampling_params":{"temperature":0,"ignore_eos":true,"max_new_tokens":`
	llamaOptions   = `,"stream":true,"temperature":0,"ignore_eos":true,"n_predict":`
	ollamaOptions  = `,"stream":true,"options":{"temperature":0,"num_predict":`
)

// wires are the interfaces; a %s in before is the model's name.
var wires = map[API]wire{
	APICompletions: {
		path: "/v1/completions", before: []byte(`{"model":%s,"prompt":`), open: `"`, shut: `"`,
		after: openAIOptions, running: runningOptions, tail: "}",
	},
	APIChat: {
		path: "/v1/chat/completions", before: []byte(`{"model":%s,"messages":`), open: `[{"role":"user","content":"`, shut: `"}]`,
		after: openAIOptions, running: runningOptions, tail: "}", chat: true,
	},
	APIGenerate: {
		path: "/generate", before: []byte(`{"text":`), open: `"`, shut: `"`,
		after: sglangOptions, tail: "}}", dialect: dialectNative, cumulative: true,
	},
	APILlamaCpp: {
		path: "/completion", before: []byte(`{"prompt":`), open: `"`, shut: `"`,
		after: llamaOptions, tail: "}", dialect: dialectNative,
	},
	APIOllama: {
		path: "/api/generate", before: []byte(`{"model":%s,"raw":true,"prompt":`), open: `"`, shut: `"`,
		after: ollamaOptions, tail: "}}", dialect: dialectNative, lines: true,
	},
	APIOllamaChat: {
		path: "/api/chat", before: []byte(`{"model":%s,"messages":`), open: `[{"role":"user","content":"`, shut: `"}]`,
		after: ollamaOptions, tail: "}}", dialect: dialectNative, lines: true, chat: true,
	},
}

// APIs lists the interfaces, in the order in which help shows them.
func APIs() []API {
	return []API{APICompletions, APIChat, APIGenerate, APILlamaCpp, APIOllama, APIOllamaChat}
}

func newWire(api API, model string, whole bool) (wire, error) {
	if api == "" {
		api = APICompletions
	}
	w, ok := wires[api]
	if !ok {
		return wire{}, fmt.Errorf("the API %q is not one that bench speaks: use one of %v", api, APIs())
	}
	name, err := json.Marshal(model)
	if err != nil {
		return wire{}, fmt.Errorf("encoding the model name %q: %w", model, err)
	}
	w.before = []byte(strings.Replace(string(w.before), "%s", string(name), 1))
	if !whole {
		return w, nil
	}
	if w.dialect != dialectOpenAI {
		return wire{}, &usageError{fmt.Sprintf("the API %q is only spoken as a stream", api), "use completions or chat for answers in one piece"}
	}
	w.dialect, w.after, w.running = dialectWhole, wholeOptions, ""
	return w, nil
}
