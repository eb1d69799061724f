package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/qtune/qtune/docker"
	"github.com/qtune/qtune/engine"
	"github.com/qtune/qtune/tuner"
)

// TestCodesAreDistinct: a code means one thing, and is a word that can be looked for.
func TestCodesAreDistinct(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range codeTexts() {
		if seen[c.Code] {
			t.Errorf("two codes are called %s", c.Code)
		}
		seen[c.Code] = true
		if strings.Trim(c.Code, "abcdefghijklmnopqrstuvwxyz_") != "" || c.Means == "" || c.Remedy == "" || strings.ContainsAny(c.Means+c.Remedy, "|\n") {
			t.Errorf("%+v", c)
		}
	}
	for _, c := range engine.Classes() {
		if !seen[string(c)] {
			t.Errorf("nothing is told of the class %s: write it into engine/failure_texts.go", c)
		}
	}
	for _, file := range []string{"../../docker/errors.go", "../../profiles/codes.go"} {
		for _, code := range constants(t, file) {
			if !seen[code] {
				t.Errorf("nothing is told of %s, which stands in %s", code, file)
			}
		}
	}
}

// constants are the values of a file's constants of text.
func constants(t *testing.T, path string) []string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	ast.Inspect(f, func(n ast.Node) bool {
		if s, ok := n.(*ast.ValueSpec); ok && len(s.Values) == 1 {
			if lit, ok := s.Values[0].(*ast.BasicLit); ok && lit.Kind == token.STRING {
				text, err := strconv.Unquote(lit.Value)
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, text)
			}
		}
		return true
	})
	if len(all) < 5 {
		t.Fatalf("%s has only %d constants", path, len(all))
	}
	return all
}

