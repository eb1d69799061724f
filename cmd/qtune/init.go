package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/qtune/qtune/catalog"
	"github.com/qtune/qtune/engine"
	"github.com/qtune/qtune/gpu"
	"github.com/qtune/qtune/profiles"
)

func initCmd(w *world) *cobra.Command {
	var model string
	var force bool
	c := &cobra.Command{
		Use:   "init [FILE]",
		Short: "Write a profile for this machine: its GPU, its engines, a model",
		Long: `Init looks at the machine's GPU, Docker and model, and writes a commented profile
that is worth running on it, with a sweep of the flags that matter most for that
card and model. FILE is qtune.hcl by default. On a machine without a GPU it
writes a profile for vLLM on its CPU where vLLM is installed, and else one to
rehearse with --simulate.`,
		Args: atMostOne("at most one file"),
		RunE: func(c *cobra.Command, args []string) error {
			path := "qtune.hcl"
			if len(args) == 1 {
				path = args[0]
			}
			return initProfile(w, path, survey(c.Context(), w, model), force)
		},
	}
	c.Flags().StringVar(&model, "model", "", "the `MODEL` to serve: a name on the Hugging Face hub, or a folder (default: the largest that is here and fits, else a usual one that the card has room for)")
	c.Flags().BoolVar(&force, "force", false, "overwrite FILE if it is there")
	return c
}

// found is what init has seen of the machine.
type found struct {
	gpu    string        // as its driver names it; "" none
	card   *catalog.Card // nil: none, or not in the table
	docker bool
	vllm   string // path of a local vllm; "" none
	model  string // as asked for; "" none
	cached string // the largest that is here and fits; "" none
}

func survey(ctx context.Context, w *world, model string) found {
	f := found{model: model}
	if inv, err := gpu.Devices(); err == nil && len(inv.Devices) > 0 {
		f.gpu, f.card = inv.Devices[0].Name, knownCard(inv, nil)
	}
	d, disconnect := dockerIfThere(ctx, w)
	f.docker = d != nil
	disconnect()
	if path, err := exec.LookPath("vllm"); err == nil {
		f.vllm = path
	}
	if f.model == "" {
		f.cached = f.chooseCached(w.environ)
	}
	return f
}

// chooseCached is the largest model that is here whole and that fits, so that
// nothing needs fetching; "" if there is none.
func (f *found) chooseCached(environ []string) string {
	best, most, card := "", 0.0, f.sizedFor()
	for _, id := range engine.CachedModels(engine.CacheDir(environ)) {
		m := knownModel(profiles.Model{ID: id}, environ)
		if m == nil {
			continue
		}
		if size := m.WeightBytes(""); size > most && catalog.VLLMFeasible(card, *m, catalog.VLLMFlags{MaxModelLen: min(initContext, m.MaxPosition)}).Answer == catalog.AnswerFits {
			best, most = id, size
		}
	}
	return best
}

func initProfile(w *world, path string, f found, force bool) error {
	text, diags := profiles.Format([]byte(f.profile()), path)
	if diags.HasErrors() {
		return fmt.Errorf("write a profile: it would not be one: %d errors", diags.Errors())
	}
	mode := os.O_WRONLY | os.O_CREATE | os.O_EXCL
	if force {
		mode = os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	}
	file, err := os.OpenFile(path, mode, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return &overwriteError{path}
	}
	if err != nil {
		return fmt.Errorf("write a profile: %w", err)
	}
	_, err = file.Write(text)
	if err = errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("write a profile: %w", err)
	}
	simulate := ""
	if f.rehearses() {
		simulate = " --simulate"
	}
	fmt.Fprintf(w.stdout, "Wrote %s: %s.\n\n  qtune plan %s%s     what would be run\n  qtune apply %s%s    run it\n", path, f.summary(), path, simulate, path, simulate)
	return nil
}

// overwriteError is a file that init will not replace.
type overwriteError struct{ path string }

func (e *overwriteError) Error() string { return e.path + " is there already" }

// Hint says what to do about it.
func (e *overwriteError) Hint() string {
	return "name another file, or overwrite this one with --force"
}

// The cards that stand for one that is not there or not known.
const (
	rehearsalCard = "RTX 4090"
	cpuCard       = "2-core CPU"
)

// rehearses says that nothing here can serve a model for real.
func (f *found) rehearses() bool {
	return f.gpu == "" && f.vllm == "" || f.gpu != "" && !f.docker && f.vllm == ""
}

func (f *found) onCPU() bool { return f.gpu == "" && f.vllm != "" }

func (f *found) summary() string {
	switch {
	case f.onCPU():
		return "vLLM as it is installed here, on the CPU"
	case f.rehearses():
		return "no engine can run here, so it is for a rehearsal with --simulate"
	}
	return "for " + f.gpu
}

