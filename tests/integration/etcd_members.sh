#!/usr/bin/env bash
# etcd_members.sh MAKE_NODE: three members of etcd as davit lays them out, and what its scripts do to them: they begin, join, are refused, kept and restored.
# Each node is a folder for its root, with a network of its own; programs, certificates and scripts are real, systemctl is a stand-in that does what
# the unit says.  It takes root, for namespaces, and the etcd of the lab's cache (tests/lab/artifacts); all ends with the namespace of processes.
set -uo pipefail
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
STEPS=$TOP/bootstrap/steps
# shellcheck source=tests/integration/tap.sh
. "$TOP/tests/integration/tap.sh"
ETCD=("${DAVIT_CACHE:-/var/cache/davit}"/mirror/github.com/etcd-io/etcd/releases/download/v*/etcd-v*-linux-amd64.tar.gz)
NODES=(1 2 3)

skip() { echo "1..0 # SKIP $*"; exit; }
if [[ -z ${INSIDE:-} ]]; then
	[[ -e ${ETCD[0]} ]] || skip 'there is no etcd: tests/lab/artifacts/make makes one'
	unshare --net --mount --pid --fork --mount-proc ip link add name br0 type bridge 2>/dev/null || skip 'no namespaces and bridges can be made: it takes root'
	WORK=$(mktemp -d)
	trap 'rm -rf "$WORK"' EXIT
	INSIDE=1 WORK=$WORK unshare --net --mount --pid --fork --kill-child --mount-proc bash "${BASH_SOURCE[0]}" "$@"
	exit
fi

# ---- nodes

name() { echo "demo-cp-$1"; }
address() { echo "10.6.0.$((9 + $1))"; }

# What systemd is to the scripts: etcd begins as its unit says, and ends; its journal is a file.
stand_ins() {
	mkdir -p "$WORK/stand-ins"
	cat >"$WORK/stand-ins/systemctl" <<-'SH'
		#!/bin/bash
		set -u
		runs() { pid=$(cat /run/etcd.pid 2>/dev/null) && kill -0 "$pid" 2>/dev/null; }
		case $* in
		'reset-failed etcd.service') ;;
		'start --no-block etcd.service')
			! runs || exit 0
			command=$(sed -n '/^ExecStart=/,/[^\\]$/{ s/^ExecStart=//; s/\\$//; p }' /etc/systemd/system/etcd.service)
			set -a
			. /etc/davit/etcd.env || exit 1
			setsid $command >>/run/etcd.log 2>&1 9>&- </dev/null &
			echo $! >/run/etcd.pid
			;;
		'stop etcd.service')
			runs || exit 0
			kill "$pid"
			while runs; do sleep 0.05; done
			;;
		*) echo "systemctl $*: that was not expected" >&2; exit 1 ;;
		esac
	SH
	cat >"$WORK/stand-ins/journalctl" <<-'SH'
		#!/bin/sh
		tail -n 8 /run/etcd.log
	SH
	chmod +x "$WORK/stand-ins"/*
}

# The steps of an installation that make a member of etcd.
installer() {
	cat "$STEPS/prelude.sh" "$STEPS/artifacts.sh" "$STEPS/member.sh" "$STEPS/promote.sh"
	cat <<-'SH'
		exec 3>&1
		boot_marker
		seconds
		limit=$((uptime + DAVIT_SECONDS))
		run_step "$1"
	SH
}

# The folder of node $1, which begins with all others.
make_node() {
	local root=$WORK/$1 d
	mkdir -p "$root" && ln -s ../authorities "$root/authorities" && "$MAKE_NODE" "$WORK/cluster.yaml" "$(name "$1")" "$root" || return
	mkdir -p "$root"/{proc,dev,usr,run,tmp,stand-ins,steps,etc/alternatives} "$root"/opt/davit/{bin,run} "$root/var/lib/davit/etcd"
	: >"$root/opt/davit/run/artifacts.txt" # the programs are there
	cp "$STEPS"/*.sh "$root/steps/"
	installer >"$root/steps/install.sh"
	cp "$WORK/stand-ins"/* "$root/stand-ins/"
	cp -l "$WORK/programs"/* "$root/opt/davit/bin/"
	mount --bind "$root" "$root" && mount --rbind /usr "$root/usr" && mount --bind /etc/alternatives "$root/etc/alternatives" && mount --rbind /dev "$root/dev" && mount -t proc proc "$root/proc" || return
	for d in bin sbin lib lib64; do [[ ! -L /$d ]] || cp -P "/$d" "$root/"; done
	ip netns add "n$1" && ip link add "v$1" type veth peer name eth0 netns "n$1" && ip link set "v$1" master br0 up || return
	ip -n "n$1" link set lo up && ip -n "n$1" addr add "$(address "$1")/24" dev eth0 && ip -n "n$1" link set eth0 up
}

make_nodes() {
	local i
	mount -t tmpfs tmpfs /run && ip link add name br0 type bridge && ip link set br0 up || return
	mkdir -p "$WORK/programs" "$WORK/authorities"
	tar -xzf "${ETCD[0]}" --strip-components=1 -C "$WORK/programs" --wildcards '*/etcd' '*/etcdctl' '*/etcdutl' || return
	cat >"$WORK/cluster.yaml" <<-'YAML'
		apiVersion: davit/v1
		kind: Cluster
		metadata: {name: demo}
		spec:
		  platform: {version: 1.36.3}
		  openstack: {image: debian-12}
		  network: {cidr: 10.6.0.0/24}
		  controlPlane: {count: 3, flavor: m1.medium}
		  etcd: {snapshots: {schedule: daily, keep: 2}}
	YAML
	stand_ins
	for i in "${NODES[@]}"; do make_node "$i" || return; done
}

