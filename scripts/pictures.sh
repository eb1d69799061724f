#!/usr/bin/env bash
# The pictures of the README, made by the program: docs/terminal.svg, what it prints in
# a terminal, and docs/report.png, the top of a report. The figures in them are
# simulated, and say so. Needs Python, script (Debian: bsdutils) and a Chromium.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

need_command script bsdutils
need_command python3 python3
ROOT=$PWD
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
export PATH="$ROOT/bin:$PATH" QTUNE_DIR="$WORK/runs"
unset NO_COLOR

# profile N writes the N-th profile of a document as a file: pictures show what the documents have.
profile() {
	awk -v n="$2" '/^```/ { if (on) exit; if ($0 == "```hcl" && ++seen == n) { on = 1; next } } on' "docs/$1" >"$WORK/$3"
}

# shown COMMAND [MORE] prints a command, and what it says in a terminal of 120 columns;
# MORE is run with it and not shown.
shown() {
	printf '\e[1;32m$\e[0m %s\n' "$1"
	TERM=xterm script -qec "stty cols 120 rows 60; $1${2:-}" /dev/null </dev/null || true
	printf '\n'
}

profile cookbook.md 2 wide.hcl
cat >"$WORK/qwen.hcl" <<'END'
model {
  id = "Qwen/Qwen3-32B-AWQ"
}

gpu {
  simulate = "RTX 5090"
}

engine "sglang" "deployed" {
  preset   = "sglang-balanced-v2"
  baseline = true

  sweep {
    quantization       = ["awq", "awq_marlin"]
    disable-cuda-graph = [true, null]
  }
}

workload "chat" {
  prompts {
    input_tokens = 64
  }

  closed {
    users         = [1, 8]
    output_tokens = 50
    requests      = 32
  }
}

objective {
  maximize = output_throughput
  at       = { users = 8 }
}

constraint "ttft_p95" {
  max = "2s"
}
END
profile tutorial.md 1 first.hcl
sed 's/max-num-seqs  =/max-num-seq   =/' "$WORK/first.hcl" >"$WORK/typo.hcl"
cd "$WORK"
{
	shown "qtune validate typo.hcl"
	shown "qtune apply qwen.hcl --simulate" " --simulate-speed 10 2>/dev/null | awk '/^  [0-9a-f]*: /{exit} {print}'"
} >terminal.txt
python3 "$ROOT/scripts/terminal.py" <terminal.txt >"$ROOT/docs/terminal.svg"
say "docs/terminal.svg"
[ "${1:-}" != terminal ] || exit 0
BROWSER=$(find_browser)
qtune apply wide.hcl --simulate --simulate-speed 40 >/dev/null
qtune report --format html --output report.html
as_picture() {
	"$BROWSER" --headless --no-sandbox --disable-gpu --hide-scrollbars --force-device-scale-factor=1 \
		--window-size=1100,1180 --screenshot="$ROOT/docs/report.png" "file://$WORK/report.html" >/dev/null 2>&1
}
as_picture || die "$BROWSER made no picture" "run it by hand to see why"
say "docs/report.png"
