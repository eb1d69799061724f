package profiles

import (
	"embed"
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/qtune/qtune/catalog"
)

//go:embed presets/*.hcl
var presetFiles embed.FS

// Preset is an engine block that is built in.
type Preset struct {
	Name        string
	Kind        string
	Description string // one line
	Source      string // the file as it is
}

// Presets are all presets, by name.
func Presets() []Preset {
	files, err := presetFiles.ReadDir("presets")
	if err != nil {
		return nil // it is embedded, so it is there
	}
	var all []Preset
	for _, f := range files {
		name := strings.TrimSuffix(f.Name(), ".hcl")
		text, err := presetFiles.ReadFile("presets/" + f.Name())
		if err != nil {
			continue // as above
		}
		p := Preset{Name: name, Source: string(text), Description: firstComment(string(text))}
		if body, _ := parse(text, name); body != nil && len(body.Blocks) == 1 && len(body.Blocks[0].Labels) == 2 {
			p.Kind = body.Blocks[0].Labels[0]
		}
		all = append(all, p)
	}
	return all
}

func firstComment(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return strings.TrimSuffix(strings.TrimSpace(strings.TrimLeft(line, "#")), ".")
}

// preset reads the preset that the engine names into the reader; false if it names
// one that cannot be used, which has been reported.
func (r *engineReader) preset() bool {
	a := r.body.Attributes["preset"]
	if a == nil {
		return true
	}
	r.presetAt = a.SrcRange
	r.text("preset", &r.engine.Preset)
	name := r.engine.Preset
	if name == "" {
		f, ok := r.field("preset")
		return ok && f.value.IsNull()
	}
	block := r.l.presetBlock(name)
	if block == nil {
		r.l.errorf(codeUnknownName, a.Expr.Range(), fmt.Sprintf("No preset is called %q", name), nearestPreset(name))
		return false
	}
	if kind := block.Labels[0]; kind != r.engine.Kind {
		r.l.errorf(codeConflict, a.Expr.Range(), fmt.Sprintf("Preset %q is for %s", name, kind),
			fmt.Sprintf("This engine is of kind %s. Write engine %q %q, or a preset of this kind: %s.",
				r.engine.Kind, kind, r.engine.Name, strings.Join(presetsOf(r.engine.Kind), ", ")))
		return false
	}
	own := r.section
	r.section, r.inPreset = r.l.section(block, engineWords), true
	r.attributes()
	r.section, r.inPreset = own, false
	return true
}

// presetBlock is the engine block of a preset; nil if there is none of that name.
func (l *loader) presetBlock(name string) *hclsyntax.Block {
	if b, ok := l.presets[name]; ok {
		return b
	}
	text, err := presetFiles.ReadFile("presets/" + name + ".hcl")
	if err != nil || !goodName(name) {
		return nil
	}
	body := l.parse(text, "preset "+name)
	if body == nil {
		return nil
	}
	l.presets[name] = body.Blocks[0]
	return body.Blocks[0]
}

// defaultImage is what an engine without a preset runs: the image of the preset that
// is called like its kind.
func (l *loader) defaultImage(kind string) string {
	block := l.presetBlock(kind)
	if block == nil {
		return ""
	}
	var image string
	(&section{l: l, body: block.Body}).text("image", &image)
	return image
}

func nearestPreset(name string) string {
	var names []string
	for _, p := range Presets() {
		names = append(names, p.Name)
	}
	if near := catalog.Nearest(name, names); near != "" {
		return fmt.Sprintf("Did you mean %q?", near)
	}
	return "The presets are: " + strings.Join(names, ", ") + "."
}

func presetsOf(kind string) []string {
	var names []string
	for _, p := range Presets() {
		if p.Kind == kind {
			names = append(names, p.Name)
		}
	}
	return names
}
