package engine

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// maxLine bounds what is looked at of one log line, in bytes.
const maxLine = 64 << 10

// Exit is how an engine ended.
type Exit struct {
	Code      int   // 128+n is death by signal n
	OOMKilled bool  // the container went over its memory limit
	Err       error // how it ended is not known: the runtime vanished
}

// Classify reads an engine's log and says why it died. kind "" tries the rules
// of every engine; exit nil means that how it ended is not known. It is nil if
// nothing in the log, and nothing in exit, says that the engine died.
//
// It reads once, in constant memory.
func Classify(kind string, log io.Reader, exit *Exit) *Failure {
	c := newClassifier(kind)
	c.readAll(bufio.NewReaderSize(log, maxLine))
	return c.failure(exit)
}

// readAll reads to the end, or as far as it goes. r holds maxLine bytes.
func (c *classifier) readAll(r *bufio.Reader) {
	for {
		line, err := r.ReadSlice('\n')
		if len(line) > 0 {
			c.add(line)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			err = c.skipRest(r)
		}
		if err != nil {
			return
		}
	}
}

// skipRest passes over what a line has beyond maxLine.
func (c *classifier) skipRest(r *bufio.Reader) error {
	for {
		_, err := r.ReadSlice('\n')
		if !errors.Is(err, bufio.ErrBufferFull) {
			c.number++
			return err
		}
	}
}

// ruleSet is the rules of every engine, ready to be met by a line.
type ruleSet struct {
	rules   []rule
	matches []*regexp.Regexp // beside rules; nil: the text is enough
	finder  *finder
}

// markers are not rules: they steer the reading of Python's tracebacks.
var markers = []string{"Traceback (most recent call last)", "Exception ignored in"}

var compiledRules = sync.OnceValue(func() *ruleSet {
	s := &ruleSet{}
	for _, k := range kinds {
		for _, r := range k.rules {
			r.kind = k.Name
			s.rules = append(s.rules, r)
		}
	}
	s.rules = append(s.rules, commonRules...)
	texts := make([]string, len(s.rules))
	for i, r := range s.rules {
		texts[i] = r.text
		var re *regexp.Regexp
		if r.match != "" {
			re = regexp.MustCompile(r.match)
		}
		s.matches = append(s.matches, re)
	}
	s.finder = newFinder(append(texts, markers...))
	return s
})

// finding is a line that a rule knows.
type finding struct {
	rule   *rule
	line   string
	number int
	hint   string
}

// classifier reads a log line by line. It is not safe for concurrent use.
type classifier struct {
	kind      string
	set       *ruleSet
	number    int // of the line that is read next, or of the one at hand
	best      *finding
	fatal     *finding // the first line that ends the trial
	loaded    bool     // the engine serves: fatalAtStart rules are off
	traceback traceback
	exception *finding // the first uncaught exception that no rule knows
	tail      tail
	matched   []int32 // of the line at hand
}

func newClassifier(kind string) *classifier {
	return &classifier{kind: kind, set: compiledRules(), number: 1}
}

// add reads the next line, or a piece of it that a carriage return ends: lines
// are counted as an editor does.
func (c *classifier) add(raw []byte) {
	c.read(raw[:min(len(raw), maxLine)])
	if bytes.HasSuffix(raw, []byte("\n")) {
		c.number++
	}
}

func (c *classifier) read(raw []byte) {
	c.tail.add(raw, c.number)
	c.matched = c.matched[:0]
	c.set.finder.find(raw, func(i int32) { c.matched = append(c.matched, i) })
	if len(c.matched) == 0 && !c.traceback.open {
		return
	}
	line := clean(string(raw))
	code := c.traceback.inside(line)
	if text, ended := c.traceback.next(line); ended {
		c.raised(text)
	}
	if code {
		return // source code that a traceback quotes may hold any text
	}
	slices.Sort(c.matched)
	for _, i := range c.matched {
		if int(i) < len(c.set.rules) {
			c.meet(int(i), line.text)
		}
	}
}

// meet tries one rule whose text is in the line.
func (c *classifier) meet(i int, line string) {
	r := &c.set.rules[i]
	if c.kind != "" && r.kind != "" && r.kind != c.kind {
		return
	}
	hint := r.hint
	if re := c.set.matches[i]; re != nil {
		groups := re.FindStringSubmatchIndex(line)
		if groups == nil {
			return
		}
		hint = string(re.ExpandString(nil, r.hint, line, groups))
	}
	if c.loaded && r.rank == consequence && r.fatal == fatalAtStart {
		return // one request's error
	}
	f := &finding{r, line, c.number, hint}
	if c.best == nil || r.rank < c.best.rule.rank {
		c.best = f
	}
	if c.fatal == nil && (r.fatal == fatalAlways || !c.loaded && r.endsStart()) {
		c.fatal = f
	}
}

// burst is how many lines apart, under load, two exceptions are not one death:
// the first may have been a request's.
const burst = 500

// raised notes the exception at a traceback's end. The first is the cause: what
// is raised while it is handled comes after it.
func (c *classifier) raised(text string) {
	first := c.exception == nil || c.loaded && c.number-c.exception.number > burst
	if first && !consequences.MatchString(text) {
		c.exception = &finding{line: text, number: c.number}
	}
}

