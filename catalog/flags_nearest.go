package catalog

import (
	"slices"
	"strings"

	"github.com/agext/levenshtein"
)

// Nearest is the one of names that somebody who wrote name most probably meant,
// or "" if none is near: a typing error is near, another word is not. Names that
// differ in case or in underscores for dashes are nearest, then those by edit
// distance (a swap of neighbours counts as one edit; of names equally near the
// first), then the name that has "enable-" before the given one, then the only name
// that holds all of its words, as "max-total-tokens" holds "total-tokens".
func Nearest(name string, names []string) string {
	folded := fold(name)
	best, least := "", allowedEdits(folded)+1
	for _, candidate := range names {
		if d := edits(folded, fold(candidate), least); d < least {
			best, least = candidate, d
		}
	}
	if best != "" {
		return best
	}
	return onlyHolder(folded, names)
}

// allowedEdits is how many typing errors a name of this length may have.
func allowedEdits(name string) int {
	switch n := len(name); {
	case n < 3:
		return 0
	case n < 6:
		return 1
	}
	return 2
}

func fold(s string) string { return strings.ToLower(strings.ReplaceAll(s, "_", "-")) }

// edits is the distance of two words; of words that differ in length by limit or more
// it is limit. (The library's own limit, MaxCost, gives distances that are too small.)
func edits(a, b string, limit int) int {
	switch {
	case swapped(a, b):
		return 1
	case max(len(a)-len(b), len(b)-len(a)) >= limit:
		return limit
	}
	return levenshtein.Distance(a, b, nil)
}

// swapped says that b is a with two neighbouring letters swapped.
func swapped(a, b string) bool {
	if len(a) != len(b) || a == b {
		return false
	}
	i := 0
	for a[i] == b[i] {
		i++
	}
	return i+1 < len(a) && a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:]
}

// onlyHolder is the one name that has all words of name, in a row; "" if none or several have.
func onlyHolder(name string, names []string) string {
	if len(name) < 4 {
		return ""
	}
	if switched := "enable-" + name; slices.Contains(names, switched) {
		return switched
	}
	holders := slices.DeleteFunc(slices.Clone(names), func(n string) bool {
		return !strings.Contains("-"+fold(n)+"-", "-"+name+"-")
	})
	if len(holders) != 1 {
		return ""
	}
	return holders[0]
}
