#!/usr/bin/env bash
# swarm_engine.sh OPEN_KEY: what the script of a backup copies of a manager's data, put back by that of a restoration: with the real engine of the cache,
# where there is one, in namespaces of its own.  systemctl is a stand-in; OPEN_KEY opens a manager's key as davit does.
set -uo pipefail
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck source=tests/integration/tap.sh
. "$TOP/tests/integration/tap.sh"
ENGINE=("${DAVIT_CACHE:-/var/cache/davit}"/mirror/download.docker.com/linux/static/stable/x86_64/docker-*.tgz)
OPEN_KEY=$(realpath "$1")
if [[ -z ${ENGINE_INSIDE:-} ]]; then
	if [[ ! -e ${ENGINE[0]} ]] || ! unshare --net --mount true 2>/dev/null; then
		echo '1..0 # SKIP this needs root, namespaces and an engine in the cache'
		exit 0
	fi
	ENGINE_INSIDE=1 exec unshare --net --mount --pid --fork --kill-child "$0" "$@"
fi
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
ADDRESS=10.9.0.1 MOVED=10.9.0.3 OTHER=10.9.0.2
export DAVIT_HOME=$WORK/davit DOCKER_HOME=/var/lib/docker PATH=$WORK/bin:$PATH LOG=$WORK/log

world() {
	mkdir -p "$WORK/bin" "$DAVIT_HOME/run" "$DOCKER_HOME"
	mount -t proc proc /proc && mount -t tmpfs tmpfs "$DOCKER_HOME" && mount -t tmpfs tmpfs /run || return
	ip link set lo up && ip link add near type veth peer name far && ip link set near up && ip addr add "$ADDRESS/24" dev near || return
	ip addr add "$MOVED/24" dev near || return
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
	other_machine
}

# with an engine of its own
other_machine() {
	unshare --net --mount bash -c "mount -t tmpfs tmpfs /run; mount -t tmpfs tmpfs '$DOCKER_HOME'; echo \$\$ >'$WORK/other'; exec sleep infinity" &
	until [[ -s $WORK/other ]]; do sleep 0.05; done
	ip link set far netns "$(<"$WORK/other")" && other ip link set lo up && other ip link set far up && other ip addr add "$OTHER/24" dev far || return
	LOG=$WORK/log.other other systemctl start docker.service
}

other() { nsenter --target "$(<"$WORK/other")" --net --mount "$@"; }

# same NAME WANTED FOUND
same() { if [[ $2 = "$3" ]]; then verdict "$1"; else verdict "$1" "not: $2" "$3" "$(tail -n 5 "$LOG")"; fi; }
state() { docker info --format '{{.Swarm.LocalNodeState}} {{.Swarm.Managers}}'; }
init() { docker swarm init --advertise-addr "$ADDRESS" --listen-addr "$ADDRESS:2377" "$@" 2>&1; }
script() { sh "$TOP/bootstrap/steps/swarm_backup.sh" "$@"; }

restore() { sh "$TOP/bootstrap/steps/swarm_restore.sh" "$1" one 2026-11-27 "${@:2}"; }

# begin [OPTION…]: a swarm that knows something, its backup, and what it has learnt since; with a second manager where PAIR says so
begin() {
	docker swarm leave --force >/dev/null 2>&1
	rm -rf "$DOCKER_HOME"/swarm.*
	init "$@" >/dev/null
	[[ -z ${PAIR:-} ]] || other docker swarm join --token "$(docker swarm join-token --quiet manager)" "$ADDRESS:2377" >/dev/null
	key=$(docker swarm unlock-key --quiet 2>/dev/null)
	docker config create before - <<<before >/dev/null
	script copy one
	unlock
	eventually 'docker config create after - <<<after >/dev/null 2>&1'
	script send one | tail -n +2 >"$WORK/swarm.tar.gz"
	script drop one
}

unlock() { [[ -z $key ]] || docker swarm unlock <<<"$key" >/dev/null; }

