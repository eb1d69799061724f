package profiles

import (
	"fmt"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/qtune/qtune/bench"
)

// Profile is a checked profile: every reference holds and every default is in place.
type Profile struct {
	Name        string // the file's name without its extension
	Path        string // as given
	Dir         string // absolute folder of the file
	Source      []byte // the file as read
	Model       Model
	GPU         GPU
	Engines     []*Engine // in the order of the file
	Workloads   []bench.Workload
	Objective   Objective
	Constraints []Constraint
	// Agreement is the least share of the baseline's agreement with itself in which a
	// winner's answers have to agree with the baseline's, 0 to 1; nil: any will do.
	Agreement *float64
	Search    Search
	Deploy    *Deploy // nil: the winner is not left running
	Inputs    []Input // variables as resolved, in the order of the file
	Secrets   []Secret
}

// Baseline is the engine that the winner is compared with: the marked one, else the first.
func (p *Profile) Baseline() *Engine {
	for _, e := range p.Engines {
		if e.Baseline {
			return e
		}
	}
	return p.Engines[0]
}

// Model is what every engine of the profile serves.
type Model struct {
	ID       string // as the hub or the engine names it
	Path     string // absolute folder or file on this host, mounted read-only; "" means the Hugging Face cache
	Revision string // of the hub's repository; "" means its default branch
}

// GPU says which cards an engine may use.
type GPU struct {
	Declared bool     // a gpu block stands in the file
	Devices  []string // indices or UUIDs; nil: one free card, if the machine has any; empty but not nil: none
	Simulate string   // the card that --simulate simulates, a name in the catalog; "" means the default
}

// None says that the engines are to have no card, though the machine may have some.
func (g GPU) None() bool { return g.Devices != nil && len(g.Devices) == 0 }

// Runtime says where an engine runs.
type Runtime string

// The runtimes.
const (
	RuntimeDocker   Runtime = "docker"   // a container, through the Docker Engine API
	RuntimeProcess  Runtime = "process"  // a local command with its own process group
	RuntimeExternal Runtime = "external" // a server that is already up (engine kind "openai")
)

// Engine is one engine block with its preset merged in.
type Engine struct {
	Kind     string // "vllm", "sglang", "llamacpp", "ollama", "trtllm", "lmdeploy", "openai"
	Name     string // the second label
	Preset   string
	Baseline bool
	Runtime  Runtime
	URL      string // RuntimeExternal only

	Image      string
	Pull       string   // "missing" (default), "always", "never"
	Entrypoint []string // replaces the image's; nil keeps it
	Command    []string // the words before the engine's flags; nil means the kind's own
	Mounts     []Mount
	Tmpfs      []Tmpfs
	ShmSize    int64 // bytes; 0 means Docker's default
	Memory     int64 // bytes that the container may take, 0 means all
	PIDs       int   // processes and threads that it may have, 0 means no limit
	Ulimits    []Ulimit
	IPC        string // "" or "host"
	Network    string // "" (bridge), "host", or the name of a network
	Port       int    // inside the container; 0 means the kind's own
	CapAdd     []string

	StartupTimeout time.Duration // in the engine's time
	StallTimeout   time.Duration // of a start in which nothing happens, wall time
	PullModel      bool          // of Ollama: a model that its store does not have is pulled before the first trial
	KeepCaches     bool          // what it compiles is kept for its later starts in a run

	Flags []Flag // in the order of the file, the preset's first
	Env   []EnvVar
	Axes  []Axis // the sweep; empty means one candidate

	Pos Pos // of the block

	where   *condition // nil: every candidate counts
	sweepAt *hcl.Range // of the sweep block; nil if there is none
}

// Label is the engine as messages name it: kind "name".
func (e *Engine) Label() string { return fmt.Sprintf("%s %q", e.Kind, e.Name) }

// Mount is a folder or file of the host in the container.
type Mount struct {
	Source   string // absolute
	Target   string
	Writable bool
}