// sizedFor is the card by which model and sweep are chosen.
func (f *found) sizedFor() catalog.Card {
	name := rehearsalCard
	switch {
	case f.card != nil:
		return *f.card
	case f.onCPU():
		name = cpuCard
	}
	card, _ := catalog.FindCard(name)
	return card
}

// initContext is the context that init asks engines for, in tokens.
const initContext = 4096

// profile is the file that init writes, but for its form.
func (f *found) profile() string {
	card := f.sizedFor()
	id, shape := f.model, catalog.Model{}
	if id == "" {
		id = f.cached
	}
	if id == "" {
		shape = catalog.SuggestModel(card, initContext)
		id = shape.ID
	} else if known := knownModel(f.namedModel(id), nil); known != nil {
		shape = *known
	} else {
		shape = catalog.SuggestModel(card, initContext)
	}
	var b strings.Builder
	b.WriteString("# Written by qtune init. Every line is yours to change.\n")
	fmt.Fprintf(&b, "# This machine: %s.\n\n", f.machine())
	b.WriteString("# What every engine serves.\nmodel {\n")
	if m := f.namedModel(id); m.Path != "" {
		fmt.Fprintf(&b, "path = %q\n", m.Path)
	} else {
		fmt.Fprintf(&b, "id = %q\n", id)
	}
	b.WriteString("}\n\n")
	f.writeCard(&b, card)
	f.writeEngines(&b, card, shape)
	b.WriteString(initRest)
	return b.String()
}

// namedModel is a model by its name, or the folder that was asked for.
func (f *found) namedModel(id string) profiles.Model {
	if info, err := os.Stat(f.model); f.model != "" && err == nil && info.IsDir() {
		if absolute, err := filepath.Abs(f.model); err == nil {
			return profiles.Model{Path: absolute}
		}
	}
	return profiles.Model{ID: id}
}

func (f *found) machine() string {
	name := f.gpu
	switch {
	case name == "":
		name = "no NVIDIA GPU that can be read"
	case f.card == nil:
		name += " (not in qtune's table: what fits must be tried)"
	}
	if !f.docker {
		return name + ", and no Docker Engine"
	}
	return name + ", and Docker"
}

func (f *found) writeCard(b *strings.Builder, card catalog.Card) {
	b.WriteString("gpu {\n")
	if f.onCPU() {
		b.WriteString("devices = [] # none: the CPU\n")
	}
	fmt.Fprintf(b, "simulate = %q # the card of a rehearsal: qtune apply --simulate\n}\n\n", card.Name)
}

// writeEngines writes the engines that this machine can run, the first of them the
// baseline.
func (f *found) writeEngines(b *strings.Builder, card catalog.Card, m catalog.Model) {
	length := min(initContext, m.MaxPosition)
	b.WriteString("# The baseline: the engine with these flags alone. The winner is compared with it.\n")
	if !f.docker && f.vllm != "" || f.onCPU() {
		fmt.Fprintf(b, "engine \"vllm\" \"local\" {\nruntime = \"process\"\ncommand = [%q, \"serve\"]\nbaseline = true\nflags = { max-model-len = %d }\n", f.vllm, length)
		if f.onCPU() {
			b.WriteString("env = { VLLM_CPU_KVCACHE_SPACE = 2 } # GiB of the host's memory\n")
		}
		writeSweep(b, "vllm", card, m)
		return
	}
	fmt.Fprintf(b, "engine \"vllm\" \"vllm\" {\npreset = \"vllm\"\nbaseline = true\nflags = { max-model-len = %d }\n", length)
	writeSweep(b, "vllm", card, m)
	fmt.Fprintf(b, "engine \"sglang\" \"sglang\" {\npreset = \"sglang\"\nflags = { context-length = %d }\n", length)
	writeSweep(b, "sglang", card, m)
}

func writeSweep(b *strings.Builder, kind string, card catalog.Card, m catalog.Model) {
	b.WriteString("\n# Every combination is tried. The flags that matter most come first.\nsweep {\n")
	for i, a := range catalog.Sweep(kind, card, m) {
		if i > 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(b, "# %s\n%s = [%s]\n", a.Why, a.Flag, strings.Join(a.Values, ", "))
	}
	b.WriteString("}\n}\n\n")
}

// initRest is what does not depend on the machine.
const initRest = `# The load: replace it by what your users do.
workload "chat" {
prompts {
input_tokens = 512
}

# So many users, each sending its next request when the last is answered.
closed {
users = [1, 8, 32]
output_tokens = 128
}
}

# What is made best.
objective {
maximize = output_throughput
at = { users = 32 }
}

# What a winner must keep: 95 of 100 first tokens within this time.
constraint "ttft_p95" {
max = "5s"
at = { users = 32 }
}
`
