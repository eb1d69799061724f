package tuner

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// smallDisk mounts a file system of that size, or skips.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("a small file system cannot be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// TestJournalOnAFullDisk fills the disk again and again, in the middle of a
// record: what Append acknowledged is there, a record that failed is not, and a
// shorter one that still fits is taken.
func TestJournalOnAFullDisk(t *testing.T) {
	dir := smallDisk(t, "64k")
	for _, long := range []int{900, 3000, 5000, 20000, 60000} {
		path := filepath.Join(dir, fmt.Sprint(long))
		j, err := CreateJournal(path, fixedTime)
		if err != nil {
			t.Fatal(err)
		}
		acknowledged := 0
		for err == nil {
			if err = j.Append(Record{Type: RecordTrialStarted, Reason: strings.Repeat("x", long)}); err == nil {
				acknowledged++
			}
		}
		var je *JournalError
		if !errors.As(err, &je) || !errors.Is(err, syscall.ENOSPC) || je.Need < long || !strings.Contains(je.Hint(), "free at least 2 MiB") {
			t.Errorf("records of %d bytes: %v (%+v), want what is needed", long, err, je)
		}
		if short := j.Append(Record{Type: RecordEnded}); short == nil {
			acknowledged++
		}
		if got := len(readBack(t, j, path)); got != acknowledged {
			t.Errorf("records of %d bytes: %d read, %d were acknowledged", long, got, acknowledged)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

func TestJournalInAReadOnlyFolder(t *testing.T) {
	dir := smallDisk(t, "64k")
	f, err := OpenFolder(filepath.Join(dir, "kept"))
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Lock(Holder{Run: "r"}); err != nil {
		t.Fatal(err)
	}
	if err := f.Unlock(); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Skipf("a file system cannot be made read-only here: %v", err)
	}
	_, err = CreateJournal(filepath.Join(f.Path, "runs", "j"), fixedTime)
	var je *JournalError
	if !errors.As(err, &je) || !strings.Contains(je.Hint(), "--dir") {
		t.Errorf("a journal in a read-only folder gave %v", err)
	}
	if err := f.Lock(Holder{Run: "r"}); err == nil || !strings.Contains(err.Error(), "--dir") {
		t.Errorf("locking a read-only folder gave %v, want one that names --dir", err)
	}
	if live := f.Live(); live != "" {
		t.Errorf("run %q is live in a read-only folder that nobody has locked", live)
	}
}
