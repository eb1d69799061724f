package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// lastly are the types that other commands write too, each in its own place.
var lastly = []string{"plan", "deployed", "diagnostics", "result"}

// TestEventsAreDocumented: docs/events.md names each type and field of the stream that
// the code has, and no other.
func TestEventsAreDocumented(t *testing.T) {
	text := documents(t)["docs/events.md"]
	_, lines, _ := strings.Cut(text, "## The lines")
	lines, fields, ok := strings.Cut(lines, "## Fields")
	if !ok {
		t.Fatal("docs/events.md has lost its sections")
	}
	types := slices.Clone(lastly)
	for path, constant := range map[string]string{"../../tuner/event.go": "Event", "view_json.go": "stream"} {
		source, err := os.ReadFile(filepath.FromSlash(path))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?m)^\s`+constant+`\w+\s+= "(\w+)"`).FindAllStringSubmatch(string(source), -1) {
			types = append(types, m[1])
		}
	}
	sameNames(t, "type", firstColumn(lines), types)
	sameNames(t, "field", firstColumn(fields), slices.DeleteFunc(jsonNames(jsonEvent{}), func(n string) bool { return n == "type" }))
	for _, of := range []any{jsonRun{}, jsonMessage{}, jsonStage{}} {
		for _, name := range jsonNames(of) {
			if !strings.Contains(lines, "`"+name+"`") {
				t.Errorf("docs/events.md says nothing of %s", name)
			}
		}
	}
}

// firstColumn are the names in the first column of a table.
func firstColumn(text string) []string {
	var all []string
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		for _, m := range regexp.MustCompile("`(\\w+)`").FindAllStringSubmatch(strings.Split(line, "|")[1], -1) {
			all = append(all, m[1])
		}
	}
	return slices.DeleteFunc(all, func(n string) bool { return n == "type" }) // the head
}

func sameNames(t *testing.T, what string, documented, code []string) {
	t.Helper()
	slices.Sort(documented)
	slices.Sort(code)
	if !slices.Equal(documented, code) {
		t.Errorf("docs/events.md has the %ss\n%q, the code\n%q", what, documented, code)
	}
}

func jsonNames(v any) []string {
	var all []string
	for f := range reflect.TypeOf(v).Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		all = append(all, name)
	}
	return all
}

// TestStreamIsWhatItsDocumentSays runs a profile and holds each line to the document.
func TestStreamIsWhatItsDocumentSays(t *testing.T) {
	path, dir := write(t, "small.hcl", small), t.TempDir()
	_, lines, _ := strings.Cut(documents(t)["docs/events.md"], "## The lines")
	known := firstColumn(lines)
	for _, run := range []string{"measured", "reused"} {
		c := newConsole(t)
		if code := c.run(t, simulated(path, dir, "--json")...); !decided(code) {
			t.Fatalf("exit %d\n%s", code, c.err.String())
		}
		var types []string
		for line := range strings.Lines(c.out.String()) {
			var v struct{ Type string }
			if err := json.Unmarshal([]byte(line), &v); err != nil || !slices.Contains(known, v.Type) {
				t.Fatalf("%s: %v: %.200s", run, err, line)
			}
			types = append(types, v.Type)
		}
		if types[0] != streamRun || types[len(types)-1] != "result" || !slices.Contains(types, "plan") {
			t.Errorf("%s: %q", run, types)
		}
		if run == "measured" && !slices.Contains(types, streamStage) {
			t.Errorf("%s: no stage of a start: %q", run, types)
		}
	}
}
