package main

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/engine"
	"github.com/qtune/qtune/profiles"
)

// The documents are held to the program:
//
//   - every line "$ qtune …" of a console block is a command line that qtune takes;
//   - in a block that follows <!-- run -->, each is run, in the order of the document,
//     and ends with 0; what the block shows of its output is in it, … standing for anything;
//   - a block that follows <!-- file: NAME --> is that file, for the commands behind it;
//   - an hcl block with an objective is a profile without errors;
//   - every link to a file of the repository leads somewhere.

// docBlock is a fenced block of a document.
type docBlock struct {
	line           int
	language, text string
	file           string // of <!-- file: NAME -->
	run            bool
}

var (
	docFence = regexp.MustCompile("(?ms)^(?:<!-- (run|file: [^\n]*) -->\n+)?```([a-z]*)\n(.*?)^```$")
	docLink  = regexp.MustCompile(`\]\(([^)#:]+)(?:#[^)]*)?\)`)
)

func docBlocks(text string) []docBlock {
	var all []docBlock
	for _, m := range docFence.FindAllStringSubmatchIndex(text, -1) {
		b := docBlock{line: 1 + strings.Count(text[:m[6]], "\n"), language: text[m[4]:m[5]], text: text[m[6]:m[7]]}
		if m[2] >= 0 {
			mark := text[m[2]:m[3]]
			b.run = mark == "run"
			b.file, _ = strings.CutPrefix(mark, "file: ")
			if b.run {
				b.file = ""
			}
		}
		all = append(all, b)
	}
	return all
}

// documents are the texts for users, by their path from the root.
func documents(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md"} {
		paths, err := filepath.Glob(filepath.Join("..", "..", pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			all[strings.TrimPrefix(filepath.ToSlash(path), "../../")] = string(text)
		}
	}
	if len(all) < 5 {
		t.Fatalf("only %d documents", len(all))
	}
	return all
}

func TestDocuments(t *testing.T) {
	for name, text := range documents(t) {
		t.Run(name, func(t *testing.T) {
			for _, m := range docLink.FindAllStringSubmatch(text, -1) {
				if _, err := os.Stat(filepath.Join("..", "..", filepath.Dir(name), m[1])); err != nil {
					t.Errorf("a link leads nowhere: %s", m[1])
				}
			}
			for _, b := range docBlocks(text) {
				switch b.language {
				case "hcl":
					checkProfile(t, b)
				case "console":
					for _, c := range docCommands(b.text) {
						checkCommand(t, b.line, c.words)
					}
				}
			}
			runDocument(t, text)
		})
	}
}

// TestDocumentsTellAll: each metric, class of failure and command is told of.
func TestDocumentsTellAll(t *testing.T) {
	docs := documents(t)
	for _, m := range bench.Metrics() {
		name := m.Name
		if m.Unit == bench.UnitMilliseconds {
			name = name[:strings.LastIndexByte(name, '_')]
		}
		if !strings.Contains(docs["docs/metrics.md"], "`"+name+"`") {
			t.Errorf("docs/metrics.md says nothing of %s", m.Name)
		}
	}
	for _, c := range engine.Classes() {
		if !strings.Contains(docs["docs/failures.md"], "| `"+string(c)+"` |") {
			t.Errorf("docs/failures.md says nothing of %s", c)
		}
	}
	all := strings.Join([]string{docs["README.md"], docs["docs/tutorial.md"], docs["docs/cookbook.md"]}, "\n")
	for _, c := range rootCmd(&world{}).Commands() {
		if !c.Hidden && c.Name() != "help" && !strings.Contains(all, "qtune "+c.Name()) {
			t.Errorf("no document uses qtune %s", c.Name())
		}
	}
}

// TestDocumentsNamePackages: each folder with code stands in both lists of folders.
func TestDocumentsNamePackages(t *testing.T) {
	docs := documents(t)
	files, err := filepath.Glob(filepath.Join("..", "..", "*", "*.go"))
	if err != nil || len(files) < 100 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, f := range files {
		name := filepath.Base(filepath.Dir(f))
		if !strings.Contains(docs["README.md"], "\n"+name+"/ ") || !strings.Contains(docs["docs/architecture.md"], "`"+name+"`") {
			t.Fatalf("README.md or docs/architecture.md says nothing of %s/", name)
		}
	}
}

// TestDocumentsNameDependencies: the README says what each direct dependency is for.
func TestDocumentsNameDependencies(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	direct := regexp.MustCompile(`(?m)^\t(\S+?)(?:/v\d+)? v\S+$`).FindAllStringSubmatch(string(text), -1)
	if len(direct) < 10 {
		t.Fatalf("%d direct dependencies", len(direct))
	}
	readme := strings.ReplaceAll(documents(t)["README.md"], "`github.com/moby/moby/client`, `…/api`", "github.com/moby/moby/client github.com/moby/moby/api")
	for _, m := range direct {
		if !strings.Contains(readme, m[1]) {
			t.Errorf("the README does not say what %s is for", m[1])
		}
	}
}

