#!/usr/bin/env bash
# msr_scripts.sh: what the nodes of MSR's pool go through, with stand-ins that behave as the vendor's documentation says (msr/).  Each of the
# installer's commands is also ended before and after every command of its own: the same again comes to its end, and a replica that is there stays.
# shellcheck source=tests/integration/steps.sh
. "$(dirname "${BASH_SOURCE[0]}")/steps.sh"
# shellcheck disable=SC2016,SC1003 # it is as it is
PASSWORD='p$ss "w'\''rd\' A=0123456789ab B=ba9876543210
export MSR_SAID=$WORK/said-by-it MSR_CERTIFICATE=$WORK/registry CONTROLLER_CA=$WORK/ca.crt
export LAST='' AFTER='' FAIL='' NODE=orca-r-1

stand_ins() {
	mkdir -p "$WORK/bin" "$DAVIT_HOME/run"
	echo authority >"$CONTROLLER_CA"
	printf 'BEGIN CERTIFICATE\none\n' >"$MSR_CERTIFICATE.crt"
	printf 'BEGIN PRIVATE KEY\nsecret\n' >"$MSR_CERTIFICATE.key"
	printf '%s\n' "$PASSWORD" >"$WORK/password"
	ln -s "$TOP/tests/integration/msr/docker" "$TOP/tests/integration/msr/curl" "$WORK/bin/"
	PATH=$WORK/bin:$PATH
}

# fresh [ID…]: a cluster whose other nodes have these
fresh() {
	rm -rf "$WORK"/orca-* "$WORK"/{images,calls,served,said-by-it}
	mkdir -p "$WORK/images/mirantis"
	touch "$WORK/images/mirantis/dtr:2.9.29" "$WORK/images/mirantis/dtr:2.9.30"
	: >"$WORK/calls"
	echo 0 >"$WORK/count"
	: >"$WORK/replicas"
	for id in "$@"; do
		echo "$id OK" >>"$WORK/replicas"
		mkdir -p "$WORK/orca-r-9/dtr-nginx-$id"
	done
}

