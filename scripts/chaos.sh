#!/usr/bin/env bash
# chaos.sh [short|full] [SEED] kills simulated runs at random moments, as
# processes and in containers, with and without their reapers, and fills their
# disks, and takes a Docker daemon of its own away from under them; then counts what
# is left, lost and harmed, and what a process holds after many trials. Anything but
# 0 is a failure.
# The seed is printed. short: 2 of each kind, a minute or two; full: 200 kills of
# each kind, 50 disks and 50 daemons.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh
. scripts/docker.sh

kills=2 disks=4 daemons=1 leak=10s limit=5m
case ${1:-short} in
short) ;;
full) kills=200 disks=50 daemons=50 leak=200s limit=2h ;;
*) die "unknown form $1" "chaos.sh short, or chaos.sh full" ;;
esac
need_go
trap docker_down EXIT
if ! docker_up; then
	is_strict && die "chaos in containers cannot run: $DOCKER_WHY"
	say "no chaos in containers: $DOCKER_WHY"
fi
log=$(mktemp)
trap 'docker_down; rm -f "$log"' EXIT
rc=0
"$GO" test -tags chaos -count 1 -timeout "$limit" -parallel "${CHAOS_PARALLEL:-4}" -run '^(TestChaos|TestDaemonEndsInTheMiddle|TestLeaks)$' -v ./cmd/qtune \
	-chaos.kills "${CHAOS_KILLS:-$kills}" -chaos.disks "${CHAOS_DISKS:-$disks}" -chaos.daemons "${CHAOS_DAEMONS:-$daemons}" -chaos.seed "${2:-0}" -chaos.leak "$leak" >"$log" 2>&1 || rc=$?
if [ "$rc" = 0 ]; then
	awk '/^ +(chaos|daemon|leak)_linux_test.go/ { sub(/^ +[a-z]+_linux_test.go:[0-9]+: /, ""); print }' "$log"
else
	grep -v '^=== ' "$log" || true
fi
exit "$rc"
