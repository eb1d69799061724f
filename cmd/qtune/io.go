package main

import (
	"encoding/json"
	"fmt"
	"os"
)

// writeJSON writes a value into a file, indented for people: the whole of it, or
// nothing.
func writeJSON(path string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("encode %s: %w", path, err)
	}
	part := path + ".part"
	err = os.WriteFile(part, append(text, '\n'), 0o644)
	if err == nil {
		err = os.Rename(part, path)
	}
	if err != nil {
		_ = os.Remove(part) // it may not be there
		return fmt.Errorf("write a report: %w", err)
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
