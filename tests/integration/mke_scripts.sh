#!/usr/bin/env bash
# mke_scripts.sh DAVIT MAKE_STATE: which of the operator's files become part of a bundle, and what MKE's nodes go through, with stand-ins that behave as the vendor's documentation says: docker (which has the installer in it), dpkg,
# curl.  The installation is also ended before and after every command of its own: the same again comes to its end, and what is installed stays.
# shellcheck source=tests/integration/steps.sh
. "$(dirname "${BASH_SOURCE[0]}")/steps.sh"
# shellcheck disable=SC2016 # it is as it is
PASSWORD='p$ss "w'\''rd' LICENSE='{"key_id": "a", "authorization": "b"}'
export MKE_SECRETS=$WORK/secrets CONTROLLER=$WORK/controller CONTROLLER_CA=$WORK/ca.crt OS_RELEASE=$WORK/os-release
export LAST='' AFTER='' FAIL='' PING=200

stand_ins() {
	mkdir -p "$WORK/bin" "$DAVIT_HOME/run"
	echo authority >"$CONTROLLER_CA"
	echo certificate >"$CONTROLLER.crt"
	echo key >"$CONTROLLER.key"
	cat >"$WORK/bin/docker" <<-'SH'
		#!/usr/bin/env bash
		# containers are folders of $WORK/containers with their status, exit status and words
		set -u
		. "$TOP/tests/integration/counted.sh"
		at=$WORK/containers volumes=$WORK/volumes images=$WORK/images
		mkdir -p "$at" "$volumes" "$images"

		# what the image does: install OPTION…, uninstall-ucp OPTION…
		installer() {
			local verb=$1 given=" $* " file
			[[ $given == *' --pull never '* ]] || { echo 'level=fatal msg="cannot pull"'; return 1; }
			if [[ $verb = uninstall-ucp ]]; then
				[[ $given == *' --id c1u5ter '* ]] || return 1
				rm -rf "$at"/ucp-*
				return 0
			fi
			[[ ! -e $at/ucp-controller ]] || { echo 'level=fatal msg="already installed"'; return 1; }
			echo partial >"$WORK/part" && mkdir -p "$at/ucp-kv"
			[[ -z $FAIL ]] || { echo 'level=fatal msg="not enough memory"'; return 1; }
			grep -qx 'UCP_ADMIN_USER=admin' "$at/ucp/environment" || return 1
			for file in ca cert key; do
				[[ $given != *' --external-server-cert '* || -s $volumes/ucp-controller-server-certs/$file.pem ]] || { echo "level=fatal msg=\"no $file.pem\""; return 1; }
			done
			mkdir -p "$at/ucp-controller" && echo running >"$at/ucp-controller/status"
		}

		# sets name, environment and words of "create" and "run"
		options() {
			name='' environment='' license=''
			while [[ $1 = --* ]]; do
				case $1 in
				--rm) shift; continue ;;
				--name) name=$2 ;;
				--env-file) environment=$2 ;;
				--volume) [[ $2 != *:/config/docker_subscription.lic:ro ]] || license=${2%%:*} ;;
				*) die "unknown flag $1" ;;
				esac
				shift 2
			done
			[[ $name = ucp ]] || die 'the container needs to be named ucp'
			[[ ! -e $at/ucp ]] || die 'Conflict. The container name "/ucp" is already in use'
			[[ $1 = mirantis/ucp:3.9.2 && -e $images/$1 ]] || die "no such image $1"
			shift
			words=("$@")
		}

		run() {
			case "$1 $2" in
			'container ls')
				shift 2
				local want='' status='' all=''
				while (($# > 0)); do
					case $1 in
					--all) all=1 ;;
					--quiet) ;;
					--filter) case $2 in name=*) want=${2#name=^} want=${want%$} ;; status=*) status=${2#status=} ;; esac; shift ;;
					esac
					shift
				done
				[[ -e $at/$want/status ]] || return 0
				[[ -n $all || $(cat "$at/$want/status") = running ]] || return 0
				[[ -z $status || $(cat "$at/$want/status") = "$status" ]] || return 0
				echo 1d0f"$want"
				;;
			'container create')
				shift 2
				options "$@"
				[[ $(stat -c %a "$environment") = 600 ]] || die 'others may read the environment'
				mkdir "$at/ucp"
				cp "$environment" "$at/ucp/environment"
				[[ -z $license ]] || cp "$license" "$at/ucp/license"
				printf '%s\n' "${words[@]}" >"$at/ucp/words"
				echo created >"$at/ucp/status"
				echo 1d0fucp
				;;
			'container start')
				mapfile -t words <"$at/ucp/words"
				cp "$at/ucp/environment" "$WORK/given.environment"
				[[ ! -e $at/ucp/license ]] || cp "$at/ucp/license" "$WORK/given.license"
				installer "${words[@]}" >"$at/ucp/log"
				echo $? >"$at/ucp/exit"
				echo exited >"$at/ucp/status"
				;;
			'container run')
				shift 2
				options "$@"
				installer "${words[@]}"
				;;
			'container wait') cat "$at/ucp/exit" ;;
			'container logs') cat "$at/ucp/log" ;;
			'container rm') rm -rf "$at/ucp" ;;
			'container restart') echo again >>"$WORK/restarted" ;;
			'volume create') mkdir -p "$volumes/$3" ;;
			'volume inspect') [[ -d $volumes/${!#} ]] && echo "$volumes/${!#}" ;;
			'image inspect') [[ -e $images/$3 ]] ;;
			'image load') mkdir -p "$images/mirantis" && cp "${!#}" "$images/$(cat "${!#}")" ;;
			*) die "unknown command $*" ;;
			esac
		}
		run "$@"
		finish $?
	SH
	cat >"$WORK/bin/curl" <<-'SH'
		#!/bin/sh
		echo "curl $*" >>"$WORK/calls"
		case "$*" in *http_code*) printf '%s' "$PING" ;; esac
		[ -e "$WORK/containers/ucp-controller" ]
	SH
	# "installed 1.0" of docker-ee; the lock is another's twice
	cat >"$WORK/bin/dpkg" <<-'SH'
		#!/bin/sh
		echo "dpkg $*" >>"$WORK/calls"
		[ -z "$FAIL" ] || { echo "docker-ee depends on libnftables1; however: it is not installed"; exit 1; }
		if [ "$(cat "$WORK/locked")" -gt 0 ]; then
			echo $(($(cat "$WORK/locked") - 1)) >"$WORK/locked"
			echo "dpkg: error: dpkg frontend lock was locked by another process with pid 1"
			exit 2
		fi
		: >"$WORK/installed"
	SH
	printf '#!/bin/sh\necho 5:29.4.1~3\n' >"$WORK/bin/dpkg-deb"
	# shellcheck disable=SC2016 # the stand-in's own
	printf '#!/bin/sh\n[ -e "$WORK/installed" ] && printf "installed 5:29.4.1~3"\n' >"$WORK/bin/dpkg-query"
	chmod +x "$WORK/bin"/*
	PATH=$WORK/bin:$PATH
}

fresh() {
	rm -rf "$WORK"/{containers,volumes,images,secrets,secrets.said,calls,given.*,restarted,part}
	mkdir -p "$WORK/images/mirantis" "$WORK/volumes/ucp-controller-server-certs"
	touch "$WORK/images/mirantis/ucp:3.9.2"
	for f in ca cert key; do echo x >"$WORK/volumes/ucp-controller-server-certs/$f.pem"; done
	: >"$WORK/calls"
	echo 0 >"$WORK/count"
}

# to its end, or to where LAST or AFTER says
install_mke() {
	echo 0 >"$WORK/count"
	printf '%s\n%s' "$PASSWORD" "$LICENSE" |
		sh -c 'echo $$ >"$WORK/pid"; exec sh "$@"' sh "$(installer mke_install)" 5 3.9.2 10.6.0.10 c1u5ter admin 192.168.0.0/16 10.96.0.0/16 orca-cp-1 198.51.100.7 2>"$WORK/said"
}

# step NAME check|do
step() {
	(
		# shellcheck source=/dev/null
		. "$STEPS/prelude.sh"
		boot_marker
		seconds
		# shellcheck disable=SC2034 # late() has it
		limit=$((${uptime:?} + 5))
		# shellcheck source=/dev/null
		. "$STEPS/$1.sh"
		set -e
		"$1_$2"
	) >"$WORK/said" 2>&1
}

is_clean() { [[ -e $WORK/containers/ucp-controller && ! -e $WORK/containers/ucp && ! -e $WORK/secrets && ! -e $WORK/secrets.said ]]; }
has_no_secret_argument() { ! grep -qF -e "$PASSWORD" -e key_id "$WORK/calls"; }

# Ended before, or after, each of its commands; then again.  Where MKE was installed it must not have been taken off.
interrupted() {
	local when=$1 i wrong=() had
	for ((i = 1; i < 40; i++)); do
		fresh
		{ if [[ $when = LAST ]]; then LAST=$i install_mke; else AFTER=$i install_mke; fi; } 2>/dev/null
		(($(cat "$WORK/count") >= i)) || break
		had=$([[ ! -e $WORK/containers/ucp-controller ]] || echo yes)
		: >"$WORK/calls"
		install_mke || wrong+=("ended at command $i the next run fails: $(tail -n 1 "$WORK/said")")
		is_clean || wrong+=("ended at command $i something is left")
		[[ -z $had ]] || ! called uninstall-ucp || wrong+=("ended at command $i it takes off what was installed")
	done
	((i > 5)) || wrong+=("only $i commands")
	verdict "MKE's installation goes on when it was ended $([[ $when = LAST ]] && echo before || echo after) each of $((i - 1)) commands" "${wrong[@]}"
}

stand_ins
fresh
expect 'MKE is installed' install_mke
expect 'nothing is left of its installer, and of what it was given' is_clean
expect 'as the documentation has it' called "--name ucp --env-file $WORK/secrets/environment --volume /var/run/docker.sock:/var/run/docker.sock --volume $WORK/secrets/license:/config/docker_subscription.lic:ro mirantis/ucp:3.9.2 install --host-address 10.6.0.10 --san orca-cp-1 --san 198.51.100.7 --external-server-cert --pod-cidr 192.168.0.0/16 --service-cluster-ip-range 10.96.0.0/16 --pull never"
expect 'the password comes to it, whatever is in it' grep -qxF "UCP_ADMIN_PASSWORD=$PASSWORD" "$WORK/given.environment"
expect 'and the licence' grep -qxF "$LICENSE" "$WORK/given.license"
expect 'both in no argument' has_no_secret_argument
: >"$WORK/calls"
expect 'what is installed stays' install_mke
expect 'without an installer' not called 'container create'

fresh
FAIL=1 expect 'an installer that fails is told of' not install_mke
expect 'with its words' says 'its installer ended with status 1: level=fatal msg="not enough memory"'
expect 'what it left is taken off' test ! -e "$WORK/containers/ucp" -a ! -e "$WORK/containers/ucp-kv" -a ! -e "$WORK/secrets"
expect 'and the next one goes through' install_mke

fresh
mkdir -p "$WORK/containers/ucp" "$WORK/containers/ucp-kv"
echo exited >"$WORK/containers/ucp/status"
echo 137 >"$WORK/containers/ucp/exit"
expect 'after an installer that was killed, too' install_mke
expect 'which is taken off first' called 'uninstall-ucp --id c1u5ter --purge-config'

fresh
LICENSE='' expect 'MKE is installed without a licence' install_mke
expect 'which is not mounted then' not called docker_subscription.lic
fresh
rm "$WORK/images/mirantis/ucp:3.9.2"
expect 'an image that is not there is told of' not install_mke
expect 'and nothing is left' test ! -e "$WORK/secrets"
interrupted LAST
interrupted AFTER

# ---- steps
fresh
rm -rf "$WORK/volumes" "$WORK/images"
mkdir -p "$DAVIT_HOME/lib/mke-images/3.9.2" "$DAVIT_HOME/lib/docker-ee/bbbb"
printf 'docker-ee bbbb sha256:b 1 deb 0\nmke-images 3.9.2 sha256:a 1 images 0\n' >"$DAVIT_HOME/run/artifacts.txt"
echo 'mirantis/ucp:3.8.1' >"$DAVIT_HOME/lib/mke-images/3.9.2/mke-images"
expect 'images are not there at first' not step images check
expect "another version's archive is refused" not step images 'do'
expect 'by the version that it lacks' says 'the archive that mke.images names holds no mirantis/ucp:3.9.2'
echo 'mirantis/ucp:3.9.2' >"$DAVIT_HOME/lib/mke-images/3.9.2/mke-images"
expect 'the right one is loaded' step images 'do'
expect 'and is there' step images check
rm -rf "$WORK/images"
expect 'engines that have lost their images load them again' not step images check

expect "the controller's certificate is not there at first" not step controller check
expect 'it is put where MKE looks for it' step controller 'do'
expect 'and is there' step controller check
expect 'for root alone' test "$(stat -c %a "$WORK/volumes/ucp-controller-server-certs/key.pem")" = 600
expect 'nothing runs that would read it' test ! -e "$WORK/restarted"
echo renewed >"$CONTROLLER.crt"
mkdir -p "$WORK/containers/ucp-controller" && echo running >"$WORK/containers/ucp-controller/status"
expect 'a new one is seen' not step controller check
expect 'put there' step controller 'do'
expect 'and read' test -e "$WORK/restarted"

echo 2 >"$WORK/locked"
expect 'packages are not there at first' not step packages check
FAIL=1 expect 'one that cannot be installed is told of' not step packages 'do'
expect 'with the reason' says 'depends on libnftables1'
expect 'others that install are waited for' step packages 'do'
expect 'and they are there' step packages check

printf 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12"\n' >"$OS_RELEASE"
expect 'Debian is refused' not step system check
expect 'by its name' says 'this is Debian GNU/Linux 12; Mirantis Container Runtime is installed on Ubuntu 22.04 and 24.04'
printf 'ID=ubuntu\nVERSION_ID="24.04"\n' >"$OS_RELEASE"
expect 'Ubuntu is taken' step system check

sh "$STEPS/mke_ping.sh" 10.6.0.10 10.6.0.11 | sort >"$WORK/said"
expect 'each manager is asked' test "$(cat "$WORK/said")" = $'10.6.0.10 200\n10.6.0.11 200'

# ---- the bundle
bundle() { "$DAVIT" bundle create -f "$WORK/c.yaml" --bundle "$WORK/$1" >"$WORK/said" 2>&1; }
digest_of() { sha256sum "$WORK/$1" | cut -d ' ' -f 1; }
# cluster DIGEST: a file whose images have that
cluster() {
	cat >"$WORK/c.yaml" <<-EOF
		apiVersion: davit/v1
		kind: Cluster
		metadata: {name: orca}
		spec:
		  platform: {type: mke, version: 3.9.2}
		  openstack: {image: ubuntu-24.04}
		  controlPlane: {flavor: m1.large}
		  artifacts: {mirror: "file://$WORK/mirror"}
		  mke:
		    images: {file: ucp.tar.gz, sha256: $1}
		    engine: {version: 29.4.1, packages: [{file: docker-ee_29.4.1~3_amd64.deb, sha256: $(digest_of docker-ee_29.4.1~3_amd64.deb)}]}
		    passwordFile: password
	EOF
}

DAVIT=$1 at=$WORK/mirror/github.com/distribution/distribution/releases/download/v3.1.2
mkdir -p "$at"
echo program >"$at/registry"
tar -C "$at" -czf "$at/registry_3.1.2_linux_amd64.tar.gz" registry
(cd "$at" && sha256sum registry_3.1.2_linux_amd64.tar.gz >registry_3.1.2_linux_amd64.tar.gz.sha256)
echo images >"$WORK/ucp.tar.gz"
echo package >"$WORK/docker-ee_29.4.1~3_amd64.deb"
cluster 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
expect "a file with another digest is refused" not bundle one
expect 'at its place' says "c.yaml:10:13: mke-images: GET file://$WORK/ucp.tar.gz: 7 bytes came with the digest sha256:$(digest_of ucp.tar.gz)"
cluster "$(digest_of ucp.tar.gz)"
expect 'the right one is taken' bundle one
expect 'behind no mirror, and nothing is pinned' not says 'publishes no checksum'
mv "$WORK/ucp.tar.gz" "$WORK/ucp.moved"
expect 'a bundle that has it needs it no more' bundle one
expect 'another one does' not bundle two
expect 'and says where it is missing' says "c.yaml:10:13: mke-images: $WORK/ucp.tar.gz: there is no such file"
echo other >"$WORK/ucp.tar.gz"
cluster "$(digest_of ucp.tar.gz)"
expect 'of other images a bundle has none' not "$DAVIT" bundle verify -f "$WORK/c.yaml" --bundle "$WORK/one" 2>/dev/null
expect 'until it is made anew' bundle one

# ---- commands that have nothing to do with it
export XDG_STATE_HOME=$WORK/state
ssh-keygen -q -t ed25519 -N '' -f "$WORK/key"
"$2" "$WORK/state/davit/orca" orca <<<"orca-cp-1 control-plane control-plane 127.0.3.11 127.0.4.1 $WORK/key.pub"
refuses() { not "$DAVIT" "${@:2}" -f "$WORK/c.yaml" >"$WORK/said" 2>&1 </dev/null && says 'cluster orca is one of MKE, on a swarm' && says "$1"; }
expect 'kubeconfig tells who gives one' refuses 'a client bundle of its page' kubeconfig
expect 'its authorities stay' refuses 'davit does not replace its authorities' certs rotate-ca
expect 'and its keys' refuses "its secrets are MKE's to encrypt" secrets rotate-keys
expect 'and has no etcd of davit' refuses 'its managers keep their data themselves' etcd status
"$DAVIT" docker-context -f "$WORK/c.yaml" >"$WORK/said" 2>&1
expect 'engines are reached through SSH' says 'host=ssh://orca-cp-1'
echo "1..$number"
