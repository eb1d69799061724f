package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/docker"
	"github.com/qtune/qtune/engine"
	"github.com/qtune/qtune/export"
	"github.com/qtune/qtune/gpu"
	"github.com/qtune/qtune/profiles"
	"github.com/qtune/qtune/report"
	"github.com/qtune/qtune/tuner"
)

// formatHCL is the one format that package profiles writes.
const formatHCL = "hcl"

func exportFormats() []string { return append(export.Formats(), formatHCL) }

func exportCmd(w *world) *cobra.Command {
	var f deployFlags
	var to, output string
	c := &cobra.Command{
		Use:   "export [RUN] --to FORMAT",
		Short: "Write the winner of a run down for Docker, Compose, Kubernetes, systemd",
		Long: `Export writes the configuration that a run has chosen as a file for another tool,
each flag with the reason why it is there. Secrets are in none: the file names the
variables, or the Kubernetes secret, that have to hold them. Without a RUN it is
the newest. Nothing is started.

  qtune export --to docker        a shell script with docker run
  qtune export --to compose       a file for docker compose
  qtune export --to kubernetes    a Deployment and its Service
  qtune export --to systemd       a unit, of docker run or of the engine itself
  qtune export --to hcl           a profile that has this configuration alone
  qtune export --to args          the engine's command line
  qtune export --to env           its environment, as docker run --env-file takes it`,
		Args: atMostOne("at most one run"),
		RunE: func(_ *cobra.Command, args []string) error {
			text, err := exportRun(w, &f, strings.Join(args, ""), to)
			if err != nil {
				return err
			}
			if output == "" {
				_, err = w.stdout.Write([]byte(text))
				return err
			}
			if err := os.WriteFile(output, []byte(text), 0o644); err != nil {
				return fmt.Errorf("write the export: %w", err)
			}
			return nil
		},
	}
	f.profileFlags.bind(c)
	c.Flags().StringVar(&to, "to", "", "the `FORMAT`: "+strings.Join(exportFormats(), ", "))
	c.Flags().StringVarP(&output, "output", "o", "", "write to this `FILE` instead of stdout")
	c.Flags().StringVar(&f.dir, "dir", "", "the `FOLDER` that keeps runs (default: $QTUNE_DIR, else .qtune)")
	c.Flags().StringVar(&f.name, "name", "", "the container's `NAME` (default: of the profile's deploy block, else the profile's)")
	c.Flags().IntVar(&f.port, "port", 0, fmt.Sprintf("the `PORT` of the host (default: of the deploy block, else %d)", profiles.DefaultDeployPort))
	c.Flags().StringVar(&f.address, "address", "", "the `ADDRESS` of the host to publish the port on (default: of the deploy block, else 127.0.0.1)")
	c.Flags().StringVar(&f.restart, "restart", "", "the restart `POLICY` (default: of the deploy block, else "+profiles.DefaultDeployRestart+")")
	return c
}

func exportRun(w *world, f *deployFlags, run, to string) (string, error) {
	if !slices.Contains(exportFormats(), to) {
		return "", &usageError{fmt.Errorf("--to %q: choose one of %s", to, strings.Join(exportFormats(), ", "))}
	}
	options, err := f.options(w)
	if err != nil {
		return "", err
	}
	options.Env = stoodIn(options.Env)
	folder, err := tuner.OpenFolder(w.runFolder(f.dir))
	if err != nil {
		return "", err
	}
	if run, err = newest(folder, run); err != nil {
		return "", err
	}
	win, err := readWinner(w, folder, run, options)
	if err != nil {
		return "", err
	}
	if win.engine.Runtime == profiles.RuntimeExternal {
		return "", &engine.ProcessError{Engine: win.engine.Label(), Runtime: string(win.engine.Runtime)}
	}
	settings, err := f.settings(win.profile)
	if err != nil {
		return "", err
	}
	if to == formatHCL {
		return win.pin()
	}
	return win.service(w, settings).Write(to)
}

// stoodIn gives variables that are not set a value: an export has no secret in it,
// and needs none.
func stoodIn(env func(string) (string, bool)) func(string) (string, bool) {
	return func(name string) (string, bool) {
		value, set := env(name)
		if set || strings.HasPrefix(name, "QTUNE_VAR_") || name == "HOME" {
			return value, set
		}
		return "(" + name + ")", true
	}
}

