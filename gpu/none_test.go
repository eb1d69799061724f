//go:build !linux || !cgo

package gpu

import (
	"errors"
	"testing"
)

func TestDevicesWithoutNVML(t *testing.T) {
	_, err := Devices()
	u, ok := errors.AsType[*Unavailable](err)
	if !ok {
		t.Fatalf("error %v, want an *Unavailable", err)
	}
	if u.Reason == "" || u.Advice == "" {
		t.Errorf("says too little: %+v", u)
	}
}
