package simulator

import (
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/qtune/qtune/catalog"
)

// argv is an engine's command line as that engine's own parser reads it.
type argv struct {
	set        *catalog.FlagSet
	values     map[string][]string // by the flag's name; of a switch "true" or "false"
	dotted     map[string]string   // keys inside of JSON flags: "compilation-config.mode"
	positional []string
	used       map[string]bool // flags that the simulation has looked at
	order      []string
}

// usageError is what the parser refuses, in its own words.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

// parser is what differs between the engines' parsers.
type parser struct {
	set         *catalog.FlagSet
	underscores bool // --max_model_len is --max-model-len
	equals      bool // --flag=value
	positionals int  // words without a flag that are taken
	argparse    bool // Python's: unknown words are gathered and refused together
}

var negativeNumber = regexp.MustCompile(`^-\d+(\.\d+)?$|^-\.\d+$`)

func (p parser) parse(words []string) (*argv, error) {
	a := &argv{set: p.set, values: map[string][]string{}, dotted: map[string]string{}, used: map[string]bool{}}
	var unknown []string
	for i := 0; i < len(words); {
		word := words[i]
		if !strings.HasPrefix(word, "-") || word == "-" || negativeNumber.MatchString(word) {
			if len(a.positional) < p.positionals {
				a.positional = append(a.positional, word)
			} else {
				unknown = append(unknown, word)
			}
			i++
			continue
		}
		n, err := p.flag(a, words[i:])
		if err != nil {
			return nil, err
		}
		if n == 0 {
			unknown = append(unknown, word)
			n = 1
			if !p.argparse {
				return nil, p.refuseWord(word)
			}
		}
		i += n
	}
	if len(unknown) > 0 {
		if !p.argparse {
			return nil, p.refuseWord(unknown[0])
		}
		return nil, &usageError{"unrecognized arguments: " + strings.Join(unknown, " ")}
	}
	return a, nil
}

func (p parser) refuseWord(word string) error {
	name := strings.TrimLeft(word, "-")
	if f, ok := p.set.Lookup(name); ok && f.RemovedIn != "" {
		return &usageError{fmt.Sprintf("error while handling argument %q: the argument has been removed. %s", word, f.Note)}
	}
	return &usageError{"error: invalid argument: " + word}
}

// flag reads one flag and its values from the front of words: how many words it took,
// 0 if it is none of the engine's.
func (p parser) flag(a *argv, words []string) (int, error) {
	word, value, joined := words[0], "", false
	if p.equals {
		word, value, joined = strings.Cut(word, "=")
	}
	if level, ok := strings.CutPrefix(word, "-O"); ok && len(level) == 1 && p.equals {
		word, value, joined = "--optimization-level", level, true
	}
	if p.underscores && strings.HasPrefix(word, "--") {
		head, rest, dot := strings.Cut(word, ".")
		word = strings.ReplaceAll(head, "_", "-")
		if dot {
			word += "." + rest
		}
	}
	f, on, ok := p.lookup(word)
	if !ok {
		return 0, nil
	}
	a.order = append(a.order, f.Name)
	if f.Type == catalog.FlagBool {
		if joined {
			return 0, &usageError{fmt.Sprintf("argument --%s: ignored explicit argument '%s'", f.Name, value)}
		}
		a.values[f.Name] = []string{strconv.FormatBool(on)}
		return 1, nil
	}
	values, n := []string{value}, 1
	if !joined {
		values, n = p.following(f, words[1:])
	}
	if len(values) == 0 {
		return 0, p.missing(f, words[0])
	}
	for _, v := range values {
		if err := p.check(f, words[0], v); err != nil {
			return 0, err
		}
	}
	if strings.Contains(f.Name, ".") {
		a.dotted[f.Name] = values[0]
	} else {
		a.values[f.Name] = values
	}
	return n, nil
}

// lookup finds a flag by the word on the command line, which must be one of its forms;
// on is false for the negated form of a switch.
func (p parser) lookup(word string) (f catalog.Flag, on, ok bool) {
	f, ok = p.set.Lookup(word)
	if !ok || f.RemovedIn != "" {
		return f, false, false
	}
	bare := strings.TrimLeft(word, "-")
	long := strings.HasPrefix(word, "--")
	known := long && (bare == f.Name || strings.Contains(bare, ".")) || slices.Contains(f.Aliases, word) || long && slices.Contains(f.Aliases, "--"+bare)
	if !known && strings.Contains(bare, ".") {
		known = true // -cc.mode
	}
	if !known {
		return f, false, false
	}
	if strings.HasPrefix(f.Name, "no-") && f.Negated != "" && f.Type == catalog.FlagBool && !strings.HasPrefix(f.Negated, "no-") {
		f.Name, f.Negated = f.Negated, f.Name
		return f, false, true
	}
	return f, true, true
}

// following are the values that stand after a flag.
func (p parser) following(f catalog.Flag, words []string) ([]string, int) {
	n := 0
	for n < len(words) && (n == 0 || f.Many) {
		if strings.HasPrefix(words[n], "-") && p.argparse && words[n] != "-" && !negativeNumber.MatchString(words[n]) {
			break
		}
		n++
	}
	return words[:n], n + 1
}

