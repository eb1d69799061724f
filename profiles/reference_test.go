package profiles

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestReference holds the reference's words to those that the loader takes, and the
// document to the reference.
func TestReference(t *testing.T) {
	taken := map[string]words{
		"": profileWords, "variable": variableWords, "variable / validation": validationWords, "locals": {}, "model": modelWords, "gpu": gpuWords,
		"engine": engineWords, "engine / sweep": {}, "workload": workloadWords, "workload / prompts": promptWords,
		"workload / timeouts": timeoutWords, "workload / single": singleWords, "workload / closed": closedWords,
		"workload / open": openWords, "workload / trace": replayWords, "workload / max_rate": highestWords,
		"objective": objectiveWords, "objective / also": alsoWords, "constraint": constraintWords, "search": searchWords,
		"search / budget": budgetWords, "search / finish": finishWords, "deploy": deployWords,
	}
	told := map[string]bool{"": true}
	for _, b := range refBlocks() {
		told[b.path] = true
		var names []string
		for _, w := range b.words {
			names = append(names, w.name)
		}
		for _, name := range taken[b.path].attrs {
			if !slices.Contains(names, name) {
				t.Errorf("the reference says nothing of %s in %s: write it into reference_blocks.go", name, b.path)
			}
		}
		for _, name := range names {
			if !slices.Contains(taken[b.path].attrs, name) {
				t.Errorf("the reference tells of %s in %s, which the loader does not take", name, b.path)
			}
		}
	}
	for path, w := range taken {
		for _, inner := range w.blocks {
			if full := strings.TrimPrefix(path+" / "+inner, " / "); !told[full] {
				t.Errorf("the reference says nothing of the block %s: write it into reference_blocks.go", full)
			}
		}
	}
	golden(t, filepath.Join("..", "docs", "profile.md"), Reference())
}
