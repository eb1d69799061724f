#!/usr/bin/env bash
# The simulator's model against reality: real request logs, public pools of measured
# configurations, the figures of the report that qtune starts from, and a run of real
# engines. docs/simulator.md explains the tables.
#
#   QTUNE_DATA  folder with vllm-logs/ and pools/ (default ../shared/data); what is not
#               there is skipped, and that is said
#   RUN         folder of a run of real engines, such as .qtune/runs/ID
#   RUN_VARS    what its profile was given, such as "--var engines=$PWD/.engines"
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

# Without QTUNE_DATA the tests look where their packages' own default is.
[ -z "${QTUNE_DATA:-}" ] || QTUNE_DATA=$(cd "$QTUNE_DATA" && pwd)
export QTUNE_DATA

# table runs tests and shows what they print.
table() {
	local log rc=0
	log=$(mktemp)
	"$GO" test "$1" -run "$2" -v -count 1 >"$log" 2>&1 || rc=$?
	grep -v -e '^=== ' -e '^PASS$' -e '^FAIL$' "$log" | sed 's/^ *[a-z_]*_test\.go:[0-9]*: /  /'
	rm -f "$log"
	return "$rc"
}

# others fits the model to a run's first two trials of each engine and predicts the rest.
others() {
	local runs
	runs=$(cd "$RUN/../.." && pwd)
	# shellcheck disable=SC2086 # several words
	bin/qtune calibrate "$(basename "$RUN")" --dir "$runs" --first 2 --keep=false ${RUN_VARS:-}
}

need_go
failed=0
part "real logs, nothing fitted to them" table ./simulator TestAgainstRealLogs || failed=1
part "public pools, ranked by a model that never saw the card" table ./predict TestRankingOfPublicPools || failed=1
part "the report's figures, three constants fitted to them" table ./cmd/qtune TestSeedAudit || failed=1
if [ -n "${RUN:-}" ]; then
	part "a run of real engines: two trials fitted, the others predicted" others || failed=1
else
	say "a run of real engines: not given; RUN=.qtune/runs/ID"
fi
exit "$failed"
