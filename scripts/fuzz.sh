#!/usr/bin/env bash
# fuzz.sh [TIME] runs each fuzz test of the module for TIME (default 1m), and counts
# how often each was executed.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

need_go
time=${1:-1m}
n=0 execs=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT
while IFS=: read -r file name; do
	say "$name in $(dirname "$file") for $time"
	"$GO" test -run '^$' -fuzz "^$name\$" -fuzztime "$time" "./$(dirname "$file")" </dev/null 2>&1 | tee "$log"
	execs=$((execs + $(awk '/execs: / { for (i = 1; i < NF; i++) if ($i == "execs:") n = $(i + 1) } END { print n + 0 }' "$log")))
	n=$((n + 1))
done < <(git ls-files -co --exclude-standard '*_test.go' | xargs grep -HoE '^func Fuzz[A-Za-z0-9_]*' | sed 's/:func /:/')
[ "$n" -gt 0 ] || die "no fuzz test found"
say "$n fuzz tests, $execs executions, nothing found"
