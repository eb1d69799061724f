package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/qtune/qtune/deploy"
	"github.com/qtune/qtune/profiles"
	"github.com/qtune/qtune/report"
	"github.com/qtune/qtune/tuner"
)

// deployFlags are the flags of deploy.
type deployFlags struct {
	profileFlags
	dir                      string
	name, address, restart   string
	port                     int
	simulate                 bool
	speed                    float64
	plan, yes, json          bool
	replace, otherImage, off bool
}

func deployCmd(w *world) *cobra.Command {
	var f deployFlags
	c := &cobra.Command{
		Use:   "deploy [RUN]",
		Short: "Leave the winner of a run running, as a container with a port",
		Long: `Deploy starts the configuration that a run has chosen as a container that stays:
with a name, a port, a restart policy and a health check. It counts as deployed
once it has generated a token of the right model. Without a RUN it is the newest.

A server that is deployed under the name already is replaced. Where the card has
room for both, the new one starts beside it and takes its port once it is ready,
which takes some tenths of a second; requests that are being answered then are
cut off. Where it has not, the old one ends first, and that is said. If the new
one does not become ready, the old one serves again. The same configuration once
more changes nothing.

The profile's deploy block says name, port and the rest; flags win over it. What
is deployed is touched by no other command: ` + "`qtune ps`" + ` lists it, ` + "`qtune destroy NAME`" + `
removes it.

  qtune deploy --plan             what would be done
  qtune deploy RUN --yes          without a question
  qtune deploy RUN --simulate     the winner of a simulated run, as a simulated engine`,
		Args: atMostOne("at most one run"),
		RunE: func(c *cobra.Command, args []string) error {
			return deployRun(c.Context(), w, &f, strings.Join(args, ""))
		},
	}
	f.bind(c)
	return c
}

func (f *deployFlags) bind(c *cobra.Command) {
	f.profileFlags.bind(c)
	c.Flags().StringVar(&f.dir, "dir", "", "the `FOLDER` that keeps runs (default: $QTUNE_DIR, else .qtune)")
	c.Flags().StringVar(&f.name, "name", "", "the container's `NAME` (default: of the profile's deploy block, else the profile's)")
	c.Flags().IntVar(&f.port, "port", 0, fmt.Sprintf("the `PORT` of this host (default: of the deploy block, else %d)", profiles.DefaultDeployPort))
	c.Flags().StringVar(&f.address, "address", "", "the `ADDRESS` of this host to publish the port on (default: of the deploy block, else 127.0.0.1); 0.0.0.0 is every one")
	c.Flags().StringVar(&f.restart, "restart", "", "the restart `POLICY`: "+strings.Join(profiles.RestartPolicies(), ", ")+" (default: of the deploy block, else "+profiles.DefaultDeployRestart+")")
	c.Flags().BoolVar(&f.simulate, "simulate", false, "deploy a simulated engine in the winner's place; needed for the winner of a simulated run")
	c.Flags().Float64Var(&f.speed, "simulate-speed", 1, "how many seconds the simulated engine lives in one of ours")
	c.Flags().BoolVar(&f.plan, "plan", false, "print what would be done, and do nothing")
	c.Flags().BoolVar(&f.yes, "yes", false, "do not ask")
	c.Flags().BoolVar(&f.replace, "replace", false, "replace the container even if nothing has changed, such as after a secret's value has")
	c.Flags().BoolVar(&f.otherImage, "other-image", false, "deploy even if the image is no longer the one that was measured")
	c.Flags().BoolVar(&f.off, "offline", false, "fetch nothing: no image, no model")
	c.Flags().BoolVar(&f.json, "json", false, "print the plan and the result as one JSON object each")
}

// settings are the profile's, with what the flags say in their place.
func (f *deployFlags) settings(p *profiles.Profile) (profiles.Deploy, error) {
	d := *profiles.NewDeploy(containerName(p.Name))
	if p.Deploy != nil {
		d = *p.Deploy
	}
	set := func(to *string, value string) {
		if value != "" {
			*to = value
		}
	}
	set(&d.Name, f.name)
	set(&d.Address, f.address)
	set(&d.Restart, f.restart)
	if f.port != 0 {
		d.Port = f.port
	}
	switch {
	case !profiles.GoodDeployName(d.Name):
		return d, &usageError{fmt.Errorf("--name %q: two or more letters, digits, dots, dashes and underscores, not qtune- in front", d.Name)}
	case !profiles.GoodAddress(d.Address):
		return d, &usageError{fmt.Errorf("--address %q: write an IP address of this host", d.Address)}
	case d.Port < 1 || d.Port > 65535:
		return d, &usageError{fmt.Errorf("--port %d is not between 1 and 65535", d.Port)}
	case !profiles.GoodRestart(d.Restart):
		return d, &usageError{fmt.Errorf("--restart %q: choose one of %s", d.Restart, strings.Join(profiles.RestartPolicies(), ", "))}
	}
	return d, nil
}

// containerName makes a container's name of a profile's.
func containerName(profile string) string {
	name := strings.Trim(strings.Map(func(r rune) rune {
		if strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-", r) {
			return r
		}
		return '-'
	}, profile), "._-")
	name = name[:min(len(name), 63)]
	if !profiles.GoodDeployName(name) {
		return "winner"
	}
	return name
}

