#!/usr/bin/env bash
# compare-clients.sh [URL] sends the same requests with vllm bench serve and with
# qtune bench, in turn, to the same real vLLM, and prints both side by side.
#
# Without URL it starts the vLLM that `make engines` installed, on the CPU, and
# stops it again. The list of requests is qtune's, written once with
# --write-requests; both clients read it, and both are asked in vLLM's own
# definitions (qtune by --format vllm). Prefix caching is off, or the second to
# send a prompt would find it in the cache.
#
#   USERS=4 REQUESTS=60 ROUNDS=3 INPUT=64 OUTPUT=50 scripts/compare-clients.sh
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

ENGINES=${QTUNE_ENGINES:-$PWD/.engines}
USERS=${USERS:-4} REQUESTS=${REQUESTS:-60} ROUNDS=${ROUNDS:-3} INPUT=${INPUT:-64} OUTPUT=${OUTPUT:-50}
WORK=$(mktemp -d)
SERVER=

[ -x "$ENGINES/vllm/bin/vllm" ] && [ -e "$ENGINES/model/config.json" ] ||
	die "no real vLLM in $ENGINES" "run: make engines"
[ -x bin/qtune ] || die "bin/qtune is missing" "run: make build"

stop() {
	if [ -n "$SERVER" ]; then
		kill "$SERVER" 2>/dev/null || true
		wait "$SERVER" 2>/dev/null || true
	fi
	rm -rf "$WORK"
}
trap stop EXIT

# start_server starts vLLM and waits until it serves.
start_server() {
	local port=${PORT:-8399}
	URL=http://127.0.0.1:$port
	VLLM_CPU_KVCACHE_SPACE=1 HF_HUB_OFFLINE=1 VLLM_NO_USAGE_STATS=1 "$ENGINES/vllm/bin/vllm" serve "$ENGINES/model" \
		--served-model-name smol --host 127.0.0.1 --port "$port" --max-model-len 2048 --dtype bfloat16 \
		--enforce-eager --no-enable-prefix-caching >"$WORK/server.log" 2>&1 &
	SERVER=$!
	for _ in $(seq 300); do
		curl -sf "$URL/health" >/dev/null 2>&1 && return
		kill -0 "$SERVER" 2>/dev/null || { tail -20 "$WORK/server.log" >&2; die "vLLM did not start"; }
		sleep 1
	done
	die "vLLM did not serve within 300 s"
}

# with_vllm FILE sends the list with vllm bench serve.
with_vllm() {
	HF_HUB_OFFLINE=1 "$ENGINES/vllm/bin/vllm" bench serve --backend openai --base-url "$URL" --model smol --tokenizer "$ENGINES/model" \
		--dataset-name custom --dataset-path "$WORK/list.jsonl" --custom-output-len -1 --skip-chat-template --disable-shuffle \
		--num-prompts "$REQUESTS" --max-concurrency "$USERS" --num-warmups "$USERS" --ignore-eos --temperature 0 \
		--percentile-metrics ttft,tpot,itl,e2el --save-result --result-dir "$WORK" --result-filename "$1" >"$WORK/client.log" 2>&1 ||
		{ tail -20 "$WORK/client.log" >&2; die "vllm bench serve failed"; }
}

# with_qtune FILE FORMAT sends the list with qtune bench.
with_qtune() {
	bin/qtune bench "$URL" --model smol --file "$WORK/list.jsonl" --users "$USERS" --requests "$REQUESTS" --warmup "$USERS" \
		--format "$2" --output "$WORK/$1" 2>"$WORK/client.log" ||
		grep -q bottleneck "$WORK/client.log" || { cat "$WORK/client.log" >&2; die "qtune bench failed"; }
}

if [ $# -gt 0 ]; then URL=$1; else part "starting vLLM" start_server; fi
say "writing a list of $REQUESTS requests: $INPUT tokens in, $OUTPUT out"
bin/qtune bench "$URL" --model smol --users "$USERS" --requests "$REQUESTS" --warmup 0 --input-tokens "$INPUT" --output-tokens "$OUTPUT" --seed 1 \
	--write-requests "$WORK/list.jsonl" --output "$WORK/first.txt" 2>/dev/null || [ -s "$WORK/list.jsonl" ]
for round in $(seq "$ROUNDS"); do
	part "round $round, vllm bench serve" with_vllm "vllm-$round.json"
	part "round $round, qtune bench" with_qtune "qtune-$round.json" vllm
done
part "once more, by qtune's own definitions" with_qtune own.json json
"$ENGINES/vllm/bin/python" scripts/compare-clients.py "$WORK"