// consequences are exceptions that follow from another one.
var consequences = regexp.MustCompile(`^(?:SystemExit|KeyboardInterrupt|asyncio\.exceptions\.CancelledError|(?:\w+\.)*EngineDeadError|RuntimeError: (?:Engine core initialization failed|Worker failed with error|Cancelled))`)

// ready forgets what was logged so far: it did not keep the engine from serving.
// A line that always means death stands: it came in the same moment.
func (c *classifier) ready() {
	c.loaded = true
	if c.fatal == nil || c.fatal.rule.fatal != fatalAlways {
		c.best, c.fatal, c.exception = nil, nil, nil
	}
}

// failure is what the log and the exit say together; nil if neither says that
// the engine died.
func (c *classifier) failure(exit *Exit) *Failure {
	f := c.fromLog()
	oom := exit != nil && exit.OOMKilled && (c.best == nil || c.best.rule.rank != specific)
	if c.best == nil || c.best.rule.class == Unknown || oom {
		f = fromExit(f, exit)
	}
	if f == nil {
		return nil
	}
	if f.Class == Unknown && f.Hint == "" {
		f.Hint = unknownHint
	}
	if f.Line == "" {
		f.Line, f.LineNumber = c.tail.last()
	}
	if f.Class == Unknown {
		f.Tail = c.tail.lines()
	}
	if exit != nil && exit.Err == nil {
		code := exit.Code
		f.ExitCode = &code
	}
	return f
}

const unknownHint = "qtune does not know this error; the log has the whole of it"

// fromLog is the cause that the log names: a line that a rule knows, else an
// exception, else a line that only says that something died.
func (c *classifier) fromLog() *Failure {
	best := c.best
	if c.exception != nil && (best == nil || best.rule.rank == consequence) {
		return &Failure{Class: Unknown, Fault: FaultOf(Unknown), Line: show(c.exception.line), LineNumber: c.exception.number,
			Hint: unknownHint}
	}
	if best == nil {
		return nil
	}
	return &Failure{Class: best.rule.class, Fault: FaultOf(best.rule.class), Line: show(best.line), LineNumber: best.number, Hint: show(best.hint)}
}

// fromExit is what the way in which the engine ended says, where its log does not.
func fromExit(f *Failure, exit *Exit) *Failure {
	if exit == nil {
		return f
	}
	if f == nil {
		f = fail(Unknown, "", "")
	}
	class, hint := exitMeaning(*exit)
	if class != Unknown {
		f.Class, f.Fault, f.Hint = class, FaultOf(class), hint
	}
	if f.Hint == "" {
		f.Hint = hint
	}
	return f
}

func exitMeaning(e Exit) (Class, string) {
	switch {
	case e.Err != nil:
		return RuntimeLost, "the container runtime went away while the engine ran; start it again"
	case e.OOMKilled:
		return HostOutOfMemory, "the kernel killed it for memory: lower what the engine keeps in host memory, or raise the container's limit"
	case e.Code == 126:
		return ProgramMissing, "the program cannot be executed: check image, entrypoint and command"
	case e.Code == 127:
		return ProgramMissing, "the image or this host has no such program: check image, entrypoint and command"
	case e.Code == 137:
		// SGLang kills its own process group when it gives up, so this is no
		// out-of-memory kill: Docker would say so.
		return Unknown, "it was killed, by itself or from outside, and not for the container's memory limit; on a host that is out of memory, dmesg says so"
	case e.Code == 143 || e.Code == 130:
		return Killed, "somebody asked it to end (signal " + strconv.Itoa(e.Code-128) + ")"
	case e.Code == 139:
		return Unknown, "it crashed (segmentation fault): another kernel, backend or image may not"
	case e.Code == 134:
		return Unknown, "it aborted itself: the log says at which check"
	case e.Code == 132:
		return KernelMissing, "its code needs a newer processor than this one"
	case e.Code == 0:
		return Unknown, "it ended by itself, with success; its log may say why"
	}
	return Unknown, fmt.Sprintf("it ended with exit code %d; the log has more", e.Code)
}

// traceback follows one Python traceback to the exception at its end.
type traceback struct {
	open    bool
	source  string
	ignored bool // "Exception ignored in": it kills nothing
	warned  bool // the next traceback is an ignored one
}

// inside says that a line is one of the frames of the open traceback.
func (t *traceback) inside(line cleaned) bool {
	return t.open && line.source == t.source && (line.text == "" || line.text[0] == ' ' || line.text[0] == '\t')
}

// next moves on by one line; if that ends a traceback, it is its exception.
func (t *traceback) next(line cleaned) (exception string, ended bool) {
	switch {
	case strings.HasPrefix(line.text, markers[1]):
		t.warned = true
	case strings.Contains(line.text, markers[0]):
		*t = traceback{open: true, source: line.source, ignored: t.warned}
	case t.open && line.source == t.source && !t.inside(line):
		t.open = false
		return line.text, !t.ignored
	}
	return "", false
}
