// Package words owns what reports say in each language: a catalog of messages
// by key, and of sentences that other packages wrote in English. It knows
// nothing of what is said.
package words

import (
	"embed"
	"encoding/json"
	"fmt"
	"strings"
)

//go:embed en.json ko.json
var files embed.FS

// Words are the messages of one language.
type Words struct {
	Tag       string // as in the html element's lang: "en"
	messages  map[string]string
	sentences []sentence
}

// sentence is an English sentence, with * for what varies, and how another
// language says it, with {1} for the first of those.
type sentence struct{ from, to string }

// Tags are the languages that there are.
func Tags() []string { return []string{"en", "ko"} }

// Match finds the language that a locale asks for, as in "ko_KR.UTF-8"; English
// for one that is not known.
func Match(locale string) string {
	for _, tag := range Tags() {
		if rest, ok := strings.CutPrefix(strings.ToLower(locale), tag); ok && (rest == "" || strings.ContainsAny(rest[:1], "_-.@")) {
			return tag
		}
	}
	return "en"
}

// For gives the words of a language, by its tag.
func For(tag string) (*Words, error) {
	text, err := files.ReadFile(tag + ".json")
	if err != nil {
		return nil, fmt.Errorf("there are no words of the language %q: choose one of %s", tag, strings.Join(Tags(), ", "))
	}
	var catalog struct {
		Messages  map[string]string `json:"messages"`
		Sentences [][2]string       `json:"sentences"`
	}
	if err := json.Unmarshal(text, &catalog); err != nil {
		return nil, fmt.Errorf("read the words of %s: %w", tag, err)
	}
	w := &Words{Tag: tag, messages: catalog.Messages}
	for _, s := range catalog.Sentences {
		w.sentences = append(w.sentences, sentence{s[0], s[1]})
	}
	return w, nil
}

// Missing stands in a text where a catalog lacks its key; no report may have it.
const Missing = "⟦no words⟧"

// Say is the message of a key, with its arguments in place.
func (w *Words) Say(key string, args ...any) string {
	format, ok := w.messages[key]
	if !ok {
		return Missing + key
	}
	if len(args) == 0 {
		return format
	}
	return fmt.Sprintf(format, args...)
}

// Has says whether there is a message of a key.
func (w *Words) Has(key string) bool {
	_, ok := w.messages[key]
	return ok
}

// Translate says a sentence that another package wrote in English; false where
// this language has no words for it, and it comes back as it is.
func (w *Words) Translate(english string) (string, bool) {
	if w.Tag == "en" || english == "" {
		return english, true
	}
	for _, s := range w.sentences {
		parts, ok := match(s.from, english)
		if !ok {
			continue
		}
		text := s.to
		for i, p := range parts {
			p, _ = w.Translate(p)
			text = strings.ReplaceAll(text, fmt.Sprintf("{%d}", i+1), p)
		}
		return text, true
	}
	return english, false
}

// match splits a text by a pattern; each * takes as little as it can.
func match(pattern, text string) ([]string, bool) {
	fixed := strings.Split(pattern, "*")
	rest, ok := strings.CutPrefix(text, fixed[0])
	if !ok {
		return nil, false
	}
	var parts []string
	for i, f := range fixed[1:] {
		at := strings.Index(rest, f)
		if i == len(fixed)-2 {
			if !strings.HasSuffix(rest, f) {
				return nil, false
			}
			at = len(rest) - len(f)
		}
		if at < 0 {
			return nil, false
		}
		parts, rest = append(parts, rest[:at]), rest[at+len(f):]
	}
	return parts, rest == ""
}