// Tmpfs is a folder in memory in the container.
type Tmpfs struct {
	Target string
	Size   int64 // bytes; 0 means no limit
	Exec   bool
}

// Ulimit is a resource limit in the container.
type Ulimit struct {
	Name       string
	Soft, Hard int64 // -1 means unlimited
}

// Flag is one flag of an engine's command line, without leading dashes.
type Flag struct {
	Name  string
	Value Value // KindNull: the flag is left off
}

// EnvVar is one variable of an engine's environment.
type EnvVar struct {
	Name  string
	Value Value
}

// Axis is one dimension of a sweep.
type Axis struct {
	Name   string
	Env    bool // an environment variable rather than a flag
	Values []Value
}

// Candidate is one configuration of an engine.
type Candidate struct {
	Flags    []Flag // every resolved flag but those left off, in the order of the profile
	Env      []EnvVar
	Excluded bool // by the engine's where
}

// Objective is what is made best.
type Objective struct {
	Metric   bench.Metric
	Minimize bool
	At       At
	Pos      Pos
	Also     *Objective // a second figure, which has no further one; nil: there is one
	Pick     string     // of two figures, how one configuration is picked; "" where there is one
}

// How a configuration is picked of those that no other one beats in both figures.
const (
	PickKnee       = "knee"       // where a percent of the one costs a percent of the other
	PickConstraint = "constraint" // the best of the first that keeps a constraint on the second
)

// At points at one level of one workload.
type At struct {
	Workload int // index in Profile.Workloads
	Level    int // index in the workload's Levels
}

// Constraint is a limit that a winner must keep.
type Constraint struct {
	Metric   bench.Metric
	Max, Min *float64 // in the metric's unit; nil: no limit
	At       At
	Pos      Pos
}

// Search says how candidates are chosen and what that may cost.
type Search struct {
	Strategy string // one of the strategies below
	Seed     int    // of what a strategy draws by chance, from 0
	Screen   bool   // trials that cannot win are measured no further than it takes to know
	Budget   Budget
	Finish   Finish
	// MaxCandidates is how many candidates all sweeps together may have without a
	// budget of trials.
	MaxCandidates int
}

// The strategies.
const (
	StrategyGrid   = "grid"   // every candidate
	StrategyRandom = "random" // candidates at random
	StrategyOFAT   = "ofat"   // one factor at a time from the baseline
	StrategyAuto   = "auto"   // led by what was measured, and by a simulator where there is one
)

// Chooses says that a strategy chooses among the candidates, rather than that all are tried.
func (s *Search) Chooses() bool { return s.Strategy != StrategyGrid && s.Strategy != "" }

// Finish measures the best few and the baseline again on fresh starts.
type Finish struct {
	Candidates int // beside the baseline
	Starts     int // of each; 0: there is no finish
}

// Servers is how many servers the finish of a search of so many trials starts, if all
// of them run: one trial or more.
func (f Finish) Servers(trials int) int { return f.Starts * (min(f.Candidates, trials-1) + 1) }

// Budget bounds a search. A zero field is no bound.
type Budget struct {
	Trials       int           // configurations of the search; the finish starts no new ones
	Starts       int           // of servers, the finish included, as in all that follows
	Time         time.Duration // in the engines' time
	GPUHours     float64       // hours of one card with an engine on it
	Cost         float64       // in the currency of GPUHourPrice
	GPUHourPrice float64       // what an hour of one card costs; no bound by itself
}

// Input is a variable as resolved. A sensitive one shows no value.
type Input struct {
	Name      string
	Value     string // "" if Sensitive
	Sensitive bool
	// Given is the value from outside as Options.Vars takes it; nil where the default
	// stands, and for a secret.
	Given *string
}

// Secret is a value that must not be written anywhere.
type Secret struct {
	Name  string // "env.HF_TOKEN" or "var.token"
	Value string
}

// Pos is a place in a file.
type Pos struct {
	File string
	Line int
}

// String is file:line.
func (p Pos) String() string { return fmt.Sprintf("%s:%d", p.File, p.Line) }
