#!/usr/bin/env bash
# Everything that can be said of the code without running it. All checks run;
# the script fails if one did.
set -uo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

VERSION=2.15.0
LINTER=bin/golangci-lint

# workflow holds the example of a GitHub workflow to GitHub's own rules.
workflow() {
	install_actionlint
	bin/actionlint examples/ci/github-actions.yml
}

# kubernetes reads the exported manifests with Kubernetes' own types: a module of
# its own, so that nothing of it is in go.mod.
kubernetes() (cd export/k8scheck && "$GO" test -count 1 ./...)

formatted() {
	local files
	files=$(sources '*.go') || return 1
	[ -n "$files" ] || { say "no Go file found"; return 1; }
	files=$(printf '%s\n' "$files" | xargs "$("$GO" env GOROOT)/bin/gofmt" -l) || return 1
	[ -z "$files" ] || { printf 'not formatted (run gofmt -w):\n%s\n' "$files"; return 1; }
}

# tidy fails where go.mod or go.sum say more or less than the code needs.
tidy() { "$GO" mod tidy -diff; }

failed=0
passed=0
check() {
	local from=$SECONDS
	if "${@:2}"; then
		passed=$((passed + 1))
		say "$1: ok ($((SECONDS - from)) s)"
	else
		failed=$((failed + 1))
		say "$1: FAILED"
	fi
}

need_go
need_command gcc gcc libc6-dev # NVML's package is checked with cgo
export CGO_ENABLED=1
check "gofmt" formatted
check "go mod verify" "$GO" mod verify
check "go mod tidy" tidy
check "go vet" "$GO" vet -tags e2e,chaos ./...
check "build without cgo" env CGO_ENABLED=0 "$GO" build -o /dev/null ./...
check "build for macOS" env CGO_ENABLED=0 GOOS=darwin GOARCH=arm64 "$GO" build -o /dev/null ./...
check "golangci-lint $VERSION" install_tool github.com/golangci/golangci-lint/v2/cmd/golangci-lint "$VERSION" version
check "golangci-lint" "$LINTER" run ./...
check "actionlint" workflow
check "Kubernetes' types" kubernetes
printf 'lint: %d passed, %d failed\n' "$passed" "$failed"
[ "$failed" = 0 ]
