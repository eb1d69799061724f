package catalog

import (
	"slices"
	"strings"
)

// FlagType is the type of value that a flag takes.
type FlagType string

// The types of flags.
const (
	FlagBool   FlagType = "bool"   // a switch: it stands alone, see Flag.Words
	FlagInt    FlagType = "int"    // decimal; vLLM and SGLang also take 8k and 20G where they say so
	FlagFloat  FlagType = "float"  // decimal
	FlagString FlagType = "string" // one word
	FlagJSON   FlagType = "json"   // one argument that holds JSON
	FlagAny    FlagType = ""       // not known: a key inside of a JSON flag
)

// Flag is one flag of an engine's command line. All but what stands in
// ENGINE.notes.json is as the engine's own parser holds it.
type Flag struct {
	Name    string   `json:"name"`    // without leading dashes
	Aliases []string `json:"aliases"` // as written, with their dashes: "-tp", "--model"
	Type    FlagType `json:"type"`
	Many    bool     `json:"many"`    // takes several values, each its own argument
	Choices []string `json:"choices"` // the only values; nil: any of its type
	Folds   bool     `json:"folds"`   // Choices are taken in any case, with dashes or underscores
	Negated string   `json:"negated"` // how false is written, without leading dashes; "": left off
	Default string   `json:"default"` // as the engine prints it; "": none, or worked out at the start
	Setting bool     `json:"setting"` // no flag, but a key of the engine's configuration file

	// What follows is written by hand.

	Range         string      `json:"range"`       // of a number, as an interval: "(0, 1]", "[1, )"
	ExtraWords    []string    `json:"extra_words"` // values outside of Type that it takes too: "auto"
	Since         string      `json:"since"`       // first version that has it; "": not known
	RemovedIn     string      `json:"removed"`     // a version that no longer has it; "": it is there
	NoOpSince     string      `json:"noop"`        // version from which it does nothing; "": it does something
	Deprecated    bool        `json:"deprecated"`  // still taken, on its way out
	Replacement   string      `json:"replacement"` // what to write instead, as in a profile
	Note          string      `json:"note"`        // one sentence, for the notice that the fields above give
	ManagedBy     string      `json:"managed"`     // what of a profile sets it; it must not stand in flags
	ValueNotes    []ValueNote `json:"values"`
	SameBehaviour []Same      `json:"same"`
}

// ValueNote says what a value does that its name does not tell.
type ValueNote struct {
	Value       string   `json:"value"`  // this value, or
	Above       *float64 `json:"above"`  // every number above this one
	Since       string   `json:"since"`  // true from this version on; "": from the first
	Before      string   `json:"before"` // and only before this one; "": to this day
	Summary     string   `json:"summary"`
	Consequence string   `json:"consequence"`
}

// Same are values that do the same thing, so that a sweep over them measures noise.
type Same struct {
	Values []string `json:"values"`
	Since  string   `json:"since"`
	Note   string   `json:"note"`
}

// Words is how a switch is written: nothing at all for a false that has no form of its own.
func (f Flag) Words(on bool) []string {
	switch {
	case on:
		return []string{"--" + f.Name}
	case f.Negated != "":
		return []string{"--" + f.Negated}
	}
	return nil
}

// FlagSet is what is known of one engine's command line and environment.
type FlagSet struct {
	Kind    string // "vllm"
	Title   string // "vLLM", for people
	Version string // the version that the flags were read from: "0.32.0", "b10573"

	flags  map[string]Flag // by name
	byName map[string]string
	names  []string // those that the version has, sorted
	env    []string // the environment variables of the engine's own prefix, sorted
	gone   map[string]Flag
	prefix string // of the engine's environment variables
	folds  bool   // the engine takes underscores for dashes in names
	byEnv  bool   // the engine takes no flags: all is set by its environment
}

// EngineFlags is the catalog of an engine kind: all but openai have one.
// It is read once and must not be changed.
func EngineFlags(kind string) (*FlagSet, bool) {
	load, ok := flagSets[kind]
	if !ok {
		return nil, false
	}
	return load(), true
}

// Lookup finds a flag by its name, an alias or its negated form, with or without
// leading dashes, in every form that the engine itself takes. A flag that was
// removed is found too: its RemovedIn says so. For a key inside of a JSON flag
// ("compilation-config.mode") the answer has that name and no type.
func (s *FlagSet) Lookup(name string) (Flag, bool) {
	bare := s.bare(name)
	if base, rest, dotted := strings.Cut(bare, "."); dotted {
		f, ok := s.flags[s.byName[base]]
		if !ok || f.Type != FlagJSON || rest == "" {
			return Flag{}, false
		}
		return Flag{Name: f.Name + "." + rest, Since: f.Since, RemovedIn: f.RemovedIn, Note: f.Note, Setting: f.Setting}, true
	}
	f, ok := s.flags[s.byName[bare]]
	if ok && bare == f.Negated {
		f.Name, f.Negated = f.Negated, f.Name
	}
	return f, ok
}

// Option is a flag's name as it is written on the command line. A name that is
// not in the catalog gets two dashes, a name with dashes is left as it is.
func (s *FlagSet) Option(name string) string {
	if strings.HasPrefix(name, "-") {
		return name
	}
	if f, ok := s.Lookup(name); ok && f.Name != name && slices.Contains(f.Aliases, "-"+name) {
		return "-" + name
	}
	return "--" + name
}

// Suggest is the flag whose name is nearest to a name that is none, or "".
func (s *FlagSet) Suggest(name string) string { return Nearest(s.bare(name), s.names) }

// Names are the flags that the catalog's version has, sorted.
func (s *FlagSet) Names() []string { return slices.Clone(s.names) }

// bare is the name as the catalog holds it: no leading dashes, and for an engine that does so
// itself, dashes for underscores before the first dot.
func (s *FlagSet) bare(name string) string {
	name = strings.TrimLeft(name, "-")
	if !s.folds {
		return name
	}
	head, rest, dotted := strings.Cut(name, ".")
	head = strings.ReplaceAll(head, "_", "-")
	if dotted {
		return head + "." + rest
	}
	return head
}
