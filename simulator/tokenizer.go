package simulator

import (
	"hash/fnv"
	"unicode"
	"unicode/utf8"
)

// The simulated tokenizer: a word of up to six letters with the blank before it is one
// token, a longer one is cut into pieces of four letters; a digit, a punctuation mark
// and a run of other blanks are one each. That is about four characters of English a
// token, as real vocabularies have.
const (
	wholeWord = 6
	pieceLen  = 4
)

// nextToken is the length in bytes of the first token of a text that is not empty.
// letters is how many letters of the current word came before.
func nextToken(text string, within int) (size, left int) {
	if within > 0 {
		return pieceOf(text, within)
	}
	r, n := utf8.DecodeRuneInString(text)
	start := 0
	if r == ' ' {
		next, _ := utf8.DecodeRuneInString(text[n:])
		if !isLetter(next) {
			return blanks(text), 0
		}
		start = n
		r = next
	}
	switch {
	case isLetter(r):
		letters := countLetters(text[start:])
		if letters <= wholeWord {
			return start + bytesOf(text[start:], letters), 0
		}
		size, left = pieceOf(text[start:], letters)
		return start + size, left
	case unicode.IsSpace(r):
		return blanks(text), 0
	}
	return n, 0
}

// pieceOf cuts four letters off a word of which so many are left.
func pieceOf(text string, letters int) (size, left int) {
	n := min(pieceLen, letters)
	return bytesOf(text, n), letters - n
}

func isLetter(r rune) bool { return r < 0x2e80 && unicode.IsLetter(r) } // one token for each CJK character

func countLetters(text string) int {
	n := 0
	for _, r := range text {
		if !isLetter(r) {
			break
		}
		n++
	}
	return n
}

func bytesOf(text string, runes int) int {
	size := 0
	for range runes {
		_, n := utf8.DecodeRuneInString(text[size:])
		size += n
	}
	return size
}

func blanks(text string) int {
	size := 0
	for i, r := range text {
		if !unicode.IsSpace(r) {
			break
		}
		if r == ' ' && i > 0 { // the last blank belongs to the word after it
			if next, _ := utf8.DecodeRuneInString(text[i+1:]); isLetter(next) {
				break
			}
		}
		size = i + utf8.RuneLen(r)
	}
	return max(size, 1)
}

// countTokens is the number of tokens of a text.
func countTokens(text string) int {
	n, left := 0, 0
	for len(text) > 0 {
		var size int
		size, left = nextToken(text, left)
		text = text[size:]
		n++
	}
	return n
}

// beginnings counts a text's tokens and names its beginnings in pieces of so many
// tokens: each key stands for the text up to there.
func beginnings(text string, piece int) (tokens int, keys []uint64) {
	h := fnv.New64a()
	left, from := 0, 0
	for at := 0; at < len(text); {
		var size int
		size, left = nextToken(text[at:], left)
		at += size
		if tokens++; tokens%piece == 0 {
			_, _ = h.Write([]byte(text[from:at])) // a hash does not fail
			keys = append(keys, h.Sum64())
			from = at
		}
	}
	return tokens, keys
}

// tokenIDs are the tokens of a text, each a number below vocab that its text decides.
func tokenIDs(text string, vocab int) []int {
	ids, left := []int{}, 0
	for len(text) > 0 {
		var size int
		size, left = nextToken(text, left)
		h := fnv.New32a()
		_, _ = h.Write([]byte(text[:size])) // a hash does not fail
		ids = append(ids, int(h.Sum32()%uint32(max(vocab, 1))))
		text = text[size:]
	}
	return ids
}

// vocabulary is what the simulated model says: three of four tokens begin a word, as
// in English text of real models.
var vocabulary = [...]string{
	" the", " of", " a", " model", " is", " in", " and", " time", " with", " for", " each", " step", " memory", " card", " on", " are",
	" it", " that", " as", " one", " this", " data", " from", " by", " more", " than", " when", " which", " to", " run", " can", " so",
	" per", " cache", " weight", " token", " batch", " user", " text", " answer", " then", " both", " low", " high", " many", " all", " not", " be",
	"s", "ing", "ed", ",", ".", "ly", "er", "tion", "al", "ment", "ity", "ous", "able", "ive", "es", "-",
}

// sayToken is the text of a stream's index-th token.
func sayToken(seed, stream uint64, index int) string {
	x := seed ^ stream*0x9e3779b97f4a7c15 ^ uint64(index+1)*0xbf58476d1ce4e5b9
	x ^= x >> 31
	x *= 0x94d049bb133111eb
	return vocabulary[(x>>40)%uint64(len(vocabulary))]
}
