package docker

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

const (
	// pullStall ends a pull in which nothing happens.
	pullStall = 10 * time.Minute
	// maxMessage bounds one line of the daemon's report, in bytes. Real ones
	// are below 1 KiB.
	maxMessage = 1 << 20
	// maxLayers bounds what is remembered of a report. Images have at most 127
	// layers in Docker's own storage drivers.
	maxLayers = 1024
)

// Progress is how far a pull is.
type Progress struct {
	Status  string // the daemon's words for its last step: "Downloading", "Extracting", …
	Current int64  // bytes downloaded
	Total   int64  // bytes of the layers whose size is known so far; grows at first
	Layers  int    // layers seen
	Done    int    // layers that are there
}

// message is one line of the report on a pull or an import.
type message struct {
	Status   string `json:"status"`
	ID       string `json:"id"`
	Progress struct {
		Current int64 `json:"current"`
		Total   int64 `json:"total"`
	} `json:"progressDetail"`
	Error       string `json:"error"`
	ErrorDetail struct {
		Message string `json:"message"`
	} `json:"errorDetail"`
}

func (m message) err() error {
	switch {
	case m.ErrorDetail.Message != "":
		return errors.New(m.ErrorDetail.Message)
	case m.Error != "":
		return errors.New(m.Error)
	}
	return nil
}

// readMessages hands each line of r to each until r ends or one reports an error.
func readMessages(r io.Reader, each func(message)) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxMessage)
	for lines.Scan() {
		if len(lines.Bytes()) == 0 {
			continue
		}
		var m message
		if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
			return fmt.Errorf("reading the daemon's report: %w", err)
		}
		if err := m.err(); err != nil {
			return err
		}
		each(m)
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("reading the daemon's report: %w", err)
	}
	return nil
}

// layers adds a report up.
type layers struct {
	byID map[string]*layer
}

type layer struct {
	current, total int64
	done           bool
}

func newLayers() *layers { return &layers{byID: map[string]*layer{}} }

func (l *layers) add(m message) Progress {
	if at := l.of(m); at != nil {
		at.note(m)
	}
	p := Progress{Status: m.Status, Layers: len(l.byID)}
	for _, at := range l.byID {
		p.Current += at.current
		p.Total += at.total
		if at.done {
			p.Done++
		}
	}
	return p
}

// of gives the layer that a message is about, or nil. "Pulling from" carries the
// tag where others carry a layer.
func (l *layers) of(m message) *layer {
	if at, ok := l.byID[m.ID]; ok {
		return at
	}
	switch m.Status {
	case "Pulling fs layer", "Waiting", "Downloading", "Already exists":
	default:
		return nil
	}
	if m.ID == "" || len(l.byID) >= maxLayers {
		return nil
	}
	at := &layer{}
	l.byID[m.ID] = at
	return at
}

func (at *layer) note(m message) {
	switch m.Status {
	case "Downloading":
		at.current, at.total = max(m.Progress.Current, 0), max(m.Progress.Total, 0)
	case "Download complete", "Verifying Checksum":
		at.current = at.total
	case "Pull complete", "Already exists":
		at.current, at.done = at.total, true
	}
}
