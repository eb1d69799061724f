package gpu

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestIdle(t *testing.T) {
	tests := []struct {
		why    string
		device Device
		want   bool
	}{
		{"nothing on it", Device{}, true},
		{"what a driver keeps", Device{UsedBytes: MaxIdleBytes}, true},
		{"memory taken by what does not show as a process", Device{UsedBytes: MaxIdleBytes + 1}, false},
		{"a process that has not allocated yet", Device{Processes: []Process{{PID: 7}}}, false},
		{"a desktop of 3 GiB", Device{UsedBytes: 3 << 30, Displays: []Process{{MemoryBytes: 3 << 30}}}, true},
		{"a desktop that says it holds more than is taken", Device{UsedBytes: 1, Displays: []Process{{MemoryBytes: 9}}}, true},
		{"a card in MIG mode", Device{Split: true}, false},
	}
	for _, tt := range tests {
		t.Run(tt.why, func(t *testing.T) {
			if got := tt.device.Idle(); got != tt.want {
				t.Errorf("idle = %v, want %v", got, tt.want)
			}
		})
	}
}

func TestClaim(t *testing.T) {
	locks := Locks(t.TempDir())
	mine := Holder{PID: os.Getpid(), Run: "20261124-1", Dir: "/runs/1", Since: time.Now()}
	first, err := locks.Take("GPU-1", mine)
	if err != nil {
		t.Fatal(err)
	}
	if other, err := locks.Take("GPU-2", mine); err != nil || other.Release() != nil {
		t.Errorf("another card: %v", err)
	}
	_, err = locks.Take("GPU-1", Holder{Run: "other"})
	held, ok := errors.AsType[*HeldError](err)
	if !ok || held.Holder.Run != mine.Run || !strings.Contains(err.Error(), "run 20261124-1") {
		t.Fatalf("the second gets %v, want the first run's name", err)
	}
	if h, ok := locks.Holder("GPU-1"); !ok || h.Run != mine.Run {
		t.Errorf("while it is held: %+v, %v", h, ok)
	}
	if err := first.Release(); err != nil {
		t.Fatal(err)
	}
	if h, ok := locks.Holder("GPU-1"); ok {
		t.Errorf("after its release: %+v", h)
	}
	again, err := locks.Take("GPU-1", Holder{Run: "x"}) // shorter than what the file holds
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(locks.path("GPU-1"))
	if err != nil || json.Unmarshal(text, &Holder{}) != nil {
		t.Errorf("the file says %q (%v)", text, err)
	}
	if err := again.Release(); err != nil {
		t.Error(err)
	}
}

func TestClaimInAFolderOfOthers(t *testing.T) {
	dir := t.TempDir()
	locks := Locks(dir)
	target := filepath.Join(dir, "precious")
	if err := errors.Join(os.WriteFile(target, []byte("kept"), 0o600), os.Symlink(target, locks.path("GPU-1"))); err != nil {
		t.Fatal(err)
	}
	if _, err := locks.Take("GPU-1", Holder{Run: "x"}); err == nil {
		t.Error("a link was followed")
	}
	if text, _ := os.ReadFile(target); string(text) != "kept" {
		t.Errorf("the link's target holds %q", text)
	}
	gone := `{"pid":2147483646,"run":"earlier"}`
	if err := os.WriteFile(locks.path("GPU-2"), []byte(gone), 0o444); err != nil {
		t.Fatal(err)
	}
	if h := locks.whose("GPU-2"); h.Run != "" {
		t.Errorf("a holder that is gone is named: %+v", h)
	}
}

func TestUnavailable(t *testing.T) {
	var err error = &Unavailable{Reason: "no driver", Advice: "install it"}
	if !errors.Is(err, ErrUnavailable) {
		t.Error("not ErrUnavailable")
	}
	if got, want := err.Error(), "no NVIDIA GPU can be read: no driver"; got != want {
		t.Errorf("error %q, want %q", got, want)
	}
	hint, ok := errors.AsType[interface {
		error
		Hint() string
	}](err)
	if !ok || hint.Hint() != "install it" {
		t.Error("the advice is no hint")
	}
}
