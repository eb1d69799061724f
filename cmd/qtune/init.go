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
rehearse with --simulate. A GGUF file is served by llama.cpp.`,
		Args: atMostOne("at most one file"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := checkInitModel(model); err != nil {
				return err
			}
			path := "qtune.hcl"
			if len(args) == 1 {
				path = args[0]
			}
			return initProfile(w, path, survey(c.Context(), w, model), force)
		},
	}
	c.Flags().StringVar(&model, "model", "", "the `MODEL` to serve: a name on the Hugging Face hub, a folder, or a GGUF file (default: the largest that is here and fits, else a usual one that the card has room for)")
	c.Flags().BoolVar(&force, "force", false, "overwrite FILE if it is there")
	return c
}

// found is what init has seen of the machine.
type found struct {
	gpu    string        // as its driver names it; "" none
	card   *catalog.Card // nil: none, or not in the table
	docker bool
	vllm   string // path of a local vllm; "" none
	llama  string // path of a local llama-server; "" none
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
	if path, err := exec.LookPath("llama-server"); err == nil {
		f.llama = path
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
		if size := m.WeightBytes(""); size > most && feasibleHere(card, m).Answer == catalog.AnswerFits {
			best, most = id, size
		}
	}
	return best
}

// feasibleHere is whether vLLM can serve a model on a card as init writes it.
func feasibleHere(card catalog.Card, m *catalog.Model) catalog.Feasible {
	return catalog.VLLMFeasible(card, *m, catalog.VLLMFlags{MaxModelLen: min(initContext, m.MaxPosition)})
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
	if doubt := f.doubt(); doubt != "" {
		fmt.Fprintf(w.stderr, "%s\n", doubt)
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
	if f.gguf() != "" {
		return !f.docker && f.llama == ""
	}
	return f.gpu == "" && f.vllm == "" || f.gpu != "" && !f.docker && f.vllm == ""
}

func (f *found) onCPU() bool { return f.gpu == "" && !f.rehearses() }

func (f *found) summary() string {
	switch {
	case f.rehearses():
		return "no engine that qtune could start is here, so it is for a rehearsal with --simulate"
	case f.onCPU() && f.gguf() != "":
		return "llama.cpp on the CPU"
	case f.onCPU():
		return "vLLM as it is installed here, on the CPU"
	case f.gguf() != "":
		return "llama.cpp on " + f.gpu
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
	f.writeRest(&b)
	return b.String()
}

func isGGUF(path string) bool { return strings.EqualFold(filepath.Ext(path), ".gguf") }

// gguf is the GGUF file that was asked for, which llama.cpp alone serves; "" if none was.
func (f *found) gguf() string {
	if path := f.namedModel(f.model).Path; isGGUF(path) {
		return path
	}
	return ""
}

// initModelError is a model that is neither here nor on the hub.
type initModelError struct{ model string }

func (e *initModelError) Error() string { return "there is no " + e.model }

// Hint says what to do about it.
func (e *initModelError) Hint() string {
	return "name a folder or a GGUF file that is here, or a model of the hub, such as Qwen/Qwen3-8B"
}

// checkInitModel refuses a path that leads nowhere: no name on the hub looks like one.
func checkInitModel(model string) error {
	first, _, _ := strings.Cut(model, "/")
	isPath := filepath.IsAbs(model) || first == "." || first == ".." || first == "~" || strings.Count(model, "/") > 1 || isGGUF(model)
	if model == "" || !isPath || exists(model) {
		return nil
	}
	return &initModelError{model}
}

// doubt says that the model that was asked for does not fit; "" if it does, or if that
// is not known.
func (f *found) doubt() string {
	m := knownModel(f.namedModel(f.model), nil)
	if f.model == "" || m == nil || f.gguf() != "" {
		return ""
	}
	answer := feasibleHere(f.sizedFor(), m)
	if answer.Answer != catalog.AnswerCannot {
		return ""
	}
	return fmt.Sprintf("Warning: %s cannot run like this on one %s: %s.\nName a smaller or a quantized model with --model, or set tensor-parallel-size for several cards.", f.model, f.sizedFor().Name, answer.Why)
}

// namedModel is a model by its name, or the folder or file that was asked for.
func (f *found) namedModel(id string) profiles.Model {
	if info, err := os.Stat(f.model); f.model != "" && err == nil && (info.IsDir() || isGGUF(f.model)) {
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
