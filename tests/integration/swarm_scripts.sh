#!/usr/bin/env bash
# swarm_scripts.sh: the copy that a backup makes of a manager's data, with each of its commands failing, or ending the script: the engine runs again
# after the first, and the same again comes to its end after both.  systemctl is a stand-in; files are real.
set -uo pipefail
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
STEPS=$TOP/bootstrap/steps
# shellcheck source=tests/integration/tap.sh
. "$TOP/tests/integration/tap.sh"
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
export DAVIT_HOME=$WORK/davit DOCKER_HOME=$WORK/docker COUNT=$WORK/count ENGINE=$WORK/engine
DATA=$DOCKER_HOME/swarm

# Each command of the script is one of these: the one that LAST names fails instead of doing its work, or, with END, ends the script.
stand_ins() {
	local name real
	mkdir -p "$WORK/bin" "$DAVIT_HOME/run"
	for name in flock find tar gzip mv rm systemctl; do
		real=$(type -P "$name")
		[[ $name != systemctl ]] || real=$WORK/systemctl
		cat >"$WORK/bin/$name" <<-SH
			#!/bin/sh
			n=\$((\$(cat "\$COUNT") + 1))
			echo "\$n" >"\$COUNT"
			[ "\$n" != "\$LAST" ] || { [ -z "\$END" ] || kill -\$END "\$PPID"; exit 1; }
			exec "$real" "\$@"
		SH
	done
	# data changes while the engine runs: a copy of then is told
	cat >"$WORK/systemctl" <<-'SH'
		#!/bin/sh
		case "$*" in
		"stop docker.service") echo stopped >"$ENGINE" ;;
		"start docker.service" | "start --no-block docker.service") echo running >"$ENGINE" ;;
		*) exit 1 ;;
		esac
		cp "$ENGINE" "$DOCKER_HOME/swarm/raft/state"
	SH
	chmod +x "$WORK/bin"/* "$WORK/systemctl"
}

# script VERB ID [LAST [SIGNAL]]
script() {
	echo 0 >"$COUNT"
	{ PATH=$WORK/bin:$PATH LAST=${3:-} END=${4:-} sh "$STEPS/swarm_backup.sh" "$1" "$2" >"$WORK/out" 2>"$WORK/err"; } 2>/dev/null
}

begin() {
	rm -rf "$DOCKER_HOME" "$DAVIT_HOME/run"
	mkdir -p "$DATA/raft" "$DAVIT_HOME/run"
	echo running | tee "$ENGINE" >"$DATA/raft/state"
	echo former >"$DAVIT_HOME/run/swarm-backup.former"
}

# What is wrong with a copy that came to its end.
judge() {
	[[ $(<"$ENGINE") = running ]] || echo "$1: the engine is $(<"$ENGINE")"
	[[ $(tar -xOf "$DAVIT_HOME/run/swarm-backup.one" swarm/raft/state 2>&1) = stopped ]] || echo "$1: it was not copied while the engine was stopped"
	[[ ! -e $DAVIT_HOME/run/swarm-backup.former ]] || echo "$1: what an earlier one left stays"
	[[ $(stat -c %a "$DAVIT_HOME/run/swarm-backup.one") = 600 ]] || echo "$1: others may read it"
}

# cut NAME SIGNAL: at each command; with no signal the command fails
cut() {
	local commands i wrong=() line
	begin
	script copy one || wrong+=("it fails: $(<"$WORK/err")")
	commands=$(<"$COUNT")
	mapfile -t -O "${#wrong[@]}" wrong < <(judge 'whole')
	for ((i = 1; i <= commands; i++)); do
		begin
		# the last one takes away what is left, and is not missed
		script copy one "$i" "$2" && ((i < commands)) && wrong+=("command $i fails, and it does not")
		# nobody can do anything after a KILL but the one who comes next
		[[ $2 = KILL || $(<"$ENGINE") = running ]] || wrong+=("command $i: the engine is left $(<"$ENGINE")")
		script copy one || wrong+=("command $i: the same again fails: $(<"$WORK/err")")
		mapfile -t -O "${#wrong[@]}" wrong < <(judge "command $i, and again")
	done
	((commands > 5)) || wrong+=("it has $commands commands")
	verdict "$1" "${wrong[@]}"
}

# same NAME WANTED FOUND
same() { if [[ $2 = "$3" ]]; then verdict "$1"; else verdict "$1" "not: $2" "$3"; fi; }

stand_ins
cut 'a command fails' ''
cut 'it is ended' TERM
cut 'it is killed' KILL

begin
script copy one
script copy one
same 'the same again stops nothing' 1 "$(<"$COUNT" sed 's/^2$/1/')"
begin
script copy one
script send one
head -n 1 "$WORK/out" >"$WORK/line"
tail -n +2 "$WORK/out" >"$WORK/tar"
same 'it tells what it sends' "$(stat -c %s "$WORK/tar") $(sha256sum <"$WORK/tar" | sed 's/ .*//') swarm" "$(<"$WORK/line")"
script drop one
same 'nothing stays' '' "$(find "$DAVIT_HOME/run" -name 'swarm-backup.*')"
rm -rf "$DATA"
script copy one
same 'no swarm' "there is no $DATA" "$(<"$WORK/err")"
same 'no swarm: its engine is not touched' running "$(<"$ENGINE")"
echo "1..$number"
