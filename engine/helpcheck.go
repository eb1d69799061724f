package engine

import (
	"fmt"
	"slices"
	"strings"

	"github.com/qtune/qtune/catalog"
	"github.com/qtune/qtune/profiles"
)

// CheckFlags compares the options that a profile would give an engine, in flags, in
// its sweep, or because qtune needs them, with the engine's own help. An error is an
// option that it does not list, or lists as removed, with the name that it has there
// where one is known; a warning is one that does nothing or is about to go. An option
// that the catalog has from the parser of this very version is not missed: parsers
// hide some from their help.
func CheckFlags(e *profiles.Engine, help *catalog.Help) []catalog.Notice {
	k, _ := Lookup(e.Kind)
	return k.check(k.asked(e), e, help)
}

// HelpWarnings are CheckFlags' warnings, without the options of which the catalog, which
// speaks when a profile is read, has something to say by itself.
func HelpWarnings(e *profiles.Engine, help *catalog.Help) []catalog.Notice {
	k, _ := Lookup(e.Kind)
	asked := k.asked(e)
	if flags, ok := catalog.EngineFlags(e.Kind); ok {
		version := catalog.ImageVersion(e.Image)
		asked = slices.DeleteFunc(asked, func(a askedOption) bool { return len(flags.Check(a.name, version)) > 0 })
	}
	return slices.DeleteFunc(k.check(asked, e, help), func(n catalog.Notice) bool { return n.Severity != catalog.SeverityWarning })
}

// asked are the options that any candidate of an engine would give.
func (k Kind) asked(e *profiles.Engine) []askedOption {
	asked := k.given(e.Flags)
	for _, a := range e.Axes {
		if !a.Env {
			asked = k.ask(asked, a.Name, len(a.Values))
		}
	}
	return asked
}

// CheckCandidate says which of the options that one candidate would pass its engine
// refuses: CheckFlags' errors.
func CheckCandidate(e *profiles.Engine, c profiles.Candidate, help *catalog.Help) []catalog.Notice {
	k, _ := Lookup(e.Kind)
	return slices.DeleteFunc(k.check(k.given(c.Flags), e, help), func(n catalog.Notice) bool { return n.Severity != catalog.SeverityError })
}

// askedOption is an option that a profile would give.
type askedOption struct {
	name   string // as in a profile, without the keys inside JSON flags
	values int    // that a sweep tries; 0: qtune passes it itself
}

// given are qtune's own options and those of flags.
func (k Kind) given(flags []profiles.Flag) []askedOption {
	asked := k.own()
	for _, f := range flags {
		if !f.Value.IsNull() {
			asked = k.ask(asked, f.Name, 1)
		}
	}
	return asked
}

// own are the options that qtune passes to every engine of a kind.
func (k Kind) own() []askedOption {
	asked := []askedOption{{name: strings.TrimLeft(k.listen[0], "-")}, {name: strings.TrimLeft(k.listen[1], "-")}}
	if len(k.names) > 0 {
		asked = append(asked, askedOption{name: k.names[0]})
	}
	return asked
}

// ask adds an option once, with the most values of those that share it.
func (k Kind) ask(asked []askedOption, name string, values int) []askedOption {
	head, _, _ := strings.Cut(name, ".")
	if k.isSetting(name) {
		head = strings.TrimLeft(k.setting, "-")
	}
	i := slices.IndexFunc(asked, func(a askedOption) bool { return a.name == head })
	if i < 0 {
		return append(asked, askedOption{head, values})
	}
	if asked[i].values > 0 {
		asked[i].values = max(asked[i].values, values)
	}
	return asked
}

