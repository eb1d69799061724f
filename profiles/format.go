package profiles

import (
	"github.com/hashicorp/hcl/v2/hclwrite"
)

// Format gives a profile its canonical form: two blanks for each level, equals signs
// of neighbours in line. What cannot be read is not touched, and the diagnostics say
// why; name is the file's in them.
func Format(text []byte, name string) ([]byte, *Diagnostics) {
	d := &Diagnostics{sources: map[string]source{name: {text: text}}}
	if bad := checkText(name, text); bad != nil {
		d.add(bad)
		return text, d
	}
	_, diags := parse(text, name)
	if d.add(diags...); d.HasErrors() {
		d.sort(name)
		return text, d
	}
	return hclwrite.Format(text), d
}
