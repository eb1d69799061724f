package catalog

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
)

//go:embed data/cards.json
var cardsJSON []byte

// Card is an accelerator, or a CPU that serves as one, with its data-sheet figures.
type Card struct {
	Name        string
	CPU         bool    // no accelerator: weights and KV cache lie in the host's memory
	Cores       int     // of a CPU, all of which its figures are for
	MemoryBytes float64 // as a program sees it, below what the box says
	Bandwidth   float64 // bytes/s of its own memory
	BF16FLOPS   float64 // dense, FP32 accumulate
	FP8FLOPS    float64 // dense; 0: no FP8 units
	PCIe        float64 // bytes/s per direction, peak; 0: none
	Capability  float64 // CUDA's compute capability, 8.9 (developer.nvidia.com/cuda-gpus); 0: none
	Link        float64 // bytes/s per direction between cards of one machine; 0: not known
	LinkUS      float64 // an all-reduce of a few bytes between them, µs
	Sources     map[string]string
}

type cardData struct {
	Name          string            `json:"name"`
	Kind          string            `json:"kind"`
	Cores         int               `json:"cores"`
	MemoryGiB     float64           `json:"memory_gib"`
	BandwidthGBs  float64           `json:"bandwidth_gbs"`
	BF16TFLOPS    float64           `json:"bf16_tflops"`
	FP8TFLOPS     float64           `json:"fp8_tflops"`
	PCIeGBs       float64           `json:"pcie_gbs"`
	Capability    float64           `json:"compute_capability"`
	LinkGBs       float64           `json:"link_gbs"`
	LinkUS        float64           `json:"link_us"`
	FigureSources map[string]string `json:"sources"`
}

var loadCards = sync.OnceValue(func() []Card {
	var file struct {
		Cards []cardData `json:"cards"`
	}
	if err := json.Unmarshal(cardsJSON, &file); err != nil {
		panic(fmt.Sprintf("catalog: cards.json: %v", err)) // part of the program, tested
	}
	cards := make([]Card, len(file.Cards))
	for i, d := range file.Cards {
		cards[i] = Card{
			Name: d.Name, CPU: d.Kind == "cpu", Cores: d.Cores, MemoryBytes: d.MemoryGiB * gib, Bandwidth: d.BandwidthGBs * 1e9,
			BF16FLOPS: d.BF16TFLOPS * 1e12, FP8FLOPS: d.FP8TFLOPS * 1e12, PCIe: d.PCIeGBs * 1e9, Link: d.LinkGBs * 1e9, LinkUS: d.LinkUS, Capability: d.Capability, Sources: d.FigureSources,
		}
	}
	return cards
})

const gib = 1 << 30

// Cards lists every known card, the consumer ones first.
func Cards() []Card { return append([]Card(nil), loadCards()...) }

// FindCard finds a card by name. Case, blanks, hyphens and the vendor's words do
// not count, so what nvidia-smi prints is found too.
func FindCard(name string) (Card, bool) {
	want := cardKey(name)
	for _, c := range loadCards() {
		if cardKey(c.Name) == want {
			return c, true
		}
	}
	return Card{}, false
}

// CardNames lists the names of Cards.
func CardNames() []string {
	var names []string
	for _, c := range loadCards() {
		names = append(names, c.Name)
	}
	return names
}

func cardKey(name string) string {
	name = strings.ToLower(name)
	for _, word := range []string{"nvidia", "geforce", "blackwell", "workstation edition", "server edition", "sxm4", "sxm5", "sxm", "hbm3", "80gb", "141gb"} {
		name = strings.ReplaceAll(name, word, "")
	}
	return strings.NewReplacer(" ", "", "-", "", "_", "").Replace(name)
}
