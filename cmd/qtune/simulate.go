package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/qtune/qtune/catalog"
	"github.com/qtune/qtune/engine"
	"github.com/qtune/qtune/profiles"
	"github.com/qtune/qtune/simulator"
)

// The defaults of a simulation.
const (
	defaultSimulatedCard  = "RTX 5090"
	defaultSimulatedSpeed = 50
	maxSimulatedSpeed     = 1000
)

// simulateFlags are the flags of commands that can replace engines by simulated ones.
type simulateFlags struct {
	simulate bool
	in       string
	speed    float64
	seed     uint64
	noise    float64
	fault    string
}

func (f *simulateFlags) bind(c *cobra.Command) {
	c.Flags().BoolVar(&f.simulate, "simulate", false, "replace each engine by a simulated one: no GPU, no image, no model; every figure is then simulated")
	c.Flags().StringVar(&f.in, "simulate-in", "process", "where simulated engines run: process or docker")
	c.Flags().Float64Var(&f.speed, "simulate-speed", defaultSimulatedSpeed, "how many seconds a simulated engine lives in one of ours")
	c.Flags().Uint64Var(&f.seed, "simulate-seed", 1, "seed of all that is random in a simulated engine")
	c.Flags().Float64Var(&f.noise, "simulate-noise", 0, "how uneven simulated engines are: 0 not at all, 1 as a typical server (jitter, drift, restarts, stalls)")
	c.Flags().StringVar(&f.fault, "simulate-fault", "", "make simulated engines fail, to rehearse it: NAME, or NAME@N for the Nth start alone; \"qtune simulate --help\" lists them")
}

// simulation is what the launcher needs, nil for real engines.
func (f *simulateFlags) simulation(p *profiles.Profile) (*engine.Simulation, error) {
	if !f.simulate {
		return nil, nil
	}
	if f.in != "process" && f.in != "docker" {
		return nil, &usageError{fmt.Errorf("--simulate-in %q: choose process or docker", f.in)}
	}
	if f.speed <= 0 || f.speed > maxSimulatedSpeed {
		return nil, &usageError{fmt.Errorf("--simulate-speed %g: choose more than 0, at most %d", f.speed, maxSimulatedSpeed)}
	}
	if f.noise < 0 || f.noise > simulator.MaxNoise {
		return nil, &usageError{fmt.Errorf("--simulate-noise %g: choose 0 to %d", f.noise, simulator.MaxNoise)}
	}
	if err := simulator.CheckFault(f.fault); err != nil {
		return nil, &usageError{fmt.Errorf("--simulate-fault: %w", err)}
	}
	if err := f.canFail(p); err != nil {
		return nil, err
	}
	card := p.GPU.Simulate
	if card == "" {
		card = defaultSimulatedCard
	}
	if _, ok := catalog.FindCard(card); !ok {
		return nil, fmt.Errorf("simulate %q: no such card is known; `gpu { simulate = … }` takes one of %v", card, cardNames())
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program for simulated engines: %w", err)
	}
	return &engine.Simulation{Binary: self, InDocker: f.in == "docker", Card: card, Cards: len(p.GPU.Devices), Speed: f.speed, Seed: f.seed, Noise: f.noise, Fault: f.fault}, nil
}

// canFail refuses a failure that none of the profile's engines can show.
func (f *simulateFlags) canFail(p *profiles.Profile) error {
	name, _, _ := strings.Cut(f.fault, "@")
	var kinds []string
	for _, e := range p.Engines {
		if name == "" || slices.Contains(simulator.Faults(e.Kind), name) {
			return nil
		}
		kinds = append(kinds, e.Kind)
	}
	return &usageError{fmt.Errorf("--simulate-fault %s: a simulated %s cannot show this one: %s", f.fault, strings.Join(slices.Compact(kinds), " or "), simulator.DescribeFault(name))}
}

func cardNames() []string {
	var names []string
	for _, c := range catalog.Cards() {
		names = append(names, c.Name)
	}
	return names
}

// faultList is the failures that simulated engines can show, a line each.
func faultList() string {
	var b strings.Builder
	for _, name := range simulator.Faults("") {
		fmt.Fprintf(&b, "  %-25s %s\n", name, simulator.DescribeFault(name))
	}
	return b.String()
}

func simulateCmd(w *world) *cobra.Command {
	return &cobra.Command{
		Use:   "simulate ENGINE ARGS…",
		Short: "Serve a simulated engine, with that engine's own command line",
		Long: `Simulate serves a simulated vllm, sglang or llamacpp over HTTP until it is
stopped. The arguments are those of the engine itself, from after its program's
name. Settings of the simulation come by environment:

  QTUNE_SIMULATE_CARD   the card, as in "RTX 5090"
  QTUNE_SIMULATE_CARDS  how many of them the machine has (1)
  QTUNE_SIMULATE_SPEED  engine seconds in a second (1)
  QTUNE_SIMULATE_SEED   seed of all that is random
  QTUNE_SIMULATE_NOISE  how uneven it is: 0 not at all, 1 as a typical server
  QTUNE_SIMULATE_FAULT  a failure that it shows: NAME, or NAME@N for the Nth start
  QTUNE_SIMULATE_START  the number of this start
  QTUNE_SIMULATE_MODEL  the model, where the model argument names no known one
  QTUNE_SIMULATE_VERSION  the engine's version: its flags are today's, some habits that version's

The failures are:

` + faultList() + `
  qtune simulate vllm Qwen/Qwen3-8B --max-model-len 8192 --port 8000`,
		DisableFlagParsing: true,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 || args[0] == "-h" || args[0] == "--help" {
				return c.Help()
			}
			if code := simulator.Main(c.Context(), args, w.getenv, w.stdout, w.stderr); code != 0 {
				return &silentError{code}
			}
			return nil
		},
	}
}
