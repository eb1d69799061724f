package engine

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/qtune/qtune/profiles"
)

// readShare is how much of the memory that is available a model may take for it
// to be read beforehand: a larger one would push itself, or others, out again.
const readShare = 0.5

// readModel reads a model's files once a run, so that the kernel keeps them in
// memory and the first start finds them as the later ones do. It is a help and
// nothing more: what cannot be read is left to the engine. The error is ctx's.
func (l *Launcher) readModel(ctx context.Context, m profiles.Model) error {
	if l.Simulate != nil || l.RunID == "" {
		return nil
	}
	files, total := l.modelFiles(m)
	l.mu.Lock()
	done := l.read[m.ID+"\n"+m.Path]
	if l.read == nil {
		l.read = map[string]bool{}
	}
	l.read[m.ID+"\n"+m.Path] = true
	l.mu.Unlock()
	if done || total == 0 || float64(total) > readShare*float64(availableMemory()) {
		return nil
	}
	for _, file := range files {
		l.stage(fmt.Sprintf("reading the model into memory: %s, %s in all", filepath.Base(file), bytesText(total)))
		if err := readThrough(ctx, file); err != nil {
			return err
		}
	}
	return nil
}

// modelFiles are the weights on this host and their size in bytes.
func (l *Launcher) modelFiles(m profiles.Model) (files []string, total int64) {
	folder := m.Path
	if cache := CacheDir(l.Environ); folder == "" && cache != "" && m.ID != "" {
		folder = CacheState(cache, m).Snapshot
	}
	if folder == "" {
		return nil, 0
	}
	files = []string{folder}
	if isFolder(folder) {
		entries, _ := os.ReadDir(folder) // one that cannot be read has none
		files = nil
		for _, e := range entries {
			if isWeights(e.Name()) {
				files = append(files, filepath.Join(folder, e.Name()))
			}
		}
	}
	files = slices.DeleteFunc(files, func(f string) bool {
		info, err := os.Stat(f)
		if err == nil {
			total += info.Size()
		}
		return err != nil
	})
	return files, total
}

// readThrough reads a file to its end, or as far as that goes.
func readThrough(ctx context.Context, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return context.Cause(ctx)
	}
	defer f.Close() //nolint:errcheck // it was only read
	block := make([]byte, 4<<20)
	for ctx.Err() == nil {
		if _, err := io.ReadFull(f, block); err != nil {
			return context.Cause(ctx)
		}
	}
	return context.Cause(ctx)
}

// availableMemory is what may be used without swapping, in bytes; 0 where the
// system does not say.
func availableMemory() int64 { return meminfo("MemAvailable:") }

// HostMemory is all of the machine's memory, in bytes; 0 where the system does not say.
func HostMemory() int64 { return meminfo("MemTotal:") }

func meminfo(field string) int64 {
	f, err := os.Open("/proc/meminfo")
	if err != nil {
		return 0
	}
	defer f.Close() //nolint:errcheck // it was only read
	for in := bufio.NewScanner(f); in.Scan(); {
		if rest, ok := strings.CutPrefix(in.Text(), field); ok {
			n, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64) // 0 if it is none
			return n << 10
		}
	}
	return 0
}
