package engine

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
)

const (
	// maxPullStep bounds one object of the stream, in bytes; a real one has some hundred.
	maxPullStep = 1 << 20
	// maxPullFiles bounds the files that are counted; a real model has less than ten.
	maxPullFiles = 1024
)

// pullStep is one object of the stream, which has a line of its own.
type pullStep struct {
	Status           string
	Digest           string // of the file that this is about
	Total, Completed int64  // its bytes
	Error            string
}

// follow reads the stream to its end: "success", or an error.
func (p *puller) follow(stream io.Reader, status int, alive func()) error {
	lines := bufio.NewScanner(stream)
	lines.Buffer(nil, maxPullStep)
	seen := pullFiles{map[string]int64{}, map[string]int64{}}
	for lines.Scan() {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		var step pullStep
		if err := json.Unmarshal(lines.Bytes(), &step); err != nil {
			return fmt.Errorf("reading what Ollama says of the pull: %w", cmp.Or(lines.Err(), err))
		}
		switch {
		case step.Error != "":
			return &FetchError{p.fetch.Model.ID, errors.New(show(step.Error)), "is the name one of ollama.com/library, with its tag? And is the network there?"}
		case step.Status == "success":
			return nil
		}
		another, further := seen.add(&step)
		if further {
			alive()
		}
		if step.Digest == "" {
			continue
		}
		if err := p.progress(sum(seen.done), sum(seen.sizes), another); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("reading what Ollama says of the pull: %w", err)
	}
	return fmt.Errorf("the pull was broken off without saying why (HTTP %d)", status)
}

// pullFiles are the bytes of each file, and those that are there, by its digest.
type pullFiles struct{ sizes, done map[string]int64 }

// add tells whether a step is about another file than those before, and whether it
// shows that the pull goes on.
func (f *pullFiles) add(s *pullStep) (another, further bool) {
	if s.Digest == "" {
		return false, true
	}
	_, known := f.sizes[s.Digest]
	if !known && len(f.sizes) >= maxPullFiles {
		return false, false
	}
	f.sizes[s.Digest] = s.Total
	if s.Completed > f.done[s.Digest] {
		f.done[s.Digest] = s.Completed
		further = true
	}
	return !known, further
}

// progress reports how far it is, and checks that another file has room.
func (p *puller) progress(done, total int64, another bool) error {
	if p.fetch.Progress != nil {
		p.fetch.Progress(done, total)
	}
	if !another {
		return nil
	}
	have, err := p.fetch.freeAt(p.store)
	if err != nil || have >= total-done+fetchMargin {
		return nil // where the disk does not say, the pull itself finds out
	}
	return &FetchError{p.fetch.Model.ID, fmt.Errorf("%s are needed and %s are free in %s", bytesText(total-done+fetchMargin), bytesText(have), p.store),
		"free space there, or set OLLAMA_MODELS to a folder on a larger disk"}
}

func sum(sizes map[string]int64) int64 {
	total := int64(0)
	for n := range maps.Values(sizes) {
		total += n
	}
	return total
}
