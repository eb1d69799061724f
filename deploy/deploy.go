// Package deploy leaves a winner running, as a container that outlasts the run.
//
// It owns that container's labels and names, the decision whether anything has to
// change, and how one server takes the place of another: beside it where there is
// room, so that the port changes hands in a moment, or after it; and back again
// where the new one does not become ready. It knows no command line and no
// profile, starts nothing but through a function that it is given, and does not
// judge whether a winner deserves it.
package deploy

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/qtune/qtune/docker"
	"github.com/qtune/qtune/engine"
)

// The labels of a deployed container. They are none of those by which what a run
// leaves behind is found and removed.
const (
	Label        = "dev.qtune.deployed" // its name
	labelRun     = Label + ".run"
	labelDir     = Label + ".dir"
	labelTrial   = Label + ".trial"
	labelKind    = Label + ".engine"
	labelEngine  = Label + ".engine-name"
	labelModel   = Label + ".model"
	labelSim     = Label + ".simulated"
	labelHash    = Label + ".hash"
	labelLines   = Label + ".made-of"
	labelAddress = Label + ".address"
	labelNetwork = Label + ".network"
	labelGPUs    = Label + ".gpus"
	labelRestart = Label + ".restart"
	labelVersion = Label + ".version"
)

// Service is a winner that is to be left running.
type Service struct {
	Name      string // of the container
	Run, Dir  string // the run that chose it, and that run's folder
	Trial     string
	Kind      string // of the engine
	Engine    string // its name in the profile
	Model     string // as requests name it
	Simulated bool
	Address   string // host:port, as published
	Restart   string // the daemon's policy, once it serves
	Version   string // of qtune
	Blueprint *engine.Blueprint
}

func (s *Service) labels() map[string]string {
	all := map[string]string{
		Label: s.Name, labelRun: s.Run, labelDir: s.Dir, labelTrial: s.Trial, labelKind: s.Kind, labelEngine: s.Engine,
		labelModel: s.Model, labelHash: s.Blueprint.Hash(), labelLines: strings.Join(s.Blueprint.Lines, "\n"),
		labelAddress: s.Address, labelNetwork: s.network(), labelVersion: s.Version,
		labelGPUs: strings.Join(s.Blueprint.Spec.GPUs.IDs, ","), labelRestart: s.Restart,
	}
	if s.Simulated {
		all[labelSim] = "true"
	}
	return all
}

// network is where the container ends up.
func (s *Service) network() string {
	if s.Blueprint.Spec.Network == "" {
		return "bridge"
	}
	return s.Blueprint.Spec.Network
}

// Deployed is a deployed container as the daemon has it.
type Deployed struct {
	ID        string
	Container string // its name: that of the deployment, but while one takes another's place
	Name      string // of the deployment
	Run, Dir  string
	Trial     string
	Kind      string
	Engine    string
	Model     string
	Simulated bool
	Address   string
	Network   string
	GPUs      []string
	Restart   string
	Hash      string
	Lines     []string
	State     string // "running", "exited", …
	Status    string // the same for people, with its health
}

// Halfway says that a deployment was cut off while this container came or went.
func (d *Deployed) Halfway() bool { return d.Container != d.Name }

// URL is where it is reached from this host.
func (d *Deployed) URL() string { return URL(d.Address) }

// URL is where a published address is reached from this host.
func URL(address string) string {
	for _, every := range []string{"0.0.0.0", "[::]"} {
		if port, ok := strings.CutPrefix(address, every); ok {
			return "http://127.0.0.1" + port
		}
	}
	return "http://" + address
}

// Find lists what is deployed on a daemon, and what is halfway there.
func Find(ctx context.Context, c *docker.Client) ([]Deployed, error) {
	all, err := c.List(ctx, Label)
	if err != nil {
		return nil, err
	}
	var found []Deployed
	for _, s := range all {
		if d, ok := read(s); ok {
			found = append(found, d)
		}
	}
	return found, nil
}

// read is what a container's labels tell; false for one that somebody else made.
func read(s docker.Summary) (Deployed, bool) {
	l := s.Labels
	d := Deployed{
		ID: s.ID, Container: s.Name, Name: l[Label], Run: l[labelRun], Dir: l[labelDir], Trial: l[labelTrial], Kind: l[labelKind],
		Engine: l[labelEngine], Model: l[labelModel], Simulated: l[labelSim] != "", Address: l[labelAddress], Network: l[labelNetwork],
		Hash: l[labelHash], Restart: l[labelRestart], State: s.State, Status: s.Status,
	}
	if l[labelLines] != "" {
		d.Lines = strings.Split(l[labelLines], "\n")
	}
	if l[labelGPUs] != "" {
		d.GPUs = strings.Split(l[labelGPUs], ",")
	}
	whole := d.Name != "" && d.Run != "" && d.Hash != "" && filepath.IsAbs(d.Dir) && l[labelVersion] != ""
	return d, whole && (!d.Halfway() || d.Container == coming(d.Run) || d.Container == going(d.Run))
}

// coming is what a container is called until it has its place, and the network on
// which it waits; going what the one is called that made room.
func coming(run string) string { return fmt.Sprintf("qtune-%s-deploying", run) }
func going(run string) string  { return fmt.Sprintf("qtune-%s-replaced", run) }

// Waiting lists the networks on which containers wait for their place.
func Waiting(ctx context.Context, c *docker.Client) ([]Deployed, error) {
	all, err := c.Networks(ctx, Label)
	if err != nil {
		return nil, err
	}
	var found []Deployed
	for _, n := range all {
		d := Deployed{ID: n.ID, Container: n.Name, Name: n.Labels[Label], Run: n.Labels[labelRun], Dir: n.Labels[labelDir], State: "made"}
		if d.Name != "" && n.Name == coming(d.Run) && filepath.IsAbs(d.Dir) {
			found = append(found, d)
		}
	}
	return found, nil
}
