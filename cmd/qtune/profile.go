package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/qtune/qtune/profiles"
)

// profileFlags are the flags of every command that reads a profile.
type profileFlags struct {
	vars     []string
	varFiles []string
}

func (f *profileFlags) bind(c *cobra.Command) {
	c.Flags().StringArrayVar(&f.vars, "var", nil, "set a variable of the profile, as `NAME=VALUE` (can be repeated; QTUNE_VAR_NAME in the environment does the same)")
	c.Flags().StringArrayVar(&f.varFiles, "var-file", nil, "set variables from an HCL `FILE` of NAME = VALUE lines (can be repeated)")
}

func (f *profileFlags) options(w *world) (profiles.Options, error) {
	o := profiles.Options{VarFiles: f.varFiles, Env: w.lookup, Vars: map[string]string{}}
	for _, v := range f.vars {
		name, value, ok := strings.Cut(v, "=")
		if !ok || name == "" {
			return o, &usageError{fmt.Errorf("--var %q: write NAME=VALUE", v)}
		}
		o.Vars[name] = value
	}
	return o, nil
}

// loadProfile reads a profile and shows its diagnostics on stderr, as JSON on
// stdout if asked for. An invalid one is a *profileError.
func loadProfile(w *world, path string, f *profileFlags, asJSON bool) (*profiles.Profile, error) {
	o, err := f.options(w)
	if err != nil {
		return nil, err
	}
	p, diags := profiles.Load(path, o)
	if err := showDiagnostics(w, diags, asJSON); err != nil {
		return nil, err
	}
	if diags.HasErrors() {
		return nil, &profileError{count: diags.Errors()}
	}
	return p, nil
}

// showDiagnostics shows errors as JSON where that is asked for; warnings alone
// always go to stderr, so that stdout holds what was asked for and nothing else.
func showDiagnostics(w *world, diags *profiles.Diagnostics, asJSON bool) error {
	switch {
	case diags.Errors()+diags.Warnings() == 0:
		return nil
	case asJSON && diags.HasErrors():
		return json.NewEncoder(w.stdout).Encode(map[string]any{"type": "diagnostics", "diagnostics": diags})
	}
	return diags.WriteText(w.stderr, w.width(), w.color())
}
