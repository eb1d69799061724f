package profiles

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"regexp"
	"regexp/syntax"
	"strings"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// functions is what expressions may call. Those whose result can be much larger
// than their arguments, or whose time grows faster than these, check beforehand.
func (l *loader) functions() map[string]function.Function {
	all := map[string]function.Function{"env": l.envFunc(), "file": l.fileFunc()}
	for _, more := range []map[string]function.Function{numberFunctions(), l.textFunctions(), listFunctions()} {
		maps.Copy(all, more)
	}
	return all
}

func numberFunctions() map[string]function.Function {
	return map[string]function.Function{
		"abs":      stdlib.AbsoluteFunc,
		"ceil":     stdlib.CeilFunc,
		"floor":    stdlib.FloorFunc,
		"log":      limited(stdlib.LogFunc, realResult(logarithm)),
		"max":      stdlib.MaxFunc,
		"min":      stdlib.MinFunc,
		"parseint": limited(stdlib.ParseIntFunc, shortNumber),
		"pow":      limited(stdlib.PowFunc, realResult(math.Pow)),
		"range":    rangeFunc(),
		"signum":   stdlib.SignumFunc,
	}
}

func (l *loader) textFunctions() map[string]function.Function {
	return map[string]function.Function{
		"chomp":      stdlib.ChompFunc,
		"format":     limited(stdlib.FormatFunc, formatLimit),
		"formatlist": limited(stdlib.FormatListFunc, formatLimit),
		"indent":     limited(stdlib.IndentFunc, indentLimit),
		"join":       limited(stdlib.JoinFunc, joinLimit),
		"jsondecode": limited(stdlib.JSONDecodeFunc, jsonLimit),
		"jsonencode": stdlib.JSONEncodeFunc,
		"lower":      stdlib.LowerFunc,
		"regex":      limited(stdlib.RegexFunc, l.regexLimit),
		"regexall":   limited(stdlib.RegexAllFunc, l.regexLimit),
		"replace":    limited(stdlib.ReplaceFunc, replaceLimit),
		"split":      stdlib.SplitFunc,
		"strlen":     stdlib.StrlenFunc,
		"strrev":     stdlib.ReverseFunc,
		"substr":     stdlib.SubstrFunc,
		"title":      stdlib.TitleFunc,
		"tostring":   stdlib.MakeToFunc(cty.String),
		"trim":       stdlib.TrimFunc,
		"trimprefix": stdlib.TrimPrefixFunc,
		"trimspace":  stdlib.TrimSpaceFunc,
		"trimsuffix": stdlib.TrimSuffixFunc,
		"upper":      stdlib.UpperFunc,
	}
}

func listFunctions() map[string]function.Function {
	return map[string]function.Function{
		"chunklist":    stdlib.ChunklistFunc,
		"coalesce":     stdlib.CoalesceFunc,
		"coalescelist": stdlib.CoalesceListFunc,
		"compact":      stdlib.CompactFunc,
		"concat":       stdlib.ConcatFunc,
		"contains":     stdlib.ContainsFunc,
		"distinct":     limited(stdlib.DistinctFunc, distinctLimit),
		"element":      stdlib.ElementFunc,
		"flatten":      stdlib.FlattenFunc,
		"keys":         stdlib.KeysFunc,
		"length":       lengthFunc(),
		"lookup":       stdlib.LookupFunc,
		"merge":        stdlib.MergeFunc,
		"reverse":      stdlib.ReverseListFunc,
		"setproduct":   limited(stdlib.SetProductFunc, productLimit),
		"slice":        stdlib.SliceFunc,
		"sort":         stdlib.SortFunc,
		"tobool":       stdlib.MakeToFunc(cty.Bool),
		"tolist":       stdlib.MakeToFunc(cty.List(cty.DynamicPseudoType)),
		"tomap":        stdlib.MakeToFunc(cty.Map(cty.DynamicPseudoType)),
		"tonumber":     stdlib.MakeToFunc(cty.Number),
		"toset":        stdlib.MakeToFunc(cty.Set(cty.DynamicPseudoType)),
		"values":       stdlib.ValuesFunc,
		"zipmap":       stdlib.ZipmapFunc,
	}
}

// limited is f behind a check of its arguments.
func limited(f function.Function, check func(args []cty.Value) error) function.Function {
	return function.New(&function.Spec{
		Description: f.Description(),
		Params:      f.Params(),
		VarParam:    f.VarParam(),
		Type: func(args []cty.Value) (cty.Type, error) {
			for _, a := range args {
				if !a.IsWhollyKnown() {
					return cty.DynamicPseudoType, nil
				}
			}
			plain := make([]cty.Value, len(args))
			for i, a := range args {
				plain[i], _ = a.UnmarkDeep()
			}
			if err := check(plain); err != nil {
				return cty.DynamicPseudoType, err
			}
			return f.ReturnTypeForValues(args)
		},
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return f.Call(args) },
	})
}

func tooLarge(what string) error {
	return fmt.Errorf("%s would be larger than 4 MiB; make the arguments smaller", what)
}

