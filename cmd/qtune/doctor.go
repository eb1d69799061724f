package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/qtune/qtune/docker"
	"github.com/qtune/qtune/engine"
	"github.com/qtune/qtune/gpu"
	"github.com/qtune/qtune/profiles"
)

func doctorCmd(w *world) *cobra.Command {
	var f profileFlags
	var ask, asJSON bool
	var dir string
	c := &cobra.Command{
		Use:   "doctor [FILE]",
		Short: "Check this machine: Docker, driver, GPUs, disk, model, and what is wrong with them",
		Long: `Doctor looks at all that a run needs and says what is wrong with it, each with
its remedy. With a profile it checks what this profile needs: its images, its
model, its cards. With --engine it starts each engine of the profile with --help,
in its image, and reports the flags that this engine does not have.

It ends with 1 if a run cannot work, and changes nothing.`,
		Args:              atMostOne("at most one profile"),
		ValidArgsFunction: completeProfiles,
		RunE: func(c *cobra.Command, args []string) error {
			if ask && len(args) == 0 {
				return &usageError{errors.New("--engine asks the engines of a profile: name its FILE")}
			}
			d := &doctor{w: w, probes: machineProbes(w), folder: w.runFolder(dir)}
			if len(args) == 1 {
				p, err := loadProfile(w, args[0], &f, asJSON)
				if err != nil {
					return err
				}
				d.profile = p
			}
			d.examine(c.Context(), ask)
			return d.report(asJSON)
		},
	}
	f.bind(c)
	c.Flags().BoolVar(&ask, "engine", false, "start each engine of FILE with --help, and report the profile's flags that it does not have")
	c.Flags().StringVar(&dir, "dir", "", "the `FOLDER` that keeps runs (default: $QTUNE_DIR, else .qtune)")
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return c
}

// grade says how bad a finding is.
type grade string

const (
	gradeOK   grade = "ok"
	gradeInfo grade = "info" // worth knowing, and nothing is wrong
	gradeWarn grade = "warn" // a run works, and something is not as it should be
	gradeBad  grade = "bad"  // a run cannot work
)

// finding is one thing that doctor has to say.
type finding struct {
	Check  string `json:"check"`
	Grade  grade  `json:"grade"`
	Text   string `json:"text"`
	Remedy string `json:"remedy,omitempty"`
}

// daemon is what doctor asks of a Docker Engine.
type daemon interface {
	Info(ctx context.Context) (docker.Info, error)
	InspectImage(ctx context.Context, image string) (docker.Image, bool, error)
	Close() error
}

// probes are how doctor looks at the machine.
type probes struct {
	docker func(ctx context.Context) (daemon, error)
	gpus   func() (gpu.Inventory, error)
	states func() ([]gpu.State, error)
	free   func(folder string) (int64, error)
	listen func() error // on a free port of 127.0.0.1
	dial   func(address string) error
	holder func(ctx context.Context, pid int) string // names a process
	locks  gpu.Locks
	help   func(ctx context.Context, e *profiles.Engine, g profiles.GPU) ([]finding, error)
}

func machineProbes(w *world) probes {
	return probes{
		docker: func(ctx context.Context) (daemon, error) {
			c, err := docker.Connect(ctx, w.log)
			if err != nil {
				return nil, err
			}
			return c, nil
		},
		gpus: gpu.Devices, states: gpu.States, free: engine.FreeBytes, listen: listenOnce, locks: gpu.SharedLocks(),
		holder: func(ctx context.Context, pid int) string {
			c, disconnect := dockerIfThere(ctx, w)
			defer disconnect()
			return nameProcess(ctx, c, pid)
		},
		dial: func(address string) error {
			c, err := net.DialTimeout("tcp", address, 2*time.Second)
			if err != nil {
				return err
			}
			return c.Close()
		},
		help: func(ctx context.Context, e *profiles.Engine, g profiles.GPU) ([]finding, error) {
			return askEngine(ctx, w, e, g)
		},
	}
}

func listenOnce() error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	return l.Close()
}

// doctor examines one machine.
type doctor struct {
	w        *world
	probes   probes
	folder   string            // that keeps runs
	profile  *profiles.Profile // nil: what any run needs
	findings []finding

	images map[string]bool // by reference: whether it is here; nil: no daemon to ask
	inv    gpu.Inventory
	noGPU  error // why there is none
}

