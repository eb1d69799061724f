package engine

import (
	"path/filepath"
	"regexp"
)

// mounted says which folder or file of the host a container must see for a
// model, and where the model lies in it.
type mounted struct {
	source string // mounted read-only at modelFolder/target
	target string
	inside string // the model, relative to modelFolder
}

// shard is a GGUF file that is split: the engine opens its siblings by itself.
var shard = regexp.MustCompile(`-\d{5}-of-\d{5}\.gguf$`)

// mountedModel finds what to mount. A snapshot of the Hugging Face cache is a
// folder of links into the blobs beside it, so its whole repository is mounted;
// a split GGUF file needs its siblings.
func mountedModel(path string) mounted {
	base := filepath.Base(path)
	snapshots := filepath.Dir(path)
	repo := filepath.Dir(snapshots)
	switch {
	case filepath.Base(snapshots) == "snapshots" && isRepoFolder(filepath.Base(repo)):
		name := filepath.Base(repo)
		return mounted{source: repo, target: name, inside: filepath.Join(name, "snapshots", base)}
	case shard.MatchString(base):
		name := filepath.Base(filepath.Dir(path))
		return mounted{source: filepath.Dir(path), target: name, inside: filepath.Join(name, base)}
	}
	return mounted{source: path, target: base, inside: base}
}
