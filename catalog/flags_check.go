package catalog

import (
	"fmt"
	"slices"
	"strings"
)

// Severity says how bad a notice is.
type Severity string

// The severities.
const (
	SeverityError   Severity = "error"   // the engine will not start like this
	SeverityWarning Severity = "warning" // it starts, and something is not as it looks
)

// Notice is what is to be said of a flag, a value or an environment variable.
type Notice struct {
	Severity Severity
	Summary  string // one line, no full stop
	Detail   string // whole sentences: the consequence, and what to write instead
}

// Check says what is wrong with naming this flag. The version is the engine's,
// as ImageVersion gives it; "" means that it is not known. A flag that the catalog
// does not hold is an error where the catalog speaks for the version, or where the
// name is a typing error of one it holds; otherwise it is a warning, since a version
// that qtune has not seen may well have it.
func (s *FlagSet) Check(name, version string) []Notice {
	f, ok := s.Lookup(name)
	switch {
	case !ok:
		return []Notice{s.unknown(name, version)}
	case s.byEnv && f.Replacement != "":
		return []Notice{s.notByFlag(name, f)}
	case strings.HasPrefix(name, "-"):
		return []Notice{failure(
			fmt.Sprintf("flags are written without leading dashes: `%s`", strings.TrimLeft(name, "-")),
			"qtune puts the dashes on the command line itself.")}
	case f.ManagedBy != "":
		return []Notice{failure(
			fmt.Sprintf("qtune sets `%s` itself", f.Name),
			fmt.Sprintf("It follows from %s; take it out of the flags.", f.ManagedBy))}
	case f.RemovedIn != "" && !Before(version, f.RemovedIn):
		return []Notice{s.removed(f, version)}
	case f.NoOpSince != "" && !Before(version, f.NoOpSince):
		return []Notice{warning(s.noOp(f), sentences(f.Note, instead(f)))}
	case f.Deprecated && !s.speaksFor(version):
		return []Notice{warning(
			fmt.Sprintf("%s is about to drop the flag `%s`", s.Title, f.Name), sentences(f.Note, instead(f)))}
	case Before(version, f.Since):
		return []Notice{warning(
			fmt.Sprintf("%s %s does not have the flag `%s` yet", s.Title, version, f.Name),
			fmt.Sprintf("It came with %s. Use a newer image or leave the flag off.", f.Since))}
	}
	return nil
}

// speaksFor says that what the catalog holds is true of a version: its own or an older one.
func (s *FlagSet) speaksFor(version string) bool { return reached(s.Version, version) }

func (s *FlagSet) unknown(name, version string) Notice {
	summary := fmt.Sprintf("%s has no flag `%s`", s.Title, strings.TrimLeft(name, "-"))
	if s.byEnv {
		return s.notByFlag(name, Flag{})
	}
	if near := s.Suggest(name); near != "" {
		return failure(summary, fmt.Sprintf("Did you mean `%s`?", near))
	}
	if version == s.Version {
		return failure(summary, fmt.Sprintf("%s ends at once with an error when it is given a flag that it does not know.", s.Title))
	}
	return warning(
		fmt.Sprintf("%s is not known to have a flag `%s`", s.Title, strings.TrimLeft(name, "-")),
		fmt.Sprintf("qtune knows the flags of %s %s. Where the flag is not there, every trial with it fails at the start.", s.Title, s.Version))
}

// notByFlag says how an engine without flags is told what a name means.
func (s *FlagSet) notByFlag(name string, f Flag) Notice {
	variable := s.prefix + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
	if f.Replacement != "" {
		variable = f.Replacement
	} else if !slices.Contains(s.env, variable) {
		variable = Nearest(variable, s.env)
	}
	if variable == "" {
		return failure(fmt.Sprintf("%s takes no flags, such as `%s`", s.Title, name),
			fmt.Sprintf("Its environment sets it: env = { %sNUM_PARALLEL = 4 }. It has no variable of a like name.", s.prefix))
	}
	return failure(fmt.Sprintf("%s takes no flags: its environment sets `%s`", s.Title, name),
		fmt.Sprintf("Write it as a variable, such as env = { %s = … }, and to try several: sweep { env = { %s = [ … ] } }.", variable, variable))
}