// service is the winner for package export.
func (win *winner) service(w *world, d profiles.Deploy) *export.Service {
	k, _ := engine.Lookup(win.engine.Kind)
	l := &engine.Launcher{Environ: w.environ}
	st := engine.Start{Engine: win.engine, Candidate: win.marked(), Model: win.profile.Model, GPU: win.profile.GPU}
	s := &export.Service{
		Title: win.title(), Name: d.Name, Address: d.Address, Port: d.Port, Restart: d.Restart, Health: k.Health,
		Start: win.engine.StartupTimeout, Process: win.engine.Runtime == profiles.RuntimeProcess, Reasons: win.reasons(),
	}
	if best := win.past.Outcome.Best; best != nil {
		s.Digest = best.Facts.ImageDigest
	}
	if s.Process {
		s.Spec = l.DrawProcess(st, d)
		return s
	}
	s.Spec = l.Draw(st, d)
	if slices.ContainsFunc(s.Spec.Env, func(v string) bool { return strings.HasPrefix(v, "HF_HUB_CACHE=") }) && len(s.Spec.Mounts) == 0 {
		s.Title = append(s.Title, "No Hugging Face cache is on this host to mount: mount one that has the model at HF_HUB_CACHE, or take HF_HUB_OFFLINE out so that it is fetched.")
	}
	if win.profile.GPU.Devices == nil {
		s.Spec.GPUs = docker.GPUs{Count: win.cards()}
	}
	return s
}

// cards is how many the winner needs where the profile leaves the choice: none if
// it was measured on this host, and this host has none.
func (win *winner) cards() int {
	host, _ := os.Hostname()
	h := win.past.Header
	if _, err := gpu.Devices(); err != nil && !h.Simulated && h.Host == host && !exists("/proc/driver/nvidia/gpus") {
		return 0
	}
	n := 1
	for _, f := range win.candidate.Flags {
		if slices.Contains([]string{"tensor-parallel-size", "tp-size", "tp", "pipeline-parallel-size", "pp-size"}, f.Name) {
			if size, err := strconv.Atoi(f.Value.Text); err == nil && size > 0 {
				n *= size
			}
		}
	}
	return n
}

// title says what is exported, and what to mind.
func (win *winner) title() []string {
	sum := &win.past.Outcome.Summary
	first := fmt.Sprintf("Written by qtune %s: the winner of run %s of %s, %s.", qtuneVersion(), sum.Run, win.profile.Name, win.engine.Label())
	if sum.KeptBaseline {
		first = fmt.Sprintf("Written by qtune %s: the baseline of run %s of %s, %s, which nothing has beaten.", qtuneVersion(), sum.Run, win.profile.Name, win.engine.Label())
	}
	lines := []string{first}
	lines = append(lines, gained(sum, sum.Objective, sum.Gain)...)
	if sum.Pair != nil {
		lines = append(lines, gained(sum, sum.Pair.Second, sum.Pair.Gain.Value)...)
	}
	if sum.Simulated {
		lines = append(lines, "SIMULATED: the engines were simulated on "+sum.Card+", and nothing was measured. Which configuration is the best on a real card is not known.")
	}
	return lines
}

// gained is a line on a figure of the winner; none where it has no such figure.
func gained(sum *tuner.Summary, o tuner.ObjectiveValue, gain *float64) []string {
	if o.Value == nil {
		return nil
	}
	line := fmt.Sprintf("%s %s at %s", o.Metric, tuner.Figure(*o.Value, bench.Unit(o.Unit)), o.Level)
	if gain != nil && !sum.KeptBaseline {
		line += ", " + report.Change(*gain) + " than the baseline"
	}
	if sum.Simulated {
		line += ", simulated"
	}
	return []string{line + "."}
}

// marked is the winner's candidate with a mark in the place of each secret.
func (win *winner) marked() profiles.Candidate {
	var out profiles.Candidate
	for _, f := range win.candidate.Flags {
		out.Flags = append(out.Flags, profiles.Flag{Name: f.Name, Value: win.mark(f.Name, f.Value)})
	}
	for _, v := range win.candidate.Env {
		out.Env = append(out.Env, profiles.EnvVar{Name: v.Name, Value: win.mark(v.Name, v.Value)})
	}
	return out
}

