package engine

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// tempOwner is the file in a trial's temporary folder that names its run, and the
// run's folder, on two lines.
const tempOwner = ".qtune-run"

// Temp is the temporary folder of a trial of some run.
type Temp struct{ Path, Trial, Run, Dir string }

// Temps finds the temporary folders of trials under TMPDIR, which are this user's
// own and say whose they are.
func Temps(environ []string) []Temp {
	base := getenv(environ, "TMPDIR")
	if base == "" {
		base = os.TempDir()
	}
	paths, _ := filepath.Glob(filepath.Join(base, "qtune-*-*")) // the pattern is good
	var all []Temp
	for _, p := range paths {
		if t, ok := readTemp(p); ok {
			all = append(all, t)
		}
	}
	return all
}

// readTemp reads whose a folder is. One that another user has put there, to have
// this user remove something, is not looked into.
func readTemp(path string) (Temp, bool) {
	info, err := os.Lstat(path)
	if err != nil || !info.IsDir() {
		return Temp{}, false
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); !ok || int(stat.Uid) != os.Geteuid() {
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
	name := strings.TrimPrefix(filepath.Base(path), "qtune-")
	return Temp{Path: path, Trial: name[:strings.LastIndexByte(name, '-')], Run: run, Dir: dir}, true
}
