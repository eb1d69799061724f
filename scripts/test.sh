#!/usr/bin/env bash
# Runs every test with the race detector, after setting up what they need: gcc,
# and a Docker Engine. Where that cannot be had, says which tests are skipped
# and why; under QTUNE_STRICT=1 (CI) that is a failure.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh
. scripts/docker.sh

need_go
need_command gcc gcc libc6-dev
trap docker_down EXIT
if docker_up; then
	say "Docker Engine $(docker version --format '{{.Server.Version}}') answers"
elif is_strict; then
	die "the tests of package docker cannot run: $DOCKER_WHY"
else
	say "the tests that need Docker are skipped: $DOCKER_WHY"
fi

install_actionlint || say "the test that needs actionlint is skipped: it could not be installed"
export PATH="$PWD/bin:$PATH"

log=$(mktemp)
trap 'docker_down; rm -f "$log"' EXIT
rc=0
# One package at a time: some tests hold the program to fractions of a second.
CGO_ENABLED=1 scripts/gotest.sh "$log" -race -p 1 -timeout 20m ./... || rc=$?
exit "$rc"
