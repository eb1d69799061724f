// Package engine knows how each inference server is started, when it truly
// serves, and why it died.
//
// It owns the engines' command lines, their environment, readiness, the reading
// of their logs, the fetching of a model that is not on this host, and the
// replacement of an engine by a simulated one. Starting and removing things is
// the work of packages docker and process, measuring that of package bench; this
// package decides nothing about what is worth trying.
//
// A trial that fails is data: Launch returns it as a *Failure, with the log line
// that decided it. An error means that the run itself cannot go on.
package engine

import (
	"slices"

	"github.com/qtune/qtune/profiles"
)

// Kind is what is known of one engine. Adding an engine is adding a row to kinds.
type Kind struct {
	Name string
	// Port is where the engine listens in a container if the profile says nothing.
	Port int
	// Health is the path that answers 200 once the engine serves.
	Health string

	image            []string // program words in the engine's own image
	imageRunsProgram bool     // the image's entrypoint is the program, so it must not come twice
	local            []string // program words of a local process
	model            []string // flags before the model; nil: it is the first argument
	names            []string // flags of the name under which the model is served; the first is passed
	onOff            []string // flags that take "on" and "off" rather than being there or not
	negates          bool     // a switch that the catalog does not know has a form --no-x
	repeat           bool     // a list repeats its flag rather than following it
	joinDash         bool     // a value that starts with a dash is written --flag=value
	env              []string
	secretEnv        map[string]string // flags that have a twin in the environment, which keeps a secret off the command line
	fetch            bool              // models come from the Hugging Face hub
	version          endpoint
}

// endpoint is a JSON document of a server and the key of interest in it.
type endpoint struct{ path, key string }

// hubEnv keeps an engine from telephoning: the model is on this host already.
var hubEnv = []string{"HF_HUB_OFFLINE=1", "TRANSFORMERS_OFFLINE=1", "HF_HUB_DISABLE_TELEMETRY=1", "DO_NOT_TRACK=1"}

var kinds = []Kind{
	{
		Name: "vllm", Port: 8000, Health: "/health",
		image:            []string{"vllm", "serve"},
		imageRunsProgram: true,
		local:            []string{"vllm", "serve"},
		names:            []string{"served-model-name"},
		negates:          true,
		joinDash:         true,
		// The API server gives up on its engine after ten minutes of its own
		// unless told otherwise; the profile's startup_timeout is the limit here.
		env:       append([]string{"PYTHONUNBUFFERED=1", "VLLM_NO_USAGE_STATS=1", "VLLM_ENGINE_READY_TIMEOUT_S=86400"}, hubEnv...),
		secretEnv: map[string]string{"api-key": "VLLM_API_KEY", "hf-token": "HF_TOKEN"},
		fetch:     true,
		version:   endpoint{"/version", "version"},
	},
	{
		Name: "sglang", Port: 30000, Health: "/health",
		image:    []string{"python3", "-m", "sglang.launch_server"},
		local:    []string{"python3", "-m", "sglang.launch_server"},
		model:    []string{"--model-path"},
		names:    []string{"served-model-name"},
		joinDash: true,
		env:      append([]string{"PYTHONUNBUFFERED=1"}, hubEnv...),
		fetch:    true,
		version:  endpoint{"/server_info", "version"},
	},
	{
		Name: "llamacpp", Port: 8080, Health: "/health",
		image:            []string{"/app/llama-server"},
		imageRunsProgram: true,
		local:            []string{"llama-server"},
		model:            []string{"-m"},
		names:            []string{"alias", "a"},
		onOff:            []string{"flash-attn", "fa", "fit"},
		negates:          true,
		repeat:           true,
		secretEnv:        map[string]string{"api-key": "LLAMA_API_KEY", "hf-token": "HF_TOKEN"},
		version:          endpoint{"/props", "build_info"},
	},
	{
		Name: "openai", Health: "",
	},
}

// Lookup finds an engine kind by its name in a profile.
func Lookup(kind string) (Kind, bool) {
	i := slices.IndexFunc(kinds, func(k Kind) bool { return k.Name == kind })
	if i < 0 {
		return Kind{}, false
	}
	return kinds[i], true
}

// Kinds lists the names of all engine kinds.
func Kinds() []string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = k.Name
	}
	return names
}

// Fetches says whether models of this kind come from the Hugging Face hub, so
// that Fetch can bring one that is not on this host.
func (k Kind) Fetches() bool { return k.fetch }

// program is the words before the engine's own arguments: what an engine block
// says, else what the kind needs there.
func (k Kind) program(e *profiles.Engine) []string {
	switch {
	case len(e.Command)+len(e.Entrypoint) > 0:
		return slices.Concat(e.Entrypoint, e.Command)
	case e.Runtime == profiles.RuntimeDocker:
		return k.image
	}
	return k.local
}
