package engine

import (
	"encoding/json"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/qtune/qtune/profiles"
)

// maxIndex bounds what is read of an index of weight files, in bytes. That of
// the largest open models is below 10 MB.
const maxIndex = 64 << 20

// CacheDir is the folder in which the Hugging Face libraries keep models, by the
// variables that they follow themselves. "" if not even HOME is set.
func CacheDir(environ []string) string {
	for _, name := range []string{"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"} {
		if dir := getenv(environ, name); dir != "" {
			return dir
		}
	}
	if home := hubHome(environ); home != "" {
		return filepath.Join(home, "hub")
	}
	return ""
}

func hubHome(environ []string) string {
	if home := getenv(environ, "HF_HOME"); home != "" {
		return home
	}
	if cache := getenv(environ, "XDG_CACHE_HOME"); cache != "" {
		return filepath.Join(cache, "huggingface")
	}
	if home := getenv(environ, "HOME"); home != "" {
		return filepath.Join(home, ".cache", "huggingface")
	}
	return ""
}

// Cached is what the Hugging Face cache holds of a model.
type Cached struct {
	Snapshot string   // the folder of the revision; "" if there is none
	Revision string   // the commit
	Missing  []string // files that it needs and has not; nil if it is complete
	Bytes    int64    // on disk, all revisions, what is half fetched too
}

// Complete says that an engine can serve the model from the cache.
func (c Cached) Complete() bool { return c.Snapshot != "" && len(c.Missing) == 0 }

// CacheState looks whether the cache holds a model whole, without asking the
// hub: its configuration and every weight file that its index names.
func CacheState(cache string, m profiles.Model) Cached {
	repo := filepath.Join(cache, repoFolder(m.ID))
	state := Cached{Bytes: folderBytes(filepath.Join(repo, "blobs"))}
	commit := resolveRevision(repo, m.Revision)
	snapshot := filepath.Join(repo, "snapshots", commit)
	if commit == "" || !isFolder(snapshot) {
		return state
	}
	state.Snapshot, state.Revision = snapshot, commit
	state.Missing = missingFiles(snapshot)
	return state
}

func repoFolder(id string) string { return "models--" + strings.ReplaceAll(id, "/", "--") }

func isRepoFolder(name string) bool { return strings.HasPrefix(name, "models--") }

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// resolveRevision is the commit that a branch, a tag or "" stands for in the
// cache; "" if the cache does not know it.
func resolveRevision(repo, revision string) string {
	if revision == "" {
		revision = "main"
	}
	if !filepath.IsLocal(revision) {
		return ""
	}
	if ref, err := os.ReadFile(filepath.Join(repo, "refs", revision)); err == nil && len(ref) < 100 {
		return strings.TrimSpace(string(ref))
	}
	return revision // a commit
}

var splitFile = regexp.MustCompile(`^(.*)-(\d{5})-of-(\d{5})(\.\w+)$`)

// missingFiles are what a snapshot lacks. A file of it is a link to a blob; one
// that leads nowhere was never fetched to its end.
func missingFiles(snapshot string) []string {
	var missing []string
	files := map[string]bool{}
	_ = filepath.WalkDir(snapshot, func(path string, d fs.DirEntry, err error) error { // what cannot be read is missing
		if err != nil || d.IsDir() {
			return nil
		}
		name, _ := filepath.Rel(snapshot, path)
		if files[name] = exists(path); !files[name] {
			missing = append(missing, name)
		}
		return nil
	})
	for _, name := range needed(snapshot, files) {
		if !files[name] && !slices.Contains(missing, name) {
			missing = append(missing, name)
		}
	}
	slices.Sort(missing)
	return missing
}

// needed are the files that must be there: the configuration and the weights.
func needed(snapshot string, files map[string]bool) []string {
	names := []string{"config.json"}
	for _, index := range []string{"model.safetensors.index.json", "pytorch_model.bin.index.json"} {
		if shards := indexed(filepath.Join(snapshot, index)); len(shards) > 0 {
			return append(names, shards...)
		}
	}
	weights := false
	for name := range files {
		if isWeights(name) {
			weights = true
			names = append(names, siblings(name)...)
		}
	}
	if !weights {
		names = append(names, "model.safetensors")
	}
	return names
}

// indexed are the files that an index of weights names.
func indexed(path string) []string {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close() //nolint:errcheck // it was only read
	var index struct {
		WeightMap map[string]string `json:"weight_map"`
	}
	if json.NewDecoder(io.LimitReader(f, maxIndex)).Decode(&index) != nil {
		return nil
	}
	var names []string
	for _, name := range index.WeightMap {
		names = append(names, name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// siblings are all parts of a split file, of which name is one.
func siblings(name string) []string {
	m := splitFile.FindStringSubmatch(name)
	if m == nil {
		return nil
	}
	total, _ := strconv.Atoi(m[3]) // five digits by the pattern
	var all []string
	for i := 1; i <= min(total, 10000); i++ {
		all = append(all, m[1]+"-"+pad(i)+"-of-"+m[3]+m[4])
	}
	return all
}

func pad(i int) string {
	s := strconv.Itoa(i)
	return strings.Repeat("0", max(0, 5-len(s))) + s
}

// isWeights says that a file at the root of a repository holds weights.
func isWeights(name string) bool {
	return !strings.Contains(name, "/") && slices.Contains([]string{".safetensors", ".bin", ".pt", ".pth"}, filepath.Ext(name)) &&
		name != "training_args.bin"
}

func folderBytes(path string) int64 {
	total := int64(0)
	_ = filepath.WalkDir(path, func(_ string, d fs.DirEntry, err error) error { // what cannot be read has no size
		if err != nil || d.IsDir() {
			return nil
		}
		if info, err := d.Info(); err == nil {
			total += info.Size()
		}
		return nil
	})
	return total
}
