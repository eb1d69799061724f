package searchbench

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/qtune/qtune/tuner/search"
)

// Pool is a set of measured configurations of one model on one system. The
// objective is output tokens/s a GPU; the limit is the median TPOT of the pool.
type Pool struct {
	Name  string
	space *search.Space
	rows  map[string]poolRow
	keys  []string
	limit float64
	best  float64
}

type poolRow struct {
	at          []int
	value, tpot float64
}

// poolColumns are what a configuration consists of; versions are folded.
func poolColumns() []string {
	return []string{"backend", "precision", "gemm_quant_mode", "batch_size", "tp_size", "pp_size", "attention_dp_size", "moe_tp_size", "moe_ep_size"}
}

// ReadPools reads every CSV file in a folder.
func ReadPools(dir string) ([]*Pool, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.csv"))
	if err != nil {
		return nil, err
	}
	var all []*Pool
	for _, f := range files {
		p, err := readPool(f)
		if err != nil {
			return nil, fmt.Errorf("read the pool %s: %w", f, err)
		}
		all = append(all, p)
	}
	return all, nil
}

func readPool(path string) (*Pool, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	records, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil {
		return nil, err
	}
	if len(records) < 2 {
		return nil, fmt.Errorf("no rows")
	}
	p := &Pool{Name: strings.TrimSuffix(filepath.Base(path), ".csv"), rows: map[string]poolRow{}}
	return p, p.fill(records)
}

func (p *Pool) fill(records [][]string) error {
	head := map[string]int{}
	for i, name := range records[0] {
		head[name] = i
	}
	axes := poolAxes(records, head)
	for _, rec := range records[1:] {
		tpot, err := strconv.ParseFloat(rec[head["tpot_ms"]], 64)
		if err != nil {
			return err
		}
		row := poolRow{tpot: tpot, value: perGPU(rec, head) / tpot}
		for _, a := range axes {
			row.at = append(row.at, slices.IndexFunc(a.Values, func(v search.Value) bool { return v.Text == rec[head[a.Name]] }))
		}
		key := fmt.Sprint(row.at)
		if old, ok := p.rows[key]; !ok || row.value > old.value { // the best of repeats
			p.rows[key] = row
		}
	}
	p.summarize(axes)
	return nil
}

// perGPU is the sequences in flight on a GPU: batch is counted per attention rank.
func perGPU(rec []string, head map[string]int) float64 {
	f := func(name string) float64 {
		v, err := strconv.ParseFloat(rec[head[name]], 64)
		if err != nil {
			return math.NaN()
		}
		return v
	}
	return 1000 * f("batch_size") / (f("tp_size") * f("pp_size"))
}

func poolAxes(records [][]string, head map[string]int) []search.Axis {
	var axes []search.Axis
	for _, name := range poolColumns() {
		a := search.Axis{Name: name}
		for _, rec := range records[1:] {
			text := rec[head[name]]
			if slices.ContainsFunc(a.Values, func(v search.Value) bool { return v.Text == text }) {
				continue
			}
			if f, err := strconv.ParseFloat(text, 64); err == nil {
				a.Values = append(a.Values, search.Value{Text: text, Number: f})
			} else {
				a.Values = append(a.Values, search.Category(text))
			}
		}
		slices.SortFunc(a.Values, func(x, y search.Value) int {
			return cmp.Or(cmp.Compare(x.Number, y.Number), cmp.Compare(x.Text, y.Text))
		})
		if len(a.Values) > 1 {
			axes = append(axes, a)
		}
	}
	return axes
}

func (p *Pool) summarize(axes []search.Axis) {
	var tpots []float64
	for key, row := range p.rows {
		p.keys = append(p.keys, key)
		tpots = append(tpots, row.tpot)
	}
	slices.Sort(p.keys)
	p.limit = quantile(tpots, .5)
	for _, row := range p.rows {
		p.best = max(p.best, p.worth(row))
	}
	p.space = search.NewSpace(search.Part{Name: p.Name, Axes: axes, Where: func(at []int) bool {
		_, ok := p.rows[fmt.Sprint(at)]
		return ok
	}})
}

func quantile(values []float64, q float64) float64 {
	slices.Sort(values)
	return values[int(q*float64(len(values)-1))]
}

func (p *Pool) worth(r poolRow) float64 {
	if r.tpot > p.limit {
		return 0
	}
	return r.value
}

// Size is how many configurations the pool has.
func (p *Pool) Size() int { return len(p.rows) }

// Case is the pool as a search problem. Its baseline is a random configuration;
// nothing predicts it and nothing is noisy.
func (p *Pool) Case(seed int) *Case {
	row := func(at search.Point) poolRow { return p.rows[fmt.Sprint(at.At)] }
	first := p.rows[p.keys[(seed*7919+13)%len(p.keys)]]
	return &Case{
		Name: p.Name, Optimum: p.best,
		Problem: search.Problem{Space: p.space, Baseline: search.Point{At: first.at}, Limits: 1},
		Worth:   func(at search.Point) float64 { return p.worth(row(at)) },
		Try: func(at search.Point, _ int) search.Trial {
			r := row(at)
			return search.Trial{Point: at, Value: r.value, Limits: []float64{r.tpot / p.limit}}
		},
	}
}