func (p parser) missing(f catalog.Flag, word string) error {
	if p.argparse {
		return &usageError{fmt.Sprintf("argument %s: expected one argument", p.title(f))}
	}
	return &usageError{fmt.Sprintf("error: error while handling argument %q: expected value for argument", word)}
}

func (p parser) title(f catalog.Flag) string {
	names := append([]string{"--" + f.Name}, f.Aliases...)
	return strings.Join(names, "/")
}

func (p parser) check(f catalog.Flag, word, value string) error {
	bad := false
	for _, n := range p.set.CheckValue(f.Name, value, p.set.Version) {
		// A number outside of a range passes the parser; the engine refuses it later, or not at all.
		bad = bad || n.Severity == catalog.SeverityError && !strings.Contains(n.Detail, "a number in ")
	}
	switch {
	case !bad:
		return nil
	case !p.argparse && f.Type == catalog.FlagInt:
		return &usageError{fmt.Sprintf("error while handling argument %q: stoi", word)}
	case !p.argparse && strings.HasPrefix(f.Name, "cache-type"):
		return &usageError{fmt.Sprintf("error while handling argument %q: Unsupported cache type: %s", word, value)}
	case !p.argparse:
		return &usageError{fmt.Sprintf("error while handling argument %q: invalid value: %s", word, value)}
	case f.Choices != nil:
		return &usageError{fmt.Sprintf("argument %s: invalid choice: '%s' (choose from '%s')", p.title(f), value, strings.Join(f.Choices, "', '"))}
	}
	return &usageError{fmt.Sprintf("argument %s: invalid %s value: '%s'", p.title(f), f.Type, value)}
}

// text is the last value of a flag; def if it was not given.
func (a *argv) text(name, def string) string {
	a.used[name] = true
	if v := a.values[name]; len(v) > 0 {
		return v[len(v)-1]
	}
	return def
}

// list are all values of a flag.
func (a *argv) list(name string) []string {
	a.used[name] = true
	return a.values[name]
}

// has says that a flag was given, whatever its value.
func (a *argv) has(name string) bool {
	a.used[name] = true
	return len(a.values[name]) > 0
}

// on is a switch.
func (a *argv) on(name string, def bool) bool {
	return a.text(name, strconv.FormatBool(def)) == "true"
}

// number is a flag that holds a whole number, 8k and 20G included.
func (a *argv) number(name string, def int) int {
	v := a.text(name, "")
	if v == "" {
		return def
	}
	n, ok := wholeNumber(v)
	if !ok {
		return def // a word such as "auto"; the parser has refused the rest
	}
	return n
}

// float is a flag that holds a number.
func (a *argv) float(name string, def float64) float64 {
	f, err := strconv.ParseFloat(a.text(name, ""), 64)
	if err != nil {
		return def
	}
	return f
}

// wholeNumber reads 8192, 8k (8000), 8K (8192) and 1.5G.
func wholeNumber(text string) (int, bool) {
	if n, err := strconv.Atoi(text); err == nil {
		return n, true
	}
	if text == "" {
		return 0, false
	}
	units := map[byte]float64{'k': 1e3, 'm': 1e6, 'g': 1e9, 't': 1e12, 'K': 1 << 10, 'M': 1 << 20, 'G': 1 << 30, 'T': 1 << 40}
	unit, ok := units[text[len(text)-1]]
	n, err := strconv.ParseFloat(text[:len(text)-1], 64)
	if !ok || err != nil || n*unit > 1<<62 || n*unit < -(1<<62) {
		return 0, false
	}
	return int(n * unit), true
}

// unmodelled lists the flags that were given and that no figure of the simulation
// depends on.
func (a *argv) unmodelled() []string {
	var names []string
	for name := range a.values {
		if !a.used[name] {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	return names
}

// repr is the command line as Python would print it as a dictionary.
func (a *argv) repr() string {
	var parts []string
	seen := map[string]bool{}
	for _, name := range a.order {
		if seen[name] || len(a.values[name]) == 0 {
			continue
		}
		seen[name] = true
		f, _ := a.set.Lookup(name)
		parts = append(parts, fmt.Sprintf("'%s': %s", strings.ReplaceAll(name, "-", "_"), pythonValue(f, a.values[name])))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func pythonValue(f catalog.Flag, values []string) string {
	var out []string
	for _, v := range values {
		switch {
		case strings.Contains(f.Name, "api-key"), strings.Contains(f.Name, "token") && f.Type == catalog.FlagString:
			v = "'***'"
		case f.Type == catalog.FlagBool && v == "true":
			v = "True"
		case f.Type == catalog.FlagBool:
			v = "False"
		case f.Type == catalog.FlagString:
			v = "'" + v + "'"
		}
		out = append(out, v)
	}
	if f.Many {
		return "[" + strings.Join(out, ", ") + "]"
	}
	return out[len(out)-1]
}