func (s *FlagSet) removed(f Flag, version string) Notice {
	n := Notice{
		Severity: SeverityWarning,
		Summary:  fmt.Sprintf("%s has no flag `%s` any more", s.Title, f.Name),
		Detail:   sentences(fmt.Sprintf("It was gone by version %s", f.RemovedIn), f.Note, instead(f)),
	}
	if reached(version, f.RemovedIn) {
		n.Severity = SeverityError
	}
	return n
}

func (s *FlagSet) noOp(f Flag) string {
	return fmt.Sprintf("`%s` does nothing in %s since v%s", f.Name, s.Title, f.NoOpSince)
}

// CheckAxis says what is wrong with sweeping this flag over these values, each as
// text ("null" for leaving it off). It includes what Check and CheckValue refuse, but
// not what CheckValue warns of: a sweep measures it.
func (s *FlagSet) CheckAxis(name string, values []string, version string) []Notice {
	f, ok := s.Lookup(name)
	if !ok {
		return s.Check(name, version)
	}
	notices := s.Check(name, version)
	if len(notices) == 1 && notices[0].Summary == s.noOp(f) && len(values) > 1 {
		notices[0].Summary += fmt.Sprintf(": this axis %s the trials for nothing", times(len(values)))
	}
	for _, v := range values {
		if v != "null" {
			notices = append(notices, refusals(s.CheckValue(name, v, version))...)
		}
	}
	return append(notices, s.sameValues(f, values, version)...)
}

// sameValues warns of values of an axis that do one and the same thing.
func (s *FlagSet) sameValues(f Flag, values []string, version string) []Notice {
	var notices []Notice
	for _, same := range f.SameBehaviour {
		if Before(version, same.Since) {
			continue
		}
		var found []string
		for _, v := range values {
			if slices.Contains(same.Values, v) {
				found = append(found, "`"+v+"`")
			}
		}
		if len(found) > 1 {
			notices = append(notices, warning(
				fmt.Sprintf("%s are the same in %s since v%s: these trials measure noise", strings.Join(found, " and "), s.Title, same.Since),
				sentences(same.Note, "Keep one of them")))
		}
	}
	return notices
}

// CheckEnv says what is wrong with setting an environment variable. Only names with
// the engine's own prefix are looked at. Engines ignore what they do not know, most of
// them without a word, so all of it is a warning.
func (s *FlagSet) CheckEnv(name, version string) []Notice {
	if gone, ok := s.gone[name]; ok {
		if Before(version, gone.RemovedIn) {
			return nil
		}
		return []Notice{warning(
			fmt.Sprintf("%s no longer reads `%s`", s.Title, name),
			sentences(fmt.Sprintf("It was gone by version %s", gone.RemovedIn), gone.Note, strings.Replace(instead(gone), "Write", "Set the flag", 1)))}
	}
	if _, known := slices.BinarySearch(s.env, name); known || len(s.env) == 0 || !strings.HasPrefix(name, s.prefix) {
		return nil
	}
	summary := fmt.Sprintf("%s does not read `%s`", s.Title, name)
	if near := Nearest(name, s.env); near != "" {
		return []Notice{warning(summary, fmt.Sprintf("Did you mean `%s`?", near))}
	}
	if version != "" && version != s.Version {
		return nil
	}
	return []Notice{warning(summary, fmt.Sprintf("Version %s ignores it.", s.Version))}
}

func failure(summary, detail string) Notice { return Notice{SeverityError, summary, detail} }
func warning(summary, detail string) Notice { return Notice{SeverityWarning, summary, detail} }

func refusals(notices []Notice) []Notice {
	return slices.DeleteFunc(notices, func(n Notice) bool { return n.Severity != SeverityError })
}

func instead(f Flag) string {
	if f.Replacement == "" {
		return ""
	}
	return fmt.Sprintf("Write `%s` instead", f.Replacement)
}

// sentences joins what is not empty, each with its full stop.
func sentences(parts ...string) string {
	var out []string
	for _, p := range parts {
		if p = strings.TrimSuffix(p, "."); p != "" {
			out = append(out, p+".")
		}
	}
	return strings.Join(out, " ")
}

func times(n int) string {
	switch n {
	case 2:
		return "doubles"
	case 3:
		return "triples"
	}
	return fmt.Sprintf("multiplies by %d", n)
}
