package bench

// native reads an event of the engines' own interfaces:
//
//   - SGLang: {"text": all text so far or what is new, "meta_info": {"prompt_tokens",
//     "completion_tokens", "finish_reason": null or {"type": …}}}
//   - llama.cpp: {"content", "stop", "stop_type", "tokens_predicted", "tokens_evaluated", "timings"}
//   - Ollama: {"response" or "message": {"content"}, "thinking", "done", "done_reason",
//     "prompt_eval_count", "eval_count"}
func (c *chunk) native(s *scan) {
	var over bool
	var reason []byte
	for ok := s.open('{', '}'); ok; ok = s.more('}') {
		switch string(s.key()) {
		case "text", "content", "response", "thinking":
			c.content = s.filled() || c.content
		case "message":
			c.content = deltaContent(s) || c.content
		case "meta_info":
			c.metaInfo(s)
		case "stop", "done":
			over = s.truth() || over
		case "stop_type", "done_reason":
			reason = s.text()
		case "tokens_predicted", "eval_count":
			c.completion = s.count()
		case "tokens_evaluated", "prompt_eval_count":
			c.prompt = s.count()
		case "timings":
			c.readTimings(s)
		case "error":
			c.failure(s)
		default:
			s.skip()
		}
	}
	if over && c.end == endNone {
		c.end = endOfNative(reason)
	}
}

func endOfNative(reason []byte) ending {
	switch string(reason) {
	case "limit", "length":
		return endLength
	}
	return endStop
}

func (c *chunk) metaInfo(s *scan) {
	if s.peek() != '{' {
		s.skip()
		return
	}
	for ok := s.open('{', '}'); ok; ok = s.more('}') {
		switch string(s.key()) {
		case "prompt_tokens":
			c.prompt = s.count()
		case "completion_tokens":
			c.completion = s.count()
		case "finish_reason":
			c.finishReason(s)
		default:
			s.skip()
		}
	}
}

// finishReason reads null, a text, or an object with a type.
func (c *chunk) finishReason(s *scan) {
	if s.peek() != '{' {
		c.end = endingOf(s.text())
		return
	}
	for ok := s.open('{', '}'); ok; ok = s.more('}') {
		if string(s.key()) == "type" {
			c.end = endingOf(s.text())
			continue
		}
		s.skip()
	}
}

func (c *chunk) readTimings(s *scan) {
	if s.peek() != '{' {
		s.skip()
		return
	}
	for ok := s.open('{', '}'); ok; ok = s.more('}') {
		switch string(s.key()) {
		case "prompt_ms":
			c.timings.prompt = s.number()
		case "predicted_ms":
			c.timings.predicted = s.number()
		default:
			s.skip()
		}
	}
}