func deployRun(ctx context.Context, w *world, f *deployFlags, run string) error {
	options, err := f.options(w)
	if err != nil {
		return err
	}
	folder, err := tuner.OpenFolder(w.runFolder(f.dir))
	if err != nil {
		return err
	}
	if run, err = newest(folder, run); err != nil {
		return err
	}
	win, err := readWinner(w, folder, run, options)
	if err != nil {
		return err
	}
	if err := checkSecrets(win.profile); err != nil {
		return err
	}
	s, err := deploySession(w, folder, win, f)
	if err != nil {
		return err
	}
	result, err := s.deploy(ctx, win, f)
	closing := s.close(ctx)
	if err == nil && result != nil {
		err = printDeployed(w, result, f.json)
	}
	return errors.Join(err, closing)
}

// confirm asks whether a plan is to be carried out.
func (f *deployFlags) confirm(w *world) error {
	if f.yes {
		return nil
	}
	if f.json || !w.asks {
		return &usageError{errors.New("nobody can be asked here: give --yes to deploy, --plan to look only")}
	}
	fmt.Fprint(w.stderr, "Deploy this? Only \"yes\" is taken: ")
	line, err := bufio.NewReader(w.stdin).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read the answer: %w", err)
	}
	if strings.TrimSpace(line) != "yes" {
		return errors.New("not deployed: the answer was not yes")
	}
	return nil
}

// deployView is a plan as it is shown.
type deployView struct {
	Type      string   `json:"type"` // "deploy_plan"
	Name      string   `json:"name"`
	Action    string   `json:"action"` // create, replace, no change
	Run       string   `json:"run"`
	Engine    string   `json:"engine"`
	Simulated bool     `json:"simulated"`
	URL       string   `json:"url"`
	Beside    bool     `json:"beside"`        // the new server starts while the old one serves
	Why       string   `json:"why,omitempty"` // it does not
	Changes   []string `json:"changes,omitempty"`
}

func newDeployView(s *deploy.Service, p *deploy.Plan) *deployView {
	return &deployView{
		Type: "deploy_plan", Name: s.Name, Action: string(p.Action), Run: s.Run, Engine: s.Kind + " " + s.Engine,
		Simulated: s.Simulated, URL: deploy.URL(s.Address), Beside: p.Beside, Why: p.Why, Changes: p.Changes,
	}
}

func (v *deployView) show(w io.Writer, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(v)
	}
	p := &planPrinter{out: w}
	p.printf("Winner of run %s: %s%s\n", v.Run, v.Engine, simulatedWord(v.Simulated))
	switch {
	case v.Action == string(deploy.Create):
		p.printf("%s is created, at %s\n", v.Name, v.URL)
	case v.Action == string(deploy.Keep):
		p.printf("%s is deployed already, at %s: no change\n", v.Name, v.URL)
		return p.err
	case v.Beside:
		p.printf("%s is replaced, at %s: the new server starts beside the old one, and takes over once it is ready\n", v.Name, v.URL)
	default:
		p.printf("%s is replaced, at %s. The old server ends first: %s\n", v.Name, v.URL, v.Why)
	}
	for _, c := range v.Changes {
		p.printf("  %s\n", c)
	}
	return p.err
}

// deployed is what a deployment has come to.
type deployed struct {
	Type      string   `json:"type"` // "deployed"
	Name      string   `json:"name"`
	Action    string   `json:"action"`
	Run       string   `json:"run"`
	Engine    string   `json:"engine"`
	Model     string   `json:"model"`
	Simulated bool     `json:"simulated"`
	URL       string   `json:"url"`
	Container string   `json:"container"`
	ReadyS    float64  `json:"ready_s"`         // from its start to its first token
	GapS      *float64 `json:"gap_s,omitempty"` // in which nothing answered at the port; null where nothing was replaced
}

func newDeployed(s *deploy.Service, p *deploy.Plan, done deploy.Done) *deployed {
	d := &deployed{
		Type: "deployed", Name: s.Name, Action: string(p.Action), Run: s.Run, Engine: s.Kind + " " + s.Engine, Model: s.Model,
		Simulated: s.Simulated, URL: deploy.URL(s.Address), Container: done.ID, ReadyS: done.Wall.Seconds(),
	}
	if p.Action == deploy.Replace {
		gap := done.Gap.Seconds()
		d.GapS = &gap
	}
	return d
}

func printDeployed(w *world, d *deployed, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w.stdout).Encode(d)
	}
	if d.Action == string(deploy.Keep) {
		return nil // the plan has said so
	}
	p := &planPrinter{out: w.stdout}
	p.printf("Deployed %s%s: %s at %s, ready after %s", d.Name, simulatedWord(d.Simulated), d.Engine, d.URL, report.Duration(d.ReadyS))
	if d.GapS != nil && *d.GapS > 0 {
		p.printf("; the port was silent for %v", time.Duration(*d.GapS*float64(time.Second)).Round(10*time.Millisecond))
	}
	p.printf("\nTry it: curl %s/v1/models\nRemove it: qtune destroy %s\n", d.URL, d.Name)
	return p.err
}
