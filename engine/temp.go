package engine

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"
)

// tempOwner is the file in a trial's temporary folder that names its run, and the
// run's folder, on two lines.
const tempOwner = ".qtune-run"

// unmarkedAge is when an empty folder of a trial will not be marked any more: that
// comes microseconds after it is made, unless its run is killed in between.
const unmarkedAge = time.Minute

// Temp is the temporary folder of a trial of some run. Run and Dir are "" where the
// run was killed before it could mark the folder, or after the mark was removed.
type Temp struct{ Path, Trial, Run, Dir string }

// Remove removes the folder; an unmarked one only if it is still empty.
func (t Temp) Remove() error {
	if t.Run != "" {
		return removeTemp(t.Path)
	}
	if err := os.Remove(t.Path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil // somebody else was quicker
}

// removeTemp removes a trial's folder, its mark last: where something in it cannot be
// removed, the folder is still known for what it is.
func removeTemp(path string) error {
	entries, err := os.ReadDir(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		if e.Name() != tempOwner {
			err = errors.Join(err, os.RemoveAll(filepath.Join(path, e.Name())))
		}
	}
	if err != nil {
		return err
	}
	return os.RemoveAll(path)
}

// Temps finds the temporary folders of trials under TMPDIR, which are this user's
// own and say whose they are, or are empty and have been for a while.
func Temps(environ []string) []Temp {
	base := getenv(environ, "TMPDIR")
	if base == "" {
		base = os.TempDir()
	}
	paths, _ := filepath.Glob(filepath.Join(base, "qtune-*-*")) // the pattern is good
	trial := regexp.MustCompile(`^qtune-[0-9a-f]{10}-[0-9]+$`)
	var all []Temp
	for _, p := range paths {
		if trial.MatchString(filepath.Base(p)) && forgotten(p) {
			all = append(all, Temp{Path: p, Trial: trialOf(p)})
		} else if t, ok := readTemp(p); ok {
			all = append(all, t)
		}
	}
	return all
}

// trialOf is the trial in a folder's name.
func trialOf(path string) string {
	name := strings.TrimPrefix(filepath.Base(path), "qtune-")
	return name[:strings.LastIndexByte(name, '-')]
}

// isOwn tells whether there is a folder of this user's, and no link to one.
func isOwn(path string) (os.FileInfo, bool) {
	info, err := os.Lstat(path)
	if err != nil || !info.IsDir() {
		return nil, false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return info, ok && int(stat.Uid) == os.Geteuid()
}

// forgotten tells whether a folder is this user's own and has long been empty.
func forgotten(path string) bool {
	info, ok := isOwn(path)
	if !ok || time.Since(info.ModTime()) < unmarkedAge {
		return false
	}
	d, err := os.Open(path)
	if err != nil {
		return false
	}
	defer func() { _ = d.Close() }()
	_, err = d.Readdirnames(1)
	return err == io.EOF //nolint:errorlint // as it is documented
}

// readTemp reads whose a folder is. One that another user has put there, to have
// this user remove something, is not looked into.
func readTemp(path string) (Temp, bool) {
	if _, ok := isOwn(path); !ok {
		return Temp{}, false
	}
	f, err := os.OpenFile(filepath.Join(path, tempOwner), os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return Temp{}, false
	}
	defer func() { _ = f.Close() }()
	text, err := io.ReadAll(io.LimitReader(f, 8<<10))
	run, dir, ok := strings.Cut(strings.TrimSpace(string(text)), "\n")
	if err != nil || !ok || !filepath.IsAbs(dir) {
		return Temp{}, false
	}
	return Temp{Path: path, Trial: trialOf(path), Run: run, Dir: dir}, true
}
