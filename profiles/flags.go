package profiles

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/qtune/qtune/catalog"
)

// setting is one flag or environment variable, as it stands after merging.
type setting struct {
	name  string
	value Value
	raw   cty.Value // without marks, for where
	at    hcl.Range
}

// settings are the flags or the environment of an engine, in order.
type settings struct {
	list []setting
	same func(name string) string // two names with one result are one flag
}

// put adds a setting, or replaces the one of that name at its place.
func (s *settings) put(x setting) {
	if i := s.find(x.name); i >= 0 {
		s.list[i] = x
		return
	}
	s.list = append(s.list, x)
}

func (s *settings) find(name string) int {
	return slices.IndexFunc(s.list, func(x setting) bool { return s.same(x.name) == s.same(name) })
}

// canonicalFlag gives the one name of a flag that has several: tp and
// tensor-parallel-size, or enable-x and no-enable-x.
func canonicalFlag(kind string) func(string) string {
	set, ok := catalog.EngineFlags(kind)
	return func(name string) string {
		if ok {
			if f, known := set.Lookup(name); known {
				if f.Negated != "" {
					return min(f.Name, f.Negated)
				}
				return f.Name
			}
		}
		return name
	}
}

// object reads flags or env: each key through one, then merged into target.
func (r *engineReader) object(name string, target *settings, one func(setting) bool) {
	a := r.body.Attributes[name]
	if a == nil {
		return
	}
	v, ok := r.l.eval(a.Expr)
	if !ok {
		return
	}
	if plain, _ := v.Unmark(); plain.IsNull() {
		target.list = nil // takes away what the preset says
		return
	} else if !plain.Type().IsObjectType() && !plain.Type().IsMapType() {
		r.l.errorf(codeWrongType, a.Expr.Range(), fmt.Sprintf("%s takes an object", name),
			fmt.Sprintf("This is %s. Write %s = { NAME = value }.", describe(plain), name))
		return
	}
	r.l.twice(a.Expr, strings.TrimSuffix(name, "s"))
	seen := map[string]setting{}
	all := r.l.entries(a.Expr, v)
	if len(all) > maxFlags {
		r.l.errorf(codeTooLarge, a.Expr.Range(), fmt.Sprintf("%s has %s names", name, grouped(len(all))), fmt.Sprintf("At most %s can be set. Take some out.", grouped(maxFlags)))
		return
	}
	for _, x := range all {
		s := r.l.setting(x)
		if !one(s) {
			continue
		}
		if other, twice := seen[target.same(s.name)]; twice {
			r.l.errorf(codeTwice, s.at, fmt.Sprintf("%s and %s are the same", other.name, s.name), "Take one of them out.")
		}
		seen[target.same(s.name)] = s
		if r.inPreset {
			s.at = r.presetAt
		}
		target.put(s)
	}
}

func (l *loader) setting(x entry) setting {
	raw, _ := x.value.UnmarkDeep()
	return setting{name: x.name, value: l.toValue(x.value, x.expr), raw: raw, at: x.at}
}

// flag checks the form of a flag, whatever the engine.
func (r *engineReader) flag(s setting) bool {
	switch {
	case s.name == "" || strings.ContainsAny(s.name, " \t\r\n=\x00"):
		r.l.errorf(codeBadName, s.at, fmt.Sprintf("%q is no name of a flag", s.name),
			"A flag's name has no blanks and no equals sign; its value stands after the name: { max-num-seqs = 64 }.")
		return false
	case strings.HasPrefix(s.name, "-"):
		r.l.errorf(codeBadName, s.at, "Flags are written without leading dashes",
			fmt.Sprintf("Write %s. qtune puts the dashes on the command line itself.", strings.TrimLeft(s.name, "-")))
		return false
	}
	return r.argument(s)
}

// argument refuses values that cannot be arguments of a command.
func (r *engineReader) argument(s setting) bool {
	if strings.Contains(s.value.Text, "\x00") {
		r.l.errorf(codeBadValue, s.at, fmt.Sprintf("%s holds a zero byte", s.name), "No argument can have one. Take it out.")
		return false
	}
	for _, e := range s.value.List {
		if e.Kind == KindList || e.IsNull() {
			r.l.errorf(codeWrongType, s.at, fmt.Sprintf("%s holds a list with a list or a null in it", s.name),
				"A list is several arguments, each a text, a number, true, false or an object.")
			return false
		}
	}
	return true
}

