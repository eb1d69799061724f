package export

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// part is a piece of a word: text, or the name of a variable that holds a secret.
type part struct {
	text   string
	secret bool
}

// parts takes a word apart at its marks.
func parts(word string) []part {
	var all []part
	for i, text := range strings.Split(word, mark) {
		if text != "" {
			all = append(all, part{text, i%2 == 1})
		}
	}
	return all
}

// rewrite puts a word together again, each part in its own way.
func rewrite(word string, text, secret func(string) string) string {
	var b strings.Builder
	for _, p := range parts(word) {
		if p.secret {
			b.WriteString(secret(p.text))
		} else {
			b.WriteString(text(p.text))
		}
	}
	return b.String()
}

func isNumber(w string) bool {
	_, err := strconv.ParseFloat(w, 64)
	return err == nil
}

// comment is a text on one line, without what a terminal or a parser takes for more
// than a letter.
func comment(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || r == unicode.ReplacementChar {
			return ' '
		}
		return r
	}, s)
}

// plainWord is what no shell changes.
const plainWord = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:=,@%+"

// shell is a word for a POSIX shell. A secret's variable must be set.
func shell(word string) string {
	if word == "" {
		return "''"
	}
	return rewrite(word, shellText, func(name string) string { return `"${` + name + `:?}"` })
}

func shellText(s string) string {
	if strings.Trim(s, plainWord) == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// yaml is a text as YAML's double-quoted form, which is JSON's with all that YAML
// does not print escaped.
func yaml(s string) string {
	var text strings.Builder
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // a text can always be encoded, and a Builder takes it
	var b strings.Builder
	for _, r := range strings.TrimSuffix(text.String(), "\n") {
		if r >= 0x7f && r <= 0x9f || r == '\ufeff' || r == '\ufffe' || r == '\uffff' {
			fmt.Fprintf(&b, `\u%04x`, r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

func doubleDollar(s string) string { return strings.ReplaceAll(s, "$", "$$") }

// composeWord is a text for Docker Compose, which replaces ${…} in it. Only one
// that is already quoted goes into the file.
func composeWord(word string) string {
	return yaml(rewrite(word, doubleDollar, func(name string) string { return "${" + name + ":?set " + name + "}" }))
}

// kubernetesWord is a text for Kubernetes, which replaces $(…) in commands and
// variables.
func kubernetesWord(word string) string {
	return yaml(rewrite(word, doubleDollar, func(name string) string { return "$(" + name + ")" }))
}

// systemdWord is a word of ExecStart: specifiers, variables and escapes are what
// systemd replaces there.
func systemdWord(word string) string {
	return `"` + rewrite(word, func(s string) string { return systemdText(doubleDollar(s)) }, func(name string) string { return "${" + name + "}" }) + `"`
}

// systemdText escapes what systemd reads in quotes, in any setting.
func systemdText(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b.WriteString(`\` + string(c))
		case c == '%':
			b.WriteString("%%")
		case c < 0x20 || c == 0x7f:
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// variable takes "NAME=value" apart.
func variable(env string) (name, value string) {
	name, value, _ = strings.Cut(env, "=")
	return name, value
}

// alone is the secret that a value consists of; "" for another value.
func alone(value string) string {
	if p := parts(value); len(p) == 1 && p[0].secret {
		return p[0].text
	}
	return ""
}