# msr VERB ID EXISTING OPTION…, to its end, or to where LAST or AFTER says
msr() {
	echo 0 >"$WORK/count"
	printf '%s\n' "$PASSWORD" | sh -c 'echo $$ >"$WORK/pid"; exec sh "$@"' sh "$(installer msr_run)" 2 "${IMAGE:-mirantis/dtr:2.9.29}" 10.6.0.10 admin msr.example.org "$@" 2>"$WORK/said"
}
install_it() { msr install "$A" '' --ucp-node orca-r-1 --nfs-storage-url nfs://nas/msr; }
join_it() { msr join "$A" "$B" --ucp-node orca-r-1; }
reconfigure_it() { msr reconfigure "$A" ''; }
upgrade_it() { IMAGE=mirantis/dtr:2.9.30 msr upgrade "$A" ''; }
look() { test "$(sh "$STEPS/msr_look.sh")" = "$1"; }
version=2.9.29

is_replica() { look "$A whole $version" && [[ $(grep -c "^$A OK" "$WORK/replicas") = 1 && ! -e $WORK/said-by-it ]] && ! ls -d "$WORK"/orca-*/davit-msr* >/dev/null 2>&1; }
has_no_secret_argument() { ! grep -qF -e "$PASSWORD" -e secret "$WORK/calls"; }

# interrupted WHAT PREPARE COMMAND when: ended before (LAST), or after (AFTER), each of its commands; then again
interrupted() {
	local what=$1 prepare=$2 command=$3 when=$4 i wrong=() had
	for ((i = 1; i < 40; i++)); do
		$prepare
		{ if [[ $when = LAST ]]; then LAST=$i $command; else AFTER=$i $command; fi; } 2>/dev/null
		(($(cat "$WORK/count") >= i)) || break
		had=$([[ ! -e $WORK/orca-r-1/dtr-nginx-$A ]] || echo yes)
		: >"$WORK/calls"
		$command || wrong+=("ended at command $i the next run fails: $(tail -n 1 "$WORK/said")")
		is_replica || wrong+=("ended at command $i something is left, or missing")
		[[ -z $had ]] || ! called destroy || wrong+=("ended at command $i it takes off what was installed")
	done
	((i > 5)) || wrong+=("only $i commands")
	verdict "$what goes on when it was ended $([[ $when = LAST ]] && echo before || echo after) each of $((i - 1)) commands" "${wrong[@]}"
}
alone() { fresh; }
beside() { fresh "$B"; }
installed() { fresh && install_it && : >"$WORK/calls"; }
# an installer that has failed is what the next run finds
failed_before() {
	fresh "$B"
	mkdir -p "$WORK/orca-r-1/davit-msr" "$WORK/orca-r-1/dtr-rethinkdb-$A"
	echo "$A OK" >>"$WORK/replicas"
	echo running >"$WORK/orca-r-1/dtr-rethinkdb-$A/status"
	echo exited >"$WORK/orca-r-1/davit-msr/status"
	echo 137 >"$WORK/orca-r-1/davit-msr/exit"
	echo 0 >"$WORK/count"
}

stand_ins
fresh
expect 'there is no replica at first' look ''
expect 'MSR is installed' install_it
expect 'and nothing is left of its installer' is_replica
expect 'as the documentation has it' called '--env UCP_PASSWORD --env DTR_KEY --env MSR_KEY mirantis/dtr:2.9.29 install --ucp-url https://10.6.0.10:443 --ucp-username admin --ucp-ca authority'
expect 'by the id that it is given' called "--replica-id $A --ucp-node orca-r-1 --nfs-storage-url nfs://nas/msr --dtr-external-url https://msr.example.org --dtr-ca authority --dtr-cert"
expect 'what is secret is in no argument' has_no_secret_argument
: >"$WORK/calls"
expect 'a replica that is there stays' install_it
expect 'without an installer' not called 'container create'

fresh
FAIL=1 expect 'an installer that fails is told of' not install_it
expect 'with its words' says 'its installer ended with status 1: level=fatal msg="not enough memory"'
expect 'what it left is taken off' look ''
: >"$WORK/replicas"
expect 'and the next one goes through' install_it
fresh
rm "$WORK/images/mirantis/dtr:2.9.29"
expect 'an image that is not there is told of' not install_it
expect 'by its name' says 'no such image mirantis/dtr:2.9.29'

fresh "$B"
expect 'a replica is added' join_it
expect 'to the one that is there' called "join --ucp-url https://10.6.0.10:443 --ucp-username admin --ucp-ca authority --replica-id $A --existing-replica-id $B --ucp-node orca-r-1"
expect 'with no key' not called 'DTR_KEY'
fresh "$B"
FAIL=1 expect 'one that cannot be added is told of' not join_it
expect 'the others forget it' not grep -q "^$A" "$WORK/replicas"
expect 'and the next one goes through' join_it
failed_before
expect 'after an installer that was killed, too' join_it
expect 'whose replica the others had' called "remove --ucp-url https://10.6.0.10:443 --ucp-username admin --ucp-ca authority --existing-replica-id $B --replica-ids $A --force"
interrupted "MSR's installation" alone install_it LAST
interrupted "MSR's installation" alone install_it AFTER
interrupted "a replica's join" beside join_it LAST
interrupted "a replica's join" beside join_it AFTER
interrupted "a join after one that failed" failed_before join_it LAST

# ---- what changes
installed
printf 'BEGIN CERTIFICATE\nrenewed\n' >"$MSR_CERTIFICATE.crt"
expect 'another certificate is given' reconfigure_it
expect 'and served' grep -q renewed "$WORK/served"
expect 'its key is in no argument' has_no_secret_argument
expect 'the replica is whole' is_replica
FAIL=1 expect 'a refusal is told of' not reconfigure_it
expect 'and takes nothing off' is_replica
expect 'nor leaves a container' not ls -d "$WORK/orca-r-1/davit-msr-reconfigure" 2>/dev/null
printf 'BEGIN CERTIFICATE\none\n' >"$MSR_CERTIFICATE.crt"
interrupted "a new certificate" installed reconfigure_it AFTER
# reconfigure cut off, then what apply does first
installed
AFTER=2 reconfigure_it 2>/dev/null
expect 'a change that was cut off says nothing of the installation' look "$A whole 2.9.29"

version=2.9.30
installed
expect 'MSR is upgraded' upgrade_it
expect 'as the documentation has it' called "mirantis/dtr:2.9.30 upgrade --ucp-url https://10.6.0.10:443 --ucp-username admin --ucp-ca authority --existing-replica-id $A"
expect 'with no key' not called DTR_KEY
expect 'and the replica is whole' is_replica
installed
FAIL=1 expect 'an upgrade that fails is told of' not upgrade_it
expect 'and takes nothing off' look "$A whole 2.9.29"
interrupted "an upgrade" installed upgrade_it LAST

fresh "$B" "$A"
mkdir -p "$WORK/orca-r-1/dtr-nginx-$A" "$WORK/orca-r-1/dtr-rethinkdb-$A"
expect 'a replica is removed' msr remove "$A" "$B"
expect 'and the others forget it' not grep -q "^$A" "$WORK/replicas"
expect 'one that is not there is an error' not msr remove "$A" "$B"
expect 'with its words' says 'no such replica'
sed -i "s/OK/ill/" "$WORK/replicas"
expect 'by one that is not well none is removed' not msr remove "$A" "$B"

# ---- what replicas say
fresh "$A" "$B"
printf '%s\n' "$PASSWORD" | sh "$STEPS/msr_status.sh" msr.example.org admin >"$WORK/said" 2>&1
expect 'their status is asked for with the password, whatever is in it' says "{\"current_issues\": [], \"replica_health\": {\"$A\": \"OK\",\"$B\": \"OK\"}}"
expect 'which is in no argument' has_no_secret_argument
mkdir -p "$WORK/orca-r-1/dtr-nginx-$A"
echo "10.6.0.20 orca-r-1" >"$WORK/addresses"
sh "$STEPS/msr_ping.sh" msr.example.org 10.6.0.20 10.6.0.21 | sort >"$WORK/said"
expect 'each replica is asked' test "$(cat "$WORK/said")" = $'10.6.0.20 200\n10.6.0.21 000'

# ---- images
# step NAME check|do
step() {
	(
		# shellcheck source=/dev/null
		. "$STEPS/prelude.sh"
		# shellcheck source=/dev/null
		. "$STEPS/$1.sh"
		set -e
		"$1_$2"
	) >"$WORK/said" 2>&1
}
rm -rf "$WORK/images"
mkdir -p "$DAVIT_HOME/lib/msr-images/2.9.29" "$DAVIT_HOME/lib/msr-images/2.10.1"
echo "msr-images 2.9.29 sha256:a 1 images 0" >"$DAVIT_HOME/run/artifacts.txt"
echo mirantis/dtr:2.9.1 >"$DAVIT_HOME/lib/msr-images/2.9.29/msr-images"
expect "another version's archive is refused" not step images 'do'
expect 'by what it lacks' says 'the archive that mke.msr.images names holds no mirantis/dtr:2.9.29'
echo mirantis/dtr:2.9.29 >"$DAVIT_HOME/lib/msr-images/2.9.29/msr-images"
expect 'the right one is loaded' step images 'do'
expect 'and is there' step images check
echo "msr-images 2.10.1 sha256:b 1 images 0" >"$DAVIT_HOME/run/artifacts.txt"
echo registry.mirantis.com/msr/dtr:2.10.1 >"$DAVIT_HOME/lib/msr-images/2.10.1/msr-images"
expect 'that of a version with another name, too' step images 'do'
expect 'and is there, too' step images check
echo "1..$number"
