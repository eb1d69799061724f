package profiles

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// Limits of a source. HCL's parser and evaluator recurse, and Go cannot recover
// from a stack that has overflowed, so how deep a file may nest is settled before
// it is parsed.
const (
	maxSource  = 1 << 20 // bytes of a file
	maxNesting = 100     // brackets, quotes and blocks within each other
	maxDepth   = 1000    // operators and brackets above one place of an expression
	maxDigits  = 400     // characters of a number, and the size of its exponent
	maxLines   = 10_000  // of a text written over several lines
)

// readSource reads a profile or a file of variables. What stops it has no place
// in the file, so it is one problem without a source line.
func readSource(path string) ([]byte, *hcl.Diagnostic) {
	f, err := os.Open(path)
	if err != nil {
		return nil, problem(codeUnreadable, nil, fmt.Sprintf("Cannot read %s", path), sentence(reason(err))+" Check the path.")
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		_ = f.Close()
		return nil, problem(codeUnreadable, nil, fmt.Sprintf("%s is a folder", path), "A profile is one file. Write the path of the .hcl file.")
	}
	text, err := readUpTo(f, maxSource+1)
	if err != nil {
		return nil, problem(codeUnreadable, nil, fmt.Sprintf("Cannot read %s", path), sentence(reason(err)))
	}
	return text, checkText(path, text)
}

// readUpTo reads at most n bytes of a file, and closes it.
func readUpTo(f *os.File, n int64) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(f, n))
	_ = f.Close() // it was only read, so nothing is lost
	return text, err
}

// reason is an error of the file system without the path, which the message has.
func reason(err error) string {
	if p, ok := errors.AsType[*os.PathError](err); ok {
		return p.Err.Error()
	}
	return err.Error()
}

func sentence(s string) string {
	if s == "" {
		return ""
	}
	return strings.ToUpper(s[:1]) + s[1:] + "."
}

func checkText(path string, text []byte) *hcl.Diagnostic {
	switch {
	case len(text) > maxSource:
		return problem(codeUnreadable, nil, fmt.Sprintf("%s is too large", path),
			"A profile has at most 1 MiB; this file is larger. Is it the right one?")
	case bytes.IndexByte(text, 0) >= 0 || !utf8.Valid(text):
		return problem(codeUnreadable, nil, fmt.Sprintf("%s is not a text file", path),
			"A profile is text in UTF-8. Is it the right file?")
	}
	return nil
}

// parse makes a tree of a source, unless it nests too deep to be parsed.
func parse(text []byte, name string) (*hclsyntax.Body, hcl.Diagnostics) {
	tokens, _ := hclsyntax.LexConfig(text, name, hcl.InitialPos)
	if bad := prescan(tokens); len(bad) > 0 {
		return nil, bad
	}
	f, diags := hclsyntax.ParseConfig(text, name, hcl.InitialPos)
	for _, d := range diags {
		d.Extra = codeSyntax
		if d.Summary == "Invalid argument name" {
			d.Detail += " For an axis whose name is no plain word write, in sweep, flags = { \"compilation-config.mode\" = [0, 3] }."
		}
	}
	return f.Body.(*hclsyntax.Body), diags
}

// parseExpression is parse for one expression.
func parseExpression(text, name string) (hclsyntax.Expression, hcl.Diagnostics) {
	tokens, _ := hclsyntax.LexExpression([]byte(text), name, hcl.InitialPos)
	if bad := prescan(tokens); len(bad) > 0 {
		return nil, bad
	}
	return hclsyntax.ParseExpression([]byte(text), name, hcl.InitialPos)
}

// prescan finds numbers and nesting that must not reach the parser. It stops at
// the first nesting that is too deep, since what follows has no structure.
func prescan(tokens hclsyntax.Tokens) hcl.Diagnostics {
	var bad hcl.Diagnostics
	var s nesting
	for i, t := range tokens {
		if t.Type == hclsyntax.TokenNumberLit && !sanePower(string(t.Bytes)) {
			bad = append(bad, problem(codeNotComputed, t.Range.Ptr(), "Number out of range", numberRule))
		}
		if s.take(tokens, i); s.tooDeep() {
			return append(bad, problem(codeTooLarge, t.Range.Ptr(), "Nested too deep", fmt.Sprintf(
				"At most %d brackets, quotes and blocks may stand within each other, and %d operators in one value. Name parts of it in a locals block.",
				maxNesting, maxDepth)))
		}
		if s.joins > maxLines*maxLines/2 {
			return append(bad, problem(codeTooLarge, t.Range.Ptr(), "Text of too many lines",
				"A text in a profile has at most 10,000 lines. Put it into a file beside the profile and write file(\"NAME\")."))
		}
	}
	return bad
}

