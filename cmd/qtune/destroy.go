package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/qtune/qtune/docker"
)

func psCmd(w *world) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "ps",
		Short: "List the containers and processes that are ours",
		Args:  exactly(0, "no argument"),
		RunE: func(c *cobra.Command, _ []string) error {
			return ps(c.Context(), w, asJSON)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print a JSON object for each")
	return c
}

// dockerIfThere connects to the Docker Engine, or says on the log why it is not
// looked at. The function gives the connection back.
func dockerIfThere(ctx context.Context, w *world) (*docker.Client, func()) {
	d, err := docker.Connect(ctx, w.log)
	if err != nil {
		w.log.Info().Err(err).Msg("no Docker Engine: looking at processes only")
		return nil, func() {}
	}
	return d, func() {
		if err := d.Close(); err != nil {
			w.log.Debug().Err(err).Msg("closing the connection to docker")
		}
	}
}

func ps(ctx context.Context, w *world, asJSON bool) error {
	d, disconnect := dockerIfThere(ctx, w)
	defer disconnect()
	all, err := findOurs(ctx, d)
	if err != nil {
		return err
	}
	deployed, err := findDeployed(ctx, d)
	if err != nil {
		return err
	}
	if asJSON {
		return errors.Join(printLines(w, deployed), printLines(w, all))
	}
	if err := printDeployedViews(w, deployed); err != nil {
		return err
	}
	if len(all) == 0 && len(deployed) > 0 {
		return nil
	}
	if len(all) == 0 {
		fmt.Fprintln(w.stdout, "Nothing of ours is running.")
		return nil
	}
	t := tabwriter.NewWriter(w.stdout, 2, 8, 2, ' ', 0)
	fmt.Fprintln(t, "KIND\tID\tNAME\tRUN\tTRIAL\tROLE\tSTATE")
	for _, o := range all {
		state := o.State
		switch {
		case o.Elsewhere:
			state += ", its run's folder is not here"
		case !o.Live:
			state += ", its run is gone"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", o.Kind, o.ID, o.Name, o.Run, o.Trial, o.Role, state)
	}
	return t.Flush()
}

func destroyCmd(w *world) *cobra.Command {
	var all, asJSON bool
	c := &cobra.Command{
		Use:   "destroy [RUN|NAME]",
		Short: "Remove every container and process that is ours",
		Long: `Destroy removes the containers and processes that runs of qtune have left: of all
runs that are no longer at work, or of one RUN. It goes by labels alone, so it
also works after a crash, and touches nothing that is not ours. What belongs to
a run whose folder is not on this machine may be at work on another one: it is
removed if the RUN is named, or with --all.

A deployed winner is removed if it is named, by the NAME of its container or by
its RUN, and never otherwise.`,
		Args: atMostOne("at most one run or name"),
		RunE: func(c *cobra.Command, args []string) error {
			if all && len(args) == 1 {
				return &usageError{fmt.Errorf("give a run or --all, not both")}
			}
			return destroy(c.Context(), w, args, all, asJSON)
		},
	}
	c.Flags().BoolVar(&all, "all", false, "also what belongs to runs that are still at work: their trials fail")
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return c
}

// lateCreate is when destroy looks a second time: the daemon may still have been
// at a create call of a run that was killed a moment ago.
const lateCreate = 2 * time.Second

// destroyed is what destroy has done, for a program.
type destroyed struct {
	Type    string   `json:"type"`
	Removed []string `json:"removed"`
	Left    []string `json:"left"` // what could not be removed, and why
}

func destroy(ctx context.Context, w *world, args []string, all, asJSON bool) (err error) {
	d, disconnect := dockerIfThere(ctx, w)
	defer disconnect()
	if err := mend(ctx, d, func(line string) { w.log.Info().Msg(line) }); err != nil {
		return err
	}
	chosen, err := find(ctx, d, args, all)
	if err != nil {
		return err
	}
	if len(args) == 1 {
		deployed, err := deployedNamed(ctx, d, args[0])
		if err != nil {
			return err
		}
		chosen = append(chosen, deployed...)
	} else if !asJSON {
		defer func() { err = errors.Join(err, sayDeployed(ctx, w, d)) }()
	}
	done := destroyed{Type: "destroy", Removed: []string{}, Left: []string{}}
	say := func(line string) {
		if !asJSON {
			fmt.Fprintln(w.stdout, line)
		}
	}
	err = done.remove(ctx, chosen, say)
	if err == nil && d != nil && pause(ctx, lateCreate) {
		chosen, err = find(ctx, d, args, all)
		err = errors.Join(err, done.remove(ctx, chosen, say))
	}
	return errors.Join(err, done.tell(w, asJSON))
}

// remove removes each, and notes what became of it.
func (d *destroyed) remove(ctx context.Context, chosen []ours, say func(string)) error {
	left := removeEach(ctx, chosen, func(line string) { d.Removed = append(d.Removed, line); say(line) })
	for _, err := range left {
		d.Left = append(d.Left, err.Error())
	}
	return errors.Join(left...)
}

func (d *destroyed) tell(w *world, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w.stdout).Encode(d)
	}
	if len(d.Removed)+len(d.Left) == 0 {
		fmt.Fprintln(w.stdout, "Nothing to remove.")
	}
	return nil
}

// find chooses among what there is. A run that was killed while it started something
// may hold its lock until that is its own program, so one that seems to be at work is
// looked at again.
func find(ctx context.Context, d *docker.Client, args []string, all bool) ([]ours, error) {
	for until := time.Now().Add(ownerGone); ; {
		found, err := findOurs(ctx, d)
		if err != nil {
			return nil, err
		}
		chosen, err := choose(found, args, all)
		if err == nil || time.Now().After(until) || !pause(ctx, 100*time.Millisecond) {
			return chosen, err
		}
	}
}

func choose(found []ours, args []string, all bool) ([]ours, error) {
	switch {
	case all:
		return found, nil
	case len(args) == 0:
		return dead(found), nil
	}
	var chosen []ours
	for _, o := range found {
		if o.Run != args[0] {
			continue
		}
		if o.Live {
			return nil, fmt.Errorf("run %s is still at work: stop it with Ctrl-C, or give --all", o.Run)
		}
		chosen = append(chosen, o)
	}
	return chosen, nil
}
