package simulator

import (
	"strings"
	"testing"
)

func TestCountTokens(t *testing.T) {
	rows := []struct {
		text string
		want int
	}{
		{"", 0}, {"a", 1}, {"Tell me a story", 4}, {"considerable", 3}, {" considerable things", 4}, {"1234", 4}, {"a, b.", 4},
		{"two  blanks", 3}, {"line\n\nline", 3}, {"naïve größer", 2}, {"日本語", 3}, {"trailing ", 3}, {"\xff\xfe", 2},
	}
	for _, r := range rows {
		if got := countTokens(r.text); got != r.want {
			t.Errorf("%q: %d tokens, want %d", r.text, got, r.want)
		}
		if got := len(tokenIDs(r.text, 1000)); got != r.want {
			t.Errorf("%q: %d ids, want %d", r.text, got, r.want)
		}
	}
}

func TestEnglishIsAboutFourCharactersAToken(t *testing.T) {
	text := `The server reads its weights once for each step, whatever the number of people who wait for an answer; that is why it pays to let them wait together.`
	if per := float64(len(text)) / float64(countTokens(text)); per < 3.5 || per > 5.5 {
		t.Errorf("%.1f characters a token", per)
	}
}

// Counting words instead of tokens must show: the public report did that.
func TestAnswersHaveFewerWordsThanTokens(t *testing.T) {
	var b strings.Builder
	for i := range 500 {
		b.WriteString(sayToken(1, 2, i))
	}
	if words := len(strings.Fields(b.String())); words < 325 || words > 425 {
		t.Errorf("500 tokens are %d words, the report's were 373", words)
	}
}

func FuzzTokens(f *testing.F) {
	f.Add("Tell me  a\tstory, considerable 12 日本\xff")
	f.Fuzz(func(t *testing.T, text string) {
		rest, left, n := text, 0, 0
		for len(rest) > 0 {
			var size int
			size, left = nextToken(rest, left)
			if size < 1 || size > len(rest) || left < 0 {
				t.Fatalf("token of %d bytes of %q", size, rest)
			}
			rest = rest[size:]
			n++
		}
		if n != countTokens(text) || n > len(text) {
			t.Fatalf("%q: %d tokens", text, n)
		}
	})
}
