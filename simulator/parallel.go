package simulator

import (
	"errors"
	"fmt"

	"github.com/qtune/qtune/catalog"
)

// parallel is how many cards share the model, as flags of one engine say.
func parallel(a *argv, tensor, pipeline string) catalog.Parallel {
	return catalog.Parallel{Tensor: a.number(tensor, 0), Pipeline: a.number(pipeline, 0)}
}

// simulable says why there is no simulation of how a command line spreads the model; nil
// if there is one.
func (i *instance) simulable(p catalog.Parallel) error {
	for _, name := range catalog.Copies() {
		if i.args.text(name, "1") != "1" {
			return fmt.Errorf("several copies of a model, or several machines (--%s), are not modelled", name)
		}
	}
	if i.card.CPU && p.Cards() > 1 {
		return errors.New("a model that several processes of a CPU share is not modelled")
	}
	return nil
}

// cardsFor says why so many cards cannot be had here; "" if they can.
func (i *instance) cardsFor(p catalog.Parallel) (needed int, refused string) {
	needed = p.Cards()
	if p.Tensor < 0 || p.Pipeline < 0 || p.Tensor > 1<<10 || p.Pipeline > 1<<10 {
		return needed, "a parallel size must be at least 1"
	}
	return needed, p.Refused(i.model)
}
