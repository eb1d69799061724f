package engine

import (
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/qtune/qtune/catalog"
	"github.com/qtune/qtune/profiles"
)

// Address is where an engine is told to listen.
type Address struct {
	Host string
	Port int
}

// Planned is the address that a plan shows. A local process gets a free port
// when it starts; until then the kind's own stands for it.
func Planned(e *profiles.Engine) Address {
	k, _ := Lookup(e.Kind)
	port := k.Port
	if e.Port != 0 {
		port = e.Port
	}
	if e.Runtime == profiles.RuntimeDocker && e.Network != "host" {
		return Address{"0.0.0.0", port}
	}
	return Address{"127.0.0.1", port}
}

// Command is every word of an engine's command line, as it is executed. It may
// hold secrets: Redacted is for showing.
func Command(e *profiles.Engine, c profiles.Candidate, m profiles.Model, at Address) []string {
	return command(e, c, m, at, func(v profiles.Value) string { return v.Text })
}

// Redacted is Command with the name of each secret in place of its value.
func Redacted(e *profiles.Engine, c profiles.Candidate, m profiles.Model, at Address) []string {
	return command(e, c, m, at, profiles.Value.String)
}

// Arguments are the words of Command after the program's own. They may hold secrets.
func Arguments(e *profiles.Engine, c profiles.Candidate, m profiles.Model) []string {
	k, known := Lookup(e.Kind)
	if !known || e.Runtime == profiles.RuntimeExternal {
		return nil
	}
	return k.arguments(e, c, m, modelName(e, m), Planned(e), func(v profiles.Value) string { return v.Text })
}

func command(e *profiles.Engine, c profiles.Candidate, m profiles.Model, at Address, text func(profiles.Value) string) []string {
	k, _ := Lookup(e.Kind)
	if e.Runtime == profiles.RuntimeExternal {
		return nil
	}
	return slices.Concat(k.program(e), k.arguments(e, c, m, modelName(e, m), at, text))
}

// arguments are the words after the program: the model, what qtune sets, then
// the candidate's flags in the order of the profile.
func (k Kind) arguments(e *profiles.Engine, c profiles.Candidate, m profiles.Model, model string, at Address, text func(profiles.Value) string) []string {
	if k.listenEnv != "" {
		return nil
	}
	words := slices.Concat(k.model, []string{model})
	if _, given := flagValue(c, "revision"); k.fetch && m.Path == "" && m.Revision != "" && !given {
		words = append(words, "--revision", m.Revision)
	}
	if _, given := flagValue(c, k.names...); !given && len(k.names) > 0 {
		words = append(words, "--"+k.names[0], ServedName(e, c, m))
	}
	words = append(words, k.listen[0], at.Host, k.listen[1], strconv.Itoa(at.Port))
	for _, f := range c.Flags {
		if f.Value.Secret != "" && k.secretEnv[f.Name] != "" {
			continue // it travels in the environment
		}
		words = append(words, k.render(f, text)...)
	}
	return words
}

// render writes one flag in the form that the engine takes.
func (k Kind) render(f profiles.Flag, text func(profiles.Value) string) []string {
	dashed := k.dashed(f.Name)
	switch f.Value.Kind {
	case profiles.KindNull:
		return nil
	}
	if k.isSetting(f.Name) {
		return []string{k.setting, f.Name + "=" + yaml(f.Value, text)}
	}
	switch f.Value.Kind {
	case profiles.KindBool:
		return k.renderBool(f, dashed)
	case profiles.KindList:
		return k.renderList(f.Value.List, dashed, text)
	}
	return k.pair(dashed, text(f.Value))
}

// isSetting says that a name is not a flag but a key of the engine's configuration
// file: by the catalog, or because it is a path into it.
func (k Kind) isSetting(name string) bool {
	if k.setting == "" {
		return false
	}
	if flags, ok := catalog.EngineFlags(k.Name); ok {
		if f, known := flags.Lookup(name); known {
			return f.Setting
		}
	}
	return strings.Contains(name, ".")
}

