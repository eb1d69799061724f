//go:build !linux || !cgo

package gpu

// Watch returns an *Unavailable: this build has no NVML.
func Watch([]string) (*Watcher, error) {
	_, err := Devices()
	return nil, err
}
