package bench

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// File is prompts read from a file.
type File struct {
	Name   string `json:"-"`
	SHA256 string `json:"sha256"` // of the file's bytes
	// Talks are the file's lines; each holds the requests of one conversation, in order.
	Talks []Talk `json:"-"`

	starts []int // the number of each talk's first request among all
	lines  []int // where each talk stands in the file
	turns  int   // requests in all
}

// Talk is one conversation: its requests, each of which repeats what was said before.
type Talk []Turn

// Turn is one request of a conversation.
type Turn struct {
	Messages     []Message // what is sent; a plain prompt is one message of the user
	OutputTokens int       // to ask for; 0 leaves it to the level
}

// Message is one message of a chat.
type Message struct {
	Role    string          `json:"role"`
	Content json.RawMessage `json:"content"` // a text or a list of parts
}

// bytesPerToken turns the length of a recorded answer into a number of tokens to
// ask for, where the file does not say one. It needs no tokenizer, so the request
// list is the same for every server; what is generated is counted, not guessed.
const bytesPerToken = 4

// fileLine is a line of any of the common forms.
type fileLine struct {
	Prompt        *string
	Text          *string
	Messages      []Message
	Conversations []struct{ From, Role, Value, Content string }
	OutputTokens  *int `json:"output_tokens"`
	OutputLen     *int `json:"output_len"`
	OutputLength  *int `json:"output_length"`
	MaxTokens     *int `json:"max_tokens"`
}

// ReadFile reads prompts, a JSON object a line, each with one of
//
//   - prompt (or text): a text,
//   - messages: as a chat request has them; each answer of the assistant in them but
//     for a last one ends a request, and is history for the next,
//   - conversations: as ShareGPT has them, likewise,
//
// and with output_tokens (or output_len, output_length, max_tokens) if it is known;
// else the length of a recorded answer stands for it. A bad line is a LineError.
func ReadFile(name string, r io.Reader) (*File, error) {
	f := &File{Name: name}
	hash, err := eachLine(name, r, func(n int, line []byte) error {
		var v fileLine
		if err := json.Unmarshal(line, &v); err != nil {
			return err
		}
		talk, err := v.talk()
		if err != nil {
			return err
		}
		f.starts = append(f.starts, f.turns)
		f.lines = append(f.lines, n)
		f.Talks = append(f.Talks, talk)
		f.turns += len(talk)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(f.Talks) == 0 {
		return nil, fmt.Errorf("%s holds no prompt", name)
	}
	f.SHA256 = hash
	return f, nil
}

// Turn gives the request number i of all, from 0, and counts again from the first behind the last.
func (f *File) Turn(i int) Turn {
	i %= f.turns
	talk := f.talk(i)
	return f.Talks[talk][i-f.starts[talk]]
}

// line is where the request number i stands.
func (f *File) line(i int) int { return f.lines[f.talk(i%f.turns)] }

// talk is the conversation that the request number i is in.
func (f *File) talk(i int) int {
	low, high := 0, len(f.starts)
	for high-low > 1 {
		if mid := (low + high) / 2; f.starts[mid] <= i {
			low = mid
		} else {
			high = mid
		}
	}
	return low
}

// multiTurn says whether some conversation has more than one request.
func (f *File) multiTurn() bool { return f.turns > len(f.Talks) }

func (v *fileLine) talk() (Talk, error) {
	tokens, err := v.outputTokens()
	if err != nil {
		return nil, err
	}
	prompt := v.Prompt
	if prompt == nil {
		prompt = v.Text
	}
	messages := v.Messages
	for _, m := range v.Conversations {
		if messages, err = addShareGPT(messages, m.From+m.Role, m.Value+m.Content); err != nil {
			return nil, err
		}
	}
	switch {
	case prompt != nil && len(messages) > 0:
		return nil, errors.New("both a prompt and a conversation")
	case prompt != nil && *prompt == "":
		return nil, errors.New("the prompt is empty")
	case prompt != nil:
		return Talk{{Messages: []Message{textMessage("user", *prompt)}, OutputTokens: tokens}}, nil
	}
	return turns(messages, tokens)
}

func (v *fileLine) outputTokens() (int, error) {
	for _, n := range []*int{v.OutputTokens, v.OutputLen, v.OutputLength, v.MaxTokens} {
		if n == nil {
			continue
		}
		if *n < 1 || *n > maxTokens {
			return 0, fmt.Errorf("%d output tokens: at least 1 is needed", *n)
		}
		return *n, nil
	}
	return 0, nil
}

func textMessage(role, text string) Message {
	content, _ := json.Marshal(text) // a string has always a form in JSON
	return Message{role, content}
}

func addShareGPT(list []Message, from, text string) ([]Message, error) {
	role, ok := map[string]string{
		"human": "user", "user": "user", "gpt": "assistant", "chatgpt": "assistant",
		"bing": "assistant", "bard": "assistant", "assistant": "assistant", "system": "system",
	}[from]
	if !ok {
		return nil, fmt.Errorf("a conversation with %q in it: write human, gpt or system", from)
	}
	return append(list, textMessage(role, text)), nil
}

// turns cuts a conversation into its requests: one before each answer of the
// assistant, and one at the end if the user has the last word.
func turns(all []Message, tokens int) (Talk, error) {
	var talk Talk
	asked := false
	for i, m := range all {
		if len(m.Content) == 0 || m.Role == "" {
			return nil, fmt.Errorf("message %d has no role or no content", i+1)
		}
		if m.Role != "assistant" {
			asked = asked || m.Role != "system"
			continue
		}
		if asked {
			talk = append(talk, Turn{all[:i:i], answerTokens(m, tokens)})
		}
		asked = false
	}
	if asked {
		talk = append(talk, Turn{all, tokens})
	}
	if len(talk) == 0 {
		return nil, errors.New("nothing is asked: it has neither prompt, messages nor conversations with a user's words")
	}
	return talk, nil
}

func answerTokens(m Message, tokens int) int {
	if tokens > 0 {
		return tokens
	}
	return max(1, (len(m.Content)-2)/bytesPerToken)
}

// plain is the text of a turn for an interface without messages: that of its only
// message; false where it has several, or no text.
func (t Turn) plain() (json.RawMessage, bool) {
	if len(t.Messages) != 1 || t.Messages[0].Content[0] != '"' {
		return nil, false
	}
	return t.Messages[0].Content, true
}
