package profiles

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/qtune/qtune/bench"
)

// maxData is the largest file of prompts or trace that is read, in bytes.
const maxData = 1 << 30

const spreadRemedy = `Write { shape = "lognormal", width = 0.5 }, and perhaps min and max.`

func (s *section) prompts(p *bench.Prompts) {
	b := s.child("prompts")
	if b == nil {
		s.missing("prompts", "Write prompts { input_tokens = 128 }.")
		return
	}
	inner := s.l.section(b, promptWords)
	inner.whole("input_tokens", &p.InputTokens, 1, maxTokens)
	inner.spread("input_spread", &p.Input)
	inner.spread("output_spread", &p.Output)
	inner.sharedPrefix(&p.SharedPrefix)
	inner.data("file", func(name string, r io.Reader) (err error) {
		p.File, err = bench.ReadFile(name, r)
		return err
	})
	inner.data("trace", func(name string, r io.Reader) (err error) {
		p.Trace, err = bench.ReadTrace(name, r)
		return err
	})
	inner.oneSource()
}

// oneSource wants prompts to come from one place.
func (s *section) oneSource() {
	var sources []string
	for _, name := range []string{"input_tokens", "file", "trace"} {
		if s.has(name) {
			sources = append(sources, name)
		}
	}
	switch {
	case len(sources) == 0:
		s.missing("input_tokens", "Write how long each prompt is, in tokens: input_tokens = 128. Or take prompts from a file, or lengths from a trace.")
	case len(sources) > 1:
		s.l.errorf(codeConflict, s.body.Attributes[sources[1]].NameRange, fmt.Sprintf("Both %s and %s", sources[0], sources[1]), "Each says what the prompts are. Take one of them out.")
	}
}

// spread reads { shape = "lognormal", width = 0.5, min = 1, max = 4096 }.
func (s *section) spread(name string, target *bench.Spread) {
	f, ok := s.given(name)
	if !ok {
		return
	}
	o, ok := f.object(spreadRemedy, "shape", "width", "min", "max")
	if !ok {
		return
	}
	shape := ""
	o.text("shape", &shape)
	target.Shape = bench.Shape(shape)
	if w, ok := o.get("width"); ok {
		w.decimal(&target.Width, 100)
	}
	o.whole("min", &target.Min, maxTokens)
	o.whole("max", &target.Max, maxTokens)
}

func (s *section) sharedPrefix(target *bench.SharedPrefix) {
	f, ok := s.given("shared_prefix")
	if !ok {
		return
	}
	if o, ok := f.object("Write shared_prefix = { tokens = 256, groups = 4 }.", "tokens", "groups"); ok {
		target.Groups = 1
		o.whole("tokens", &target.Tokens, maxTokens)
		o.whole("groups", &target.Groups, maxRequests)
	}
}

// data reads a file beside the profile.
func (s *section) data(name string, read func(name string, r io.Reader) error) {
	f, ok := s.given(name)
	if !ok {
		return
	}
	path, ok := f.text()
	if !ok {
		return
	}
	full := path
	if !filepath.IsAbs(full) {
		full = filepath.Join(s.l.dir, path)
	}
	if err := readData(full, path, read); err != nil {
		why := err.Error()
		if line, ok := errors.AsType[*bench.LineError](err); ok {
			why = fmt.Sprintf("line %d: %v", line.Line, line.Err)
		}
		f.wrong(codeUnreadable, fmt.Sprintf("Cannot use %s", path), sentence(why))
	}
}

func readData(full, shown string, read func(name string, r io.Reader) error) error {
	r, err := os.Open(full)
	if err != nil {
		return fmt.Errorf("%s: a path is looked for from the profile's folder", reason(err))
	}
	defer func() { _ = r.Close() }()
	info, err := r.Stat()
	switch {
	case err != nil:
		return fmt.Errorf("looking at it: %w", err)
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is no ordinary file", shown)
	case info.Size() > maxData:
		return fmt.Errorf("%s is larger than 1 GiB", shown)
	}
	return read(shown, r)
}
