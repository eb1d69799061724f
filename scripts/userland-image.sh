#!/usr/bin/env bash
# Makes the Docker image qtune-userland:1: a tree of empty folders, into which
# examples/cpu.hcl mounts this machine's own userland read-only. So a real
# engine runs in a real container where no registry can be reached. Does nothing
# if the image is there.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

image=qtune-userland:1
command -v docker >/dev/null || die "docker is missing" "install Docker; make e2e does it as root on Debian"
if docker image inspect "$image" >/dev/null 2>&1; then
	say "image $image is there"
	exit 0
fi
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
mkdir "$tree"/{usr,lib,lib64,bin,sbin,etc,tmp,proc,dev,root}
chmod 755 "$tree"
tar -C "$tree" --owner=0 --group=0 --numeric-owner --sort=name --mtime=@0 -c . | docker import - "$image" >/dev/null ||
	die "docker could not import $image" "does 'docker info' answer?"
say "image $image made"
