package main

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/qtune/qtune/tuner"
)

// journalView is what a check says of a journal.
type journalView struct {
	Run     string        `json:"run"`
	Version int           `json:"journal_version"`
	Records int           `json:"records"` // the whole ones
	Faults  []tuner.Fault `json:"faults"`
	Torn    int           `json:"torn_line,omitempty"` // was being written when the run was cut short
	Error   string        `json:"error,omitempty"`     // why nothing of it can be read
}

// checkRuns verifies the journal of one run, or of all, and fails if a line of
// any has been damaged. A torn last line is no damage: nobody was told of it.
func checkRuns(w *world, path string, args []string, asJSON bool) error {
	folder, err := tuner.OpenFolder(path)
	if err != nil {
		return err
	}
	ids := args
	if len(args) == 0 {
		if ids, err = folder.Runs(); err != nil {
			return err
		}
	}
	var views []journalView
	damaged := false
	for _, id := range ids {
		v, err := checkRun(folder, id)
		if errors.Is(err, fs.ErrNotExist) && len(args) == 0 {
			continue // it ended before it began
		}
		if errors.Is(err, fs.ErrNotExist) {
			return err
		}
		damaged = damaged || v.Error != "" || len(v.Faults) > 0
		views = append(views, v)
	}
	if err := showChecks(w, views, asJSON); err != nil {
		return err
	}
	if damaged {
		return &silentError{exitError}
	}
	return nil
}

func checkRun(folder *tuner.Folder, id string) (journalView, error) {
	c, err := folder.Check(id)
	if err != nil {
		return journalView{Run: id, Faults: []tuner.Fault{}, Error: err.Error()}, err
	}
	return journalView{
		Run: id, Version: c.Version, Records: len(c.Records),
		Faults: append([]tuner.Fault{}, c.Faults...), Torn: c.Torn,
	}, nil
}

func showChecks(w *world, views []journalView, asJSON bool) error {
	if asJSON {
		return printLines(w, views)
	}
	for _, v := range views {
		switch {
		case v.Error != "":
			fmt.Fprintf(w.stdout, "%s: %s\n", v.Run, v.Error)
			continue
		case len(v.Faults) == 0:
			fmt.Fprintf(w.stdout, "%s: whole, %s", v.Run, plural(v.Records, "record"))
		default:
			fmt.Fprintf(w.stdout, "%s: damaged, %s whole", v.Run, plural(v.Records, "record"))
		}
		if v.Version == 1 {
			fmt.Fprint(w.stdout, "; of journal version 1, which has no checksums")
		}
		if v.Torn > 0 {
			fmt.Fprintf(w.stdout, "; line %d was being written when the run was cut short", v.Torn)
		}
		fmt.Fprintln(w.stdout)
		for _, f := range v.Faults {
			fmt.Fprintf(w.stdout, "  %s\n", f)
		}
	}
	if len(views) == 0 {
		fmt.Fprintln(w.stdout, "No run to check.")
	}
	return nil
}
