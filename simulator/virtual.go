package simulator

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/catalog"
)

// Setup is an engine's start on a card.
type Setup struct {
	Kind       string              // vllm, sglang or llamacpp
	Version    string              // of the engine; "": the one that the catalog describes
	Args       []string            // its command line, from after the program's words
	Getenv     func(string) string // its environment; nil: empty
	Card       catalog.Card
	Cards      int            // of that kind, in the machine; 0: 1
	Model      *catalog.Model // nil: what the command line names
	Efficiency Efficiency     // the zero value: EfficiencyOf(Card)
	Noise      float64        // 0: none; 1: that of a typical server
}

// Facts are what a start tells.
type Facts struct {
	Refusal     string      // why the engine would not come up, in its own words; "" it serves
	Fit         catalog.Fit // of its memory; not Known where it is refused before that
	MaxModelLen int         // longest request, tokens
	MaxRunning  int         // sequences at once
	NotModelled []string    // flags that no figure depends on
}

// Engine is an engine on a card under one command line. Goroutines may share it.
type Engine struct {
	i       *instance
	machine *Machine
	facts   Facts
}

// Prepare reads a command line as that engine would. That the engine refuses it is no
// error but a fact; an error means that there is no simulation of it.
func Prepare(s Setup) (*Engine, error) {
	parse := parserOf(s.Kind)
	if parse == nil {
		return nil, fmt.Errorf("no engine %q can be simulated: vllm, sglang and llamacpp can", s.Kind)
	}
	set := settings{card: s.Card, cards: max(s.Cards, 1), speed: 1, noise: s.Noise, getenv: s.Getenv, shape: s.Model, version: s.Version}
	if set.getenv == nil {
		set.getenv = func(string) string { return "" }
	}
	i, err := parse(set, s.Args)
	var usage *usageError
	switch {
	case errors.As(err, &usage):
		return &Engine{facts: Facts{Refusal: usage.text}}, nil
	case err != nil:
		return nil, fmt.Errorf("simulating %s: %w", s.Kind, err)
	}
	e := &Engine{i: i, facts: i.facts()}
	if e.facts.Refusal == "" {
		e.retune(s.Efficiency)
	}
	return e, nil
}

func (i *instance) facts() Facts {
	f := Facts{Fit: i.fit, MaxModelLen: i.maxLen, MaxRunning: i.scheduling.MaxRunning, NotModelled: i.args.unmodelled()}
	if i.death != nil {
		f.Refusal = "it ends with code " + strconv.Itoa(i.death.code)
		if n := len(i.death.text); n > 0 {
			f.Refusal = i.death.text[n-1]
		}
	}
	return f
}

// Facts are what the start tells.
func (e *Engine) Facts() Facts { return e.facts }

// Start is how long it takes to come up, or to end of what it is refused for; 0 for a
// command line that its parser refuses.
func (e *Engine) Start() time.Duration {
	if e.i == nil {
		return 0
	}
	entries := e.i.script(time.Unix(0, 0)).entries
	return entries[len(entries)-1].at
}

// StartSeen says that Start rests on real starts of that engine on such hardware.
// Elsewhere it is a guess.
func (e *Engine) StartSeen() bool {
	return e.i != nil && e.i.card.CPU && e.i.kind != kindLlamaCpp
}

// With is the same engine on a card whose kernels reach other shares.
func (e *Engine) With(eff Efficiency) *Engine {
	o := *e
	if o.facts.Refusal == "" {
		o.retune(eff)
	}
	return &o
}

func (e *Engine) retune(eff Efficiency) {
	if eff == (Efficiency{}) {
		eff = EfficiencyOf(e.i.card)
	}
	e.machine = NewMachine(e.i.card, e.i.model, e.i.kernels, eff)
}

// Run computes one level of a workload on an engine in virtual time: the requests of
// bench.Plan, sent as bench.Client sends them, and the result that it would make. The
// result is marked simulated. Equal arguments give equal results. An engine that does
// not start gives an empty result and facts that say why. Whoever runs many should
// use Prepare, NewLoad and Engine.Run, which repeat less.
func Run(s Setup, w bench.Workload, l bench.Level, seed uint64) (bench.LevelResult, Facts, error) {
	e, err := Prepare(s)
	if err != nil {
		return bench.LevelResult{}, Facts{}, err
	}
	load, err := NewLoad(w, l)
	if err != nil {
		return bench.LevelResult{}, Facts{}, err
	}
	return e.Run(load, seed), e.facts, nil
}

// Load is one level of a workload, ready to be run again and again. It is for one
// goroutine at a time.
type Load struct {
	work    bench.Workload
	level   bench.Level
	client  *bench.Virtual // nil for a level that is made of others
	prompts map[int]prompt // of a file or trace, by turn
	flights []*[256]flight
	used    int // of them
	core    Core
	silent  line
	under   line
	ends    []time.Duration // of each step
}

// flight is the memory of one more request.
func (l *Load) flight() *flight {
	i := l.used
	l.used++
	if i/256 == len(l.flights) {
		l.flights = append(l.flights, new([256]flight))
	}
	return &l.flights[i/256][i%256]
}

// NewLoad plans a level. The error says why it cannot be run.
func NewLoad(w bench.Workload, l bench.Level) (*Load, error) {
	load := &Load{work: w, level: l}
	var err error
	if l.Kind == bench.KindMaxRate {
		err = w.Check(l)
	} else {
		load.client, err = bench.NewVirtual(w, l)
	}
	if err != nil {
		return nil, fmt.Errorf("planning %s: %w", l, err)
	}
	return load, nil
}

// Run is the function Run for a level that is planned.
func (e *Engine) Run(load *Load, seed uint64) bench.LevelResult {
	if e.facts.Refusal != "" {
		return bench.LevelResult{Kind: load.level.Kind, Users: load.level.Users, Rate: load.level.Rate, Simulated: true}
	}
	if load.client == nil {
		// The level and workload were checked when it was planned.
		result, _ := bench.VirtualMaxRate(load.work, load.level, func(v *bench.Virtual) bench.LevelResult {
			return e.run(load, v, seed)
		})
		return result
	}
	load.client.Reset()
	return e.run(load, load.client, seed)
}

func (e *Engine) run(load *Load, client *bench.Virtual, seed uint64) bench.LevelResult {
	load.used = 0
	r := &run{engine: e, load: load, client: client, limits: client.Timeouts(), core: &load.core, silent: load.silent.empty(), under: load.under.empty()}
	r.core.again(e.i.scheduling, e.machine, seed)
	r.core.noise = newNoise(e.i.noise, seed, 0)
	r.core.brief = e.i.interval == 1 && e.i.scheduling.Drafted == 0
	r.all()
	load.silent, load.under = r.silent, r.under
	result := client.Result()
	result.Server = r.server()
	return result
}

// forever is a limit that is none.
const forever = time.Duration(math.MaxInt64)
