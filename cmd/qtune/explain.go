package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/qtune/qtune/engine"
)

func explainCmd(w *world) *cobra.Command {
	var kind string
	var asJSON bool
	c := &cobra.Command{
		Use:   "explain [LOG|-|CODE]",
		Short: "Say why an engine died, from its log; or what an error's code means",
		Long: `Explain reads the log of an inference server, from a file or (with - or without
an argument) from stdin, and says what kept it from serving: the class of the
failure, whether the configuration or the machine is to blame, the line that
decided it, and what to change. A log that it cannot explain it calls unknown,
and shows its last lines.

  docker logs my-vllm 2>&1 | qtune explain

Of a code, such as an error has in brackets at its end, it says what it means and
what to do. A file of that name comes first.

  qtune explain folder_locked`,
		Args:              atMostOne("at most one log or code"),
		ValidArgsFunction: completeCodes,
		RunE: func(_ *cobra.Command, args []string) error {
			if kind != "" && !slices.Contains(engine.Kinds(), kind) {
				return &usageError{fmt.Errorf("--engine %q: choose one of %s", kind, strings.Join(engine.Kinds(), ", "))}
			}
			path := "-"
			if len(args) == 1 {
				path = args[0]
			}
			return explain(w, path, kind, asJSON)
		},
	}
	c.Flags().StringVar(&kind, "engine", "", "the `KIND` of the engine that wrote the log (default: guessed from the log)")
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return c
}

// explanation is what explain prints with --json.
type explanation struct {
	Class      engine.Class `json:"class"`
	Fault      engine.Fault `json:"fault"` // "unknown" where the class is
	Line       string       `json:"line"`
	LineNumber int          `json:"line_number"`
	Hint       string       `json:"hint"`
	Engine     string       `json:"engine,omitempty"` // whose rules were used; "" all engines'
	Tail       []string     `json:"tail,omitempty"`   // the last real lines, where the class is unknown
}

func explain(w *world, path, kind string, asJSON bool) (err error) {
	log := w.stdin
	if path != "-" {
		if c, ok := lookUp(path); ok && !exists(path) {
			return c.print(w, asJSON)
		}
		f, err := os.Open(path)
		if err != nil {
			return fmt.Errorf("open the log: %w", err)
		}
		defer f.Close() //nolint:errcheck // it was only read
		log = f
	}
	f, kind, err := engine.Explain(kind, log)
	if err != nil {
		return fmt.Errorf("read the log: %w", err)
	}
	if f.LineNumber == 0 {
		return errors.New("the log holds no line that says anything")
	}
	e := explanation{f.Class, f.Fault, f.Line, f.LineNumber, f.Hint, kind, f.Tail}
	if f.Class == engine.Unknown {
		e.Fault = "unknown" // who is to blame for what is not understood
	}
	if asJSON {
		return json.NewEncoder(w.stdout).Encode(e)
	}
	return e.text(w.stdout)
}

// text writes an explanation for a person.
func (e *explanation) text(out io.Writer) error {
	p := &planPrinter{out: out}
	p.printf("class: %s\n", e.Class)
	if e.Class == engine.Unknown {
		p.printf("the last lines:\n")
		for _, line := range e.Tail {
			p.printf("  %s\n", line)
		}
	} else {
		p.printf("fault: %s\n", e.Fault)
	}
	p.printf("line %d: %s\n", e.LineNumber, e.Line)
	if e.Hint != "" {
		p.printf("hint: %s\n", e.Hint)
	}
	return p.err
}

// lookUp finds a code, written as it is or in the brackets of a message.
func lookUp(word string) (codeText, bool) {
	all := codeTexts()
	i := slices.IndexFunc(all, func(c codeText) bool { return c.Code == strings.Trim(word, "[]") })
	if i < 0 {
		return codeText{}, false
	}
	return all[i], true
}

// print writes what is told of a code.
func (c *codeText) print(w *world, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w.stdout).Encode(c)
	}
	where := map[string]string{"error": "the error of a command", "profile": "a problem in a profile", "failure": "a class of failed trials"}
	p := &planPrinter{out: w.stdout}
	p.printf("code: %s, %s\n", c.Code, where[c.Of])
	if c.Fault != "" {
		p.printf("fault: %s\n", c.Fault)
	}
	p.printf("means: %s\nremedy: %s\n", c.Means, c.Remedy)
	return p.err
}

// completeCodes offers the codes to the shell, beside the names of files.
func completeCodes(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	var all []string
	for _, c := range codeTexts() {
		all = append(all, c.Code+"\t"+c.Means)
	}
	return all, cobra.ShellCompDirectiveDefault
}
