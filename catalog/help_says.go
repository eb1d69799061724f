package catalog

import (
	"regexp"
	"strings"
)

// Said is what a help says against an option that it lists.
type Said struct {
	Gone       bool   `json:"gone,omitempty"`       // the engine ends when it is given it
	NoEffect   bool   `json:"no_effect,omitempty"`  // it is taken and does nothing
	Deprecated bool   `json:"deprecated,omitempty"` // it works, and is on its way out
	Instead    string `json:"instead,omitempty"`    // what replaced it, with its dashes; "": none is named
	Words      string `json:"words,omitempty"`      // the sentences that say so
}

// What a description says of the option itself, for which "it" stands by then. The
// forms are those of vLLM 0.32 ("--x is deprecated and has no effect since …", "x has
// been replaced by y"), of SGLang 0.5.23 ("Deprecated. Use --y instead", "(Deprecated:
// use --y) …") and of llama.cpp b10573 ("the argument has been removed. use --y",
// "DEPRECATED in favor of --y"). "Has no effect with …" and "if …, this argument is
// ignored" are conditions, which say nothing against it.
var (
	saysAnything   = regexp.MustCompile(`(?i)deprecated|effect|nothing|no-op|ignored|used|unused|obsolete|replaced|renamed|removed`)
	saysGone       = regexp.MustCompile(`(?i)^\W*the argument has been removed`)
	saysDeprecated = regexp.MustCompile(`(?i)^\W*deprecated\b|[([]deprecated\b|` + ofItself + `(?:is|has been) (?:now )?(?:deprecated|replaced by|renamed)\b`)
	saysNothing    = regexp.MustCompile(`(?i)(?:^\W*(?:ignored|unused|obsolete|no-op|has no effect|does nothing)|` + ofItself +
		`(?:has no effect|does nothing|is a no-op|is ignored|is (?:no longer|not) used|no longer has any effect|has been removed))(?: any ?more)?(?:$|[.,;)]| since\b| and\b)`)
	saysInstead = regexp.MustCompile(`(?i)\b(?:use|replaced by|in favou?r of|renamed to|alias (?:of|for)):? ["'\x60]?(--?[a-z][\w.-]*\w|[a-z][a-z0-9]*(?:_[a-z0-9]+)+)`)

	// saysNothingEither holds where the option is deprecated, which is no condition.
	saysNothingEither = regexp.MustCompile(`(?i)\b(?:has no effect|does nothing|no-op|is ignored|no longer used)\b`)
)

// ofItself begins a sentence about the option.
const ofItself = `(?:^|[.;:] )(?:it|this|this (?:flag|option|argument|parameter)) `

// maxSaid bounds what is kept of a description, in bytes.
const maxSaid = 200

// sayingOf reads what a description says against the option of these names.
func sayingOf(description string, names []string) Said {
	if !saysAnything.MatchString(description) {
		return Said{}
	}
	description = strings.Join(strings.Fields(description), " ")
	text := selfless(description, names)
	said := Said{Gone: saysGone.MatchString(text), Deprecated: saysDeprecated.MatchString(text)}
	said.NoEffect = saysNothing.MatchString(text) || said.Deprecated && saysNothingEither.MatchString(text)
	if said == (Said{}) {
		return said
	}
	if m := saysInstead.FindStringSubmatch(text); m != nil {
		said.Instead = m[1]
		if !strings.HasPrefix(m[1], "-") { // the name of the setting behind it
			said.Instead = "--" + strings.ReplaceAll(m[1], "_", "-")
		}
	}
	said.Words = shortened(description)
	return said
}

// selfless puts "it" for the option's own names, as they are written or as the
// settings behind them.
func selfless(text string, names []string) string {
	for _, name := range names {
		long, ok := strings.CutPrefix(name, "--")
		if !ok {
			continue
		}
		text = replaceName(text, name)
		if setting := strings.ReplaceAll(long, "-", "_"); setting != long {
			text = replaceName(text, setting)
		}
	}
	return strings.NewReplacer("`it`", "it", `"it"`, "it", "'it'", "it").Replace(text)
}

// replaceName puts "it" for a name wherever it is no part of a longer one.
func replaceName(text, name string) string {
	var b strings.Builder
	for {
		i := strings.Index(text, name)
		if i < 0 {
			return b.String() + text
		}
		end := i + len(name)
		if i > 0 && inName(text[i-1]) || end < len(text) && inName(text[end]) {
			b.WriteString(text[:end])
		} else {
			b.WriteString(text[:i] + "it")
		}
		text = text[end:]
	}
}

func inName(b byte) bool {
	return b == '-' || b == '_' || b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z'
}

// shortened is a description, which is on one line, without the default at its end.
func shortened(description string) string {
	text, _, _ := strings.Cut(description, " (default:")
	if len(text) <= maxSaid {
		return text
	}
	return strings.ToValidUTF8(text[:maxSaid], "") + "…"
}
