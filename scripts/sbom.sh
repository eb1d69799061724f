#!/usr/bin/env bash
# sbom.sh BINARY [VERSION] writes a CycloneDX 1.5 document of what a Go binary is
# made of to standard output: its modules with their versions and hashes, as the
# linker noted them in it. sbom.sh FOLDER [VERSION] writes NAME.cdx.json beside each
# release archive NAME.tar.gz in a folder.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

# bom BINARY VERSION writes the document of one binary.
bom() {
	"$GO" version -m "$1" | VERSION="$2" awk '
	function quoted(s) { gsub(/\\/, "\\\\", s); gsub(/"/, "\\\"", s); return "\"" s "\"" }
	function hex(b64,   cmd, out) { # h1: sums are the base64 of a SHA-256
		cmd = "printf %s \"" b64 "\" | base64 -d | od -An -tx1 | tr -d \" \\n\""
		cmd | getline out
		close(cmd)
		return out
	}
	function component(type, path, version, sum,   text) {
		text = "{\"type\":" quoted(type) ",\"bom-ref\":" quoted("pkg:golang/" path "@" version) ",\"name\":" quoted(path) ",\"version\":" quoted(version) ",\"purl\":" quoted("pkg:golang/" path "@" version)
		if (sum ~ /^h1:[A-Za-z0-9+\/=]+$/) text = text ",\"hashes\":[{\"alg\":\"SHA-256\",\"content\":" quoted(hex(substr(sum, 4))) "}]"
		return text "}"
	}
	NR == 1 { go = $NF }
	$1 == "mod" { main = $2; version = ENVIRON["VERSION"] != "" ? ENVIRON["VERSION"] : $3 }
	$1 == "dep" { path[++n] = $2; ver[n] = $3; sum[n] = $4 }
	$1 == "=>" { path[n] = $2; ver[n] = $3; sum[n] = $4 } # what a replace directive put there
	END {
		if (main == "") { print "error: this is no Go binary with modules" > "/dev/stderr"; exit 1 }
		printf "{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"1.5\",\"version\":1,\n \"metadata\":{\"component\":%s},\n \"components\":[\n", component("application", main, version, "")
		printf "  %s", component("library", "stdlib", substr(go, 3), "")
		for (i = 1; i <= n; i++) printf ",\n  %s", component("library", path[i], ver[i], sum[i])
		printf "\n ]}\n"
	}'
}

# archives FOLDER VERSION does so for the program in each archive of a folder.
archives() {
	local tmp name
	tmp=$(mktemp -d)
	for archive in "$1"/*.tar.gz; do
		[ -f "$archive" ] || continue
		name=$(basename "$archive" .tar.gz)
		tar -xzf "$archive" -C "$tmp"
		bom "$(find "$tmp/$name" -type f \( -name qtune -o -name qtune-nvml \) | head -1)" "$2" >"$1/$name.cdx.json"
		say "$name.cdx.json"
	done
	rm -rf "$tmp"
}

[ $# -ge 1 ] || die "no binary given" "usage: scripts/sbom.sh bin/qtune [VERSION], or scripts/sbom.sh dist"
need_go
if [ -d "$1" ]; then archives "$1" "${2:-}"; else bom "$1" "${2:-}"; fi
