#!/usr/bin/env bash
# mke_operations.sh: MKE's own upgrade and backup on a manager, with a docker that behaves as the vendor's documentation says (mke_scripts.sh has the installation); each is also ended before
# and after every command of its own, and the same again comes to its end.  And packages that are put back.
# shellcheck source=tests/integration/steps.sh
. "$(dirname "${BASH_SOURCE[0]}")/steps.sh"
export LAST='' AFTER='' FAIL='' TORN=''

stand_ins() {
	mkdir -p "$WORK/bin" "$DAVIT_HOME/run"
	cat >"$WORK/bin/docker" <<-'SH'
		#!/usr/bin/env bash
		# the container ucp is a folder, with its status, exit status, image, label and words; MKE itself is the version in $WORK/mke
		set -u
		. "$TOP/tests/integration/counted.sh"
		at=$WORK/ucp

		# of the image of that version: upgrade OPTION…, backup OPTION…
		image() {
			local version=$1 verb=$2 given=" ${*:3} "
			case $verb in
			upgrade)
				[[ $given == *' --id c1u5ter '* && $given == *' --pull never '* ]] || { echo 'level=fatal msg="bad options"'; return 1; }
				[[ $(cat "$WORK/mke") != "$version" ]] || { echo 'level=fatal msg="already at that version"'; return 1; }
				[[ -e $WORK/backed || $given == *' --force-recent-backup '* ]] || { echo 'level=fatal msg="no recent backup"'; return 1; }
				[[ -z $FAIL ]] || { echo 'level=fatal msg="rolled back"'; return 1; }
				echo "$version" >"$WORK/mke"
				echo upgraded >>"$WORK/done"
				;;
			backup)
				[[ $version = "$(cat "$WORK/mke")" && $given == *' --no-passphrase '* ]] || { echo 'level=fatal msg="bad options"' >&2; return 1; }
				echo 'level=info msg="backing up"' >&2
				[[ -z $FAIL ]] || { echo 'level=fatal msg="another backup is running"' >&2; return 1; }
				if [[ -n $TORN ]]; then echo nothing; else cat "$WORK/archive.tar"; fi
				echo backup >>"$WORK/done"
				;;
			esac
		}

		run() {
			local name='' label='' word
			case "$1 $2" in
			'container ls')
				[[ -e $at/status ]] || return 0
				for word in "${@:3}"; do
					case $word in
					status=*) [[ $(cat "$at/status") = "${word#status=}" ]] || return 0 ;;
					label=*) [[ $(cat "$at/label") = "${word#label=}" ]] || return 0 ;;
					esac
				done
				echo 1d0f
				;;
			'container inspect')
				case ${!#} in
				ucp) echo "mirantis/ucp:$(cat "$at/image")" ;;
				ucp-proxy) cat "$WORK/mke" ;;
				esac
				;;
			'container create' | 'container run')
				word=$2
				shift 2
				while [[ $1 = --* ]]; do
					case $1 in
					--rm) shift; continue ;;
					--name) name=$2 ;;
					--label) label=$2 ;;
					esac
					shift 2
				done
				[[ $name = ucp ]] || die 'the container needs to be named ucp'
				[[ ! -e $at ]] || die 'Conflict. The container name "/ucp" is already in use'
				if [[ $word = run ]]; then
					image "${1#*:}" "${@:2}"
					return
				fi
				mkdir "$at"
				echo "${1#*:}" >"$at/image"
				echo "$label" >"$at/label"
				printf '%s\n' "${@:2}" >"$at/words"
				echo created >"$at/status"
				;;
			'container start')
				mapfile -t words <"$at/words"
				image "$(cat "$at/image")" "${words[@]}" >"$at/log"
				echo $? >"$at/exit"
				echo exited >"$at/status"
				;;
			'container wait')
				if [[ $(cat "$at/label") = davit=backup ]]; then rm -r "$at"; else cat "$at/exit"; fi
				;;
			'container logs') cat "$at/log" ;;
			'container rm') rm -rf "$at" ;;
			*) die "unknown command $*" ;;
			esac
		}
		run "$@"
		finish $?
	SH
	# docker-ee is of the version that stands in $WORK/installed; its packages are files with their versions in them
	cat >"$WORK/bin/dpkg" <<-'SH'
		#!/bin/sh
		for file; do :; done
		cat "$file" >"$WORK/installed"
	SH
	# shellcheck disable=SC2016 # the stand-ins' own
	printf '#!/bin/sh\ncat "$2"\n' >"$WORK/bin/dpkg-deb"
	# shellcheck disable=SC2016
	printf '#!/bin/sh\nprintf "installed "; cat "$WORK/installed"\n' >"$WORK/bin/dpkg-query"
	chmod +x "$WORK/bin"/*
	PATH=$WORK/bin:$PATH
}

fresh() {
	rm -rf "$WORK"/{ucp,calls,done,backed} "$DAVIT_HOME"/run/*
	echo 3.9.2 >"$WORK/mke"
	echo 0 >"$WORK/count"
	: >"$WORK/calls"
	mkdir -p "$WORK/volumes/ucp-controller-server-certs"
	echo key >"$WORK/volumes/ucp-controller-server-certs/key.pem"
	tar -C "$WORK/volumes" -cf "$WORK/archive.tar" .
}

# to its end, or to where LAST or AFTER says
script() {
	echo 0 >"$WORK/count"
	sh -c 'echo $$ >"$WORK/pid"; exec sh "$@"' sh "$(installer "$1")" "${@:2}" 2>"$WORK/said"
}
upgrade() { script mke_upgrade "${1:-3.9.3}" c1u5ter; }
backup() { script mke_backup 3.9.2 one; }

is_upgraded() { [[ $(cat "$WORK/mke") = 3.9.3 && $(grep -c upgraded "$WORK/done") = 1 && ! -e $WORK/ucp ]]; }
backup_is_there() { cmp -s "$WORK/archive.tar" "$DAVIT_HOME/run/swarm-backup.one.mke" && [[ $(ls "$DAVIT_HOME/run") = $'swarm-backup-lock\nswarm-backup.one.mke' ]]; }

# COMMAND ENOUGH: ended before, or after, each of its commands; then the same again, which is to come to where ENOUGH is so.
interrupted() {
	local i when wrong=()
	for when in before after; do
		for ((i = 1; i < 30; i++)); do
			fresh
			{ if [[ $when = before ]]; then LAST=$i "$1"; else AFTER=$i "$1"; fi; } 2>/dev/null
			(($(cat "$WORK/count") >= i)) || break
			"$1" || wrong+=("ended $when command $i the next run fails: $(tail -n 1 "$WORK/said")")
			"$2" || wrong+=("ended $when command $i not all is as it should be: $(ls "$WORK" "$DAVIT_HOME/run")")
		done
		((i > 2)) || wrong+=("only $i commands")
	done
	verdict "MKE's $1 goes on when it was ended before and after each of $((i - 1)) commands" "${wrong[@]}"
}

stand_ins
fresh
expect 'MKE is upgraded' upgrade
expect 'to that version, once, and nothing is left' is_upgraded
expect 'as the documentation has it' called 'container create --name ucp --volume /var/run/docker.sock:/var/run/docker.sock mirantis/ucp:3.9.3 upgrade --id c1u5ter --pull never --force-recent-backup'
expect 'one that has come to it stays' upgrade
expect 'as it is' is_upgraded

fresh
FAIL=1 expect 'an upgrade that fails is told of' not upgrade
expect 'with its words' says 'own command ended with status 1, after which MKE goes back to what it was: level=fatal msg="rolled back"'
expect 'it is begun again' upgrade
expect 'and comes to its end' is_upgraded
fresh
FAIL=1 upgrade
echo 3.9.3 >"$WORK/mke" # this manager was through, another one was not
expect 'one that failed is not taken for done' not upgrade
fresh
FAIL=1 upgrade
expect 'another version may be chosen after it' upgrade 3.9.4
expect 'which it goes to' test "$(cat "$WORK/mke")" = 3.9.4
interrupted upgrade is_upgraded

fresh
expect 'MKE is backed up' backup
expect 'as it is' backup_is_there
expect 'for root alone' test "$(stat -c %a "$DAVIT_HOME/run/swarm-backup.one.mke")" = 600
expect 'as the documentation has it' called 'container run --rm --name ucp --label davit=backup --log-driver none --volume /var/run/docker.sock:/var/run/docker.sock mirantis/ucp:3.9.2 backup --no-passphrase'
expect 'once' backup
expect 'for all attempts' test "$(grep -c backup "$WORK/done")" = 1
(cd "$DAVIT_HOME/run" && sh "$STEPS/swarm_backup.sh" send one.mke) >"$WORK/sent"
expect 'it is sent' test "$(head -n 1 "$WORK/sent")" = "$(stat -c %s "$WORK/archive.tar") $(sha256sum <"$WORK/archive.tar" | cut -d ' ' -f 1) swarm"
expect 'and dropped' sh "$STEPS/swarm_backup.sh" drop one.mke
expect 'whole' test ! -e "$DAVIT_HOME/run/swarm-backup.one.mke"

fresh
FAIL=1 expect 'a backup that fails is told of' not backup
expect 'with its words' says 'own command ended with status 1: level=info msg="backing up"'
expect 'and leaves nothing' test "$(ls "$DAVIT_HOME/run")" = swarm-backup-lock
TORN=1 expect 'what is no backup is told of' not backup
expect 'by what it lacks' says 'it has no ucp-controller-server-certs/key.pem'
expect 'and is not kept' test "$(ls "$DAVIT_HOME/run")" = swarm-backup-lock
# containers of others
mkdir "$WORK/ucp" && echo running >"$WORK/ucp/status" && echo >"$WORK/ucp/label"
expect "another of MKE's own commands is left alone" not backup
expect 'and told of' says "another of MKE's own commands runs there"
echo exited >"$WORK/ucp/status"
expect 'one that has ended is not in the way' backup
fresh
mkdir "$WORK/ucp" && echo running >"$WORK/ucp/status" && echo davit=backup >"$WORK/ucp/label"
expect 'a backup that nobody waits for any more is waited for' backup
expect 'and made anew' backup_is_there
interrupted backup backup_is_there

# ---- with the swarm's data
fresh
export DOCKER_HOME=$WORK/engine
mkdir -p "$DOCKER_HOME/swarm/raft"
echo log >"$DOCKER_HOME/swarm/raft/wal"
printf '#!/bin/sh\n' >"$WORK/bin/systemctl"
chmod +x "$WORK/bin/systemctl"
backup
expect "the swarm's data is copied after it" sh "$STEPS/swarm_backup.sh" copy one
expect 'both are in one file' test "$(tar -tzf "$DAVIT_HOME/run/swarm-backup.one" | tr '\n' ' ')" = 'swarm/ swarm/raft/ swarm/raft/wal mke.tar '
expect 'as they are' cmp -s "$WORK/archive.tar" <(tar -xzOf "$DAVIT_HOME/run/swarm-backup.one" mke.tar)
expect 'which is the only one' test "$(ls "$DAVIT_HOME/run")" = $'swarm-backup-lock\nswarm-backup.one'
expect 'another backup' script mke_backup 3.9.2 two
expect 'takes away what is left of it' test "$(ls "$DAVIT_HOME/run")" = $'swarm-backup-lock\nswarm-backup.two.mke'
sh "$STEPS/swarm_backup.sh" drop two
expect 'dropped before it is copied nothing stays either' test "$(ls "$DAVIT_HOME/run")" = swarm-backup-lock

# ---- packages: a node that goes back has them still
fresh
run=$DAVIT_HOME/run
for v in 29.4.1 29.4.2; do mkdir -p "$DAVIT_HOME/lib/docker-ee/of-$v" && echo "5:$v~3" >"$DAVIT_HOME/lib/docker-ee/of-$v/docker-ee"; done
# step WHAT VERSION: of the packages, with that version among the artifacts
step() {
	echo "docker-ee of-$2 sha256:b 1 deb 0" >"$run/artifacts.txt"
	(
		# shellcheck source=/dev/null
		. "$STEPS/prelude.sh"
		boot_marker
		# shellcheck source=/dev/null
		. "$STEPS/packages.sh"
		set -e
		"packages_$1"
	) >"$WORK/said" 2>&1
}
echo '5:29.4.1~3' >"$WORK/installed"
expect 'a newer package is lacking' not step check 29.4.2
expect 'it is installed over the old one' step 'do' 29.4.2
expect 'and there' step check 29.4.2
expect 'the old one is lacking then' not step check 29.4.1
expect 'it is put back' step 'do' 29.4.1
expect 'and there again' step check 29.4.1
echo "1..$number"
