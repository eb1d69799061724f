package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/qtune/qtune/profiles"
)

func validateCmd(w *world) *cobra.Command {
	var f profileFlags
	var asJSON bool
	c := &cobra.Command{
		Use:               "validate FILE",
		Short:             "Show everything that is wrong with a profile, at once",
		Args:              exactly(1, "one profile"),
		ValidArgsFunction: completeProfiles,
		RunE: func(_ *cobra.Command, args []string) error {
			return validate(w, args[0], &f, asJSON)
		},
	}
	f.bind(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object with every diagnostic")
	return c
}

func validate(w *world, path string, f *profileFlags, asJSON bool) error {
	o, err := f.options(w)
	if err != nil {
		return err
	}
	p, diags := profiles.Load(path, o)
	if asJSON {
		err = json.NewEncoder(w.stdout).Encode(map[string]any{
			"type": "validate", "valid": !diags.HasErrors(), "errors": diags.Errors(), "warnings": diags.Warnings(), "diagnostics": diags,
		})
	} else {
		err = diags.WriteText(w.stderr, w.width(), w.color())
	}
	switch {
	case err != nil:
		return err
	case diags.HasErrors():
		return &profileError{count: diags.Errors()}
	case !asJSON:
		fmt.Fprintf(w.stdout, "%s is valid: %s%s.\n", path, plural(len(p.Engines), "engine"), warnings(diags))
	}
	return nil
}

func warnings(d *profiles.Diagnostics) string {
	if d.Warnings() == 0 {
		return ""
	}
	return ", " + plural(d.Warnings(), "warning")
}
