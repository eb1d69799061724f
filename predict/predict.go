// Package predict owns what is expected of a trial before it is measured: figures
// from the simulator's model of a server (predict.go), that model's efficiencies
// fitted to what runs have measured (fit.go, residuals.go), how far predictions were
// off so far, and the file that keeps all that for the next run (store.go).
//
// It starts nothing and measures nothing. No figure of it is a measurement, and
// whoever shows one says so.
package predict

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/catalog"
	"github.com/qtune/qtune/simulator"
)

// Trial is a configuration as its engine would be started.
type Trial struct {
	Kind    string              // vllm, sglang, llamacpp
	Version string              // of the engine; "": the one that the catalog describes
	Args    []string            // its command line, from after the program's words
	Getenv  func(string) string // its environment; nil: empty
}

// Site is where trials would run.
type Site struct {
	Card       catalog.Card
	Cards      int                  // of that kind, that an engine may use; 0: 1
	Model      *catalog.Model       // nil: what the command line names, if the catalog knows it
	Efficiency simulator.Efficiency // the zero value: the best known for the card
}

// Figures are what of a level is predicted and compared. 0 is not known.
type Figures struct {
	Tokens float64 `json:"output_throughput,omitempty"` // tokens/s
	TTFT   float64 `json:"ttft_mean_ms,omitempty"`
	TPOT   float64 `json:"tpot_mean_ms,omitempty"`
}

// FiguresOf takes them from a level's result.
func FiguresOf(r *bench.LevelResult) Figures {
	f := Figures{Tokens: r.OutputThroughput}
	if r.TTFT.Mean != nil {
		f.TTFT = *r.TTFT.Mean
	}
	if r.TPOT.Mean != nil {
		f.TPOT = *r.TPOT.Mean
	}
	return f
}

// Server is a trial as the model would run it.
type Server struct {
	engine *simulator.Engine
	facts  simulator.Facts
}

// errModel says that nothing can be predicted of a model whose shape is not known.
var errModel = errors.New("the shape of the model is not known")

// Serve prepares a trial. That the engine would refuse it is no error but a fact of
// the server; an error means that nothing can be predicted of it.
func (s *Site) Serve(t Trial) (*Server, error) {
	if s.Model == nil {
		return nil, errModel
	}
	e, err := simulator.Prepare(simulator.Setup{
		Kind: t.Kind, Version: t.Version, Args: t.Args, Getenv: t.Getenv, Card: s.Card, Cards: s.Cards, Model: s.Model, Efficiency: s.Efficiency,
	})
	if err != nil {
		return nil, err
	}
	return &Server{engine: e, facts: e.Facts()}, nil
}

// Refusal is why the engine would not come up, in its own words; "" if it would.
func (s *Server) Refusal() string { return s.facts.Refusal }

// Start is how long it would take to come up, or to end of what it is refused for.
func (s *Server) Start() time.Duration { return s.engine.Start() }

// StartSeen says that Start rests on real starts on such hardware.
func (s *Server) StartSeen() bool { return s.engine.StartSeen() }

// Unseen are the flags on which no figure of it depends.
func (s *Server) Unseen() []string { return s.facts.NotModelled }

// Run predicts a level of a server that starts.
func (s *Server) Run(l *Load) bench.LevelResult { return l.run(s.engine) }

// seed of what the model draws. Predictions have no noise, so that it matters to none.
const seed = 1

// Errors are mean absolute errors of predictions as a share of what was measured;
// 0 where nothing was compared.
type Errors struct {
	Tokens float64 `json:"output_throughput"`
	TTFT   float64 `json:"ttft_mean"`
	TPOT   float64 `json:"tpot_mean"`
	Levels int     `json:"levels"` // that were compared
}

// Compare gives the errors of predictions against measurements, in order.
func Compare(predicted, measured []Figures) Errors {
	var e Errors
	mean := func(of func(Figures) float64) float64 {
		sum, n := 0.0, 0
		for i := range measured {
			if p, m := of(predicted[i]), of(measured[i]); p > 0 && m > 0 {
				sum, n = sum+math.Abs(p/m-1), n+1
			}
		}
		if n == 0 {
			return 0
		}
		return sum / float64(n)
	}
	e.Tokens = mean(func(f Figures) float64 { return f.Tokens })
	e.TTFT = mean(func(f Figures) float64 { return f.TTFT })
	e.TPOT = mean(func(f Figures) float64 { return f.TPOT })
	e.Levels = len(measured)
	return e
}

// String writes them for a person: "throughput 4 %, TTFT 12 %, TPOT 3 %".
func (e Errors) String() string {
	return fmt.Sprintf("throughput %.0f %%, TTFT %.0f %%, TPOT %.0f %%", 100*e.Tokens, 100*e.TTFT, 100*e.TPOT)
}
