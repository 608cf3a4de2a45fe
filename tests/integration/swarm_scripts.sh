#!/usr/bin/env bash
# swarm_scripts.sh: the copy that a backup makes of a manager's data, and what a restoration puts in its place, with each of their commands failing, or
# ending the script: the same again comes to its end, and after the former the engine runs at once.  systemctl is a stand-in; files are real.
# shellcheck source=tests/integration/steps.sh
. "$(dirname "${BASH_SOURCE[0]}")/steps.sh"
export DOCKER_HOME=$WORK/docker COUNT=$WORK/count ENGINE=$WORK/engine
DATA=$DOCKER_HOME/swarm

# Each command of the script is one of these: the one that LAST names fails instead of doing its work, or, with END, ends the script.
stand_ins() {
	local name real
	mkdir -p "$WORK/bin" "$DAVIT_HOME/run"
	for name in flock find tar gzip mv rm systemctl mkdir mktemp sync rmdir; do
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
		[ ! -d "$DOCKER_HOME/swarm/raft" ] || cp "$ENGINE" "$DOCKER_HOME/swarm/raft/state"
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

# ---- back

# restore VERB [LAST [SIGNAL]]; standard input: the data
restore() {
	echo 0 >"$COUNT"
	{ PATH=$WORK/bin:$PATH LAST=${2:-} END=${3:-} sh "$STEPS/swarm_restore.sh" "$1" one now "$(sha256sum <"$WORK/tar" | sed 's/ .*//')" <"$WORK/tar" \
		>"$WORK/out" 2>"$WORK/err"; } 2>/dev/null
}

# the backup of before is in $WORK/tar; the swarm has learnt something since
began_since() {
	begin
	rm -rf "$DOCKER_HOME"/swarm.*
	echo '{}' >"$DATA/docker-state.json"
	echo since >"$DATA/raft/learnt"
}

judge_back() {
	[[ $(<"$ENGINE") = running ]] || echo "$1: the engine is $(<"$ENGINE")"
	[[ -d $DATA/raft && ! -e $DATA/raft/learnt && ! -e $DATA/docker-state.json ]] || echo "$1: it is not the backup's data: $(ls -R "$DATA")"
	[[ $(<"$DOCKER_HOME/swarm.before-now/raft/learnt") = since ]] || echo "$1: what was there is not kept"
	[[ $(find "$DOCKER_HOME" -maxdepth 1 -name 'swarm.[pr]*' -printf '%f ') = 'swarm.restored ' ]] || echo "$1: something is left: $(ls "$DOCKER_HOME")"
}

# cut_back NAME SIGNAL: both halves, at each command of each
cut_back() {
	local verb commands i wrong=()
	for verb in push take; do
		began_since
		[[ $verb = push ]] || restore push
		restore "$verb" || wrong+=("$verb fails: $(<"$WORK/err")")
		commands=$(<"$COUNT")
		((commands > 5)) || wrong+=("$verb has $commands commands")
		for ((i = 1; i <= commands; i++)); do
			began_since
			[[ $verb = push ]] || restore push
			restore "$verb" "$i" "$2"
			[[ $verb = take || $(<"$ENGINE") = running ]] || wrong+=("push $i: it touches the engine")
			# a run that goes on does both
			restore push || wrong+=("$verb $i: pushing again fails: $(<"$WORK/err")")
			restore take || wrong+=("$verb $i: the same again fails: $(<"$WORK/err")")
			rm -rf "$DOCKER_HOME"/swarm.part.* "$DOCKER_HOME/swarm.restoring"
			mapfile -t -O "${#wrong[@]}" wrong < <(judge_back "$verb, command $i, and again")
		done
	done
	verdict "$1" "${wrong[@]}"
}

begin
script copy one
script send one
tail -n +2 "$WORK/out" >"$WORK/tar"
cut_back 'putting it back: a command fails' ''
cut_back 'putting it back: it is ended' TERM
cut_back 'putting it back: it is killed' KILL

# taken_back [VERB…]: what the manager has after a restoration that has come as far as that, with the way back, in words
taken_back() {
	began_since
	for verb in "$@"; do restore "$verb"; done
	restore back
	restore begin
	echo "$(<"$ENGINE") $(cat "$DATA/raft/learnt" 2>/dev/null || ls "$DATA" 2>/dev/null) $(find "$DOCKER_HOME" -maxdepth 1 -name 'swarm?*' -printf '%f ')"
}

# cut_abort NAME SIGNAL: at each of its commands
cut_abort() {
	local i commands wrong=()
	began_since
	restore push && restore take && restore back
	commands=$(<"$COUNT")
	for ((i = 1; i <= commands; i++)); do
		began_since
		restore push && restore take
		restore back "$i" "$2"
		[[ $(<"$ENGINE") = stopped || $i -lt 4 ]] || wrong+=("command $i: the engine is $(<"$ENGINE")")
		restore back || wrong+=("command $i: the same again fails: $(<"$WORK/err")")
		restore begin || wrong+=("command $i: it does not begin: $(<"$WORK/err")")
		[[ $(<"$DATA/raft/learnt") = since && $(<"$ENGINE") = running ]] || wrong+=("command $i: it is not what was there: $(ls -R "$DATA")")
	done
	((commands > 5)) || wrong+=("it has $commands commands")
	verdict "$1" "${wrong[@]}"
}

same 'the way back: nothing was touched' 'running since ' "$(taken_back)"
same 'the way back: the data was pushed' 'running since ' "$(taken_back push)"
same 'the way back: the data was put in its place' 'running since ' "$(taken_back push take)"
same 'the way back: a copy was made, and no more' 'running since ' "$(taken_back keep)"
same 'the way back: it had nothing' 'running  ' "$(rm -rf "$DATA" && restore push && restore take && restore back && restore begin && echo "$(<"$ENGINE") $(ls "$DATA" 2>/dev/null) $(find "$DOCKER_HOME" -maxdepth 1 -name 'swarm?*' -printf '%f ')")"
cut_abort 'the way back: a command fails' ''
cut_abort 'the way back: it is ended' TERM
cut_abort 'the way back: it is killed' KILL

began_since
restore keep
same 'one that leaves: a copy stays' since "$(<"$DOCKER_HOME/swarm.before-now/raft/learnt")"
rm -rf "$DATA"
mkdir -p "$DATA/raft"
restore keep
same 'one that leaves: the copy is not written over' since "$(<"$DOCKER_HOME/swarm.before-now/raft/learnt")"
began_since
echo x >>"$WORK/tar"
sum=$(sha256sum <"$WORK/tar")
head -c -2 "$WORK/tar" >"$WORK/cut" && mv "$WORK/cut" "$WORK/tar"
PATH=$WORK/bin:$PATH LAST='' sh "$STEPS/swarm_restore.sh" push one now "${sum%% *}" <"$WORK/tar" 2>"$WORK/err"
same 'other bytes' "what arrived is not the backup's data" "$(<"$WORK/err")"
echo "1..$number"