func (win *winner) mark(name string, v profiles.Value) profiles.Value {
	if v.Secret != "" {
		return profiles.Value{Kind: profiles.KindString, Text: export.Mark(win.secretName(name, v)), Secret: v.Secret}
	}
	if len(v.List) == 0 {
		return v
	}
	out := v
	out.List = slices.Clone(v.List)
	for i := range out.List {
		out.List[i] = win.mark(name, v.List[i])
	}
	return out
}

// secretName is the variable that holds a secret: the environment's own, if the
// value is just that; one of the flag's name if the profile makes it of something.
func (win *winner) secretName(name string, v profiles.Value) string {
	for _, s := range win.profile.Secrets {
		if s.Name == v.Secret && s.Value == v.Text {
			_, own, _ := strings.Cut(s.Name, ".")
			if strings.HasPrefix(s.Name, "env.") && variableName(own) == own {
				return own
			}
			return variableName(strings.ToUpper(own))
		}
	}
	return variableName(strings.ToUpper(name))
}

// variableName is a name that a shell takes for a variable.
func variableName(s string) string {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' {
			return r
		}
		return '_'
	}, s)
	if name == "" || name[0] >= '0' && name[0] <= '9' {
		return "_" + name
	}
	return name
}

// reasons says why each flag of the winner is there.
func (win *winner) reasons() map[string]string {
	all := map[string]string{}
	base := win.past.Outcome.Summary.Baseline
	for _, f := range win.candidate.Flags {
		if why := win.sweptReason(f); why != "" {
			all[f.Name] = why
			continue
		}
		all[f.Name] = "as in the profile"
		if base == nil || base.Engine != win.engine.Kind {
			continue
		}
		i := slices.IndexFunc(base.Flags, func(b profiles.Flag) bool { return b.Name == f.Name })
		switch {
		case i < 0:
			all[f.Name] = "the baseline leaves it off"
		case recordedForm(base.Flags[i].Value) != recordedForm(f.Value):
			all[f.Name] = "the baseline has " + base.Flags[i].Value.String()
		}
	}
	return all
}

// sweptReason compares the values of a flag that was swept, by the best trial of
// each; "" for another flag.
func (win *winner) sweptReason(f profiles.Flag) string {
	goal := win.profile.Objective
	best, scores, order := map[string]*tuner.TrialResult{}, map[string]float64{}, []string{}
	for i := range win.past.Results {
		r := &win.past.Results[i]
		score, ok := tuner.Score(goal, r.Value)
		if !ok || r.Engine != win.engine.Kind || r.Name != win.engine.Name {
			continue
		}
		value := flagOf(r.Flags, f.Name)
		if best[value] == nil {
			order = append(order, value)
		}
		if best[value] == nil || score > scores[value] != goal.Minimize {
			best[value], scores[value] = r, score
		}
	}
	if len(order) < 2 {
		return ""
	}
	var parts []string
	for _, value := range order[:min(len(order), 6)] {
		parts = append(parts, value+": "+figuresOf(goal, best[value]))
	}
	return "swept; the best trial with " + strings.Join(parts, ", ") + simulatedWord(win.past.Outcome.Summary.Simulated)
}

// figuresOf are the objective's one or two figures of a trial.
func figuresOf(goal profiles.Objective, r *tuner.TrialResult) string {
	var parts []string
	for _, o := range tuner.Figures(goal) {
		if v, ok := r.Value(o); ok {
			parts = append(parts, tuner.Figure(v, o.Metric.Unit))
		}
	}
	return strings.Join(parts, " and ")
}

func flagOf(flags tuner.Flags, name string) string {
	for _, f := range flags {
		if f.Name == name && !f.Value.IsNull() {
			return f.Value.String()
		}
	}
	return "off"
}

// pin is the winner as a profile of its own.
func (win *winner) pin() (string, error) {
	comments := win.title()
	why := win.reasons()
	for _, f := range win.candidate.Flags {
		comments = append(comments, f.Name+": "+why[f.Name])
	}
	text, err := win.profile.Pin(win.engine, win.candidate, comments, win.secretName)
	return string(text), err
}

// recordedForm is a value as journals have it.
func recordedForm(v profiles.Value) string {
	text, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(text)
}
