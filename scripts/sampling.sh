#!/usr/bin/env bash
# sampling.sh [N] measures what looking at a container or a process, every two
# seconds, takes from a measurement on a CPU: as the processor time of all who take
# part, and as work that others do not get done, in N pairs of windows with and without
# looks by turns (8 s each; default 20). As root with a Docker daemon of its own.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh
. scripts/docker.sh

need_go
docker_apart "$0" "$@"
trap docker_down EXIT
docker_up || die "no container can be looked at: $DOCKER_WHY"
say "processor time of a look every two seconds, as a share of the machine; load $(cut -d' ' -f1 /proc/loadavg)"
"$GO" test ./docker ./process -run '^$' -bench '^BenchmarkStats$' -benchtime 100x 2>&1 | grep '%'
say "work lost to looks"
"$GO" test ./docker -run '^$' -bench '^BenchmarkSampling$' -benchtime "${1:-20}x" 2>&1 | grep '%'
