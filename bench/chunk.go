package bench

import (
	"bytes"
	"errors"
)

// ending is why the server says that a generation ended.
type ending uint8

const (
	endNone   ending = iota // not ended, or no reason given
	endLength               // as many tokens as asked
	endStop                 // end of sequence, a stop word, or tool calls
	endAbort                // the server gave up
)

// chunk is what one event of a completion stream says, of both APIs.
type chunk struct {
	content    bool   // some choice carries text, reasoning or a tool call
	end        ending // the last finish_reason that was not null
	prompt     int    // usage.prompt_tokens, -1 without
	completion int    // usage.completion_tokens, -1 without
	failed     bool   // the event is an error
	message    []byte // its message; may be empty
	text       []byte // the last text in it, as JSON writes it between quotes
	timings    timings

	dialect  dialect
	template template
}

// timings are what llama.cpp says of a request, in its own milliseconds; 0 is not said.
type timings struct{ prompt, predicted float64 }

// template is the last event that only carried content. The events of a stream
// are mostly alike but for that one text, and comparing is ten times as fast as
// reading.
type template struct {
	event    []byte
	from, to int // the text is event[from:to]
}

// maxTemplate is the longest event that is kept as a template, in bytes.
const maxTemplate = 4 << 10

// matches says whether event is the template with another text, one that is not
// empty: then both say the same. The text must not end before its quote, or it
// would be JSON of another shape.
func (t *template) matches(event []byte) bool {
	before, after := t.event[:t.from], t.event[t.to:]
	if len(t.event) == 0 || len(event) <= len(before)+len(after) ||
		!bytes.HasPrefix(event, before) || !bytes.HasSuffix(event, after) {
		return false
	}
	text := event[t.from : len(event)-len(after)]
	return bytes.IndexByte(text, '"') < 0 && bytes.IndexByte(text, '\\') < 0
}

func (t *template) keep(event []byte, from, to int) {
	t.event, t.from, t.to = append(t.event[:0], event...), from, to
}

var errMalformed = errors.New("event is not a JSON object")

// maxTokens bounds a token count that a server may claim.
const maxTokens = 1_000_000_000

// parse reads an event's JSON in one pass, looking only at what chunk holds and
// allocating nothing. What is not valid JSON may pass; what is valid is
// understood as encoding/json would (the fuzz test holds the two together).
func (c *chunk) parse(event []byte) error {
	if c.template.matches(event) {
		c.content, c.end, c.prompt, c.completion, c.failed, c.message = true, endNone, -1, -1, false, nil
		c.text = event[c.template.from : len(event)-len(c.template.event)+c.template.to]
		return nil
	}
	*c = chunk{prompt: -1, completion: -1, template: c.template, dialect: c.dialect}
	s := scan{b: event}
	if c.dialect == dialectNative {
		c.native(&s)
	} else {
		c.openAI(&s)
	}
	s.space()
	if s.bad || s.i != len(s.b) {
		return errMalformed
	}
	if s.to > 0 {
		c.text = event[s.from:s.to]
	}
	if c.plain() && s.to > 0 && len(event) <= maxTemplate {
		c.template.keep(event, s.from, s.to)
	}
	return nil
}

// openAI reads an event of the interfaces that OpenAI defined.
func (c *chunk) openAI(s *scan) {
	var message []byte
	errorObject := false
	for ok := s.open('{', '}'); ok; ok = s.more('}') {
		switch string(s.key()) {
		case "choices":
			c.choices(s)
		case "usage":
			c.usage(s)
		case "error":
			c.failure(s)
		case "object":
			errorObject = string(s.text()) == "error"
		case "message":
			message = s.text()
		default:
			s.skip()
		}
	}
	c.failed = c.failed || errorObject
	if c.failed && len(c.message) == 0 {
		c.message = message
	}
}

// plain says whether the event carries content and nothing else.
func (c *chunk) plain() bool {
	return c.content && c.end == endNone && c.prompt < 0 && c.completion < 0 && !c.failed
}

func (c *chunk) choices(s *scan) {
	c.content, c.end = false, endNone
	if s.peek() != '[' {
		s.skip()
		return
	}
	for ok := s.open('[', ']'); ok; ok = s.more(']') {
		c.choice(s)
	}
}

func (c *chunk) choice(s *scan) {
	if s.peek() != '{' {
		s.skip()
		return
	}
	var text, delta bool
	end := endNone
	for ok := s.open('{', '}'); ok; ok = s.more('}') {
		switch string(s.key()) {
		case "text":
			text = s.filled()
		case "delta":
			delta = deltaContent(s)
		case "message":
			if c.dialect != dialectWhole {
				s.skip()
				continue
			}
			delta = deltaContent(s)
		case "finish_reason":
			end = endingOf(s.text())
		default:
			s.skip()
		}
	}
	c.content = c.content || text || delta
	if end != endNone {
		c.end = end
	}
}

// deltaContent says whether a chat delta carries anything that was generated;
// one with only a role does not.
func deltaContent(s *scan) bool {
	if s.peek() != '{' {
		s.skip()
		return false
	}
	var content, reasoningContent, reasoning, tools bool
	for ok := s.open('{', '}'); ok; ok = s.more('}') {
		switch string(s.key()) {
		case "content":
			content = s.filled()
		case "reasoning_content":
			reasoningContent = s.filled()
		case "reasoning":
			reasoning = s.filled()
		case "tool_calls":
			tools = s.filledArray()
		default:
			s.skip()
		}
	}
	return content || reasoningContent || reasoning || tools
}

func (c *chunk) usage(s *scan) {
	c.prompt, c.completion = -1, -1
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
		default:
			s.skip()
		}
	}
}

// failure reads the value of "error": an object with a message, a text, or null.
func (c *chunk) failure(s *scan) {
	c.failed, c.message = false, nil
	switch s.peek() {
	case '{':
		c.failed = true
		for ok := s.open('{', '}'); ok; ok = s.more('}') {
			if string(s.key()) == "message" {
				c.message = s.text()
				continue
			}
			s.skip()
		}
	case '"':
		c.failed = true
		c.message = s.text()
	default:
		s.skip()
	}
}

func endingOf(reason []byte) ending {
	switch string(reason) {
	case "":
		return endNone
	case "length":
		return endLength
	case "abort", "error", "cancelled":
		return endAbort
	}
	return endStop
}
