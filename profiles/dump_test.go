package profiles

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/qtune/qtune/bench"
)

// maxDumped is how many candidates a dump shows of an engine.
const maxDumped = 12

// dump is a profile as text, without what differs from machine to machine.
func dump(t *testing.T, p *Profile) string {
	t.Helper()
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("profile %s", p.Name)
	line("model   %+v", p.Model)
	line("gpu     %+v nil=%t", p.GPU, p.GPU.Devices == nil)
	for _, in := range p.Inputs {
		line("input   {Name:%s Value:%s Sensitive:%t}", in.Name, in.Value, in.Sensitive)
	}
	for _, s := range p.Secrets {
		line("secret  %s, %d bytes", s.Name, len(s.Value))
	}
	for _, e := range p.Engines {
		dumpEngine(line, e)
	}
	for _, w := range p.Workloads {
		line("workload %s: %s, seed %d, %s, %+v", w.Name, w.API, w.Seed, dumpPrompts(w.Prompts), w.Timeouts)
		if len(w.SLO) > 0 || w.ResetCache || w.Whole {
			line("  slo %v, reset %t, whole %t", w.SLO, w.ResetCache, w.Whole)
		}
		for _, level := range w.Levels {
			line("  %s %s: %d users, %d tokens, %d requests, %d before, %s", level, level.Kind,
				level.Users, level.OutputTokens, level.Requests, level.Warmup, level.Duration)
			if level.Kind != bench.KindSingle && level.Kind != bench.KindClosed && level.Kind != bench.KindBurst {
				line("    %+v", level)
			}
		}
	}
	line("baseline   %s", p.Baseline().Label())
	line("objective  %+v minimize=%t at %+v", p.Objective.Metric, p.Objective.Minimize, p.Objective.At)
	if o := p.Objective.Also; o != nil {
		line("  also     %+v minimize=%t at %+v, pick %s", o.Metric, o.Minimize, o.At, p.Objective.Pick)
	}
	for _, c := range p.Constraints {
		line("constraint %+v max=%s min=%s at %+v", c.Metric, bound(c.Max), bound(c.Min), c.At)
	}
	line("search     %+v", p.Search)
	if d := p.Deploy; d != nil {
		line("deploy     %s on %s port %d, restart %s", d.Name, d.Address, d.Port, d.Restart)
	}
	return strings.ReplaceAll(b.String(), p.Dir, "DIR")
}

func dumpPrompts(p bench.Prompts) string {
	text, err := json.Marshal(p)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func bound(f *float64) string {
	if f == nil {
		return "none"
	}
	return fmt.Sprint(*f)
}

func dumpEngine(line func(string, ...any), e *Engine) {
	line("engine  %s", e.Label())
	line("  preset=%q runtime=%s url=%q image=%q pull=%q timeout=%s", e.Preset, e.Runtime, e.URL, e.Image, e.Pull, e.StartupTimeout)
	line("  entrypoint=%q nil=%t command=%q nil=%t", e.Entrypoint, e.Entrypoint == nil, e.Command, e.Command == nil)
	line("  mounts=%+v tmpfs=%+v shm=%d ulimits=%+v", e.Mounts, e.Tmpfs, e.ShmSize, e.Ulimits)
	line("  ipc=%q network=%q port=%d cap_add=%q", e.IPC, e.Network, e.Port, e.CapAdd)
	for _, f := range e.Flags {
		line("  flag %s = %s", f.Name, dumpValue(f.Value))
	}
	for _, v := range e.Env {
		line("  env  %s = %s", v.Name, dumpValue(v.Value))
	}
	for _, a := range e.Axes {
		line("  axis %s env=%t: %s", a.Name, a.Env, dumpValue(List(a.Values...)))
	}
	count, overflow := e.Count()
	kept, _ := e.kept()
	line("  %d candidates overflow=%t, %d kept", count, overflow, kept)
	line("  baseline: %s", changes(e, e.BaselineCandidate()))
	n := 0
	for c := range e.Candidates() {
		if n++; n <= maxDumped {
			line("  candidate excluded=%t: %s", c.Excluded, changes(e, c))
		}
	}
	line("  %d seen", n)
}

func dumpValue(v Value) string {
	if v.Secret != "" {
		return "secret " + v.Secret
	}
	if v.Kind == KindList {
		var all []string
		for _, e := range v.List {
			all = append(all, dumpValue(e))
		}
		return "[" + strings.Join(all, " ") + "]"
	}
	kind := []string{"null", "bool", "number", "text", "list", "json"}[v.Kind]
	return strings.TrimSpace(kind + " " + v.Text)
}

// changes is what a candidate sets other than its engine does, and what it leaves off.
func changes(e *Engine, c Candidate) string {
	var all []string
	for _, f := range c.Flags {
		if !slices.ContainsFunc(e.Flags, func(g Flag) bool { return g.Name == f.Name && g.Value.String() == f.Value.String() }) {
			all = append(all, f.Name+"="+f.Value.String())
		}
	}
	for _, f := range e.Flags {
		if !slices.ContainsFunc(c.Flags, func(g Flag) bool { return g.Name == f.Name }) {
			all = append(all, "no "+f.Name)
		}
	}
	for _, v := range c.Env {
		if !slices.ContainsFunc(e.Env, func(g EnvVar) bool { return g.Name == v.Name }) {
			all = append(all, v.Name+"="+v.Value.String())
		}
	}
	return strings.Join(all, " ")
}
