# What the scripts share. Sourced by them, never run. Needs bash.

# NVML's header marks old functions as deprecated, and cgo names each of them.
export CGO_CFLAGS="${CGO_CFLAGS:--O2 -g -Wno-deprecated-declarations}"

# say prints one line of progress.
say() { printf '%s\n' "== $*"; }

# die prints what went wrong and what to do about it, and ends the script.
die() {
	printf 'error: %s\n' "$1" >&2
	[ $# -lt 2 ] || printf 'hint: %s\n' "$2" >&2
	exit 1
}

# is_strict tells whether a missing part is an error (CI) or a skipped test.
is_strict() { [ "${QTUNE_STRICT:-}" = 1 ]; }

# can_root tells whether as_root will work without stopping for a password.
can_root() { [ "$(id -u)" = 0 ] || { command -v sudo >/dev/null && sudo -n true 2>/dev/null; }; }

# as_root runs a command as root.
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }

# sources [PATTERN] prints the files of the project, a line each. A checkout of another
# user is no error.
sources() {
	local all
	all=$(git -c safe.directory='*' -c core.quotepath=off ls-files -co --exclude-standard "$@") || return 1
	[ -z "$all" ] || printf '%s\n' "$all" | while IFS= read -r f; do [ ! -f "$f" ] || printf '%s\n' "$f"; done
}

# minutes FROM prints the time since FROM, in seconds of $SECONDS, as minutes.
minutes() { awk -v s=$((SECONDS - $1)) 'BEGIN { printf "%.1f min", s / 60 }'; }

# part NAME COMMAND... runs one part of a script and prints how long it took.
part() {
	local name=$1 from=$SECONDS rc=0
	shift
	say "$name"
	"$@" || rc=$?
	if [ "$rc" != 0 ]; then
		say "$name: FAILED after $(minutes "$from")"
		return "$rc"
	fi
	say "$name: done in $(minutes "$from")"
}

# need_command COMMAND PACKAGE... installs Debian packages where COMMAND is missing.
need_command() {
	local cmd=$1
	shift
	command -v "$cmd" >/dev/null || install_packages "$@"
	command -v "$cmd" >/dev/null || die "$cmd is missing" "install it (Debian: apt-get install $*)"
}

# install_packages PACKAGE... installs Debian packages, or says what to install.
install_packages() {
	command -v apt-get >/dev/null || die "missing: $*" "install what your system calls the Debian packages $*"
	can_root || die "missing packages: $*" "run: sudo apt-get install $*"
	say "installing $*"
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Dpkg::Use-Pty=0 update >/dev/null ||
		die "apt-get update failed" "check the network and the package sources"
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Dpkg::Use-Pty=0 install --no-install-recommends "$@" >/dev/null ||
		die "apt-get install $* failed" "run it by hand to see why"
}

# find_browser prints the Chromium to use: CHROMIUM, or the first that is installed.
find_browser() {
	if [ -n "${CHROMIUM:-}" ]; then
		printf '%s\n' "$CHROMIUM"
	else
		command -v chromium || command -v chromium-browser || command -v google-chrome ||
			die "no Chromium is installed" "install one (Debian: apt-get install chromium), or set CHROMIUM to it"
	fi
}

# install_tool PACKAGE VERSION WORD puts a pinned program into bin/, once. WORD is how
# it is asked for its version.
install_tool() {
	local name=${1##*/}
	[ -x "bin/$name" ] && "bin/$name" "$3" 2>/dev/null | grep -Eq "(^| )v?$2( |\$)" && return 0
	say "installing $name v$2 into bin/ (about a minute)"
	(cd / && GOBIN="$OLDPWD/bin" "${GO:-go}" install "$1@v$2")
}

# install_actionlint installs the checker of GitHub workflows.
install_actionlint() { install_tool github.com/rhysd/actionlint/cmd/actionlint 1.7.12 -version; }

# need_go checks that Go is there and as new as go.mod asks.
need_go() {
	local want
	command -v "${GO:=go}" >/dev/null || die "go is missing" "install Go from https://go.dev/dl"
	want=$(awk '$1 == "go" { print $2 }' go.mod)
	"$GO" version >/dev/null 2>&1 || die "go does not run here" "go.mod asks for Go $want"
}
