//go:build !linux || !cgo

package gpu

// States returns an *Unavailable: this build has no NVML.
func States() ([]State, error) {
	_, err := Devices()
	return nil, err
}