func TestCodeOf(t *testing.T) {
	tests := []struct {
		name string
		err  error
		want string
	}{
		{"an error that nobody looks up has none", errors.New("x"), ""},
		{"a cause has its own code", fmt.Errorf("apply: %w", &tuner.LockedError{}), "folder_locked"},
		{"the Docker Engine's reason is the code", &docker.Error{Reason: docker.NoDaemon, Err: errors.New("x")}, "no_daemon"},
		{"what is left behind says so, whatever else went wrong", errors.Join(&docker.Error{Reason: docker.NoDaemon, Err: errors.New("x")}, &tuner.LeftError{Err: errors.New("x")}), "not_removed"},
		{"what could not be prepared has the class of its failure", &preparationError{what: "x", failure: &engine.Failure{Class: engine.ImageMissing}}, "image_missing"},
		{"a full disk is one even without a type of its own", fmt.Errorf("write: %w", &os.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}), "no_space"},
	}
	for _, tt := range tests {
		if got := codeOf(tt.err); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestErrorsAreShownWithCodes: in brackets for people, as a field for programs.
func TestErrorsAreShownWithCodes(t *testing.T) {
	c := newConsole(t)
	if code := c.run(t, "bench", "localhost", "--json"); code != exitUsage || !strings.Contains(c.err.String(), " [usage]\n") {
		t.Errorf("exit %d: %s", code, c.err.String())
	}
	var got jsonError
	if err := json.Unmarshal([]byte(c.out.String()), &got); err != nil || got.Type != "error" || got.Code != "usage" || got.Exit != exitUsage || got.Error == "" {
		t.Errorf("%v: %s", err, c.out.String())
	}
	c = newConsole(t)
	if code := c.run(t, "validate", "--json", write(t, "a.hcl", "model {\n  idd = 1\n}\n")); code != exitProfile || strings.Count(c.out.String(), "\n") != 1 || !strings.Contains(c.out.String(), `"code":"unknown_word"`) {
		t.Errorf("exit %d: %s", code, c.out.String())
	}
	if text := withCode(&incomparableError{[]string{"a", "b"}}); !strings.HasPrefix(text, "the two are not comparable: [not_comparable]\n") {
		t.Errorf("the code of an error of several lines stands at the end of the first: %q", text)
	}
}

func TestExplainCode(t *testing.T) {
	tests := []struct {
		name, word string
		code       int
		want       string
	}{
		{"the error of a command", "folder_locked", exitOK, "--dir"},
		{"as it was copied from a message", "[unknown_flag]", exitOK, "allow_unknown_flags"},
		{"a class, with whose fault it is", "gpu_oom", exitOK, "fault: configuration"},
		{"neither a file nor a code", "nothing_such", exitError, "no such file"},
	}
	for _, tt := range tests {
		c := newConsole(t)
		if code := c.run(t, "explain", tt.word); code != tt.code || !strings.Contains(c.out.String()+c.err.String(), tt.want) {
			t.Errorf("%s: exit %d\n%s%s", tt.name, code, c.out.String(), c.err.String())
		}
	}
}

// TestErrorsDocument holds docs/errors.md and the table of docs/failures.md to the codes.
func TestErrorsDocument(t *testing.T) {
	held(t, filepath.Join("..", "..", "docs", "errors.md"), func(string) string { return errorsDocument() })
	held(t, filepath.Join("..", "..", "docs", "failures.md"), func(text string) string {
		before, _, _ := strings.Cut(text, "| class |") // the table ends the document
		return before + classTable()
	})
}

// held compares a document with what it should be, and writes it with -update.
func held(t *testing.T, path string, want func(text string) string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil && !*update {
		t.Fatal(err)
	}
	should := want(string(text))
	if *update {
		if err := os.WriteFile(path, []byte(should), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(text) != should {
		t.Errorf("%s is not what the program says: go test ./cmd/qtune -run Document -update", path)
	}
}

func classTable() string {
	var b strings.Builder
	b.WriteString("| class | what happened | whose fault | what to do |\n|---|---|---|---|\n")
	for _, c := range engine.ClassTexts() {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", c.Class, c.Means, engine.FaultOf(c.Class), c.Remedy)
	}
	return b.String()
}

func errorsDocument() string {
	var b strings.Builder
	b.WriteString(`# Error codes

<!-- Written by go test ./cmd/qtune -run Document -update; the texts stand in cmd/qtune/codes_table.go and profiles/codes.go. -->

An error that one may want to look up ends with a code in brackets. The code stays the same when the text is put better, so it is what
to search for, and what a script should look at beside the exit code:

` + "```console" + `
$ qtune apply qtune.hcl
qtune: run 20261124-093000.123 of process 4711 on box has held .qtune since 09:30:00 [folder_locked]
hint: wait for it, stop it with Ctrl-C, or keep this run elsewhere with --dir
$ qtune explain folder_locked     # what stands below, in the terminal
` + "```" + `

With ` + "`--json`" + ` a command that fails before it has printed anything prints one object, ` +
		"`{\"type\":\"error\",\"code\":…,\"error\":…,\"hint\":…,\"exit\":…}`" + `; the result of
` + "`apply --json`" + ` has ` + "`error`, `error_code` and `hint`" + ` of its own, and each diagnostic of ` + "`validate --json`" + ` a ` + "`code`" + `. An error without a code is one that its text explains.

## Exit codes

` + "```" + `
` + strings.TrimPrefix(exitCodes, "Exit codes:\n") + `
` + "```" + `
`)
	parts := []struct{ of, title, text string }{
		{"error", "Errors of commands", "What cannot be prepared, an image or a model, has the class of its failure: see [failures.md](failures.md)."},
		{"profile", "Problems in a profile", "Every error and warning that `qtune validate` has, at the end of its first line. [profile.md](profile.md) has the language."},
	}
	for _, p := range parts {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n| code | what it means | what to do |\n|---|---|---|\n", p.title, p.text)
		for _, c := range codeTexts() {
			if c.Of == p.of {
				fmt.Fprintf(&b, "| `%s` | %s | %s |\n", c.Code, c.Means, c.Remedy)
			}
		}
	}
	b.WriteString("\n## Failed trials\n\nA failed trial is no error: the run goes on. Its classes are codes as well, and stand in [failures.md](failures.md).\n")
	return b.String()
}
