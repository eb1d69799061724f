#!/usr/bin/env bash
# fuzz.sh [TIME] runs each fuzz test of the module for TIME (default 1m; or 500000x,
# that many times), and counts how often each was executed. FUZZ_PARALLEL says on how
# many processors, FUZZ_ONLY, a pattern, which of them.
# Inputs that reached new code are kept in the folder FUZZ_CORPUS; without one a run
# begins anew, since trying all of an old run's again can take all of the time.
# An input that reaches new code is tried only a few times in smaller forms: by default
# that goes on for a minute, which for a page of help is all the time that there is.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

need_go
time=${1:-1m}
n=0 execs=0 counts=
log=$(mktemp) fresh=$(mktemp -d)
trap 'rm -rf "$log" "$fresh"' EXIT
while IFS=: read -r file name; do
	say "$name in $(dirname "$file") for $time"
	"$GO" test -run '^$' -fuzz "^$name\$" -fuzztime "$time" -fuzzminimizetime 20x -parallel "${FUZZ_PARALLEL:-$(nproc)}" \
		"./$(dirname "$file")" -args "-test.fuzzcachedir=${FUZZ_CORPUS:-$fresh}" </dev/null 2>&1 | tee "$log"
	once=$(awk '/execs: / { for (i = 1; i < NF; i++) if ($i == "execs:") n = $(i + 1) } END { print n + 0 }' "$log")
	counts+=$(printf '%10d  %s in %s' "$once" "$name" "$(dirname "$file")")$'\n'
	execs=$((execs + once))
	n=$((n + 1))
done < <(sources '*_test.go' | xargs grep -HoE '^func Fuzz[A-Za-z0-9_]*' | sed 's/:func /:/' |
	grep -E "${FUZZ_ONLY:-}")
[ "$n" -gt 0 ] || die "no fuzz test found"
printf '%s' "$counts"
say "$n fuzz tests, $execs executions, nothing found"
