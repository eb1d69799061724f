#!/usr/bin/env bash
# chaos.sh [short|full] [SEED] kills simulated runs at random moments, as
# processes and in containers, with and without their reapers, and fills their
# disks, and takes a Docker daemon away from under them; then counts what is left,
# lost and harmed, and what a process holds after many trials. Anything but 0 is a
# failure.
# The seed is printed. short: 2 of each kind, a minute or two; full: 200 kills of
# each kind, 50 disks, 50 daemons and 1,000 trials in one process. CHAOS_ONLY, a
# pattern as that of `go test -run`, chooses among the tests.
# As root all of it happens in a network of its own with a Docker daemon of its own,
# so that nobody else's containers are even in sight.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh
. scripts/docker.sh

kills=2 disks=4 daemons=1 trials=0 limit=5m
case ${1:-short} in
short) ;;
full) kills=200 disks=50 daemons=50 trials=1000 limit=3h ;;
*) die "unknown form $1" "chaos.sh short, or chaos.sh full" ;;
esac
need_go
docker_apart "$0" "$@"
export TMPDIR # of the runs too: what their trials leave is counted
TMPDIR=$(mktemp -d /tmp/qchaos.XXXX)
log=$TMPDIR/log
trap 'docker_down; rm -rf "$TMPDIR"' EXIT
if ! docker_up; then
	is_strict && die "chaos in containers cannot run: $DOCKER_WHY"
	say "no chaos in containers: $DOCKER_WHY"
fi
rc=0
"$GO" test -tags chaos -count 1 -timeout "$limit" -parallel "${CHAOS_PARALLEL:-4}" -v ./cmd/qtune \
	-run "${CHAOS_ONLY:-^(TestVerdict|TestNotReused|TestChaos|TestDaemonEndsInTheMiddle|TestLeaks)\$}" \
	-chaos.kills "${CHAOS_KILLS:-$kills}" -chaos.disks "${CHAOS_DISKS:-$disks}" -chaos.daemons "${CHAOS_DAEMONS:-$daemons}" \
	-chaos.trials "${CHAOS_TRIALS:-$trials}" -chaos.seed "${2:-0}" >"$log" 2>&1 || rc=$?
if [ "$rc" = 0 ]; then
	awk '/^ +(chaos|disks|harm|daemon|leak)_linux_test.go/ { sub(/^ +[a-z]+_linux_test.go:[0-9]+: /, ""); print }' "$log"
	grep -- '^ *--- SKIP' "$log" || true
else
	grep -v '^=== ' "$log" || true
fi
exit "$rc"
