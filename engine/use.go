package engine

import (
	"github.com/qtune/qtune/catalog"
	"github.com/qtune/qtune/profiles"
)

// Use is what a candidate makes of the model and of cards, for catalog.CeilingOf.
// speculates says that a step may yield several tokens of a sequence, to which no
// ceiling holds.
func Use(kind string, c profiles.Candidate) (use catalog.Use, speculates bool) {
	r := newReading(kind, c)
	tensor, pipeline, copies, draft := "tensor-parallel-size", "pipeline-parallel-size", "data-parallel-size", "speculative-config"
	switch kind {
	case "sglang":
		tensor, pipeline, copies, draft = "tp-size", "pp-size", "dp-size", "speculative-algorithm"
	case "llamacpp":
		draft = "model-draft"
	}
	use = catalog.Use{
		Quantization: r.text("quantization"), KVDType: r.text("kv-cache-dtype"),
		Cards: int(r.number(tensor, 1) * r.number(pipeline, 1)), Replicas: int(r.number(copies, 1)),
	}
	if k := r.text("cache-type-k"); k != "" && k == r.text("cache-type-v") {
		use.KVDType = k
	}
	return use, r.has(draft) || r.has("num-speculative-tokens")
}
