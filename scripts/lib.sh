# shellcheck shell=bash
# What ./try, ./check and the suites share: places, phases with their time, results.
#
# A phase is a program (or function) whose output goes to a log; its end is shown where it fails. It runs in a process group of
# its own, which is ended with this script: nothing is left that would hinder the next run.

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
BUILD=$TOP/build # one folder a kind of build, besides logs and results; git ignores it
LOGS=$BUILD/logs
RESULTS=${RESULTS:-$BUILD/results} # lines "passed|failed|skipped<tab>suite<tab>name"
TIMES=$RESULTS.times # lines "seconds<tab>phase"
export TOP RESULTS
export DAVIT_CACHE=${DAVIT_CACHE:-/var/cache/davit}
children=()

say() { printf '%s\n' "$*"; }
die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# seconds SINCE: since a value of EPOCHREALTIME, with one digit behind the point
seconds() {
	local us=$((${EPOCHREALTIME//[.,]/} - ${1//[.,]/}))
	printf '%d.%d' $((us / 1000000)) $((us / 100000 % 10))
}

# spawn LOG COMMAND…: in the background; its pid is $spawned
spawn() {
	local log=$1
	shift
	mkdir -p "${log%/*}"
	set -m
	"$@" >"$log" 2>&1 </dev/null &
	spawned=$!
	set +m
	children+=("$spawned")
}

# reap PID: its exit status
reap() {
	local status=0
	wait "$1" || status=$?
	return "$status"
}

# beside N COMMAND ARGUMENT…: COMMAND with each of the arguments, so many at a time, each with children of its own; fails where one does
beside() {
	local at_once=$1 command=$2 argument running=0 status=0
	shift 2
	for argument; do
		if ((running == at_once)); then
			wait -n || status=$?
			running=$((running - 1))
		fi
		set -m
		lane "$command" "$argument" </dev/null &
		set +m
		children+=("$!")
		running=$((running + 1))
	done
	for (( ; running; running--)); do wait -n || status=$?; done
	return "$status"
}

lane() {
	children=()
	trap end_children EXIT
	trap 'exit 130' INT TERM HUP
	"$@"
}

end_children() {
	local pid
	for pid in "${children[@]}"; do kill -TERM -- "-$pid" 2>/dev/null || true; done
	for pid in "${children[@]}"; do wait "$pid" 2>/dev/null || true; done
	children=()
}

# once, by the program that is started: whatever ends it ends what it has begun
traps() {
	trap end_children EXIT
	trap 'say; say "interrupted; run it again to go on"; exit 130' INT TERM HUP
}

# phase NAME COMMAND…: prints the name, runs the command, prints how long it took; shows the end of its log where it fails
phase() {
	local name=$1 start=$EPOCHREALTIME log=$LOGS/${1//[^A-Za-z0-9]/-}.log status=0
	shift
	say "  … $name"
	spawn "$log" "$@"
	reap "$spawned" || status=$?
	if ((status)); then
		printf '  FAILED %s, exit status %d after %s s; the end of %s:\n' "$name" "$status" "$(seconds "$start")" "$log"
		tail -n "${DAVIT_LOG_LINES:-40}" "$log" | sed 's/^/    /'
		return "$status"
	fi
	took "$start" "$name"
}

# took SINCE NAME: tells how long it took, which check's summary tells again
took() {
	local s
	s=$(seconds "$1")
	printf '  %7s s  %s\n' "$s" "$2"
	printf '%s\t%s\n' "$s" "$2" >>"$TIMES"
}

# result passed|failed|skipped SUITE NAME
result() { printf '%s\t%s\t%s\n' "$1" "$2" "$3" >>"$RESULTS"; }

# counted SUITE NAME COMMAND…: a phase that is one test
counted() {
	local suite=$1 name=$2
	shift 2
	if phase "$suite: $name" "$@"; then result passed "$suite" "$name"; else result failed "$suite" "$name"; fi
}