# in_node NODE COMMAND…
in_node() {
	local i=$1
	shift
	ip netns exec "n$i" chroot "$WORK/$i" /usr/bin/env -i PATH=/stand-ins:/usr/sbin:/usr/bin:/sbin:/bin DAVIT_SECONDS="${SECONDS_OF_STEP:-60}" "$@"
}

# on NODE SCRIPT WORD…: one of davit's scripts there
on() { in_node "$1" sh "/steps/$2.sh" "${@:3}"; }

# everywhere COMMAND…: at the same time, with the node's number behind the first word
everywhere() {
	local i failed=0
	local -a pids=()
	for i in "${NODES[@]}"; do
		"$1" "$i" "${@:2}" &
		pids+=("$!")
	done
	for i in "${pids[@]}"; do wait "$i" || failed=1; done
	return "$failed"
}

ctl() {
	local pki=/etc/kubernetes/pki/etcd
	in_node "$1" /opt/davit/bin/etcdctl --endpoints=https://127.0.0.1:2379 --cacert="$pki/ca.crt" --cert="$pki/healthcheck-client.crt" \
		--key="$pki/healthcheck-client.key" "${@:2}"
}

# Of each member its name and whether it is a learner, as node $1 says.
members() { ctl "$1" member list | awk -F ', ' '{ print $3 ":" $6 }' | sort | xargs; }
VOTERS='demo-cp-1:false demo-cp-2:false demo-cp-3:false'

# value NODE KEY
value() { ctl "$1" get --print-value-only "$2"; }
revision() { ctl "$1" endpoint status -w json | python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["Status"]["header"]["revision"])'; }

# starts_by NODE new|join: what its next installation goes by
starts_by() {
	local i
	{
		echo "$2 $(name "$1") $(address "$1")"
		for i in "${NODES[@]}"; do [[ $2 = join && $i = "$1" ]] || echo "$(name "$i") $(address "$i")"; done
	} >"$WORK/$1/etc/davit/etcd-start"
}

etcd_stops() { in_node "$1" systemctl stop etcd.service; }

loses_its_data() {
	etcd_stops "$1"
	rm -rf "$WORK/$1/var/lib/etcd"
	starts_by "$1" join
}

# another server is made in its place
loses_all() {
	loses_its_data "$1"
	rm -f "$WORK/$1/etc/davit/etcd.env" "$WORK/$1"/opt/davit/run/{voting,joining,etcd-restored}
}

# as the steps of an installation have it: a learner is not ready before it votes
joins() {
	must 'joining' on "$1" install member
	same 'while it is none yet' "$(members "$2")" "$3"
	must 'start' in_node "$1" systemctl start --no-block etcd.service
	must 'promotion' on "$1" install promote
	must 'readiness' on "$1" etcd_start 60
	same 'members' "$(members "$2")" "$VOTERS"
}

# Both add to what is wrong: same WHAT FOUND EXPECTED, must WHAT COMMAND…
same() { [[ $2 = "$3" ]] || wrong+=("$1: \"$2\" instead of \"$3\""); }
must() { "${@:2}" >"$WORK/said" 2>&1 || wrong+=("$1: $(tail -n 6 "$WORK/said" | xargs -d '\n')"); }

# ---- what they go through

begin_together() {
	local i
	for i in "${NODES[@]}"; do
		starts_by "$i" new
		must "installing $i" on "$i" install member
	done
	must 'the beginning' everywhere on etcd_start 60
	same 'members' "$(members 1)" "$VOTERS"
	must 'a write' ctl 1 put one before
	verdict 'three begin together' "${wrong[@]}"
}

# keep NODE: the snapshot of snapshot.sh; sets its first line's words
keep() {
	local head
	size='' sum='' knows=''
	on "$1" snapshot >"$WORK/answer" 2>"$WORK/said" || wrong+=("snapshot: $(<"$WORK/said")")
	read -r head <"$WORK/answer"
	read -r size sum _ knows _ <<<"$head"
	tail -c "+$((${#head} + 2))" "$WORK/answer" >"$WORK/snapshot.db"
	same 'size' "$(stat -c %s "$WORK/snapshot.db")" "$size"
	same 'digest' "$(sha256sum <"$WORK/snapshot.db")" "$sum  -"
}

