package engine

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/qtune/qtune/catalog"
)

const (
	// maxWeightFiles bounds the files of one checkpoint. DeepSeek-V3 has 163.
	maxWeightFiles = 4096
	// maxConfig bounds what is read of a config.json, in bytes.
	maxConfig = 16 << 20
)

// ReadModel reads the shape of the model that lies in a folder, or in a GGUF file,
// and counts its weights by the headers of its files: no more than headers is read.
// Where the weights cannot be counted the shape comes without them. It fails where
// the shape cannot be read.
func ReadModel(path string) (catalog.Model, error) {
	info, err := os.Stat(path)
	if err != nil {
		return catalog.Model{}, fmt.Errorf("reading a model: %w", err)
	}
	if !info.IsDir() {
		return readGGUF(path)
	}
	text, err := readBounded(filepath.Join(path, "config.json"), maxConfig)
	if errors.Is(err, os.ErrNotExist) {
		if file := onlyGGUF(path); file != "" {
			return readGGUF(file)
		}
	}
	if err != nil {
		return catalog.Model{}, fmt.Errorf("reading a model: %w", err)
	}
	m, err := catalog.ModelFromConfig(text)
	if err != nil {
		return catalog.Model{}, fmt.Errorf("reading a model in %s: %w", path, err)
	}
	if w, err := weighSafetensors(path, m.Layers); err == nil {
		m.Weighed = w
	}
	return m, nil
}

// weighSafetensors counts the weights that an index names, or that lie in a folder.
// It fails if one of the files is not there: what is here would be too light.
func weighSafetensors(folder string, layers int) (*catalog.Weighed, error) {
	files, err := weightFiles(folder)
	if err != nil {
		return nil, err
	}
	var all []catalog.Tensor
	for _, name := range files {
		tensors, err := fromHeader(filepath.Join(folder, name), catalog.ReadSafetensors)
		if err != nil {
			return nil, err
		}
		all = append(all, tensors...)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("counting the weights in %s: there are none in safetensors files", folder)
	}
	return catalog.Weigh("headers of "+countFiles(len(files), "safetensors"), layers, all), nil
}

func countFiles(n int, kind string) string {
	if n == 1 {
		return "1 " + kind + " file"
	}
	return fmt.Sprintf("%d %s files", n, kind)
}

// weightFiles are the safetensors files that engines load, sorted.
func weightFiles(folder string) ([]string, error) {
	const index = "model.safetensors.index.json"
	if !exists(filepath.Join(folder, index)) {
		return looseFiles(folder)
	}
	names := indexed(filepath.Join(folder, index))
	if len(names) == 0 || len(names) > maxWeightFiles || !allLocal(names) {
		return nil, fmt.Errorf("reading the index of the weights in %s: it does not name 1 to %d files of this folder", folder, maxWeightFiles)
	}
	return names, nil
}

func allLocal(names []string) bool {
	return !slices.ContainsFunc(names, func(n string) bool { return !filepath.IsLocal(n) })
}

func looseFiles(folder string) ([]string, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, fmt.Errorf("listing the weights in %s: %w", folder, err)
	}
	var names []string
	for _, e := range entries {
		if name := e.Name(); strings.HasSuffix(name, ".safetensors") && !strings.HasPrefix(name, "consolidated") && len(names) < maxWeightFiles {
			names = append(names, name)
		}
	}
	return names, nil
}

// readGGUF reads a GGUF file, and its siblings where it is split: only the first
// describes the model.
func readGGUF(path string) (catalog.Model, error) {
	parts := siblings(path)
	if len(parts) == 0 {
		parts = []string{path}
	}
	var m catalog.Model
	var tensors []catalog.Tensor
	for i, part := range parts {
		g, err := fromHeader(part, catalog.ReadGGUF)
		if err != nil {
			return m, fmt.Errorf("reading a model: %w", err)
		}
		if i == 0 {
			if m, err = g.Model(); err != nil {
				return m, fmt.Errorf("reading %s: %w", part, err)
			}
		}
		tensors = append(tensors, g.Tensors...)
	}
	m.Weighed = catalog.WeighGGUF("headers of "+countFiles(len(parts), "GGUF"), tensors)
	return m, nil
}

// onlyGGUF is the GGUF file of a folder that holds one model; "" if it holds none,
// or several.
func onlyGGUF(folder string) string {
	found, err := filepath.Glob(filepath.Join(folder, "*.gguf"))
	if err != nil || len(found) == 0 {
		return ""
	}
	slices.Sort(found)
	if len(found) > 1 && !slices.Equal(siblings(found[0]), found) {
		return ""
	}
	return found[0]
}

// fromHeader opens a file and has its header read.
func fromHeader[T any](path string, read func(io.Reader) (T, error)) (T, error) {
	var none T
	f, err := os.Open(path)
	if err != nil {
		return none, fmt.Errorf("reading a header: %w", err)
	}
	v, err := read(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return none, fmt.Errorf("%s: %w", path, err)
	}
	return v, nil
}

func readBounded(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(f, limit))
	return text, errors.Join(err, f.Close())
}
