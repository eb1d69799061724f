package profiles

import (
	"time"

	"github.com/qtune/qtune/bench"
)

// Every default of the language stands here; plan shows what they came to.
const (
	DefaultMaxCandidates  = 1000             // of all sweeps together, without budget.trials
	DefaultStartupTimeout = 10 * time.Minute // from an engine's start to its first token
	DefaultStallTimeout   = 5 * time.Minute  // without a log line and without processor time, while an engine starts
	DefaultSeed           = 1                // of a workload, and of a search
	DefaultAPI            = bench.APICompletions
	DefaultPull           = "missing"
	DefaultDeployAddress  = "127.0.0.1"
	DefaultDeployPort     = 8000
	DefaultDeployRestart  = "unless-stopped"
)

// Limits of what a profile may ask for.
const (
	maxGrid     = 1_000_000 // candidates of all sweeps together, whatever the budget
	maxFinish   = 20        // candidates of a finish, and starts of each
	maxWhere    = 50_000    // evaluations of one where
	maxLoads    = 1000      // levels of all workloads together
	maxBlocks   = 2000      // at the top of a file
	maxFlags    = 1000      // flags of an engine, or variables of its environment
	maxAxes     = 100       // axes of a sweep
	maxTokens   = 10_000_000
	maxUsers    = 100_000
	maxRequests = 10_000_000
)

// defaultWarmup is how many requests go before those that are measured: a first
// request also pays for what is compiled and cached at first use.
func defaultWarmup(kind bench.Kind, users int) int {
	switch kind {
	case bench.KindClosed:
		return users
	case bench.KindOpen, bench.KindMaxRate:
		return bench.DefaultWarmupOpen
	}
	return 1
}

func defaultSearch() Search {
	return Search{Strategy: StrategyGrid, Seed: DefaultSeed, MaxCandidates: DefaultMaxCandidates}
}

// DefaultFinish is a finish of which nothing is said: three starts of three
// candidates tell a gain of 5 % from none.
func DefaultFinish() Finish { return Finish{Candidates: 3, Starts: 3} }

func defaultEngine(kind, name string) *Engine {
	e := &Engine{Kind: kind, Name: name, Runtime: RuntimeDocker, Pull: DefaultPull, StartupTimeout: DefaultStartupTimeout, StallTimeout: DefaultStallTimeout, KeepCaches: true}
	if kind == kindOpenAI {
		e.Runtime, e.Pull = RuntimeExternal, ""
	}
	return e
}
