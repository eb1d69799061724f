package simulator

import (
	"math"
	"strconv"
	"strings"
)

// bind gives an engine on a CPU the cores that its list names. Fewer cores multiply less;
// a few of them read the memory as fast as all.
func (i *instance) bind(list string) {
	if n := boundCores(list); i.card.CPU && n > 0 && i.card.Cores > 0 {
		i.card.BF16FLOPS *= math.Min(1, float64(n)/float64(i.card.Cores))
	}
}

// boundCores counts the cores of a list such as "0-3,8", of several ranks' lists with |
// between them the first's; 0 for "auto", "nobind" and whatever else names none.
func boundCores(list string) int {
	first, _, _ := strings.Cut(list, "|")
	n := 0
	for part := range strings.SplitSeq(first, ",") {
		from, to, several := strings.Cut(strings.TrimSpace(part), "-")
		if !several {
			to = from
		}
		a, errA := strconv.ParseUint(from, 10, 16)
		b, errB := strconv.ParseUint(to, 10, 16)
		if errA != nil || errB != nil || b < a {
			return 0
		}
		n += int(b-a) + 1
	}
	return n
}