is_kept() {
	keep 2
	same 'who stands behind it' "$knows" all
	cp "$WORK/snapshot.db" "$WORK/restore.db"
	verdict 'a snapshot of all' "${wrong[@]}"
}

scheduled() { in_node "$1" sh /opt/davit/libexec/etcd-snapshot >"$WORK/scheduled.$1" 2>&1; }

is_kept_by_schedule() {
	must 'by schedule' everywhere scheduled
	same 'who made one' "$(cat "$WORK"/scheduled.* | grep -c '^kept as')" 1
	same 'who did not' "$(cat "$WORK"/scheduled.* | grep -c '^another member leads$')" 2
	same 'what they have' "$(for i in "${NODES[@]}"; do on "$i" etcd_kept; done | grep -c '^20.*Z\.db [1-9]')" 1
	verdict 'the one that leads makes a snapshot by the schedule' "${wrong[@]}"
}

is_replaced() {
	loses_all 3
	joins 3 1 ":true demo-cp-1:false demo-cp-2:false"
	same 'what it has' "$(value 3 one)" before
	must 'a write' ctl 3 put two after
	verdict 'one whose server was lost joins as a learner, and votes when it has all' "${wrong[@]}"
}

none_leaves() {
	must 'all are well' on 1 members check "$(address 3)"
	etcd_stops 2
	on 1 members remove "$(address 3)" >"$WORK/said" 2>&1 && wrong+=('it was taken out')
	grep -q "not all of etcd's other members are well" "$WORK/said" || wrong+=("it says $(<"$WORK/said")")
	same 'members' "$(members 1)" "$VOTERS"
	verdict 'none leaves while another one is away' "${wrong[@]}"
}

none_joins() {
	loses_its_data 2
	etcd_stops 3
	SECONDS_OF_STEP=3 on 2 install member >"$WORK/said" 2>&1 && wrong+=('it joined')
	grep -q 'do not take this one in' "$WORK/said" || wrong+=("it says $(<"$WORK/said")")
	keep 1
	same 'who stands behind a snapshot' "$knows" alone
	verdict 'without a quorum none joins, and a snapshot says so' "${wrong[@]}"
}

push() { on "$1" etcd_push "$(sha256sum <"$WORK/restore.db" | cut -d ' ' -f 1)" <"$WORK/restore.db"; }
ID=c0ffee STAMP=2026-11-26T06-15-00Z
ALL=demo-cp-1=https://10.6.0.10:2380,demo-cp-2=https://10.6.0.11:2380,demo-cp-3=https://10.6.0.12:2380
swap() { on "$1" etcd_swap "$ID" "$STAMP" "$(name "$1")" "https://$(address "$1"):2380" "$ALL" 1000000; }
found() { for i in "${NODES[@]}"; do on "$i" etcd_look "$ID" "$STAMP" | cut -d ' ' -f 2-3; done | xargs; }

are_restored() {
	same 'what is there before' "$(found)" 'open data open empty open data'
	must 'the snapshot' everywhere push
	must 'the end of etcd' everywhere etcd_stops
	must 'the swap' everywhere swap
	must 'the beginning' everywhere on etcd_start 60
	same 'what is there then' "$(found)" 'done data done data done data'
	same 'members' "$(members 1)" "$VOTERS"
	for i in "${NODES[@]}"; do same "what $i has" "$(value "$i" one),$(value "$i" two)" before,; done
	(($(revision 1) > 1000000)) || wrong+=("the revision is $(revision 1)")
	verdict 'all are restored, also the one that had lost its data' "${wrong[@]}"
}

are_put_back() {
	must 'the end of etcd' everywhere etcd_stops
	must 'the way back' everywhere on etcd_back "$ID" "$STAMP"
	same 'what is there then' "$(found)" 'open data open empty open data'
	NODES=(1 3)
	must 'the beginning' everywhere on etcd_start 60
	NODES=(1 2 3)
	same 'what was written behind the snapshot' "$(value 1 two)" after
	verdict 'they are put back' "${wrong[@]}"
}

joins_again() {
	joins 2 3 ":true demo-cp-1:false demo-cp-3:false"
	same 'what it has' "$(value 2 two)" after
	verdict 'the one that had none joins' "${wrong[@]}"
}

MAKE_NODE=$1
make_nodes >"$WORK/said" 2>&1 || { tail -n 5 "$WORK/said" >&2; exit 1; }
for step in begin_together is_kept is_kept_by_schedule is_replaced none_leaves none_joins are_restored are_put_back joins_again; do
	wrong=()
	"$step"
done
echo "1..$number"
