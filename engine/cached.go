package engine

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/qtune/qtune/profiles"
)

// CachedModels are the names of the models that the Hugging Face cache holds
// whole, sorted. Nil where there is no cache.
func CachedModels(cache string) []string {
	entries, err := os.ReadDir(cache)
	if err != nil {
		return nil
	}
	var ids []string
	for _, e := range entries {
		name, ok := strings.CutPrefix(filepath.Base(e.Name()), "models--")
		id := strings.Replace(name, "--", "/", 1)
		if ok && CacheState(cache, profiles.Model{ID: id}).Complete() {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}
