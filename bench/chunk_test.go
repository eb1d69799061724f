package bench

import (
	"encoding/json"
	"testing"
)

func TestChunk(t *testing.T) {
	for _, tc := range []struct {
		name, event string
		want        chunk
		message     string
	}{
		{"text of a completion", `{"choices":[{"index":0,"text":" the","finish_reason":null}]}`, chunk{content: true, prompt: -1, completion: -1}, ""},
		{"empty text", `{"choices":[{"text":"","finish_reason":"length"}]}`, chunk{end: endLength, prompt: -1, completion: -1}, ""},
		{"a role is no content", `{"choices":[{"delta":{"role":"assistant","content":""}}]}`, chunk{prompt: -1, completion: -1}, ""},
		{"nor is null", `{"choices":[{"delta":{"role":"assistant","content":null}}]}`, chunk{prompt: -1, completion: -1}, ""},
		{"content of a chat", `{"choices":[{"delta":{"content":"\""}}]}`, chunk{content: true, prompt: -1, completion: -1}, ""},
		{"reasoning", `{"choices":[{"delta":{"reasoning_content":"hm"}}]}`, chunk{content: true, prompt: -1, completion: -1}, ""},
		{"reasoning by its other name", `{"choices":[{"delta":{"content":"","reasoning":"hm"}}]}`, chunk{content: true, prompt: -1, completion: -1}, ""},
		{"a tool call", `{"choices":[{"delta":{"tool_calls":[{"function":{"arguments":"{"}}]}}]}`, chunk{content: true, prompt: -1, completion: -1}, ""},
		{"no tool call", `{"choices":[{"delta":{"tool_calls":[]}}]}`, chunk{prompt: -1, completion: -1}, ""},
		{"usage alone", `{"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":9}}`, chunk{prompt: 5, completion: 9}, ""},
		{"usage with the last choice", `{"choices":[{"text":"x","finish_reason":"stop"}],"usage":{"completion_tokens":9,"prompt_tokens":5,"prompt_tokens_details":{"cached_tokens":1}}}`, chunk{content: true, end: endStop, prompt: 5, completion: 9}, ""},
		{"no usage", `{"choices":[{"text":"x"}],"usage":null}`, chunk{content: true, prompt: -1, completion: -1}, ""},
		{"usage that is nonsense", `{"usage":{"prompt_tokens":-5,"completion_tokens":"9"}}`, chunk{prompt: -1, completion: -1}, ""},
		{"an error", `{"error":{"message":"out of \"memory\"","code":500}}`, chunk{failed: true, prompt: -1, completion: -1}, `out of "memory"`},
		{"an error that is a text", `{"error":"oops"}`, chunk{failed: true, prompt: -1, completion: -1}, "oops"},
		{"an error of the old form", `{"object":"error","message":"oops","code":400}`, chunk{failed: true, prompt: -1, completion: -1}, "oops"},
		{"no error", `{"error":null,"choices":[]}`, chunk{prompt: -1, completion: -1}, ""},
		{"aborted", `{"choices":[{"text":"","finish_reason":"abort"}]}`, chunk{end: endAbort, prompt: -1, completion: -1}, ""},
		{"keys are not looked for in values", `{"id":"\"text\":\"x\"","choices":[{"logprobs":{"text":"x","delta":{"content":"y"}},"text":""}]}`, chunk{prompt: -1, completion: -1}, ""},
		{"escaped keys", `{"choices":[{"te\u0078t":"a"}]}`, chunk{content: true, prompt: -1, completion: -1}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var c chunk
			if err := c.parse([]byte(tc.event)); err != nil {
				t.Fatal(err)
			}
			got := string(c.message)
			c.message = nil
			if tc.want.message = nil; !same(c, tc.want) || got != tc.message {
				t.Errorf("got %+v %q, want %+v %q", c, got, tc.want, tc.message)
			}
		})
	}
}

func same(a, b chunk) bool {
	return a.content == b.content && a.end == b.end && a.prompt == b.prompt && a.completion == b.completion && a.failed == b.failed
}

