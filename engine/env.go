package engine

import (
	"slices"
	"strings"

	"github.com/qtune/qtune/profiles"
)

// environment is a list of variables in which the last value of a name counts
// and each name stands once.
type environment struct {
	names  []string
	values map[string]string
}

// add sets variables, each "NAME=value".
func (e *environment) add(words ...string) {
	for _, w := range words {
		name, value, _ := strings.Cut(w, "=")
		e.set(name, value)
	}
}

func (e *environment) set(name, value string) {
	if e.values == nil {
		e.values = map[string]string{}
	}
	if _, there := e.values[name]; !there {
		e.names = append(e.names, name)
	}
	e.values[name] = value
}

func (e *environment) unset(name string) {
	delete(e.values, name)
	e.names = slices.DeleteFunc(e.names, func(n string) bool { return n == name })
}

// candidate sets what the profile sets, and the flags whose secret value stays
// off the command line.
func (e *environment) candidate(k Kind, c profiles.Candidate) {
	for _, v := range c.Env {
		if v.Value.IsNull() {
			e.unset(v.Name)
			continue
		}
		e.set(v.Name, plain(v.Value))
	}
	for _, f := range c.Flags {
		if twin := k.secretEnv[f.Name]; twin != "" && f.Value.Secret != "" {
			e.set(twin, plain(f.Value))
		}
	}
}

// plain is a value as a variable holds it; a list is joined by commas.
func plain(v profiles.Value) string {
	if v.Kind != profiles.KindList {
		return v.Text
	}
	words := make([]string, len(v.List))
	for i, elem := range v.List {
		words[i] = plain(elem)
	}
	return strings.Join(words, ",")
}

// words are the variables as a program is given them.
func (e *environment) words() []string {
	words := make([]string, len(e.names))
	for i, name := range e.names {
		words[i] = name + "=" + e.values[name]
	}
	return words
}
