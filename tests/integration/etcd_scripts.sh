#!/usr/bin/env bash
# etcd_scripts.sh: what a restoration does to etcd's data on a node, and the way back from it, ended before every command of theirs: then the way
# back, or the same again, comes to what it is for.  etcdutl and systemctl are stand-ins; files are real.
# shellcheck source=tests/integration/steps.sh
. "$(dirname "${BASH_SOURCE[0]}")/steps.sh"
ID=c0ffee STAMP=2026-11-26T06-15-00Z
export ETCD_HOME=$WORK/etcd COUNT=$WORK/count

# Each command of a script is one of these: the one that LAST names ends the script instead of doing its work.
stand_ins() {
	local name real
	mkdir -p "$WORK/bin" "$DAVIT_HOME/bin" "$DAVIT_HOME/run"
	for name in mv rm rmdir mkdir chmod sync flock systemctl mountpoint; do
		real=$(type -P "$name")
		case $name in systemctl) real=true ;; mountpoint) real=false ;; esac
		cat >"$WORK/bin/$name" <<-SH
			#!/bin/sh
			n=\$((\$(cat "\$COUNT") + 1))
			echo "\$n" >"\$COUNT"
			[ "\$n" != "\$LAST" ] || exec kill -9 "\$PPID"
			exec "$real" "\$@"
		SH
	done
	# "snapshot restore FILE --data-dir FOLDER …"
	cat >"$DAVIT_HOME/bin/etcdutl" <<-'SH'
		#!/bin/sh
		mkdir -p "$5/member" && echo snapshot >"$5/member/data"
	SH
	chmod +x "$WORK/bin"/* "$DAVIT_HOME/bin/etcdutl"
}

# script NAME [LAST]: to its end, or to there
script() {
	local -a words=("$ID" "$STAMP")
	[[ $1 != etcd_swap ]] || words+=(demo-cp-1 https://10.6.0.10:2380 demo-cp-1=https://10.6.0.10:2380 1000)
	echo 0 >"$COUNT"
	{ PATH=$WORK/bin:$PATH LAST=${2:-} sh "$STEPS/$1.sh" "${words[@]}" >/dev/null; } 2>/dev/null
}

# begin data|empty: a node with some, or without
begin() {
	rm -rf "$ETCD_HOME" "$ETCD_HOME".before-* "$DAVIT_HOME"/run/*
	echo another >"$DAVIT_HOME/run/etcd-restored" # an earlier one
	[[ $1 = empty ]] || { mkdir -p "$ETCD_HOME/member" && echo before >"$ETCD_HOME/member/data"; }
}

holds() { cat "$ETCD_HOME/member/data" 2>/dev/null || echo nothing; }
kept() { cat "$ETCD_HOME.before-$STAMP/member/data" 2>/dev/null || echo nothing; }

# interrupted NAME FIRST SCRIPT THEN HOLDS KEPT: FIRST is done whole ("": nothing is), SCRIPT is ended at every command, THEN is done whole
interrupted() {
	local commands wrong=() was i
	was=${1%%:*}
	begin "$was"
	[[ -z $2 ]] || script "$2"
	script "$3"
	commands=$(<"$COUNT")
	for ((i = 1; i <= commands; i++)); do
		begin "$was"
		[[ -z $2 ]] || script "$2"
		script "$3" "$i"
		script "$4" || wrong+=("$4 failed, after command $i of $commands was not done")
		[[ "$(holds) $(kept)" = "$5 $6" ]] || wrong+=("it holds $(holds) and has kept $(kept), after command $i of $commands was not done")
	done
	((commands > 4)) || wrong+=("$3 has $commands commands")
	verdict "$1" "${wrong[@]}"
}

stand_ins
interrupted 'data: a restoration goes on' '' etcd_swap etcd_swap snapshot before
interrupted 'data: a restoration is taken back' '' etcd_swap etcd_back before nothing
interrupted 'data: the way back goes on' etcd_swap etcd_back etcd_back before nothing
interrupted 'data: the way back is left' etcd_swap etcd_back etcd_swap snapshot before
interrupted 'empty: a restoration goes on' '' etcd_swap etcd_swap snapshot nothing
interrupted 'empty: a restoration is taken back' '' etcd_swap etcd_back nothing nothing
interrupted 'empty: the way back goes on' etcd_swap etcd_back etcd_back nothing nothing
interrupted 'empty: the way back is left' etcd_swap etcd_back etcd_swap snapshot nothing
echo "1..$number"
