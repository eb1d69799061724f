#!/usr/bin/env bash
# client-cost.sh [CLIENT]... measures what load clients cost: token events for each
# CPU-second of the client, against one server that streams one token an event, each
# flushed on its own. Clients: qtune bare vllm sglang-rust aiperf guidellm, by
# default all that are installed; one that is not is named.
#
#   vllm, sglang      are those of `make engines`
#   aiperf, guidellm  are looked for in $QTUNE_CLIENTS/bin (default .engines/clients):
#                     python3 -m venv .engines/clients && .engines/clients/bin/pip install aiperf==0.13.0 guidellm==0.8.1
#
# Each client sends a short and a long list of requests; the cost is that of the
# difference, so that what it takes to start is left out. ROUNDS=3 rounds in turn.
# STREAMS=16 GAP=0s is "as fast as they come", STREAMS=200 GAP=10ms is paced. Each
# figure is told as it comes; one that fails says why and makes the script fail.
# LIMIT=300 seconds are what one command may take.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

[ -x bin/qtune ] || die "bin/qtune is missing" "run: make build"
WORK=$(mktemp -d)
SERVER=
stop() {
	exec 3>&- || true
	if [ -n "$SERVER" ]; then wait "$SERVER" 2>/dev/null || true; fi
	rm -rf "$WORK"
}
trap stop EXIT

go test -c -o "$WORK/bench.test" ./bench
mkfifo "$WORK/alive"
BENCH_TEST_SERVE_GAP=${GAP:-0s} "$WORK/bench.test" <"$WORK/alive" >"$WORK/addr" &
SERVER=$!
exec 3>"$WORK/alive" # the server ends when this is closed
for _ in $(seq 50); do [ -s "$WORK/addr" ] && break || sleep 0.1; done
[ -s "$WORK/addr" ] || die "the server did not start"
python3 scripts/client-cost.py "http://$(cat "$WORK/addr")" "$WORK" "$@" 3>&- # else the server would outlive us with whatever a client leaves behind
