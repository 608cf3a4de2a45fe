#!/bin/sh
# Made by davit from its table of steps.  Each step is check, do, check; all of it can be run again at any time.
#   install.sh             run the steps
#   install.sh from STEP   run that step and those after it
#   install.sh check       status 0 where the check of every step passes; changes nothing
#   install.sh settle      wait until the disk has all that was installed, and remember it
# Lines that begin with "davit " on standard output are progress; a step's own output is in log.STEP beside this file.
# DAVIT_SECONDS: how long steps may wait in all.  DAVIT_NOW: the time at the operator's, in seconds.
set -uf
umask 022
LC_ALL=C
PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH
davit=${DAVIT_HOME:-/opt/davit}
run=$davit/run

say() {
	printf 'davit %s\n' "$*" >&3
}

note() {
	say "note $step $*"
}

# Seconds since boot, without a process.
seconds() {
	read -r uptime _ </proc/uptime
	uptime=${uptime%.*}
}

late() {
	seconds
	[ "$uptime" -ge "$limit" ]
}

# Another one after each start of this system, also where the kernel is shared with others (containers).
boot_marker() {
	# shellcheck disable=SC2046 # many words: the fields of pid 1, of which the 22nd is when it began
	set -- $(cat /proc/sys/kernel/random/boot_id /proc/1/stat)
	boot=$1-${23}
}

first_line() {
	line=
	[ ! -r "$1" ] || read -r line <"$1" || :
}

run_step() {
	step=$1
	log=$run/log.$step
	say "begin $step"
	if "${step}_check" >"$log" 2>&1; then
		say "skip $step"
		return
	fi
	# Not in a condition, where the shell would ignore -e.
	(
		set -e
		"${step}_do"
	) >>"$log" 2>&1
	status=$?
	if [ "$status" -eq 0 ]; then
		"${step}_check" >>"$log" 2>&1
		status=$?
		[ "$status" -eq 0 ] || echo "$step ended well, yet what it checks is not so" >>"$log"
	fi
	if [ "$status" -ne 0 ]; then
		[ -s "$log" ] || say "log $step it could write nothing to $log: is the disk full?"
		tail -n 10 "$log" | while read -r text; do say "log $step $text"; done
		say "fail $step $status"
		say "end 1"
		exit 1
	fi
	say "ok $step"
}
