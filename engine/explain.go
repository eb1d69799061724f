package engine

import (
	"bufio"
	"bytes"
	"io"
)

// guessBytes is how much of a log Guess looks at: every engine has named itself by then.
const guessBytes = 64 << 10

// signs are words that an engine's own log is full of and others' are not. The
// order decides a tie: Ollama's log holds llama-server's, and SGLang's lines name
// kernels that it took from vLLM.
var signs = []struct {
	kind  string
	words []string
}{
	{"sglang", []string{"sglang", "SGLang"}},
	{"vllm", []string{"vllm", "vLLM", "(EngineCore"}},
	{"llamacpp", []string{"llama_", "llama-server", "ggml_", "load_tensors:", "srv  ", "common_"}},
}

// Guess says which engine wrote the beginning of a log; "" if that is not clear.
func Guess(beginning []byte) string {
	best, most := "", 0
	for _, s := range signs {
		n := 0
		for _, w := range s.words {
			n += bytes.Count(beginning, []byte(w))
		}
		if n > most {
			best, most = s.kind, n
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
