#!/usr/bin/env bash
# The report as a person meets it: pages of runs that won, lost, failed and crashed, and
# one of a thousand trials, in Chromium, wide, dark, on a phone and in print. Says the
# size, the first paint, what was logged and what axe-core finds. SHOTS=FOLDER keeps
# screenshots. Needs Go, node, npm and Chromium; other pages can be given as arguments.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

GO=${GO:-go}
CHROMIUM=$(find_browser)
export CHROMIUM
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if [ $# -eq 0 ]; then
	QTUNE_PAGES=$work "$GO" test ./report -run '^TestPages$' -count=1
	set -- "$work"/*.html
fi
(cd "$work" && npm install --no-audit --no-fund --silent axe-core@4 puppeteer-core@24)
cp scripts/report-page.js "$work/"
[ -z "${SHOTS:-}" ] || { mkdir -p "$SHOTS"; SHOTS=$(realpath "$SHOTS"); export SHOTS; }
node "$work/report-page.js" "$@"