// envVar checks a variable of the environment and brings its value to text.
func (r *engineReader) envVar(s setting) bool {
	switch {
	case !envName(s.name):
		r.l.errorf(codeBadName, s.at, fmt.Sprintf("%q is no name of an environment variable", s.name),
			"Names are made of letters, digits and underscores and do not begin with a digit.")
		return false
	case strings.HasPrefix(s.name, "QTUNE_"):
		r.l.errorf(codeBadName, s.at, "Names that begin with QTUNE_ are qtune's own", "Choose another name.")
		return false
	case s.value.Kind == KindList || s.value.Kind == KindObject:
		r.l.errorf(codeWrongType, s.at, fmt.Sprintf("%s takes one value", s.name), "Write a text; a list or an object has to be joined, as with join or jsonencode.")
		return false
	}
	return r.argument(s)
}

func envName(s string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"
	return s != "" && strings.Contains(letters, s[:1]) && strings.Trim(s, letters+"0123456789") == ""
}

// checkFlags asks the catalog about every flag and variable that is set.
func (r *engineReader) checkFlags(version string) {
	set, ok := catalog.EngineFlags(r.engine.Kind)
	if !ok {
		return
	}
	for _, s := range r.flags.list {
		if s.value.IsNull() || r.swept(s.name) || r.l.diags.full() {
			continue // the axis has been asked about
		}
		r.notices(s.at, s.name, set.Check(s.name, version))
		f, known := set.Lookup(s.name)
		if !known {
			continue
		}
		if s.value.Kind == KindList && !f.Many && f.Type != catalog.FlagAny {
			r.l.errorf(codeWrongType, s.at, fmt.Sprintf("%s takes one value", s.name), severalRemedy(f))
			continue
		}
		for _, text := range arguments(s.value) {
			r.notices(s.at, s.name, set.CheckValue(s.name, text, version))
		}
	}
	for _, s := range r.env.list {
		if !s.value.IsNull() {
			r.notices(s.at, "", set.CheckEnv(s.name, version))
		}
	}
}

func severalRemedy(f catalog.Flag) string {
	if f.Type == catalog.FlagJSON {
		return "A list is several arguments, and this flag takes one, in JSON. Write jsonencode([ ... ])."
	}
	return "A list is several arguments. Write one value; to try several, write the list in sweep."
}

func (r *engineReader) swept(flag string) bool {
	return slices.ContainsFunc(r.axes, func(a axis) bool { return !a.Env && r.flags.same(a.Name) == r.flags.same(flag) })
}

// arguments are the texts that a value puts on a command line. A secret's is not
// looked at, since what is wrong with it would be written.
func arguments(v Value) []string {
	if v.Secret != "" {
		return nil
	}
	if v.Kind != KindList {
		return []string{v.Text}
	}
	var all []string
	for _, e := range v.List {
		all = append(all, arguments(e)...)
	}
	return all
}

// notices reports what the catalog says of a flag. A flag that it does not know is
// only an error as long as the profile does not say that it is meant.
func (r *engineReader) notices(at hcl.Range, flag string, all []catalog.Notice) {
	unknown := false
	if set, ok := catalog.EngineFlags(r.engine.Kind); ok && flag != "" {
		_, known := set.Lookup(flag)
		unknown = !known
	}
	for _, n := range all {
		switch {
		case unknown && r.allowUnknown:
		case n.Severity == catalog.SeverityWarning && unknown:
			r.l.report(caution(codeUnknownFlag, &at, n.Summary, n.Detail+" It is passed on as it is."))
		case n.Severity == catalog.SeverityWarning:
			r.l.report(caution(codeDoubtfulFlag, &at, n.Summary, n.Detail))
		case unknown:
			r.l.errorf(codeUnknownFlag, at, n.Summary, n.Detail+" If it is meant, write allow_unknown_flags = true in the engine block.")
		default:
			r.l.errorf(codeRefusedFlag, at, n.Summary, n.Detail)
		}
	}
}

// finish hands the settings over, those that are left off left out. What was made of
// a secret is one as well: in upper case it would not be found as it was.
func (r *engineReader) finish() {
	for _, s := range append(r.flags.list, r.env.list...) {
		if s.value.Secret != "" {
			r.l.remember(s.value.Secret, s.raw)
		}
	}
	for _, s := range r.flags.list {
		if !s.value.IsNull() {
			r.engine.Flags = append(r.engine.Flags, Flag{Name: s.name, Value: s.value})
		}
	}
	for _, s := range r.env.list {
		if !s.value.IsNull() {
			r.engine.Env = append(r.engine.Env, EnvVar{Name: s.name, Value: s.value})
		}
	}
}
