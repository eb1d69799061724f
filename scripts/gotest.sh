#!/usr/bin/env bash
# gotest.sh LOG ARGS... runs `go test -v ARGS...`, prints the packages, what
# failed and what was skipped with its reason, and ends with the line
# "N passed, N failed, N skipped". The whole output is left in LOG. With
# QTUNE_TEST_LIVE=1 it is printed as it comes.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

log=$1
shift
rc=0
if [ "${QTUNE_TEST_LIVE:-}" = 1 ]; then
	"${GO:-go}" test -v "$@" 2>&1 | tee "$log" || rc=$?
else
	"${GO:-go}" test -v "$@" >"$log" 2>&1 || rc=$?
fi

# Of a run that failed, only what the failed tests said is shown, and what belongs
# to no test: errors of the compiler, panics. Lines belong to the test that the last
# "===" line named.
failures() {
	awk '
		function package_ends(failed,   t) {
			for (t in said) { if (failed) printf "%s", said[t]; delete said[t] } # never ended: a panic, a time-out
			test = ""
		}
		function top(name) { sub(/\/.*/, "", name); return name }
		/^=== / { test = top($3); next }
		/^--- FAIL: / { printf "%s%s\n", said[$3], $0; delete said[$3]; test = ""; next }
		/^--- / { delete said[$3]; test = ""; next }
		/^ *--- FAIL: / { print; next }
		/^ *--- / { next }
		/^ok  |^\?  |\[no test files\]$/ { package_ends(0); next }
		/^FAIL\t/ { package_ends(1); print; next }
		/^(PASS|FAIL)$/ { next }
		test != "" { said[test] = said[test] $0 "\n"; next }
		{ print }' "$1"
}

if [ "${QTUNE_TEST_LIVE:-}" = 1 ]; then
	:
elif [ "$rc" != 0 ]; then
	failures "$log"
else
	grep -E '^ok ' "$log" || true
fi

# The reason of a skip is the line that the test logged before it.
skipped=$(awk '
	/^ +[A-Za-z0-9_]+\.go:[0-9]+: / { sub(/^ +/, ""); why = $0 }
	/^ *--- SKIP: / { sub(/^ */, ""); print "skipped: " $3 ": " why }' "$log")
[ -z "$skipped" ] || printf '%s\n' "$skipped"

passed=$(grep -c '^--- PASS' "$log" || true)
failed=$(grep -cE '^--- FAIL|\[(build|setup) failed\]$' "$log" || true)
nskipped=$(grep -c '^ *--- SKIP' "$log" || true)
if [ "$rc" != 0 ] && [ "$failed" = 0 ]; then failed=1; fi # a panic or a time-out has no line of its own
if is_strict && printf '%s' "$skipped" | grep -qi docker; then
	printf 'error: a test was skipped for want of Docker, and here nothing may be missing\n' >&2
	rc=1
	failed=$((failed + 1))
fi
if [ "$passed" = 0 ] && [ "$rc" = 0 ]; then
	printf 'error: no test ran\n' >&2
	rc=1
fi
printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$nskipped"
exit "$rc"
