package catalog

import (
	"maps"
	"slices"
	"strings"
)

// OtherName is another name of a flag.
type OtherName struct {
	Name  string // of the option, without leading dashes
	Write string // the same as in a profile, with its value where that follows from the name
}

// OtherNames are the names under which other versions of the engine have what this
// flag does: what replaced it, what it replaced, then its aliases. A flag that the
// catalog does not hold has none.
func (s *FlagSet) OtherNames(name string) []OtherName {
	f, ok := s.Lookup(name)
	if !ok {
		return nil
	}
	var all []OtherName
	if f.Replacement != "" {
		all = append(all, OtherName{optionOf(f.Replacement), f.Replacement})
	}
	for _, old := range slices.Sorted(maps.Keys(s.flags)) {
		if s.flags[old].Replacement == f.Name { // with a value beside it, it is no mere name
			all = append(all, OtherName{old, old})
		}
	}
	for _, alias := range append([]string{"--" + f.Name}, f.Aliases...) {
		if long, ok := strings.CutPrefix(alias, "--"); ok && long != s.bare(name) {
			all = append(all, OtherName{long, long})
		}
	}
	return all
}

// optionOf is the option in what a profile would write: "load-mode" of
// `load-mode = "dio"`, "logging-config" of "logging-config.pylogging_config_file".
func optionOf(written string) string {
	if end := strings.IndexAny(written, " ."); end >= 0 {
		return written[:end]
	}
	return written
}

// Twin is an option of the help that does the same as a name without dashes which it
// does not list, written another way: "no-enable-x" for "disable-x". "" if it has none.
func (h *Help) Twin(name string) string {
	var forms []string
	switch verb, rest, _ := strings.Cut(name, "-"); verb {
	case "disable":
		forms = []string{"no-" + rest, "no-enable-" + rest}
	case "no":
		forms = []string{"disable-" + strings.TrimPrefix(rest, "enable-")}
	case "enable":
		forms = []string{rest}
	}
	i := slices.IndexFunc(forms, func(form string) bool { return h.Has("--" + form) })
	if i < 0 {
		return ""
	}
	return forms[i]
}
