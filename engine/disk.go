package engine

import (
	"os"
	"path/filepath"
)

// FreeBytes is what an ordinary user may still write to the disk of a folder, or
// of the nearest folder above it that is there.
func FreeBytes(folder string) (int64, error) {
	for folder != "" && filepath.Dir(folder) != folder {
		if _, err := os.Stat(folder); err == nil {
			break
		}
		folder = filepath.Dir(folder)
	}
	return freeBytes(folder)
}
