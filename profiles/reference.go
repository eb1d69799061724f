package profiles

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// refBlock is what the reference says of a block.
type refBlock struct {
	path   string // from the top: "search / budget"
	labels string // as they are written: `"KIND" "NAME"`
	times  string // how often it may stand there
	text   string
	words  []refWord
	form   string // an example of it
}

// refWord is what the reference says of an attribute.
type refWord struct {
	name  string
	takes string // what it takes, and in which unit
	left  string // what holds where it is left out
	text  string
}

// Reference is the language's reference as Markdown. A test holds its words to those
// that the loader takes.
func Reference() string {
	var b strings.Builder
	b.WriteString(refPreface)
	for _, block := range refBlocks() {
		block.write(&b)
	}
	b.WriteString("\n## Functions\n\nThey work as Terraform's of the same names do, but for `env`, `file` and `range`, which are told of above:\n\n")
	names := slices.Sorted(maps.Keys((&loader{}).functions()))
	for i, name := range names {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "`%s`", name)
	}
	b.WriteString(".\n")
	return b.String()
}

func (r refBlock) write(b *strings.Builder) {
	title := strings.TrimSpace(r.path + " " + r.labels)
	fmt.Fprintf(b, "\n## %s\n\n%s %s\n", title, r.text, r.times)
	if r.form != "" {
		fmt.Fprintf(b, "\n```hcl\n%s\n```\n", strings.TrimSpace(r.form))
	}
	if len(r.words) == 0 {
		return
	}
	b.WriteString("\n| word | takes | if left out | |\n|---|---|---|---|\n")
	for _, w := range r.words {
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", w.name, w.takes, cmp.Or(w.left, "must be there"), w.text)
	}
}
