#!/usr/bin/env bash
# Runs every test with the race detector, after setting up what they need: gcc,
# and a Docker Engine. Where that cannot be had, says which tests are skipped
# and why; under QTUNE_STRICT=1 (CI) that is a failure.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh
. scripts/docker.sh

# The packages whose tests start engines and containers, or hold the program to
# fractions of a second. They run one at a time, the others side by side.
clocked='/(cmd/qtune|bench|docker|engine|process|report|simulator)$'

need_go
need_command gcc gcc libc6-dev
log=$(mktemp)
trap 'docker_down; rm -f "$log"' EXIT
if docker_up; then
	say "Docker Engine $(docker version --format '{{.Server.Version}}') answers"
elif is_strict; then
	die "the tests of package docker cannot run: $DOCKER_WHY"
else
	say "the tests that need Docker are skipped: $DOCKER_WHY"
fi

install_actionlint || say "the test that needs actionlint is skipped: it could not be installed"
export PATH="$PWD/bin:$PATH" CGO_ENABLED=1

rc=0
all=$("${GO:-go}" list ./...)
mapfile -t beside < <(grep -Ev "$clocked" <<<"$all")
mapfile -t alone < <(grep -E "$clocked" <<<"$all")
scripts/gotest.sh "$log" -race -timeout 20m "${beside[@]}" || rc=$?
scripts/gotest.sh "$log" -race -p 1 -timeout 20m "${alone[@]}" || rc=$?
exit "$rc"
