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
	"context"
	"slices"

	"github.com/qtune/qtune/profiles"
)

// Kind is what is known of one engine. Adding an engine is adding a file with its
// Kind, and a name to kinds.
type Kind struct {
	Name string
	// Port is where the engine listens in a container if the profile says nothing.
	Port int
	// Health is the path that answers 200 once the engine serves.
	Health string

	image            []string  // program words in the engine's own image
	imageRunsProgram bool      // the image's entrypoint is the program, so it must not come twice
	local            []string  // program words of a local process
	help             []string  // words after the program that list its options; nil: it has none
	model            []string  // flags before the model; nil: it is the first argument
	listen           [2]string // flags of the host and the port
	listenEnv        string    // the variable of host:port; such an engine takes no arguments at all
	names            []string  // flags of the name under which the model is served; the first is passed
	folderName       bool      // names is nil: a model's folder is served under its last part
	tag              string    // of a served name that has none
	key              string    // flag of the bearer token; "": api-key
	onOff            []string  // flags that take "on" and "off" rather than being there or not
	setting          string    // flag that sets a key of the engine's configuration file, as in --set key=value
	negates          bool      // a switch that the catalog does not know has a form --no-x
	repeat           bool      // a list repeats its flag rather than following it
	joinDash         bool      // a value that starts with a dash is written --flag=value
	env              []string
	secretEnv        map[string]string // flags that have a twin in the environment, which keeps a secret off the command line
	caches           map[string]string // variables of folders for what it compiles, and their names in one folder
	fetch            bool              // models come from the Hugging Face hub
	version          endpoint
	simulated        bool                                 // qtune has a simulation of it
	serves           func(context.Context, *prober) error // a last look at what serves; nil: none

	// Of its log.
	signs   []string // words that it is full of, and others' are not
	certain bool     // one of the signs is enough
	rules   []rule
	facts   []factRule
	stages  []stageRule
}

// endpoint is a JSON document of a server and the key of interest in it.
type endpoint struct{ path, key string }

// hubEnv keeps an engine from telephoning: the model is on this host already.
var hubEnv = []string{"HF_HUB_OFFLINE=1", "TRANSFORMERS_OFFLINE=1", "HF_HUB_DISABLE_TELEMETRY=1", "DO_NOT_TRACK=1"}

// kinds are all engines. Of two that a log may be of, Guess takes the first.
var kinds = []Kind{vllm, sglang, llamacpp, ollama, trtllm, lmdeploy, {Name: "openai"}}

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

// Helps says whether an engine of this kind has a list of options to ask for.
func (k Kind) Helps() bool { return k.help != nil }

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
