# A Docker Engine for as long as a script runs. Sourced after lib.sh.
#
# docker_up starts one only if none answers; docker_down stops only the one that
# docker_up started.

DOCKERD_JOB=
DOCKERD_LOG=

docker_answers() { command -v docker >/dev/null && docker info >/dev/null 2>&1; }

# docker_up returns 0 when an engine answers, else 1 with the reason in
# DOCKER_WHY.
docker_up() {
	DOCKER_WHY=
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
	as_root kill "$(cat /var/run/docker.pid)" 2>/dev/null || true
	wait "$DOCKERD_JOB" 2>/dev/null || true
	DOCKERD_JOB=
	rm -f "$DOCKERD_LOG"
}