func (d *doctor) say(check string, g grade, remedy, format string, args ...any) {
	d.findings = append(d.findings, finding{Check: check, Grade: g, Text: fmt.Sprintf(format, args...), Remedy: remedy})
}

// engines are those of the profile that run so; nil without a profile.
func (d *doctor) engines(r profiles.Runtime) []*profiles.Engine {
	var all []*profiles.Engine
	if d.profile == nil {
		return nil
	}
	for _, e := range d.profile.Engines {
		if e.Runtime == r {
			all = append(all, e)
		}
	}
	return all
}

// examine looks at everything.
func (d *doctor) examine(ctx context.Context, ask bool) {
	d.inv, d.noGPU = d.probes.gpus()
	d.checkDocker(ctx)
	d.checkDriver()
	d.checkCards(ctx)
	d.checkStates()
	d.checkPrograms()
	d.checkModel()
	d.checkFolder()
	d.checkShm()
	d.checkPorts()
	if ask {
		d.checkEngines(ctx)
	}
}

// report prints the findings; a bad one makes the exit code 1.
func (d *doctor) report(asJSON bool) error {
	bad := 0
	for _, f := range d.findings {
		if f.Grade == gradeBad {
			bad++
		}
	}
	var err error
	if asJSON {
		err = json.NewEncoder(d.w.stdout).Encode(map[string]any{"type": "doctor", "works": bad == 0, "findings": d.findings})
	} else {
		err = d.text(d.w.stdout, bad)
	}
	if err == nil && bad > 0 {
		return &silentError{exitError}
	}
	return err
}

func (d *doctor) text(out io.Writer, bad int) error {
	p := &planPrinter{out: out}
	for _, f := range d.findings {
		p.printf("%-4s  %s: %s\n", f.Grade, f.Check, f.Text)
		if f.Remedy != "" {
			p.printf("      remedy: %s\n", f.Remedy)
		}
	}
	switch {
	case bad > 0:
		p.printf("\nA run cannot work: %s must be put right first.\n", plural(bad, "thing"))
	default:
		p.printf("\nNothing here keeps a run from working.\n")
	}
	return p.err
}

// checkFolder makes sure that runs can be kept.
func (d *doctor) checkFolder() {
	folder := existing(d.folder)
	f, err := os.CreateTemp(folder, ".qtune-doctor-")
	if err != nil {
		d.say("runs", gradeBad, "choose another folder with --dir", "nothing can be written to %s: %v", folder, err)
		return
	}
	if err := errors.Join(f.Close(), os.Remove(f.Name())); err != nil {
		d.say("runs", gradeWarn, "", "a file of doctor's own stays behind: %v", err)
	}
	d.disk("runs", folder, 1<<30, "runs are kept in "+relative(d.folder))
}

// existing is a folder, or the nearest one above it that is there.
func existing(folder string) string {
	absolute, err := filepath.Abs(folder)
	if err != nil {
		return folder
	}
	for !exists(absolute) && filepath.Dir(absolute) != absolute {
		absolute = filepath.Dir(absolute)
	}
	return absolute
}

// disk compares what is free with what is wanted.
func (d *doctor) disk(check, folder string, want int64, what string) {
	free, err := d.probes.free(folder)
	switch {
	case err != nil:
		d.say(check, gradeWarn, "", "%s; the disk's free space is not known: %v", what, err)
	case free < want:
		d.say(check, gradeWarn, "make room, or use another disk", "%s, and %.1f GiB are free of about %.1f that may be needed", what, gib(free), gib(want))
	default:
		d.say(check, gradeOK, "", "%s, %.1f GiB free", what, gib(free))
	}
}

// checkPorts makes sure that engines find ports, and that external ones answer.
func (d *doctor) checkPorts() {
	if err := d.probes.listen(); err != nil {
		d.say("ports", gradeBad, "look at firewalls, and at the limit of open files (ulimit -n)", "no port of 127.0.0.1 can be opened: %v", err)
	} else {
		d.say("ports", gradeOK, "", "free ports on 127.0.0.1")
	}
	for _, e := range d.engines(profiles.RuntimeExternal) {
		address := hostPort(e.URL)
		if err := d.probes.dial(address); err != nil {
			d.say("server", gradeBad, "start the server, or correct the engine's url", "engine %s: nothing answers at %s: %v", e.Label(), address, err)
			continue
		}
		d.say("server", gradeOK, "", "engine %s: something answers at %s", e.Label(), address)
	}
}
