package engine

import (
	"bytes"
	"io"
	"os"
	"sync"
)

// sink takes an engine's output from its first byte: it writes it into the
// trial's log without secrets, reads the facts and the stages in it, and watches
// for lines that mean death. It never makes the engine wait for anything but
// the disk, and it never fails a Write: a log that cannot be written closes
// broken, and the run ends by that.
type sink struct {
	fatal  chan struct{} // closed at the first line that ends the trial
	broken chan struct{} // closed when the log cannot be written

	mu       sync.Mutex
	out      io.WriteCloser
	err      error // why broken is closed
	redact   redactor
	partial  []byte // a line that has not ended
	lines    *classifier
	facts    *factReader
	stage    func(string)
	last     string // stage
	bytes    int64  // that were written to it
	isFatal  bool
	isBroken bool
}

// openLog makes the trial's log, readable by its owner alone. What was there is
// overwritten.
func openLog(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
}

func newSink(out io.WriteCloser, kind string, r redactor, stage func(string)) *sink {
	return &sink{
		fatal: make(chan struct{}), broken: make(chan struct{}), out: out, redact: r,
		lines: newClassifier(kind), facts: newFactReader(kind), stage: stage,
	}
}

// Write implements io.Writer.
func (s *sink) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bytes += int64(len(p))
	s.partial = append(s.partial, p...)
	var safe []byte
	for {
		// Progress bars end their lines with a carriage return alone.
		end := bytes.IndexAny(s.partial, "\n\r") + 1
		if end == 0 {
			break
		}
		safe = append(safe, s.line(s.partial[:end])...)
		s.partial = s.partial[end:]
	}
	if over := len(s.partial) - s.redact.longest(); over > maxLine {
		over = s.redact.cut(s.partial, over)
		safe = append(safe, s.line(s.partial[:over])...)
		s.partial = s.partial[over:]
	}
	s.flush(safe)
	return len(p), nil
}

// line reads one line and gives it back as it may be written.
func (s *sink) line(raw []byte) []byte {
	s.lines.add(raw)
	s.facts.add(raw)
	if s.lines.fatal != nil && !s.isFatal {
		s.isFatal = true
		close(s.fatal)
	}
	if s.stage != nil && !s.lines.loaded {
		if text := s.facts.stage(raw); text != "" && text != s.last {
			s.last = text
			s.stage(text)
		}
	}
	return []byte(s.redact.text(string(raw)))
}

func (s *sink) flush(safe []byte) {
	if len(safe) == 0 || s.isBroken {
		return
	}
	if _, err := s.out.Write(safe); err != nil {
		s.err, s.isBroken = err, true
		close(s.broken)
	}
}

// ready notes that the engine serves: what its log said so far did not kill it.
func (s *sink) ready() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines.ready()
	if s.isFatal && s.lines.fatal == nil { // a false alarm
		s.isFatal, s.fatal = false, make(chan struct{})
	}
}

// written is how many bytes the engine has said so far.
func (s *sink) written() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bytes
}

// alarm is closed at a line that ends the trial.
func (s *sink) alarm() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fatal
}

// failure says why the engine died, without secrets.
func (s *sink) failure(exit *Exit) *Failure {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end()
	return s.redact.failure(s.lines.failure(exit))
}

// lastLines are the last lines that mean something, without secrets.
func (s *sink) lastLines() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end()
	return s.redact.failure(&Failure{Tail: s.lines.tail.lines()}).Tail
}

func (s *sink) read() Facts {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.facts.facts
}

// end takes an unfinished line for a whole one.
func (s *sink) end() {
	if len(s.partial) == 0 {
		return
	}
	s.flush(s.line(s.partial))
	s.partial = nil
}

// close ends the log. Its error is that of the first write that failed.
func (s *sink) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end()
	if err := s.out.Close(); err != nil && s.err == nil {
		s.err = err
	}
	return s.err
}