func TestChunkRefusesWhatIsNoObject(t *testing.T) {
	for _, event := range []string{"", "x", "[]", `"x"`, "null", "{", `{"a"`, `{"a":}`, `{"a":1`, `{"a":"`, `{"a":1}x`, `{"choices":[{"text":"x"}`, `{"choices":[`, `{,}`} {
		var c chunk
		if err := c.parse([]byte(event)); err == nil {
			t.Errorf("%q passed as %+v", event, c)
		}
	}
}

// reference understands an event by encoding/json; false where that refuses it.
func reference(event []byte) (chunk, bool) {
	c := chunk{prompt: -1, completion: -1}
	var m map[string]any
	if json.Unmarshal(event, &m) != nil || m == nil {
		return c, false
	}
	filled := func(v any) bool { s, ok := v.(string); return ok && s != "" }
	choices, _ := m["choices"].([]any)
	for _, v := range choices {
		choice, _ := v.(map[string]any)
		delta, _ := choice["delta"].(map[string]any)
		tools, _ := delta["tool_calls"].([]any)
		c.content = c.content || filled(choice["text"]) || filled(delta["content"]) ||
			filled(delta["reasoning_content"]) || filled(delta["reasoning"]) || len(tools) > 0
		reason, _ := choice["finish_reason"].(string)
		if end := endingOf([]byte(reason)); end != endNone {
			c.end = end
		}
	}
	usage, _ := m["usage"].(map[string]any)
	count := func(key string) int {
		if f, ok := usage[key].(float64); ok && f >= 0 && f <= maxTokens {
			return int(f)
		}
		return -1
	}
	c.prompt, c.completion = count("prompt_tokens"), count("completion_tokens")
	switch m["error"].(type) {
	case string, map[string]any:
		c.failed = true
	}
	object, _ := m["object"].(string)
	c.failed = c.failed || object == "error"
	return c, true
}

func FuzzChunk(f *testing.F) {
	for _, s := range []string{
		`{"id":"c","choices":[{"index":0,"text":" a","logprobs":null,"finish_reason":null}],"usage":null}`,
		`{"choices":[{"delta":{"content":"a","tool_calls":[{}]}}],"usage":{"prompt_tokens":3,"completion_tokens":1e1}}`,
		`{"choices":[{"text":"a","text":""}],"choices":[],"error":{"message":"x"},"error":null,"object":"error"}`,
		`{"choices":[{"te\u0078t":"\\\""},7,null,"x",[]],"usage":{"prompt_tokens":-0,"completion_tokens":3.7}}`,
		` { "choices" : [ { "text" : "a" , "finish_reason" : "le\u006egth" } ] } `,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, event []byte) {
		var c chunk
		err := c.parse(event)
		want, valid := reference(event)
		if !valid {
			return
		}
		if err != nil || !same(c, want) {
			t.Errorf("%q: got %+v, %v, want %+v", event, c, err, want)
		}
	})
}

// What a template lets pass is understood as it would be without.
func FuzzTemplate(f *testing.F) {
	f.Add([]byte(`{"choices":[{"text":" a","finish_reason":null}]}`), []byte(`{"choices":[{"text":" b\"","finish_reason":null}]}`))
	f.Add([]byte(`{"choices":[{"text":"a","text":"b"}]}`), []byte(`{"choices":[{"text":"a","text":""}]}`))
	f.Add([]byte(`{"choices":[{"text":"a"}],"id":"x"}`), []byte(`{"choices":[{"text":"a","finish_reason":"stop"}],"id":"x"}`))
	f.Add([]byte(`{"choices":[{"delta":{"content":"a"}}],"choices":[{"text":"b"}]}`), []byte(`{"choices":[{"delta":{"content":"a"}}],"choices":[{"text":"c"}]}`))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		var c chunk
		_ = c.parse(first)
		err := c.parse(second)
		want, valid := reference(second)
		if valid && (err != nil || !same(c, want)) {
			t.Errorf("%q after %q: got %+v, %v, want %+v", second, first, c, err, want)
		}
	})
}