eventually() {
	for _ in {1..300}; do
		if eval "$1"; then return 0; fi
		sleep 0.1
	done
	return 1
}

# all is lost, or most: by the steps of davit swarm restore
put_back() {
	restore push "$(sha256sum <"$WORK/swarm.tar.gz" | sed 's/ .*//')" <"$WORK/swarm.tar.gz"
	if [[ -n $key ]]; then
		restore locked | UNLOCK=$key "$OPEN_KEY" >"$WORK/key"
		restore opened <"$WORK/key"
	fi
	restore take
}

# anew OPTION…
anew() { docker swarm init --force-new-cluster --listen-addr 0.0.0.0:2377 "$@" >"$WORK/out" 2>&1 || cat "$WORK/out"; }
configs() { docker config ls --format '{{.Name}}' | xargs; }

if ! world; then
	verdict 'the engine is there' "$(tail -n 5 "$LOG")"
	echo "1..$number"
	exit
fi
begin
same 'it runs again after the copying' 'active 1' "$(state)"
put_back
same 'the data is there, and the engine in no swarm' 'inactive 0' "$(state)"
anew --advertise-addr "$ADDRESS"
same 'a new swarm is made of it' 'active 1' "$(state)"
same 'which knows what it knew then' before "$(configs)"
same 'what was there is kept' raft "$(cd "$DOCKER_HOME/swarm.before-2026-11-27" && echo raft*)"
put_back
same 'the same again changes nothing' 'active 1 before' "$(state) $(configs)"

# what Docker by itself refuses: a swarm of several managers with autolock, most of which are lost, and another address
PAIR=1 begin --autolock
same 'two managers' 'active 2' "$(state)"
other systemctl stop docker.service
put_back
anew --advertise-addr "$MOVED" --autolock
same 'what was locked becomes a new swarm of one manager' 'active 1' "$(state)"
same 'at its new address' "$MOVED" "$(docker info --format '{{.Swarm.NodeAddr}}')"
same 'which knows what it knew then, too' before "$(configs)"
former=$key key=$(docker swarm unlock-key --quiet)
systemctl stop docker.service
systemctl start docker.service
same 'it has a lock' 'locked 0' "$(state)"
unlock
same 'and its key opens it' 'active 1' "$(state)"
other systemctl start docker.service
other sh "$TOP/bootstrap/steps/swarm_restore.sh" keep one 2026-11-27
same 'what the other one had is kept' raft "$(other ls "$DOCKER_HOME/swarm.before-2026-11-27" | grep raft)"
other docker swarm leave --force >/dev/null
other sh "$TOP/bootstrap/steps/swarm_restore.sh" mark one 2026-11-27
other docker swarm join --token "$(docker swarm join-token --quiet manager)" "$MOVED:2377" >/dev/null
eventually '[[ $(state) = "active 2" ]]'
same 'the other one joins' 'active 2' "$(state)"
same 'and knows it' before "$(other docker config ls --format '{{.Name}}')"

# and back from there: both have the swarm that was, with its key, and what it had learnt
restore back
other sh "$TOP/bootstrap/steps/swarm_restore.sh" back one 2026-11-27
same 'the engines stand still' '' "$(docker info --format '{{.Swarm.LocalNodeState}}' 2>/dev/null)"
restore begin
other sh "$TOP/bootstrap/steps/swarm_restore.sh" begin one 2026-11-27
same 'they have the lock of before' 'locked 0' "$(state)"
key=$former
# each waits for the other
unlock &
other docker swarm unlock <<<"$key" >/dev/null
wait $!
eventually '[[ $(state) = "active 2" ]]'
same 'both managers of before are there' 'active 2' "$(state)"
same 'and know what it had learnt' 'after before' "$(configs)"
same 'nothing is left of the restoration' swarm "$(cd "$DOCKER_HOME" && echo swarm*)"
other systemctl stop docker.service
systemctl stop docker.service
echo "1..$number"
