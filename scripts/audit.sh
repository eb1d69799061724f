#!/usr/bin/env bash
# What can be said of the supply chain: that the modules are those of go.sum, that
# two builds in different folders give the same file, and that no known weakness is
# reached from the code. All checks run; the script fails if one did. Where the
# database of weaknesses cannot be reached, that is said, and is a failure under
# QTUNE_STRICT=1 alone.
set -uo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

VERSION=v1.6.0
CHECKER=bin/govulncheck

install_checker() {
	[ -x "$CHECKER" ] && "$GO" version -m "$CHECKER" | grep -q "golang.org/x/vuln.$VERSION" && return 0
	say "installing govulncheck $VERSION into bin/"
	(cd / && GOBIN="$OLDPWD/bin" "$GO" install "golang.org/x/vuln/cmd/govulncheck@$VERSION")
}

# weaknesses tells a weakness that was found from a database that cannot be reached.
weaknesses() {
	local out rc=0
	out=$(timeout 10m "$CHECKER" ./... 2>&1) || rc=$?
	printf '%s\n' "$out" | tail -40
	[ "$rc" = 0 ] && return 0
	[ "$rc" = 3 ] && return 1 # found; what it says of them may hold any words
	if [ "$rc" = 124 ]; then
		say "govulncheck did not end within ten minutes: nothing is known"
		is_strict || return 75
		return 1
	fi
	if printf '%s' "$out" | grep -qE 'dial tcp|no such host|i/o timeout|fetching vulnerabilities|proxyconnect|HTTP GET'; then
		say "the database of weaknesses (vuln.go.dev) cannot be reached from here: nothing was checked against it"
		is_strict || return 75
	fi
	return 1
}

# reproducible builds twice, in two folders, and compares.
reproducible() (
	files=$(sources) || exit 1
	tmp=$(mktemp -d)
	trap 'rm -rf "$tmp"' EXIT
	mkdir "$tmp/a" "$tmp/b-with-another-name"
	for d in "$tmp/a" "$tmp/b-with-another-name"; do
		printf '%s\n' "$files" | xargs -d '\n' cp --parents -t "$d" || exit 1
		(cd "$d" && CGO_ENABLED=0 "$GO" build -trimpath -buildvcs=false -ldflags '-s -w -X main.version=audit' -o qtune ./cmd/qtune) || exit 1
	done
	one=$(sha256sum <"$tmp/a/qtune") two=$(sha256sum <"$tmp/b-with-another-name/qtune")
	say "sha256 of one build: ${one%% *}"
	say "     of the other:   ${two%% *}"
	[ "$one" = "$two" ]
)

passed=0 failed=0 skipped=0
check() {
	local rc=0
	"${@:2}" || rc=$?
	case $rc in
	0) say "$1: ok" && passed=$((passed + 1)) ;;
	75) say "$1: NOT CHECKED" && skipped=$((skipped + 1)) ;; # EX_TEMPFAIL
	*) say "$1: FAILED" && failed=$((failed + 1)) ;;
	esac
}

need_go
check "go mod verify" "$GO" mod verify
check "two builds, one file" reproducible
check "govulncheck $VERSION is here" install_checker
check "known weaknesses" weaknesses
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
