package main

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"

	"github.com/qtune/qtune/deploy"
	"github.com/qtune/qtune/docker"
)

// roleDeploying is what a deployment leaves that was cut off.
const roleDeploying = "deploying"

// findDeploying lists what deployments have left that were cut off: containers that
// did not get their place, those that had made room, and networks.
func findDeploying(ctx context.Context, d *docker.Client) ([]ours, error) {
	found, err := deploy.Find(ctx, d)
	if err != nil {
		return nil, err
	}
	var all []ours
	for _, f := range found {
		if f.Halfway() && !f.Settled(found) {
			all = append(all, halfway("container", f, func(ctx context.Context) error { return d.Remove(ctx, f.ID) }))
		}
	}
	networks, err := deploy.Waiting(ctx, d)
	for _, f := range networks {
		all = append(all, halfway("network", f, func(ctx context.Context) error { return d.RemoveNetwork(ctx, f.ID) }))
	}
	return all, err
}

func halfway(kind string, f deploy.Deployed, remove func(context.Context) error) ours {
	return ours{
		Kind: kind, ID: f.ID[:min(12, len(f.ID))], Name: f.Container, State: f.State, Run: f.Run, Trial: f.Trial, Role: roleDeploying, Dir: f.Dir,
		Live: isLive(f.Dir, f.Run), Elsewhere: !exists(f.Dir), remove: remove,
	}
}

// mend gives deployed servers their place whose deployment was cut off at its very
// end. One that is still at work is left alone.
func mend(ctx context.Context, d *docker.Client, say func(string)) error {
	if d == nil {
		return nil
	}
	found, err := deploy.Find(ctx, d)
	if err != nil {
		return err
	}
	for _, f := range found {
		if f.Halfway() && isLive(f.Dir, f.Run) {
			return nil
		}
	}
	said, err := deploy.Mend(ctx, d, found)
	for _, line := range said {
		say(line)
	}
	return err
}

// deployedView is a deployed server as ps shows it.
type deployedView struct {
	Kind      string `json:"kind"` // "container"
	ID        string `json:"id"`
	Name      string `json:"name"`
	Run       string `json:"run"`
	Trial     string `json:"trial"`
	Role      string `json:"role"` // "deployed"
	State     string `json:"state"`
	Status    string `json:"status"` // the same for people, with its health
	Engine    string `json:"engine"`
	Model     string `json:"model"`
	Simulated bool   `json:"simulated"`
	URL       string `json:"url"`
}

// findDeployed lists the servers that are deployed.
func findDeployed(ctx context.Context, d *docker.Client) ([]deployedView, error) {
	if d == nil {
		return nil, nil
	}
	found, err := deploy.Find(ctx, d)
	var all []deployedView
	for _, f := range found {
		if f.Halfway() && !f.Settled(found) {
			continue
		}
		all = append(all, deployedView{
			Kind: "container", ID: f.ID[:min(12, len(f.ID))], Name: f.Name, Run: f.Run, Trial: f.Trial, Role: "deployed",
			State: f.State, Status: f.Status, Engine: f.Kind + " " + f.Engine, Model: f.Model, Simulated: f.Simulated, URL: f.URL(),
		})
	}
	return all, err
}

// deployedNamed are the containers of the deployment of that name, or those that a
// run has deployed. One that is being deployed now is refused.
func deployedNamed(ctx context.Context, d *docker.Client, name string) ([]ours, error) {
	if d == nil {
		return nil, nil
	}
	found, err := deploy.Find(ctx, d)
	if err != nil {
		return nil, err
	}
	var all []ours
	for _, f := range found {
		if f.Name != name && f.Run != name {
			continue
		}
		if f.Halfway() && isLive(f.Dir, f.Run) {
			return nil, errors.New(f.Name + " is being deployed right now: stop that with Ctrl-C first")
		}
		o := halfway("container", f, func(ctx context.Context) error { return d.Remove(ctx, f.ID) })
		o.Role, o.Live = "deployed", false
		all = append(all, o)
	}
	return all, nil
}

// sayDeployed tells what a destroy without a name leaves alone.
func sayDeployed(ctx context.Context, w *world, d *docker.Client) error {
	all, err := findDeployed(ctx, d)
	for _, v := range all {
		fmt.Fprintf(w.stderr, "left running: %s, deployed at %s (`qtune destroy %s` removes it)\n", v.Name, v.URL, v.Name)
	}
	return err
}

func printDeployedViews(w *world, all []deployedView) error {
	if len(all) == 0 {
		return nil
	}
	t := tabwriter.NewWriter(w.stdout, 2, 8, 2, ' ', 0)
	fmt.Fprintln(t, "DEPLOYED\tURL\tENGINE\tMODEL\tRUN\tSTATUS")
	for _, v := range all {
		fmt.Fprintf(t, "%s\t%s\t%s%s\t%s\t%s\t%s\n", v.Name, v.URL, v.Engine, simulatedWord(v.Simulated), v.Model, v.Run, v.Status)
	}
	return t.Flush()
}