// nesting follows how deep the tree of the source is that has been read: each
// level counts its operators, whose tree may lean to one side.
type nesting struct {
	levels []level
	depth  int // of the tree, all levels
	joins  int // what joining the pieces of texts costs the parser: their number squared
}

type level struct {
	operators int
	pieces    int  // of a text
	lines     bool // a line's end ends a value here
}

func (n *nesting) tooDeep() bool { return len(n.levels) > maxNesting || n.depth > maxDepth }

func (n *nesting) take(tokens hclsyntax.Tokens, i int) {
	switch tokens[i].Type {
	case hclsyntax.TokenOBrace:
		n.operator()
		n.open(!opensFor(tokens, i))
	case hclsyntax.TokenOBrack, hclsyntax.TokenOParen, hclsyntax.TokenTemplateControl:
		n.operator() // a[b][c] is a chain, and %{ if } nests until an end that is no bracket
		n.open(false)
	case hclsyntax.TokenOQuote, hclsyntax.TokenOHeredoc, hclsyntax.TokenTemplateInterp:
		n.open(false)
	case hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCParen, hclsyntax.TokenCQuote,
		hclsyntax.TokenCHeredoc, hclsyntax.TokenTemplateSeqEnd:
		n.close()
	case hclsyntax.TokenComma:
		n.endValue()
	case hclsyntax.TokenNewline:
		if len(n.levels) == 0 || n.levels[len(n.levels)-1].lines {
			n.endValue()
		}
	case hclsyntax.TokenQuotedLit, hclsyntax.TokenStringLit:
		n.piece()
	case hclsyntax.TokenIdent, hclsyntax.TokenNumberLit, hclsyntax.TokenComment, hclsyntax.TokenEqual, hclsyntax.TokenEOF:
	default:
		n.operator()
	}
}

// opensFor says whether a brace opens a for expression, in which lines do not end
// values.
func opensFor(tokens hclsyntax.Tokens, i int) bool {
	for _, t := range tokens[i+1:] {
		switch t.Type {
		case hclsyntax.TokenNewline, hclsyntax.TokenComment:
			continue
		}
		return t.Type == hclsyntax.TokenIdent && string(t.Bytes) == "for"
	}
	return false
}

func (n *nesting) open(lines bool) { n.levels = append(n.levels, level{lines: lines}) }

func (n *nesting) close() {
	if len(n.levels) == 0 {
		return
	}
	n.endValue()
	n.levels = n.levels[:len(n.levels)-1]
}

func (n *nesting) piece() {
	if len(n.levels) > 0 {
		top := &n.levels[len(n.levels)-1]
		top.pieces++
		n.joins += top.pieces
	}
}

func (n *nesting) operator() {
	n.depth++
	if len(n.levels) > 0 {
		n.levels[len(n.levels)-1].operators++
	}
}

func (n *nesting) endValue() {
	if len(n.levels) == 0 {
		n.depth = 0
		return
	}
	top := &n.levels[len(n.levels)-1]
	n.depth -= top.operators
	top.operators = 0
}

// sanePower says whether decimal text is a number that can be computed with: a
// number such as 1e999999999 has a gigabyte of digits.
func sanePower(text string) bool {
	if len(text) > maxDigits {
		return false
	}
	_, power, found := strings.Cut(strings.ToLower(text), "e")
	if !found {
		return true
	}
	n, err := strconv.Atoi(power)
	return err == nil && n >= -maxDigits && n <= maxDigits
}

// problem is an error at a place.
func problem(c Code, at *hcl.Range, summary, detail string) *hcl.Diagnostic {
	return &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: detail, Subject: at, Extra: c}
}

// caution is a warning at a place.
func caution(c Code, at *hcl.Range, summary, detail string) *hcl.Diagnostic {
	return &hcl.Diagnostic{Severity: hcl.DiagWarning, Summary: summary, Detail: detail, Subject: at, Extra: c}
}
