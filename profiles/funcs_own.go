package profiles

import (
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// maxFile is how much file reads at most, in bytes.
const maxFile = 1 << 20

// maxRange is how many numbers range gives at most.
const maxRange = 10_000

// rangeFunc is range(start, end, step): every number from start to end, which is
// one of them if the steps lead there. It counts in fractions, so that a step of
// 0.03 makes 0.9 and not 0.9000000000000001.
func rangeFunc() function.Function {
	number := func(name string) function.Parameter { return function.Parameter{Name: name, Type: cty.Number} }
	step := number("step")
	return function.New(&function.Spec{
		Description: "Every number from start to end, the end included.",
		Params:      []function.Parameter{number("start"), number("end")},
		VarParam:    &step,
		Type:        function.StaticReturnType(cty.List(cty.Number)),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			if len(args) > 3 {
				return cty.NilVal, fmt.Errorf("range takes a start, an end and a step")
			}
			by := big.NewRat(1, 1)
			if len(args) == 3 {
				by = fraction(args[2])
			}
			return countUp(fraction(args[0]), fraction(args[1]), by)
		},
	})
}

func fraction(v cty.Value) *big.Rat {
	r, _ := new(big.Rat).SetString(decimal(v.AsBigFloat()))
	return r
}

func countUp(from, to, by *big.Rat) (cty.Value, error) {
	if by.Sign() == 0 {
		return cty.NilVal, function.NewArgErrorf(2, "the step is 0; write a step that leads from the start to the end")
	}
	span := new(big.Rat).Sub(to, from)
	if span.Sign() != 0 && span.Sign() != by.Sign() {
		return cty.NilVal, errors.New("the step leads away from the end; change its sign, or swap start and end")
	}
	steps := new(big.Rat).Quo(span, by)
	n := new(big.Int).Quo(steps.Num(), steps.Denom())
	if n.Cmp(big.NewInt(maxRange)) >= 0 {
		return cty.NilVal, fmt.Errorf("this range has %s values, and %d is the most; take a larger step",
			shorten(new(big.Int).Add(n, big.NewInt(1))), maxRange)
	}
	all := []cty.Value{}
	for at, i := new(big.Rat).Set(from), int64(0); i <= n.Int64(); i++ {
		v, err := cty.ParseNumberVal(at.FloatString(places(from, by)))
		if err != nil {
			return cty.NilVal, err
		}
		all = append(all, v)
		at = new(big.Rat).Add(at, by)
	}
	return cty.ListVal(all), nil
}

// places is how many decimals the sums of two decimal fractions have.
func places(a, b *big.Rat) int {
	n, _ := a.FloatPrec()
	m, _ := b.FloatPrec()
	return max(n, m)
}

func shorten(n *big.Int) string {
	if s := n.String(); len(s) <= 12 {
		return s
	}
	return new(big.Float).SetInt(n).Text('g', 3)
}

// lengthFunc is length: of a text its characters, of a collection its elements.
func lengthFunc() function.Function {
	return function.New(&function.Spec{
		Description: "How many elements a collection has, or characters a text.",
		Params:      []function.Parameter{{Name: "value", Type: cty.DynamicPseudoType}},
		Type:        function.StaticReturnType(cty.Number),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			if args[0].Type() == cty.String {
				return stdlib.StrlenFunc.Call(args)
			}
			return stdlib.LengthFunc.Call(args)
		},
	})
}

// envFunc is env(name) and env(name, default): a variable of qtune's environment.
// What it gives is marked, and everything made from it too.
func (l *loader) envFunc() function.Function {
	return function.New(&function.Spec{
		Description: "A variable of the environment; its value is never written anywhere.",
		Params:      []function.Parameter{{Name: "name", Type: cty.String}},
		VarParam:    &function.Parameter{Name: "default", Type: cty.String, AllowNull: true},
		Type:        function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			if len(args) > 2 {
				return cty.NilVal, errors.New("env takes a name and, if you like, a default")
			}
			name := args[0].AsString()
			value, set := l.opts.env(name)
			switch {
			case set:
				return l.secret("env."+name, cty.StringVal(value)), nil
			case len(args) == 2:
				return args[1], nil // it stands in the file, so it is no secret
			}
			return cty.NilVal, function.NewArgErrorf(0,
				"the environment has no variable %s; export it, or write env(%q, null) to do without", name, name)
		},
	})
}

// fileFunc is file(path): the text of a file in the profile's folder. The folder
// is opened as a root, which no link and no .. leads out of.
func (l *loader) fileFunc() function.Function {
	return function.New(&function.Spec{
		Description: "The text of a file in the profile's folder.",
		Params:      []function.Parameter{{Name: "path", Type: cty.String}},
		Type:        function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			text, err := readInside(l.dir, args[0].AsString())
			if err != nil {
				return cty.NilVal, function.NewArgError(0, err)
			}
			return cty.StringVal(text), nil
		},
	})
}

func readInside(dir, path string) (string, error) {
	if !filepath.IsLocal(path) {
		return "", fmt.Errorf("%q leads out of the profile's folder; put the file beside the profile", path)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", fmt.Errorf("open the profile's folder: %s", reason(err))
	}
	defer root.Close()
	info, err := root.Stat(path)
	if err != nil {
		return "", fmt.Errorf("read %q in the profile's folder: %s", path, reason(err))
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("%q is not a regular file", path)
	}
	f, err := root.Open(path)
	if err != nil {
		return "", fmt.Errorf("read %q in the profile's folder: %s", path, reason(err))
	}
	text, err := readUpTo(f, maxFile+1)
	switch {
	case err != nil:
		return "", fmt.Errorf("read %q: %s", path, reason(err))
	case len(text) > maxFile:
		return "", fmt.Errorf("%q has more than 1 MiB", path)
	case !utf8.Valid(text):
		return "", fmt.Errorf("%q is not text in UTF-8", path)
	}
	return string(text), nil
}