func shortNumber(args []cty.Value) error {
	if text(args[0]) > maxDigits {
		return fmt.Errorf("a number has at most %d digits", maxDigits)
	}
	return nil
}

// realResult refuses what has no number as its result, which cty cannot hold.
func realResult(f func(a, b float64) float64) func(args []cty.Value) error {
	return func(args []cty.Value) error {
		if args[0].IsNull() || args[1].IsNull() {
			return nil
		}
		a, _ := args[0].AsBigFloat().Float64()
		b, _ := args[1].AsBigFloat().Float64()
		if math.IsNaN(f(a, b)) {
			return errors.New("there is no such number; both arguments have to be above zero")
		}
		return nil
	}
}

func logarithm(a, base float64) float64 { return math.Log(a) / math.Log(base) }

// text is the length of a value that is a text, and 0 else.
func text(v cty.Value) int {
	if v.Type() == cty.String && !v.IsNull() {
		return len(v.AsString())
	}
	return 0
}

// elements is the length of a value that is a collection, and 1 else.
func elements(v cty.Value) int {
	if !v.IsNull() && v.CanIterateElements() {
		return v.LengthInt()
	}
	return 1
}

// cost is what a value is charged with.
func cost(v cty.Value) int {
	var m measure
	m.value(v, 0)
	return m.cost
}

// longFormat is a verb with a width or a precision of four digits or more.
var longFormat = regexp.MustCompile(`%[^a-zA-Z%]*[0-9]{4}`)

func formatLimit(args []cty.Value) error {
	if args[0].IsNull() {
		return nil
	}
	format := args[0].AsString()
	if longFormat.MatchString(format) {
		return fmt.Errorf("a width has at most 3 digits")
	}
	rows, widest := 1, 1000
	for _, a := range args[1:] {
		rows = max(rows, elements(a))
		widest = max(widest, widestOf(a))
	}
	if rows*(len(format)+strings.Count(format, "%")*widest) > 16*maxValue {
		return tooLarge("the text")
	}
	return nil
}

// widestOf is the cost of a value's largest element.
func widestOf(v cty.Value) int {
	if v.IsNull() || !v.CanIterateElements() {
		return cost(v)
	}
	widest := 0
	for it := v.ElementIterator(); it.Next(); {
		_, e := it.Element()
		widest = max(widest, cost(e))
	}
	return widest
}

func indentLimit(args []cty.Value) error {
	if args[0].IsNull() || args[1].IsNull() {
		return nil
	}
	spaces, _ := args[0].AsBigFloat().Float64()
	if spaces < 0 || spaces > 1000 || int(spaces)*strings.Count(args[1].AsString(), "\n") > maxValue {
		return fmt.Errorf("indent takes 0 to 1000 spaces, and 4 MiB in all")
	}
	return nil
}

func joinLimit(args []cty.Value) error {
	n := 0
	for _, a := range args[1:] {
		n += elements(a)
	}
	if n*text(args[0]) > maxValue {
		return tooLarge("the text")
	}
	return nil
}

func replaceLimit(args []cty.Value) error {
	if args[0].IsNull() || args[1].IsNull() {
		return nil
	}
	if strings.Count(args[0].AsString(), args[1].AsString())*text(args[2]) > maxValue {
		return tooLarge("the text")
	}
	return nil
}

// jsonLimit keeps a text from nesting deeper than the decoder's recursion bears.
func jsonLimit(args []cty.Value) error {
	if args[0].IsNull() {
		return nil
	}
	depth := 0
	for _, c := range args[0].AsString() {
		switch c {
		case '[', '{':
			depth++
		case ']', '}':
			depth--
		}
		if depth > maxLevels {
			return fmt.Errorf("the JSON nests deeper than %d levels", maxLevels)
		}
	}
	return nil
}

// regexLimit pays for a match, whose time is the text times the compiled pattern.
func (l *loader) regexLimit(args []cty.Value) error {
	if args[0].IsNull() || args[1].IsNull() {
		return nil
	}
	pattern := args[0].AsString()
	if len(pattern) > 200 {
		return fmt.Errorf("a pattern has at most 200 characters")
	}
	tree, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil // the function itself says what is wrong with it
	}
	prog, err := syntax.Compile(tree.Simplify())
	if err != nil {
		return nil // as above
	}
	if l.budget.spend((text(args[1])+16)*len(prog.Inst), nil) != nil {
		return fmt.Errorf("the pattern takes too long on a text of this length")
	}
	return nil
}

func distinctLimit(args []cty.Value) error {
	if n := elements(args[0]); n*cost(args[0]) > 16*maxValue {
		return fmt.Errorf("distinct takes about 1,000 elements, not %d", n)
	}
	return nil
}

func productLimit(args []cty.Value) error {
	n := 1
	for _, a := range args {
		if n *= elements(a); n > maxRange {
			return fmt.Errorf("the product has more than %d elements", maxRange)
		}
	}
	return nil
}