func checkProfile(t *testing.T, b docBlock) {
	t.Helper()
	if !strings.Contains(b.text, "objective {") {
		return
	}
	name := filepath.Join(t.TempDir(), "doc.hcl")
	if err := os.WriteFile(name, []byte(b.text), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, diags := profiles.Load(name, profiles.Options{}); diags.HasErrors() {
		t.Errorf("the profile on line %d: %v", b.line, diags)
	}
}

// docCommand is one command of a transcript, with what it shows.
type docCommand struct {
	environ    []string // NAME=VALUE before the command
	words      []string
	background bool
	shown      []string
}

// docCommands are the qtune commands of a console block. Of a pipe they are its parts.
func docCommands(text string) []docCommand {
	var all []docCommand
	text = strings.ReplaceAll(text, "\\\n", " ")
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		command, is := strings.CutPrefix(line, "$ ")
		if !is {
			if n := len(all); n > 0 && strings.TrimSpace(line) != "" && !strings.HasPrefix(line, "#") {
				all[n-1].shown = append(all[n-1].shown, line)
			}
			continue
		}
		command, _, _ = strings.Cut(command, " #")
		for part := range strings.SplitSeq(command, "|") {
			words := strings.Fields(part)
			first := slices.IndexFunc(words, func(w string) bool { return !strings.Contains(w, "=") })
			environ := words[:max(first, 0)]
			words = words[max(first, 0):]
			if len(words) == 0 || words[0] != "qtune" && words[0] != "bin/qtune" {
				continue
			}
			c := docCommand{environ: environ, words: words[1:]}
			if n := len(words); words[n-1] == "&" {
				c.words, c.background = words[1:n-1], true
			}
			if i := slices.Index(c.words, ">"); i >= 0 {
				c.words = c.words[:i]
			}
			all = append(all, c)
		}
	}
	return all
}

// checkCommand says whether there is such a command, and whether it has these flags.
func checkCommand(t *testing.T, line int, words []string) {
	t.Helper()
	c, rest, err := rootCmd(&world{}).Find(oneDash(words))
	switch {
	case err != nil:
		t.Errorf("the command on line %d, qtune %s: %v", line, strings.Join(words, " "), err)
	case c.DisableFlagParsing:
	case c.ParseFlags(rest) != nil:
		t.Errorf("the command on line %d, qtune %s: %v", line, strings.Join(words, " "), c.ParseFlags(rest))
	}
}

// runDocument runs what a document says is to be run, in a folder of its own.
func runDocument(t *testing.T, text string) {
	blocks := docBlocks(text)
	if !slices.ContainsFunc(blocks, func(b docBlock) bool { return b.run }) {
		return
	}
	t.Chdir(t.TempDir())
	home := t.TempDir()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	for _, b := range blocks {
		if b.file != "" {
			if err := os.WriteFile(b.file, []byte(b.text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if !b.run {
			continue
		}
		for _, c := range docCommands(b.text) {
			runCommand(ctx, t, home, b.line, c)
		}
	}
}

func runCommand(ctx context.Context, t *testing.T, home string, line int, c docCommand) {
	t.Helper()
	con := newConsole(t)
	con.environ = append([]string{"HOME=" + home, "PATH=" + os.Getenv("PATH")}, c.environ...)
	if c.background {
		done := make(chan struct{})
		go func() {
			defer close(done)
			run(ctx, c.words, &con.world)
		}()
		t.Cleanup(func() { <-done })
		awaitServer(t, c.words)
		return
	}
	code := run(ctx, c.words, &con.world)
	if code != exitOK && strings.Contains(con.out.String()+con.err.String(), "the load client was the bottleneck") {
		t.Skipf("this machine is too busy to run the rest: qtune %s says that its load client was the bottleneck", strings.Join(c.words, " "))
	}
	if code != exitOK {
		t.Fatalf("line %d: qtune %s ended with %d\n%s%s", line, strings.Join(c.words, " "), code, con.out.String(), con.err.String())
	}
	seen := con.out.String() + con.err.String()
	for _, want := range c.shown {
		if !shownIn(want, seen) {
			t.Errorf("line %d: qtune %s does not print %q, but\n%s", line, strings.Join(c.words, " "), want, seen)
		}
	}
}

// shownIn says whether a line of seen is the shown one; … is any text.
func shownIn(want, seen string) bool {
	parts := strings.Split(want, "…")
	for i, p := range parts {
		parts[i] = regexp.QuoteMeta(strings.TrimSpace(p))
	}
	return regexp.MustCompile(`(?m)^\s*` + strings.Join(parts, ".*") + `\s*$`).MatchString(seen)
}

// awaitServer waits for what a command in the background serves at its --port.
func awaitServer(t *testing.T, words []string) {
	t.Helper()
	i := slices.Index(words, "--port")
	if i < 0 {
		t.Fatalf("a command in the background has no --port: %v", words)
	}
	for range 300 {
		res, err := http.Get("http://127.0.0.1:" + words[i+1] + "/health")
		if err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("nothing serves at port %s", words[i+1])
}

// TestDocBlocks holds the reader of documents to what it is for.
func TestDocBlocks(t *testing.T) {
	text := "a\n<!-- run -->\n```console\n$ qtune version   # says it\nqtune …\n$ x | qtune explain -\n```\n\n<!-- file: a.hcl -->\n\n```hcl\nmodel {}\n```\n"
	got := docBlocks(text)
	if len(got) != 2 || !got[0].run || got[0].file != "" || got[1].file != "a.hcl" || got[1].run {
		t.Fatalf("%+v", got)
	}
	c := docCommands(got[0].text)
	if len(c) != 2 || !slices.Equal(c[0].words, []string{"version"}) || !slices.Equal(c[0].shown, []string{"qtune …"}) || !slices.Equal(c[1].words, []string{"explain", "-"}) {
		t.Errorf("%+v", c)
	}
	if !shownIn("qtune …, b", "x\n  qtune 12, b\n") || shownIn("qtune …, b", "qtune c") || !bytes.Contains([]byte(text), []byte("run")) {
		t.Error("shownIn")
	}
}
