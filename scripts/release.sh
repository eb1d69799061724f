#!/usr/bin/env bash
# release.sh builds what is handed out, into dist/: an archive for each platform with
# the program, its man pages and shell completions, the licence and the README; their
# checksums; and, where a Docker Engine answers, a container image of qtune. Two
# builds of the same commit with the same Go give the same archives, byte by byte
# (the one with NVML needs the same C compiler too).
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

need_go
VERSION=${VERSION:-$(git describe --tags --always --dirty 2>/dev/null || echo devel)}
EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
LDFLAGS="-s -w -buildid= -X main.version=$VERSION"
DIST=$PWD/dist
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT

# program OS ARCH CGO FILE builds one program.
program() {
	CGO_ENABLED=$3 GOOS=$1 GOARCH=$2 "$GO" build -trimpath -buildvcs=false -ldflags "$LDFLAGS" -o "$4" ./cmd/qtune
}

# words FOLDER writes man pages and completions, which are the same everywhere.
words() {
	mkdir -p "$1/man" "$1/completions"
	CGO_ENABLED=0 "$GO" run -tags man -ldflags "$LDFLAGS" ./cmd/qtune "$1/man" "$(date -u -d "@$EPOCH" +%F)"
	CGO_ENABLED=0 "$GO" build -trimpath -ldflags "$LDFLAGS" -o "$WORK/qtune" ./cmd/qtune
	for shell in bash zsh fish powershell; do
		"$WORK/qtune" completion "$shell" >"$1/completions/qtune.$shell"
	done
}

# archive NAME OS ARCH CGO puts one program and the words into dist/NAME.tar.gz.
archive() {
	local folder=$WORK/$1
	mkdir -p "$folder"
	program "$2" "$3" "$4" "$folder/qtune"
	cp -r "$WORK/words/." LICENSE README.md CHANGELOG.md CONTRIBUTING.md SECURITY.md docs examples examples.hcl "$folder"
	tar --sort=name --mtime="@$EPOCH" --owner=0 --group=0 --numeric-owner --mode='u+rwX,go+rX,go-w' -C "$WORK" -cf - "$1" | gzip -9n >"$DIST/$1.tar.gz"
	say "dist/$1.tar.gz"
}

# image makes qtune:VERSION from the static program, if a Docker Engine answers.
image() {
	if ! docker version >/dev/null 2>&1; then
		say "no container image: no Docker Engine answers"
		return
	fi
	mkdir -p "$WORK/image"
	program linux "$("$GO" env GOARCH)" 0 "$WORK/image/qtune"
	cp /etc/ssl/certs/ca-certificates.crt "$WORK/image/" 2>/dev/null || die "no certificates to put into the image" "install ca-certificates"
	cp scripts/Dockerfile "$WORK/image/"
	DOCKER_BUILDKIT=0 docker build -q -t "qtune:$VERSION" "$WORK/image" >/dev/null
	say "image qtune:$VERSION"
}

rm -rf "$DIST"
mkdir -p "$DIST"
words "$WORK/words"
for platform in linux/amd64 linux/arm64 darwin/amd64 darwin/arm64; do
	archive "qtune-$VERSION-${platform%/*}-${platform#*/}" "${platform%/*}" "${platform#*/}" 0
done
if command -v gcc >/dev/null && [ "$("$GO" env GOOS)" = linux ]; then
	archive "qtune-$VERSION-linux-$("$GO" env GOARCH)-nvml" linux "$("$GO" env GOARCH)" 1
else
	say "no build with NVML: it takes Linux and gcc"
fi
[ ! -x scripts/sbom.sh ] || scripts/sbom.sh "$DIST" "$VERSION"
(cd "$DIST" && sha256sum -- * >SHA256SUMS)
image
