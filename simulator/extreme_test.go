package simulator

import (
	"strings"
	"testing"
	"time"

	"github.com/qtune/qtune/catalog"
)

// Whatever number a flag gets, the engine refuses it, or comes up and serves a request
// of its full length.
func TestExtremeNumbers(t *testing.T) {
	base := map[string][]string{
		"vllm": {awq32, "--max-model-len", "4096"}, "sglang": {"--model-path", awq32, "--context-length", "4096"},
		"llamacpp": {"-m", "SmolLM2-135M.Q4_1.gguf", "-c", "2048"},
	}
	parse := map[string]func(settings, []string) (*instance, error){"vllm": newVLLM, "sglang": newSGLang, "llamacpp": newLlamaCpp}
	s, _ := readSettings(environment())
	for kind, words := range base {
		set, _ := catalog.EngineFlags(kind)
		for _, name := range set.Names() {
			f, _ := set.Lookup(name)
			if f.Type != catalog.FlagInt && f.Type != catalog.FlagFloat && !strings.Contains(name, "layers") {
				continue
			}
			for _, value := range []string{"-7", "-1", "0", "1", "3", "0.5", "999999999999", "1e300", "NaN", "9999999T"} {
				line := append(append([]string(nil), words...), "--"+name, value)
				i, err := parse[kind](s, line)
				if err != nil || i.death != nil {
					continue
				}
				serveOne(t, i, kind+" --"+name+" "+value)
			}
		}
	}
}

func serveOne(t *testing.T, i *instance, what string) {
	t.Helper()
	i.script(time.Unix(0, 0))
	prompt := max(1, i.maxLen-2)
	if i.kind == kindSGLang {
		prompt = max(1, min(prompt, i.fit.KVTokens-3))
	}
	if err := i.checkLength(prompt, 1); err != nil {
		return // refused when it is asked for
	}
	c := NewCore(i.scheduling, NewMachine(i.card, i.model, i.kernels, EfficiencyOf(i.card)), 0)
	r := &Request{Prompt: prompt, Output: i.clip(prompt, 1)}
	c.Submit(r)
	for n := 0; !c.Idle(); n++ {
		took, _ := c.Step()
		if took <= 0 || took > 24*time.Hour || n > 100_000 {
			t.Errorf("%s: a request of %d tokens: step %d takes %v, %+v", what, prompt, n, took, c.Stats())
			return
		}
	}
}
