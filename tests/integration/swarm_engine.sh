#!/usr/bin/env bash
# swarm_engine.sh: what the script of a backup copies of a manager's data, put back as Docker tells: with the real engine of the cache, where there is
# one, in namespaces of its own.  systemctl is a stand-in.
set -uo pipefail
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck source=tests/integration/tap.sh
. "$TOP/tests/integration/tap.sh"
ENGINE=("${DAVIT_CACHE:-/var/cache/davit}"/mirror/download.docker.com/linux/static/stable/x86_64/docker-*.tgz)
if [[ -z ${ENGINE_INSIDE:-} ]]; then
	if [[ ! -e ${ENGINE[0]} ]] || ! unshare --net --mount true 2>/dev/null; then
		echo '1..0 # SKIP this needs root, namespaces and an engine in the cache'
		exit 0
	fi
	ENGINE_INSIDE=1 exec unshare --net --mount --pid --fork --kill-child "$0" "$@"
fi
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
ADDRESS=10.9.0.1
export DAVIT_HOME=$WORK/davit DOCKER_HOME=/var/lib/docker PATH=$WORK/bin:$PATH LOG=$WORK/log

world() {
	mkdir -p "$WORK/bin" "$DAVIT_HOME/run" "$DOCKER_HOME"
	mount -t proc proc /proc && mount -t tmpfs tmpfs "$DOCKER_HOME" && mount -t tmpfs tmpfs /run || return
	ip link set lo up && ip addr add "$ADDRESS/24" dev lo || return
	tar -C "$WORK/bin" --strip-components=1 -xzf "${ENGINE[0]}" || return
	cat >"$WORK/bin/systemctl" <<-'SH'
		#!/bin/bash
		# start and stop of docker.service; start waits until it answers
		running() { pid=$(cat /run/docker.pid) && kill -0 "$pid"; }
		{
			case $1 in
			start)
				running || setsid dockerd --iptables=false --ip6tables=false --bridge=none >>"$LOG" 2>&1 </dev/null 9>&- &
				for _ in {1..600}; do docker info && exit 0; sleep 0.1; done
				exit 1
				;;
			stop) running && kill "$pid" && while running; do sleep 0.1; done ;;
			esac
		} >/dev/null 2>&1
	SH
	chmod +x "$WORK/bin/systemctl"
	systemctl start docker.service
}

# same NAME WANTED FOUND
same() { if [[ $2 = "$3" ]]; then verdict "$1"; else verdict "$1" "not: $2" "$3" "$(tail -n 5 "$LOG")"; fi; }
state() { docker info --format '{{.Swarm.LocalNodeState}} {{.Swarm.Managers}}'; }
init() { docker swarm init --advertise-addr "$ADDRESS" --listen-addr "$ADDRESS:2377" "$@" 2>&1; }
script() { sh "$TOP/bootstrap/steps/swarm_backup.sh" "$@"; }

# begin OPTION…: a swarm that knows something, its backup, and what it has learnt since
begin() {
	docker swarm leave --force >/dev/null 2>&1
	init "$@" >/dev/null
	key=$(docker swarm unlock-key --quiet 2>/dev/null)
	docker config create before - <<<before >/dev/null
	script copy one
	unlock
	docker config create after - <<<after >/dev/null
	script send one | tail -n +2 >"$WORK/swarm.tar.gz"
	script drop one
}

unlock() { [[ -z $key ]] || docker swarm unlock <<<"$key" >/dev/null; }

# all is lost
put_back() {
	systemctl stop docker.service
	rm -rf "$DOCKER_HOME/swarm"
	tar -C "$DOCKER_HOME" -xzf "$WORK/swarm.tar.gz"
	systemctl start docker.service
}

if ! world; then
	verdict 'the engine is there' "$(tail -n 5 "$LOG")"
	echo "1..$number"
	exit
fi
begin
same 'it runs again after the copying' 'active 1' "$(state)"
put_back
same 'it knows itself' 'active 1' "$(state)"
init --force-new-cluster >"$WORK/out"
same 'a new swarm is made of it' 'active 1' "$(state)"
same 'which knows what it knew then' before "$(docker config ls --format '{{.Name}}')"
begin --autolock
put_back
same 'with autolock it is locked' 'locked 0' "$(state)"
unlock
same 'and unlocked with the key of then' 'active 1' "$(state)"
same 'it knows what it knew then' before "$(docker config ls --format '{{.Name}}')"
systemctl stop docker.service
echo "1..$number"
