# A Docker Engine for as long as a script runs. Sourced after lib.sh.
#
# docker_up starts one only if none answers, or one of the script's own where
# docker_apart has led it; docker_down stops only the one that docker_up started.

DOCKERD_JOB=
DOCKERD_LOG=
DOCKERD_PID=/var/run/docker.pid
DOCKERD_FOLDER=

docker_answers() { command -v docker >/dev/null && docker info >/dev/null 2>&1; }

# docker_up returns 0 when an engine answers, else 1 with the reason in
# DOCKER_WHY.
docker_up() {
	DOCKER_WHY=
	if [ -n "${DOCKER_ISLAND:-}" ]; then
		docker_island
		return
	fi
	docker_answers && return 0
	if [ "$(uname -s)" != Linux ]; then
		DOCKER_WHY="no Docker Engine answers; start it"
		return 1
	fi
	if ! can_root; then
		DOCKER_WHY="no Docker Engine answers, and starting one needs root; start it, or run as root"
		return 1
	fi
	if ! docker_install; then
		DOCKER_WHY="Docker is not installed and this is no Debian; install Docker"
		return 1
	fi
	docker_answers && return 0 # the package started it
	docker_start || docker_start --iptables=false --ip6tables=false --bridge-nf-call-iptables=false || {
		DOCKER_WHY="dockerd did not start; the end of its log: $(tail -n 3 "$DOCKERD_LOG" | tr '\n' ' ')"
		return 1
	}
}

# docker_apart SCRIPT ARGUMENTS... starts the script that calls it anew, in a network
# of its own, where docker_up starts an engine of its own. It does nothing in there,
# and where that cannot be had.
docker_apart() {
	[ -z "${DOCKER_ISLAND:-}" ] && docker_can_island || return 0
	"$GO" mod download # there is no way out of that network
	DOCKER_ISLAND=1 exec unshare --net "$@"
}

# docker_can_island tells whether docker_island will do in a network of its own
# (unshare --net), installing Docker where it is missing.
docker_can_island() { [ "$(id -u)" = 0 ] && unshare --net ip link set lo up 2>/dev/null && docker_install; }

# docker_island starts an engine of its own in a folder of its own, whether or not
# another one runs: for a script in a network of its own.
docker_island() {
	ip link set lo up
	DOCKERD_FOLDER=$(mktemp -d /tmp/qisland.XXXX)
	DOCKERD_PID=$DOCKERD_FOLDER/pid
	export DOCKER_HOST=unix://$DOCKERD_FOLDER/sock
	local at=(--host "$DOCKER_HOST" --data-root "$DOCKERD_FOLDER/data" --exec-root "$DOCKERD_FOLDER/exec" --pidfile "$DOCKERD_PID")
	docker_start "${at[@]}" || docker_start "${at[@]}" --iptables=false --ip6tables=false || {
		DOCKER_WHY="dockerd did not start; the end of its log: $(tail -n 3 "$DOCKERD_LOG" | tr '\n' ' ')"
		return 1
	}
}

docker_install() {
	if [ -x /usr/sbin/dockerd ] || command -v dockerd >/dev/null; then
		command -v iptables >/dev/null || [ -x /usr/sbin/iptables ] || install_packages iptables
		command -v docker >/dev/null && return 0
	fi
	command -v apt-get >/dev/null || return 1
	install_packages docker.io iptables ca-certificates
}

# docker_start FLAGS... starts dockerd and waits until it answers or dies. It gets
# a session of its own, so that Ctrl-C reaches the tests first and they can clean up.
docker_start() {
	local waited=0
	DOCKERD_LOG=$(mktemp /tmp/dockerd.XXXXXX)
	say "starting dockerd${*:+ $*} (log: $DOCKERD_LOG)"
	as_root setsid --wait env PATH="$PATH:/usr/sbin:/sbin" dockerd --group "$(id -g)" "$@" >"$DOCKERD_LOG" 2>&1 &
	DOCKERD_JOB=$!
	while ! docker_answers; do
		kill -0 "$DOCKERD_JOB" 2>/dev/null || { DOCKERD_JOB=; return 1; }
		[ "$waited" -lt 60 ] || { docker_down; return 1; }
		sleep 1
		waited=$((waited + 1))
	done
}

# docker_down stops the engine that docker_up started, if it did.
docker_down() {
	[ -n "$DOCKERD_JOB" ] || return 0
	say "stopping dockerd"
	local pid i
	pid=$(cat "$DOCKERD_PID" 2>/dev/null || true)
	[ -z "$pid" ] || as_root kill "$pid" 2>/dev/null || true
	wait "$DOCKERD_JOB" 2>/dev/null || true
	for ((i = 0; i < 40; i++)); do # the job may have been killed before it
		as_root kill -0 "${pid:-none}" 2>/dev/null || break
		sleep 0.5
	done
	DOCKERD_JOB=
	rm -f "$DOCKERD_LOG"
	[ -z "$DOCKERD_FOLDER" ] || rm -rf --one-file-system "$DOCKERD_FOLDER" || say "left: $DOCKERD_FOLDER"
}
