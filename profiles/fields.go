package profiles

import (
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// The readers below set their target only if the attribute is there and right.
// An attribute that is null counts as not there, but takes away what a preset says.

// text reads a text. An empty one is refused: what is to be left out is null.
func (s *section) text(name string, target *string) {
	f, ok := s.field(name)
	if !ok {
		return
	}
	if f.value.IsNull() {
		*target = ""
		return
	}
	t, ok := f.text()
	if ok && t == "" {
		f.wrong(codeBadValue, name+" is empty", "Write a text, or null to leave it out.")
		return
	}
	if ok {
		*target = t
	}
}

func (f field) text() (string, bool) {
	if f.value.IsNull() || f.value.Type() != cty.String {
		f.wrong(codeWrongType, fmt.Sprintf("%s takes a text", f.name), fmt.Sprintf("This is %s. Write the text in quotes.", describe(f.value)))
		return "", false
	}
	return f.value.AsString(), true
}

// given is field for an attribute of which null says nothing but that a preset's value
// does not hold.
func (s *section) given(name string) (field, bool) {
	f, ok := s.field(name)
	if ok && f.value.IsNull() {
		if s.onNull != nil {
			s.onNull(name)
		}
		return field{}, false
	}
	return f, ok
}

// choice reads one of several words.
func (s *section) choice(name string, target *string, words ...string) {
	f, ok := s.given(name)
	if !ok {
		return
	}
	t, ok := f.text()
	if !ok {
		return
	}
	for _, w := range words {
		if w == t {
			*target = t
			return
		}
	}
	f.wrong(codeBadValue, fmt.Sprintf("%s cannot be %q", name, t), oneOf(t, words))
}

// truth reads true or false.
func (s *section) truth(name string, target *bool) {
	f, ok := s.given(name)
	if !ok {
		return
	}
	v, err := convert.Convert(f.value, cty.Bool)
	if err != nil {
		f.wrong(codeWrongType, fmt.Sprintf("%s is true or false", name), fmt.Sprintf("This is %s. Write true or false, without quotes.", describe(f.value)))
		return
	}
	*target = v.True()
}

// whole reads a whole number from low to high.
func (s *section) whole(name string, target *int, low, high int) {
	f, ok := s.given(name)
	if !ok {
		return
	}
	if n, ok := f.whole(low, high); ok {
		*target = n
	}
}

func (f field) whole(low, high int) (int, bool) {
	b, ok := f.number()
	if !ok {
		return 0, false
	}
	n, accuracy := b.Int64()
	if accuracy != big.Exact || n < int64(low) || n > int64(high) {
		f.wrong(codeBadValue, fmt.Sprintf("%s is out of range", f.name),
			fmt.Sprintf("This is %s. Write a whole number from %s to %s.", shortNumberText(b), grouped(low), grouped(high)))
		return 0, false
	}
	return int(n), true
}

func (f field) number() (*big.Float, bool) {
	v, err := toNumber(f.value)
	if err != nil || v.IsNull() {
		f.wrong(codeWrongType, fmt.Sprintf("%s takes a number", f.name), fmt.Sprintf("This is %s. Write a number, without quotes and without a unit.", describe(f.value)))
		return nil, false
	}
	return v.AsBigFloat(), true
}

// toNumber is cty's conversion for texts that are short enough for it: its time grows
// with the square of the digits.
func toNumber(v cty.Value) (cty.Value, error) {
	if v.Type() == cty.String && !v.IsNull() && !saneNumberText(v.AsString()) {
		return cty.NilVal, errors.New("too many digits")
	}
	n, err := convert.Convert(v, cty.Number)
	if err == nil && !n.IsNull() && !saneNumber(n.AsBigFloat()) {
		return cty.NilVal, errors.New("too large")
	}
	return n, err
}

// wholes reads one whole number or a list of them, none of them twice.
func (s *section) wholes(name string, low, high int) []int {
	f, ok := s.field(name)
	if !ok {
		return nil
	}
	elems, ok := f.list()
	if !ok {
		elems = []field{f}
	}
	if len(elems) == 0 {
		f.wrong(codeBadValue, fmt.Sprintf("%s is empty", name), "Write at least one number, as in [1, 4, 16].")
	}
	var all []int
	seen := map[int]bool{}
	for _, e := range elems {
		n, ok := e.whole(low, high)
		if ok && seen[n] {
			e.wrong(codeTwice, fmt.Sprintf("%s has %d twice", name, n), "Measuring the same load twice tells nothing new. Take one of them out.")
		}
		if ok && !seen[n] {
			all = append(all, n)
		}
		seen[n] = true
	}
	return all
}

// list is the elements of a list; false if the value is none.
func (f field) list() ([]field, bool) {
	t := f.value.Type()
	if f.value.IsNull() || !(t.IsTupleType() || t.IsListType() || t.IsSetType()) {
		return nil, false
	}
	all := []field{}
	for it := f.value.ElementIterator(); it.Next(); {
		_, e := it.Element()
		all = append(all, field{l: f.l, name: f.name, value: e, at: f.at})
	}
	if written, ok := bare(f.expr).(*hclsyntax.TupleConsExpr); ok && len(written.Exprs) == len(all) {
		for i, e := range written.Exprs {
			all[i].expr, all[i].at = e, e.Range()
		}
	}
	return all, true
}

// duration reads a length of time, such as "90s".
func (s *section) duration(name string, target *time.Duration) {
	f, ok := s.given(name)
	if !ok {
		return
	}
	if d, ok := f.duration(); ok {
		*target = d
	}
}

// maxDuration is a hundred days: longer is a mistake, and far from overflow.
const maxDuration = 100 * 24 * time.Hour

func (f field) duration() (time.Duration, bool) {
	const remedy = `Write a number with its unit, in quotes, such as "800ms", "2s", "10m" or "1h30m".`
	if f.value.Type() != cty.String || f.value.IsNull() {
		f.wrong(codeWrongType, fmt.Sprintf("%s needs a unit", f.name), fmt.Sprintf("This is %s. %s", describe(f.value), remedy))
		return 0, false
	}
	d, err := time.ParseDuration(f.value.AsString())
	switch {
	case err != nil:
		f.wrong(codeWrongType, fmt.Sprintf("%s is no length of time", f.name), fmt.Sprintf("This is %s. %s", describe(f.value), remedy))
		return 0, false
	case d <= 0 || d > maxDuration:
		f.wrong(codeBadValue, fmt.Sprintf("%s is out of range", f.name), "Write a length of time above zero and of at most 2400h.")
		return 0, false
	}
	return d, true
}

// size reads a number of bytes, such as "16GiB".
func (s *section) size(name string, target *int64) {
	f, ok := s.given(name)
	if !ok {
		return
	}
	if n, ok := f.size(); ok {
		*target = n
	}
}

// sizeUnits are the powers of 1024 and of 1000, each with its proper name: what
// Docker calls 16g is 16GiB, and qtune does not guess which is meant.
var sizeUnits = []struct {
	name  string
	bytes float64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
	{"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1},
}

func (f field) size() (int64, bool) {
	const remedy = `Write a number with its unit, in quotes, such as "512MiB" or "16GiB".`
	if f.value.Type() != cty.String || f.value.IsNull() {
		f.wrong(codeWrongType, fmt.Sprintf("%s needs a unit", f.name), fmt.Sprintf("This is %s. %s", describe(f.value), remedy))
		return 0, false
	}
	given := strings.TrimSpace(f.value.AsString())
	for _, u := range sizeUnits {
		number, ok := strings.CutSuffix(given, u.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if err != nil || n <= 0 || n*u.bytes > 1<<60 {
			break
		}
		return int64(n * u.bytes), true
	}
	f.wrong(codeWrongType, fmt.Sprintf("%s is no size", f.name), fmt.Sprintf("This is %s. %s", describe(f.value), remedy))
	return 0, false
}

// texts reads a list of texts. A text alone is refused: it would have to be split,
// and nothing here is split on blanks.
func (s *section) texts(name string, target *[]string) {
	f, ok := s.field(name)
	if !ok {
		return
	}
	if f.value.IsNull() {
		*target = nil
		return
	}
	elems, ok := f.list()
	if !ok {
		f.wrong(codeWrongType, fmt.Sprintf("%s takes a list of texts", name), fmt.Sprintf(
			"This is %s. Nothing is split on blanks, so that no quoting is needed; write each word by itself, as in [\"python3\", \"-m\", \"module\"].", describe(f.value)))
		return
	}
	all := []string{}
	for _, e := range elems {
		t, ok := e.text()
		if !ok {
			return
		}
		all = append(all, t)
	}
	*target = all
}
