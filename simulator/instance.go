package simulator

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/qtune/qtune/catalog"
)

// settings is what the simulation itself is told, by environment.
type settings struct {
	card    catalog.Card
	cards   int     // of that kind, in the machine
	speed   float64 // engine seconds in one wall second
	seed    uint64
	noise   float64        // 0: none; 1: that of a typical server
	start   uint64         // the number of this start, which noise depends on too
	fault   fault          // that it is to show
	model   string         // catalog id, for a model that is no folder here
	shape   *catalog.Model // of the model, whatever the command line names; nil: not given
	getenv  func(string) string
	version string // of the engine; "": the one that the catalog describes
}

// MaxNoise is the largest scale of noise that is taken.
const MaxNoise = 20

// readSettings reads QTUNE_SIMULATE_CARD, _CARDS, _SPEED, _SEED, _START, _NOISE, _FAULT,
// _MODEL and _VERSION.
func readSettings(getenv func(string) string) (settings, error) {
	s := settings{speed: 1, cards: 1, getenv: getenv, model: getenv("QTUNE_SIMULATE_MODEL"), version: getenv("QTUNE_SIMULATE_VERSION")}
	name := getenv("QTUNE_SIMULATE_CARD")
	if name == "" {
		name = "RTX 5090"
	}
	var ok bool
	if s.card, ok = catalog.FindCard(name); !ok {
		return s, fmt.Errorf("QTUNE_SIMULATE_CARD: no card %q, known are %s", name, strings.Join(catalog.CardNames(), ", "))
	}
	if v := getenv("QTUNE_SIMULATE_CARDS"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 || n > 1024 {
			return s, fmt.Errorf("QTUNE_SIMULATE_CARDS: %q is not a number from 1 to 1024", v)
		}
		s.cards = n
	}
	if v := getenv("QTUNE_SIMULATE_SPEED"); v != "" {
		speed, err := strconv.ParseFloat(v, 64)
		if err != nil || !(speed > 0 && speed <= 1e6) {
			return s, fmt.Errorf("QTUNE_SIMULATE_SPEED: %q is not a number above 0 and up to 1,000,000", v)
		}
		s.speed = speed
	}
	if v := getenv("QTUNE_SIMULATE_NOISE"); v != "" {
		scale, err := strconv.ParseFloat(v, 64)
		if err != nil || !(scale >= 0 && scale <= MaxNoise) {
			return s, fmt.Errorf("QTUNE_SIMULATE_NOISE: %q is not a number from 0 to %d", v, MaxNoise)
		}
		s.noise = scale
	}
	if v := getenv("QTUNE_SIMULATE_START"); v != "" {
		start, err := strconv.ParseUint(v, 10, 64)
		if err != nil {
			return s, fmt.Errorf("QTUNE_SIMULATE_START: %q is not a whole number", v)
		}
		s.start = start
	}
	var err error
	if s.fault, err = findFault(getenv("QTUNE_SIMULATE_FAULT"), s.start); err != nil {
		return s, fmt.Errorf("QTUNE_SIMULATE_FAULT: %w", err)
	}
	if v := getenv("QTUNE_SIMULATE_SEED"); v != "" {
		seed, err := strconv.ParseUint(v, 10, 64)
		if err != nil {
			return s, fmt.Errorf("QTUNE_SIMULATE_SEED: %q is not a whole number", v)
		}
		s.seed = seed
	}
	return s, nil
}

// instance is one engine as its command line describes it.
type instance struct {
	settings
	kind       string
	args       *argv
	model      catalog.Model
	modelName  string   // as given: an id, a folder, a file
	names      []string // that it is served under
	host       string
	port       int
	apiKeys    []string
	kernels    Kernels
	scheduling Scheduling
	fit        catalog.Fit
	maxLen     int  // prompt and answer together, tokens
	interval   int  // tokens in one event of a stream
	metrics    bool // GET /metrics answers
	boot       boot
	death      *death // it does not come up
}

// boot is what a start takes time for.
type boot struct {
	compile      bool // torch.compile
	graphs       bool // CUDA graphs are captured
	dummyWeights bool // none are read
	torchCompile bool // SGLang's, beside the graphs
}

// death is how an engine that does not come up ends.
type death struct {
	stage stage
	text  []string // what it says, the engine's own prefix left off
	code  int
}

// stage is how far a start comes.
type stage int

const (
	stageParse  stage = iota // the command line
	stageConfig              // the configuration, before anything is loaded
	stageLoad                // the weights
	stageKV                  // the KV cache
	stageWork                // warm-up and graphs
)

func (i *instance) die(at stage, code int, text ...string) {
	if i.death == nil {
		i.death = &death{stage: at, text: text, code: code}
	}
}

// findModel finds the shape of the model that the command line names: the config.json
// of a folder that is here, else the simulation's own setting, else the catalog.
func (s settings) findModel(name string) (catalog.Model, error) {
	if s.shape != nil {
		return *s.shape, nil
	}
	config, err := os.ReadFile(filepath.Join(name, "config.json"))
	if err == nil {
		m, err := catalog.ModelFromConfig(config)
		if err != nil {
			return m, fmt.Errorf("model %s: %w", name, err)
		}
		m.ID = name
		return m, nil
	}
	if s.model != "" {
		m, ok := catalog.FindModel(s.model)
		if !ok {
			return m, fmt.Errorf("QTUNE_SIMULATE_MODEL: no model %q in the catalog", s.model)
		}
		return m, nil
	}
	if m, ok := catalog.FindModel(name); ok {
		return m, nil
	}
	return catalog.Model{}, errNoModel
}

var errNoModel = fmt.Errorf("not in the catalog and no folder with a config.json")

// quantizationClash is the message for a --quantization that the checkpoint does not
// have; "" if it is one that the engine can do to it.
func quantizationClash(m catalog.Model, asked string) string {
	family := func(q string) string {
		q = strings.TrimPrefix(strings.ToLower(q), "auto_")
		return strings.TrimSuffix(strings.TrimSuffix(q, "_marlin"), "_per_tensor")
	}
	switch {
	case asked == "" || family(asked) == family(m.Quantization):
		return ""
	case m.Quantization == "" && needsCheckpoint(family(asked)):
		return fmt.Sprintf("Cannot find the config file for %s", asked)
	case m.Quantization == "":
		return "" // done while the weights are loaded
	}
	return fmt.Sprintf("Quantization method specified in the model config (%s) does not match the quantization method specified in the `quantization` argument (%s).", m.Quantization, asked)
}

// needsCheckpoint says that a quantization must have been done beforehand.
func needsCheckpoint(family string) bool {
	switch family {
	case "awq", "gptq", "compressed-tensors", "modelopt", "modelopt_fp4", "quark", "mxfp4", "gpt_oss_mxfp4", "gguf":
		return true
	}
	return false
}

// isFP8 says that a quantization multiplies in FP8.
func isFP8(quant string) bool { return strings.Contains(strings.ToLower(quant), "fp8") }

func firstOf(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}
