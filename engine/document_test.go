package engine

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/qtune/qtune/catalog"
	"github.com/qtune/qtune/profiles"
)

// TestEnginesDocument holds the tables of docs/engines.md to the code: each follows
// <!-- facts: KIND -->, and -update writes it.
func TestEnginesDocument(t *testing.T) {
	path := filepath.Join("..", "docs", "engines.md")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]bool{}
	table := regexp.MustCompile(`(?m)^<!-- facts: (\w+) -->\n\n(?:\|.*\n)*`)
	should := table.ReplaceAllStringFunc(string(text), func(old string) string {
		name := table.FindStringSubmatch(old)[1]
		told[name] = true
		k, ok := Lookup(name)
		if !ok {
			t.Errorf("docs/engines.md has a table of %s, which is no engine", name)
			return old
		}
		return "<!-- facts: " + name + " -->\n\n" + factsTable(k)
	})
	for _, name := range Kinds() {
		if !told[name] {
			t.Errorf("docs/engines.md has no table of %s", name)
		}
	}
	if *update {
		if err := os.WriteFile(path, []byte(should), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(text) != should {
		t.Error("docs/engines.md is not what the code says: go test ./engine -run Document -update")
	}
}

// factsTable is what the code says of an engine, a row a fact.
func factsTable(k Kind) string {
	var b strings.Builder
	row := func(name, text string) {
		if text != "" {
			fmt.Fprintf(&b, "| %s | %s |\n", name, text)
		}
	}
	b.WriteString("| | |\n|---|---|\n")
	row("presets", presetsTold(k.Name))
	row("flags known", flagsTold(k.Name))
	row("a container's command", containerTold(k))
	row("a process", code(k.local...))
	row("the model", modelTold(k))
	row("listens at", listensTold(k))
	row("serves once", readyTold(k))
	row("its version", pathTold(k.version.path))
	row("its options", helpTold(k))
	row("set for it", code(k.env...))
	row("secrets go by", secretsTold(k))
	row("kept in a run", cachesTold(k))
	row("can be simulated", map[bool]string{true: "yes", false: "no"}[k.simulated])
	return b.String()
}

func code(words ...string) string {
	if len(words) == 0 {
		return ""
	}
	return "`" + strings.Join(words, " ") + "`"
}

var imageLine = regexp.MustCompile(`image += "([^"]+)"`)

func presetsTold(kind string) string {
	var all []string
	for _, p := range profiles.Presets() {
		if m := imageLine.FindStringSubmatch(p.Source); p.Kind == kind && m != nil {
			all = append(all, fmt.Sprintf("`%s`: image `%s`", p.Name, m[1]))
		}
	}
	return strings.Join(all, "; ")
}

func flagsTold(kind string) string {
	set, ok := catalog.EngineFlags(kind)
	switch {
	case !ok:
		return ""
	case len(set.Names()) == 0:
		return fmt.Sprintf("none: its environment sets it, as version %s reads it", set.Version)
	}
	return fmt.Sprintf("%d, from version %s", len(set.Names()), set.Version)
}

func containerTold(k Kind) string {
	if k.image == nil {
		return ""
	}
	if k.imageRunsProgram {
		return code(k.image...) + ", which is the image's own entrypoint: only arguments are passed"
	}
	return code(k.image...)
}

func modelTold(k Kind) string {
	switch {
	case k.image == nil:
		return "as the server lists it"
	case k.listenEnv != "":
		return "a name in its own store"
	}
	text := "first argument"
	if len(k.model) > 0 {
		text = code(k.model...)
	}
	if k.names != nil {
		text += ", served under `--" + k.names[0] + "`"
	}
	if k.fetch {
		return text + "; fetched from the hub before the first trial"
	}
	return text
}

func listensTold(k Kind) string {
	if k.Port == 0 {
		return ""
	}
	by := k.listenEnv
	if by == "" {
		by = k.listen[0] + " " + k.listen[1]
	}
	return fmt.Sprintf("port %d in a container, one that is free as a process; told by `%s`", k.Port, by)
}

func readyTold(k Kind) string {
	text := "the model is listed, and a token has come"
	if k.Health != "" {
		text = pathTold(k.Health) + " answers 2xx, " + text
	}
	if k.serves != nil {
		text += "; then where the model lies is asked for"
	}
	return text
}

func pathTold(path string) string {
	if path == "" {
		return ""
	}
	return "`GET " + path + "`"
}

func helpTold(k Kind) string {
	if k.help == nil {
		return ""
	}
	return code(append(slices.Clone(k.image), k.help...)...) + ", asked once for each image"
}

func secretsTold(k Kind) string {
	var all []string
	for _, flag := range slices.Sorted(maps.Keys(k.secretEnv)) {
		all = append(all, fmt.Sprintf("`%s` for `%s`", k.secretEnv[flag], flag))
	}
	return strings.Join(all, ", ")
}

func cachesTold(k Kind) string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(k.caches)) {
		all = append(all, "`"+name+"`")
	}
	return strings.Join(all, ", ")
}
