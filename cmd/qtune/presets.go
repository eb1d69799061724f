package main

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/qtune/qtune/profiles"
)

func presetsCmd(w *world) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "presets [NAME]",
		Short: "List the built-in engine presets, or show one as HCL",
		Args:  atMostOne("at most one preset"),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			var names []string
			for _, p := range profiles.Presets() {
				names = append(names, p.Name+"\t"+p.Description)
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 {
				return showPreset(w, args[0], asJSON)
			}
			return listPresets(w, asJSON)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

type presetView struct {
	Name        string `json:"name"`
	Engine      string `json:"engine"`
	Description string `json:"description"`
	Source      string `json:"source,omitempty"`
}

func listPresets(w *world, asJSON bool) error {
	if asJSON {
		var all []presetView
		for _, p := range profiles.Presets() {
			all = append(all, presetView{Name: p.Name, Engine: p.Kind, Description: p.Description})
		}
		return json.NewEncoder(w.stdout).Encode(map[string]any{"type": "presets", "presets": all})
	}
	t := tabwriter.NewWriter(w.stdout, 2, 8, 2, ' ', 0)
	for _, p := range profiles.Presets() {
		fmt.Fprintf(t, "%s\t%s\t%s\n", p.Name, p.Kind, p.Description)
	}
	return t.Flush()
}

func showPreset(w *world, name string, asJSON bool) error {
	for _, p := range profiles.Presets() {
		if p.Name != name {
			continue
		}
		if asJSON {
			return json.NewEncoder(w.stdout).Encode(presetView{p.Name, p.Kind, p.Description, p.Source})
		}
		_, err := io.WriteString(w.stdout, p.Source)
		return err
	}
	return &usageError{fmt.Errorf("no preset is called %q; `qtune presets` lists them", name)}
}
