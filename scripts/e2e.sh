#!/usr/bin/env bash
# The main job with real engines: tunes real vLLM against real SGLang in real
# containers, as examples/cpu.hcl says, and looks whether anything is left.
# Starts a Docker Engine if none runs, and stops the one it started.
#
# Then starts each of them so that it fails, a dozen times.
#
# The tests are those of cmd/qtune and engine with the build tag e2e. They are told
# where things are by the environment:
#   QTUNE_E2E_BIN      the qtune to run
#   QTUNE_E2E_ENGINES  the folder with vllm, sglang and model
#   QTUNE_E2E_PYTHON   where the Python is installed that the engines' environments
#                      are made of, such as /usr
#   QTUNE_E2E_WIDE=1   all of examples/cpu.hcl, vLLM compiled too: ten minutes more
# Arguments go to go test, such as -run TestE2E/process. Without any, all of them run
# but TestE2EWarmStart, which compiles vLLM twice and takes minutes for that.
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