func (k Kind) check(asked []askedOption, e *profiles.Engine, help *catalog.Help) []catalog.Notice {
	flags, _ := catalog.EngineFlags(e.Kind)
	var notices []catalog.Notice
	for _, a := range asked {
		listed := k.listed(help, flags, a.name)
		said := help.Says(k.dashed(a.name))
		switch {
		case listed != "" && a.values > 0:
			if n, ok := k.warned(e, a, help.Says(listed)); ok {
				notices = append(notices, n)
			}
		case listed == "" && (said.Gone || !hidden(flags, a.name, e)):
			notices = append(notices, k.absent(e, a.name, said, help, flags))
		}
	}
	return notices
}

// absent is an option that the engine does not take.
func (k Kind) absent(e *profiles.Engine, name string, said catalog.Said, help *catalog.Help, flags *catalog.FlagSet) catalog.Notice {
	n := catalog.Notice{
		Severity: catalog.SeverityError,
		Summary:  fmt.Sprintf("the help of engine %s lists no option `%s`", e.Label(), k.dashed(name)),
		Detail:   "Every trial with it fails at the start. Take it out, or use an image that has it.",
	}
	if said.Gone {
		n.Summary = fmt.Sprintf("engine %s has removed the option `%s`", e.Label(), k.dashed(name))
	}
	if write := renamed(name, said, help, flags); write != "" {
		n.Summary += fmt.Sprintf(": there it is `%s`", write)
		n.Detail = fmt.Sprintf("Write `%s`. Every trial with the other name fails at the start.", write)
		return n
	}
	f, _ := flags.Lookup(name)
	switch near := help.Suggest(name); {
	case f.RemovedIn != "" && f.Note != "":
		n.Detail = f.Note + ". Take it out: every trial with it fails at the start."
	case near != "":
		n.Detail = fmt.Sprintf("Did you mean `%s`? Every trial with it fails at the start.", near)
	}
	return n
}

// renamed is what to write for an option that the help does not list: what it says
// itself, what the catalog knows of the option's other names, or the same said another
// way. "" if the help has nothing of the kind.
func renamed(name string, said catalog.Said, help *catalog.Help, flags *catalog.FlagSet) string {
	if said.Instead != "" {
		return strings.TrimLeft(said.Instead, "-")
	}
	for _, other := range flags.OtherNames(name) {
		if help.Has("--" + other.Name) {
			return other.Write
		}
	}
	return help.Twin(name)
}

// warned is what the help says against an option that the engine takes.
func (k Kind) warned(e *profiles.Engine, a askedOption, said catalog.Said) (catalog.Notice, bool) {
	n := catalog.Notice{Severity: catalog.SeverityWarning}
	switch {
	case said.NoEffect:
		n.Summary = fmt.Sprintf("`%s` does nothing in engine %s", k.dashed(a.name), e.Label())
		if a.values > 1 {
			n.Summary += fmt.Sprintf(": its %d values give the same trials, which measure noise", a.values)
		}
	case said.Deprecated:
		n.Summary = fmt.Sprintf("engine %s is about to drop the option `%s`", e.Label(), k.dashed(a.name))
	default:
		return n, false
	}
	n.Detail = fmt.Sprintf("Its help says: %q.", strings.TrimRight(said.Words, "."))
	if said.Instead != "" {
		n.Detail += fmt.Sprintf(" Write `%s` instead.", strings.TrimLeft(said.Instead, "-"))
	} else if said.NoEffect {
		n.Detail += " Take it out."
	}
	return n, true
}

// listed is an option as the help lists it, in a form that the engine takes; "" if it
// does not.
func (k Kind) listed(help *catalog.Help, flags *catalog.FlagSet, name string) string {
	if option := k.dashed(name); help.Has(option) {
		return option
	}
	dashes := strings.ReplaceAll(name, "_", "-")
	if f, known := flags.Lookup(name); known && f.Name == dashes && help.Has("--"+dashes) {
		return "--" + dashes
	}
	return ""
}

func hidden(flags *catalog.FlagSet, name string, e *profiles.Engine) bool {
	f, known := flags.Lookup(name)
	return known && f.RemovedIn == "" && catalog.ImageVersion(e.Image) == flags.Version
}
