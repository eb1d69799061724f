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
	options map[string]bool // with their dashes
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
	h := &Help{options: map[string]bool{}}
	usage := false
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		bare := strings.TrimLeft(line, " ")
		switch {
		case strings.HasPrefix(strings.ToLower(bare), "usage:"):
			usage = true
		case bare == "" || len(bare) == len(line):
			usage = false
		}
		switch {
		case usage:
			h.add(usedOption, line)
		case strings.HasPrefix(bare, "-") && len(line)-len(bare) <= helpIndent:
			if end := helpHead.FindStringIndex(bare); end != nil {
				bare = bare[:end[0]]
			}
			h.add(helpOption, bare)
		}
	}
	if len(h.options) < leastHelp {
		return nil, fmt.Errorf("reading an engine's help: it lists %d options, so it is none", len(h.options))
	}
	return h, nil
}

// NewHelp is a help that lists these options, written with their dashes: one that was
// kept.
func NewHelp(options []string) *Help {
	h := &Help{options: make(map[string]bool, len(options))}
	for _, o := range options {
		h.options[o] = true
	}
	return h
}

func (h *Help) add(form *regexp.Regexp, text string) {
	for _, m := range form.FindAllStringSubmatch(text, -1) {
		h.options[m[1]] = true
	}
}

// Has says that the help lists an option, written with its dashes.
func (h *Help) Has(option string) bool { return h.options[option] }

// Options are all that it lists, sorted, with their dashes.
func (h *Help) Options() []string { return slices.Sorted(maps.Keys(h.options)) }

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
