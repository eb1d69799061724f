package engine

import (
	"bufio"
	"bytes"
	"io"
)

// guessBytes is how much of a log Guess looks at: every engine has named itself by then.
const guessBytes = 64 << 10

// Guess says which engine wrote the beginning of a log, by the words that each is
// full of; "" if that is not clear.
func Guess(beginning []byte) string {
	best, most := "", 0
	for _, k := range kinds {
		n := 0
		for _, w := range k.signs {
			n += bytes.Count(beginning, []byte(w))
		}
		if n > 0 && k.certain {
			return k.Name
		}
		if n > most {
			best, most = k.Name, n
		}
	}
	return best
}

// Explain reads a log of which nothing else is known and says why its engine died.
// kind "" is guessed from the log's beginning. A log that tells no cause has the
// class Unknown and its last real lines. The kind that was taken is returned too.
//
// It reads once, in constant memory; an error is one of reading.
func Explain(kind string, log io.Reader) (*Failure, string, error) {
	in := &failing{r: log}
	r := bufio.NewReaderSize(in, guessBytes)
	if kind == "" {
		beginning, _ := r.Peek(guessBytes) // a shorter log ends here; another error is kept below
		kind = Guess(beginning)
	}
	c := newClassifier(kind)
	c.readAll(r)
	if in.err != nil {
		return nil, kind, in.err
	}
	f := c.failure(nil)
	if f == nil {
		f = fail(Unknown, "", "nothing in the log says why the engine ended: look at its exit code, and at `dmesg` for a kill")
		f.Line, f.LineNumber = c.tail.last()
		f.Tail = c.tail.lines()
	}
	return f, kind, nil
}

// failing keeps the error with which a reader failed.
type failing struct {
	r   io.Reader
	err error
}

func (f *failing) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	if err != nil && err != io.EOF {
		f.err = err
	}
	return n, err
}
