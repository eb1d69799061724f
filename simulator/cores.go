package simulator

import (
	"math"
	"strconv"
	"strings"
)

// besideWorkers is how many cores the processes beside the workers take while they serve:
// the API server, the engine core, the load client. Of two cores a worker that is bound to
// one of them multiplied two thirds of what it did on both, which is 1 of 2 - 0.5 (vLLM
// 0.32; vLLM itself leaves one core to them unless it is told otherwise).
const besideWorkers = 0.5

// bind gives an engine on a CPU the cores that its list names. Fewer cores multiply less,
// by what the processes beside the workers leave of all; a few of them read the memory as
// fast as all.
func (i *instance) bind(list string) {
	n, all := float64(boundCores(list)), float64(i.card.Cores)
	if !i.card.CPU || n == 0 || all == 0 {
		return
	}
	left := math.Max(1, all-besideWorkers)
	i.card.BF16FLOPS *= math.Min(1, n/left)
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
