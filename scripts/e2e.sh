#!/usr/bin/env bash
# The main job with real engines: tunes real vLLM against real SGLang in real
# containers, as examples/cpu.hcl says, and looks whether anything is left.
# Starts a Docker Engine if none runs, and stops the one it started.
#
# What it does, in some fifteen minutes on two cores:
#   simulated winners are deployed, replaced, rolled back, and killed on the way
#   containers  vLLM with 4 and with 16 requests at a time against SGLang, under 1, 4
#               and 16 users; qtune is killed while the second engine starts, applied
#               again, and a third time, which starts nothing
#   processes   one vLLM, whose engine is killed under load, and one SGLang that is
#               measured after it
#   failures    eight starts that fail, one of them as a process, each classified and
#               ended within 2 s of its fatal line
# With QTUNE_E2E_WIDE=1 it is twice as long: all of examples/cpu.hcl, vLLM compiled too,
# and five more failures. TestE2EWarmStart, which compiles vLLM twice, runs only where
# it is named.
#
# A trial whose load client was starved of its processor is told, and fails nothing: its
# figures are not compared, and qtune itself would measure it again. A failing start
# that ends too late on a machine that has more to do than processors is tried once
# more.
#
# The tests are those of cmd/qtune and engine with the build tag e2e. They are told
# where things are by the environment:
#   QTUNE_E2E_BIN      the qtune to run
#   QTUNE_E2E_ENGINES  the folder with vllm, sglang and model
#   QTUNE_E2E_PYTHON   where the Python is installed that the engines' environments
#                      are made of, such as /usr
# Arguments go to go test, such as -run TestE2E/process.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh
. scripts/docker.sh

containers() { docker ps -aq --filter label=dev.qtune.run | sort; }
processes() { grep -lsz '^QTUNE_RUN=' /proc/[0-9]*/environ | cut -d / -f 3 | sort || true; }

start_docker() { docker_up || die "$DOCKER_WHY"; }

run_tests() {
	local log rc=0
	log=$(mktemp)
	[ $# -gt 0 ] || set -- -skip TestE2EWarmStart
	QTUNE_TEST_LIVE=1 scripts/gotest.sh "$log" -tags e2e -count 1 -p 1 -timeout 45m -run TestE2E "$@" ./cmd/qtune ./engine || rc=$?
	rm -f "$log"
	return "$rc"
}

# nothing_left fails if there is anything of qtune's that was not there before.
nothing_left() {
	local left
	left=$(comm -13 <(printf '%s\n' "$containers_before") <(containers))
	[ -z "$left" ] || {
		docker ps -a --filter label=dev.qtune.run >&2
		die "containers are left" "bin/qtune destroy --all"
	}
	left=$(comm -13 <(printf '%s\n' "$processes_before") <(processes))
	[ -z "$left" ] || {
		for pid in $left; do tr '\0' ' ' <"/proc/$pid/cmdline" >&2 && echo >&2; done
		die "processes are left: $left" "bin/qtune destroy --all"
	}
}

need_go
[ -x bin/qtune ] || die "bin/qtune is missing" "make build"
trap docker_down EXIT
part "Docker Engine" start_docker
part "engines" scripts/engines.sh
part "image" scripts/userland-image.sh

export QTUNE_E2E_BIN=$PWD/bin/qtune
QTUNE_E2E_ENGINES=$(cd "${QTUNE_ENGINES:-.engines}" && pwd)
QTUNE_E2E_PYTHON=$("$QTUNE_E2E_ENGINES/vllm/bin/python" -c 'import sys; print(sys.base_prefix)')
export QTUNE_E2E_ENGINES QTUNE_E2E_PYTHON
containers_before=$(containers)
processes_before=$(processes)
rc=0
part "real engines" run_tests "$@" || rc=$?
part "nothing left" nothing_left
exit "$rc"