// yaml writes a value as YAML takes it on one line. An object is JSON, which YAML
// takes too.
func yaml(v profiles.Value, text func(profiles.Value) string) string {
	if v.Kind != profiles.KindList {
		return text(v)
	}
	elems := make([]string, len(v.List))
	for i, e := range v.List {
		elems[i] = yaml(e, text)
	}
	return "[" + strings.Join(elems, ", ") + "]"
}

func (k Kind) renderBool(f profiles.Flag, dashed string) []string {
	on := f.Value.Text == "true"
	switch {
	case strings.Contains(f.Name, "."): // a key inside a JSON flag has a value, not a presence
		return []string{dashed, f.Value.Text}
	case slices.Contains(k.onOff, f.Name):
		return []string{dashed, map[bool]string{true: "on", false: "off"}[on]}
	case on:
		return []string{dashed}
	}
	if negated := k.negated(f.Name); negated != "" {
		return []string{negated}
	}
	return nil
}

func (k Kind) renderList(elems []profiles.Value, dashed string, text func(profiles.Value) string) []string {
	if k.repeat {
		var words []string
		for _, e := range elems {
			words = append(words, dashed, text(e))
		}
		return words
	}
	words := []string{dashed}
	for _, e := range elems {
		words = append(words, text(e))
	}
	return words
}

// pair is a flag and its value. Python's parser takes a value that starts with a
// dash for another flag, unless it is a number.
func (k Kind) pair(dashed, value string) []string {
	_, notNumber := strconv.ParseFloat(value, 64)
	if k.joinDash && strings.HasPrefix(value, "-") && notNumber != nil {
		return []string{dashed + "=" + value}
	}
	return []string{dashed, value}
}

// dashed puts the dashes before a flag's name: two, but one before a single
// letter and before the short forms that the engine spells so.
func (k Kind) dashed(name string) string {
	head, key, dotted := strings.Cut(name, ".")
	option := "--" + head
	if flags, ok := catalog.EngineFlags(k.Name); ok {
		option = flags.Option(head)
	}
	if len(head) == 1 {
		option = "-" + head
	}
	if dotted {
		option += "." + key
	}
	return option
}

// negated is the word that says no to a switch; "" where leaving it off does.
func (k Kind) negated(name string) string {
	if flags, ok := catalog.EngineFlags(k.Name); ok {
		if f, known := flags.Lookup(name); known && f.Type == catalog.FlagBool {
			return strings.Join(f.Words(false), "")
		}
	}
	positive, isNegative := strings.CutPrefix(name, "no-")
	switch {
	case !k.negates:
		return ""
	case isNegative:
		return k.dashed(positive)
	}
	return "--no-" + name
}

// ServedName is the model name that requests must ask for.
func ServedName(e *profiles.Engine, c profiles.Candidate, m profiles.Model) string {
	k, _ := Lookup(e.Kind)
	if v, ok := flagValue(c, k.names...); ok {
		if v.Kind == profiles.KindList && len(v.List) > 0 {
			v = v.List[0]
		}
		return k.tagged(v.Text)
	}
	if m.ID != "" && (m.Path == "" || !k.folderName) {
		return k.tagged(m.ID)
	}
	return filepath.Base(m.Path)
}

// tagged is a model's name with the tag that stands for none.
func (k Kind) tagged(name string) string {
	if k.tag == "" || strings.Contains(path.Base(name), ":") {
		return name
	}
	return name + ":" + k.tag
}

// flagValue is the value of the first flag of the candidate that has one of the names.
func flagValue(c profiles.Candidate, names ...string) (profiles.Value, bool) {
	for _, f := range c.Flags {
		if slices.Contains(names, f.Name) && !f.Value.IsNull() {
			return f.Value, true
		}
	}
	return profiles.Value{}, false
}

// modelFolder is where a container finds the model's folder or file.
const modelFolder = "/model"

// modelName is what the engine is told to load.
func modelName(e *profiles.Engine, m profiles.Model) string {
	switch {
	case m.Path == "":
		return m.ID
	case e.Runtime == profiles.RuntimeDocker:
		return path.Join(modelFolder, filepath.ToSlash(mountedModel(m.Path).inside))
	}
	return m.Path
}
