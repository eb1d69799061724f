package catalog

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Help is what an engine's own --help lists. It speaks for exactly the version
// that printed it, where the built-in flags speak for the one that they name.
type Help struct {
	options map[string]bool // that it takes, with their dashes
	said    map[string]Said // of the few of which there is something to say
}

const (
	// leastHelp is how many options make a text an engine's help. Each has over a
	// hundred; a usage line of an error may have a few.
	leastHelp = 10
	// helpIndent is how far an option may stand in, in blanks. A description
	// stands further in and may begin with a dash too.
	helpIndent = 8
)

var (
	helpHead   = regexp.MustCompile(`\s{2,}[^-\s]`)
	helpOption = regexp.MustCompile(`(?:^|[,/])\s*(--?[A-Za-z][\w-]*)`)
	usedOption = regexp.MustCompile(`(?:^|[\s\[|(])(--?[A-Za-z][\w-]*)`)
)

// ParseHelp reads a help text in the forms of Python's argparse and click, and of
// llama-server. It fails for a text that lists next to nothing.
func ParseHelp(text string) (*Help, error) {
	r := helpReader{help: NewHelp(nil, nil)}
	for line := range strings.Lines(text) {
		r.line(strings.TrimRight(line, "\r\n"))
	}
	r.describe()
	r.help.settle()
	if len(r.help.options) < leastHelp {
		return nil, fmt.Errorf("reading an engine's help: it lists %d options, so it is none", len(r.help.options))
	}
	return r.help, nil
}

// settle takes out what the engine does not take, and the names of what replaced
// something where the help has no such option.
func (h *Help) settle() {
	for option, said := range h.said {
		if said.Gone {
			delete(h.options, option)
		}
	}
	for option, said := range h.said {
		if head, _, _ := strings.Cut(said.Instead, "."); !h.options[head] {
			said.Instead = ""
			h.said[option] = said
		}
	}
}

// helpReader reads a help line by line.
type helpReader struct {
	help  *Help
	usage bool            // in the lines that show how the program is called
	names []string        // the options of the entry at hand
	words strings.Builder // its description so far
}

func (r *helpReader) line(line string) {
	bare := strings.TrimLeft(line, " ")
	indent := len(line) - len(bare)
	switch {
	case strings.HasPrefix(strings.ToLower(bare), "usage:"):
		r.usage = true
	case bare == "" || indent == 0:
		r.usage = false
	}
	switch {
	case r.usage:
		r.add(usedOption, line)
	case strings.HasPrefix(bare, "-") && indent <= helpIndent:
		r.describe()
		r.entry(bare)
	case bare != "" && indent <= helpIndent:
		r.describe()
	default:
		r.more(bare)
	}
}

// entry begins an option's: its names, and what of its description stands beside them.
func (r *helpReader) entry(line string) {
	rest := ""
	if end := helpHead.FindStringIndex(line); end != nil {
		line, rest = line[:end[0]], line[end[0]:]
	}
	r.names = r.add(helpOption, line)
	r.more(strings.TrimSpace(rest))
}

// more goes on with a description. Words are broken after their own dashes.
func (r *helpReader) more(text string) {
	if sofar := r.words.String(); sofar != "" && !strings.HasSuffix(sofar, "-") {
		r.words.WriteByte(' ')
	}
	r.words.WriteString(text)
}

// describe ends the entry at hand.
func (r *helpReader) describe() {
	if said := sayingOf(r.words.String(), r.names); said != (Said{}) {
		for _, name := range r.names {
			r.help.said[name] = said
		}
	}
	r.names = nil
	r.words.Reset()
}

func (r *helpReader) add(form *regexp.Regexp, text string) []string {
	var names []string
	for _, m := range form.FindAllStringSubmatch(text, -1) {
		r.help.options[m[1]] = true
		names = append(names, m[1])
	}
	return names
}

// NewHelp is a help that lists these options, written with their dashes, and says this
// of some: one that was kept.
func NewHelp(options []string, said map[string]Said) *Help {
	h := &Help{options: make(map[string]bool, len(options)), said: maps.Clone(said)}
	if h.said == nil {
		h.said = map[string]Said{}
	}
	for _, o := range options {
		h.options[o] = true
	}
	return h
}

// Has says that the engine takes an option, written with its dashes, by its help.
func (h *Help) Has(option string) bool { return h.options[option] }

// Options are all that it takes, sorted, with their dashes.
func (h *Help) Options() []string { return slices.Sorted(maps.Keys(h.options)) }

// Says is what the help says against an option, written with its dashes; nothing of
// nearly all.
func (h *Help) Says(option string) Said { return h.said[option] }

// Saying is all that Says would give, by option.
func (h *Help) Saying() map[string]Said { return maps.Clone(h.said) }

// Suggest is the long option that is nearest to a name without dashes, or "".
func (h *Help) Suggest(name string) string {
	var names []string
	for o := range h.options {
		if long, ok := strings.CutPrefix(o, "--"); ok {
			names = append(names, long)
		}
	}
	slices.Sort(names)
	return Nearest(name, names)
}
