package profiles

import (
	"math/big"
	"strconv"
	"strings"

	"github.com/zclconf/go-cty/cty"
)

// maxBits bounds the binary exponent of a number: 10^400 is 2^1329.
const maxBits = 1400

const numberRule = "A number has at most 400 digits and an exponent of at most 400, and dividing by zero gives none. Write it differently."

// saneNumber says whether a number can be computed with and written out in full.
func saneNumber(f *big.Float) bool {
	if f.IsInf() {
		return false
	}
	power := f.MantExp(nil)
	return power >= -maxBits && power <= maxBits
}

// saneNumberText is saneNumber for a text that may be taken for a number. A text
// that is no number passes: to convert it fails by itself.
func saneNumberText(s string) bool {
	if strings.Trim(s, "0123456789.+-_eEpP") != "" {
		return true
	}
	if len(s) > maxDigits {
		return false
	}
	i := strings.IndexAny(s, "eEpP")
	if i < 0 {
		return true
	}
	n, err := strconv.Atoi(s[i+1:])
	return err != nil || n >= -maxDigits && n <= maxDigits
}

// roundDecimal takes the error of binary arithmetic out of a number: cty computes
// with 512 bits, about 154 digits, in which 0.1 + 0.2 is not 0.3. Rounded to 100
// digits it is.
func roundDecimal(v cty.Value) cty.Value {
	bare, marks := v.Unmark()
	if bare.Type() != cty.Number || !bare.IsKnown() || bare.IsNull() {
		return v
	}
	f := bare.AsBigFloat()
	if f.IsInt() || !saneNumber(f) {
		return v
	}
	rounded, err := cty.ParseNumberVal(f.Text('e', 99))
	if err != nil {
		return v
	}
	return rounded.WithMarks(marks)
}

// decimal writes a number in plain decimals, exactly where it has an end (0.85,
// 1000000) and else, as 1/3, with the 17 digits that a float64 can tell apart.
func decimal(f *big.Float) string {
	if f.IsInt() {
		return f.Text('f', 0)
	}
	exact := f.Text('f', -1)
	if significant(exact) <= 40 {
		return exact
	}
	short, _, err := big.ParseFloat(f.Text('e', 16), 10, 512, big.ToNearestEven)
	if err != nil {
		return exact
	}
	return short.Text('f', -1)
}

func significant(text string) int {
	return len(strings.TrimLeft(strings.NewReplacer("-", "", ".", "").Replace(text), "0"))
}
