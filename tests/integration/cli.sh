#!/usr/bin/env bash
# cli.sh DAVIT: the command line as a user meets it, where no cloud is needed; prints TAP.
# One wrong thing each: one clear error that says where, the documented exit status, and nothing made.
set -uo pipefail
DAVIT=$(realpath "$1")
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
WORK=$(mktemp -d)
n=0 servers=()

finish() {
	local pid
	for pid in "${servers[@]}"; do kill "$pid" 2>/dev/null; done
	rm -rf "$WORK"
}
trap finish EXIT
mkdir "$WORK/home"
cd "$WORK" || exit
unset "${!OS_@}"
export HOME=$WORK/home XDG_STATE_HOME=$WORK/state XDG_CACHE_HOME=$WORK/cache

ok() { echo "ok $((++n)) - $1"; }
not_ok() {
	echo "not ok $((++n)) - $1"
	printf '%s\n' "${@:2}" | sed 's/^/# /'
}

run() {
	status=0
	"$DAVIT" "$@" >out 2>err </dev/null || status=$?
}

# expect NAME STATUS TEXT ARGUMENT…: TEXT is in what it prints
expect() {
	local name=$1 want=$2 text=$3
	shift 3
	run "$@"
	if [[ $status != "$want" ]]; then
		not_ok "$name" "davit $*: exit status $status, not $want" "$(cat out err)"
	elif ! grep -qF -e "$text" out err; then
		not_ok "$name" "davit $*: does not print '$text'" "$(cat out err)"
	else
		ok "$name"
	fi
}

# refuse NAME STATUS TEXT ARGUMENT…: as expect, and one line on standard error, nothing on standard output, no state
refuse() {
	local name=$1
	rm -rf state
	expect "$@"
	if [[ -s out || $(grep -c . err) != 1 ]]; then not_ok "$name: one line, on standard error" "$(cat out err)"; else ok "$name: one line"; fi
	if [[ -e state ]]; then not_ok "$name: nothing is made" "$(find state)"; else ok "$name: nothing is made"; fi
}

# file CHANGE: the small file, changed by sed, as cluster.yaml
file() {
	cat >cluster.yaml <<-YAML
		apiVersion: davit/v1
		kind: Cluster
		metadata: {name: demo}
		spec:
		  platform: {version: 1.36.3}
		  openstack: {image: debian-12}
		  network: {cidr: 10.6.0.0/24}
		  controlPlane: {flavor: m1.small}
		  workerPools:
		  - {name: workers, count: 2, flavor: m1.small}
	YAML
	sed -i "$1" cluster.yaml
}

# wrong NAME CHANGE PLACE TEXT: refused with "cluster.yaml:PLACE: …TEXT…"
wrong() {
	file "$2"
	refuse "$1" 2 "$4" plan
	if grep -q "cluster.yaml:$3: " err; then ok "$1: at $3"; else not_ok "$1: at $3" "$(cat err)"; fi
}

commands() {
	"$DAVIT" --help "$@" | sed -n 's/^  \([a-z][a-z-]*\) .*/\1/p'
}

# what "davit COMMAND ACTION" knows besides "davit COMMAND"
actions() {
	if ! "$DAVIT" "$1" --help | head -n 1 | grep -qF '[OPTION…]'; then commands "$1"; fi
}

test_help() {
	local c a
	expect 'help' 0 'usage: davit COMMAND' --help
	expect 'no command' 2 'usage: davit COMMAND'
	expect 'version' 0 'davit ' version
	for c in $(commands); do
		expect "$c --help" 0 "usage: davit $c" "$c" --help
		for a in $(actions "$c"); do
			expect "$c $a --help" 0 "usage: davit $c $a [OPTION…]" "$c" "$a" --help
			if grep -qF "davit $c $a" "$ROOT/README.md"; then ok "README names $c $a"; else not_ok "README names $c $a"; fi
		done
		if grep -qF "davit $c" "$ROOT/README.md"; then ok "README names $c"; else not_ok "README names $c"; fi
	done
	refuse 'a command that is not there' 2 'did you mean "apply"' aply
	refuse 'an action that is not there' 2 'did you mean "list"' node listt
	refuse 'no action' 2 'usage: davit node drain|list|' node
	refuse 'an option of another action' 2 'node list: there is no option --yes' node list --yes
	refuse 'reboots go one after another' 2 'node reboot: there is no option --parallel' node reboot workers-1 --parallel 2
	expect '--yes where nothing is asked' 0 'also where no worker would be left for the pods' scale-down --help
	refuse 'an option that is not there' 2 'did you mean "--mirror"' apply --miror=x
	refuse 'a value that is missing' 2 '--file needs a value' apply --file
	refuse 'a value that is not known' 2 'allowed: table, json' status -o xml
	refuse 'a deletion without file' 2 'davit delete --name NAME' delete -f nowhere.yaml
	refuse 'orphans, all without asking' 2 'give --uuid UUID' orphans --delete --yes
	refuse 'an upgrade, none at a time' 2 '--parallel: "0" is no number from 1' upgrade --parallel 0
	refuse 'an upgrade that forces after no time' 2 '--force-after: "soon" is no time' upgrade --force-after soon
	refuse 'an upgrade of something' 2 'usage: davit upgrade' upgrade 1.36.3
	refuse 'a kubeconfig for nobody' 2 'cannot be the name of a user' kubeconfig --user ''
	refuse 'a kubeconfig for a node' 2 'no person' kubeconfig --user system:node:x
	refuse 'a kubeconfig for ever' 2 '1m to 720h' kubeconfig --user anna --ttl 721h
	refuse 'a kubeconfig for no time' 2 '1m to 720h' kubeconfig --user anna --ttl 0s
	refuse 'a kubeconfig that nothing takes back' 2 --allow-masters kubeconfig --user anna --group dev --group system:masters
	refuse 'a group of the administrator' 2 'go with --user NAME' kubeconfig --group dev
	refuse 'certificates near no end' 2 'is no number' certs show --warn-days -1
	refuse 'an argument too many' 2 'usage: davit apply' apply now
	refuse 'an argument too few' 2 'usage: davit ssh' ssh
}

# every command and option of --help stands in the manual page, and no other command does
test_manual() {
	local page=$ROOT/docs/davit.1.scd c a option missing
	for c in $(commands); do
		missing=$(for option in $(for a in '' $(actions "$c"); do "$DAVIT" --help "$c" "$a"; done | grep -o -- '--[a-z][a-z-]*' | sort -u); do
			grep -qF -- "*$option*" "$page" || echo "$option"
		done
		for a in $(actions "$c"); do grep -q "^\*$c\* $a" "$page" || echo "$c $a"; done)
		if grep -q "^\*$c\*" "$page" && [[ -z $missing ]]; then
			ok "manual has $c and its options"
		else
			not_ok "manual has $c and its options" "not there: $missing"
		fi
	done
	missing=$(comm -13 <(commands | sort) <(sed -n '/^# COMMANDS/,/^# OPTIONS/s/^\*\([a-z-]*\)\*.*/\1/p' "$page" | sort -u))
	if [[ -z $missing ]]; then ok 'manual has no other command'; else not_ok 'manual has no other command' "$missing"; fi
}

test_completion() {
	local c words
	for shell in bash zsh fish; do expect "completion $shell" 0 kubeconfig completion "$shell"; done
	refuse 'completion for a shell that is not known' 2 'allowed: bash, zsh, fish' completion csh
	"$DAVIT" completion bash >completion
	if bash -n completion; then ok 'completion is bash'; else not_ok 'completion is bash'; fi
	words=$(
		# shellcheck source=/dev/null
		. ./completion
		COMP_WORDS=(davit '') COMP_CWORD=1
		_davit
		printf '%s\n' "${COMPREPLY[@]}"
	)
	if [[ $words = "$(commands)" ]]; then ok 'completion has all commands'; else not_ok 'completion has all commands' "$words"; fi
	words=$(
		# shellcheck source=/dev/null
		. ./completion
		COMP_WORDS=(davit node '') COMP_CWORD=2
		_davit
		printf '%s\n' "${COMPREPLY[@]}"
	)
	if [[ $words = "$(commands node)" ]]; then ok 'completion has all actions'; else not_ok 'completion has all actions' "$words"; fi
}

test_schema() {
	local key
	run schema
	if python3 -m json.tool out >/dev/null; then ok 'schema is JSON'; else not_ok 'schema is JSON'; fi
	for key in apiVersion metadata platform controlPlane workerPools kubeProxy; do
		if grep -q "\"$key\"" out; then ok "schema has $key"; else not_ok "schema has $key"; fi
	done
}

test_file() {
	rm -f cluster.yaml
	refuse 'no file' 2 'davit init' plan
	wrong 'unknown key' 's/controlPlane:/controlPlan:/' 8:3 'controlPlane'
	wrong 'wrong type' 's/count: 2/count: two/' 10:28 'two'
	wrong 'a map for a value' 's/{name: demo}/{name: {a: b}}/' 3:18 'found a map'
	wrong 'duplicate key' 's/^  openstack/  platform/' 6:3 'platform'
	wrong 'tab' 's/^  openstack/\topenstack/' 6:1 'tab'
	wrong 'no version' 's/{version: 1.36.3}/{}/' 5:13 'version'
	wrong 'even control planes' 's/{flavor/{count: 2, flavor/' 8:25 'odd'
	wrong 'more control planes than davit makes' 's/{flavor/{count: 7, flavor/' 8:25 '1, 3 or 5 are possible'
	wrong 'pods overlap servers' 's|10.6.0.0/24|10.244.7.0/24|' 7:19 'overlaps'
	wrong 'services overlap servers' 's|{cidr: 10.6.0.0/24}|{cidr: 10.6.0.0/24, serviceCIDR: 10.6.0.0/16}|' 7:45 'overlaps'
	wrong 'host bits' 's|10.6.0.0/24|10.6.0.1/24|' 7:19 '10.6.0.0/24'
	wrong 'two pools of one name' '$p' 11:12 'two pools'
	wrong 'pool with a name of davit' 's/name: workers/name: cp/' 10:12 'cp'
	file 's/^spec:/a: \&a [x,x,x,x,x,x,x,x,x,x]\nb: \&b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: \&c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: \&d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nspec:/'
	refuse 'alias bomb' 2 'cluster.yaml:' plan
	head -c 3000000 /dev/zero | tr '\0' '#' >cluster.yaml
	refuse 'a file of 3 MB' 2 'cluster.yaml' plan
	expect 'the example is right' 2 'no clouds.yaml' plan -f "$ROOT/examples/cluster.yaml"
}

clouds() {
	mkdir -p home/.config/openstack
	cat >home/.config/openstack/clouds.yaml <<-YAML
		clouds:
		  lab:
		    region_name: RegionOne
		    auth: {auth_url: "$1", username: demo, password: "s3cret-$RANDOM", project_name: demo, user_domain_name: Default, project_domain_name: Default}
	YAML
}

tls_server() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout tls.key -out tls.crt -days 1 \
		-subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 2>/dev/null || return
	openssl s_server -accept 127.0.0.1:0 -cert tls.crt -key tls.key -www >tls.log 2>&1 &
	servers+=("$!")
	for _ in {1..100}; do
		port=$(sed -n 's/^ACCEPT .*:\([0-9]*\)$/\1/p' tls.log)
		[[ -z $port ]] || return 0
		sleep 0.05
	done
	return 1
}

test_cloud() {
	file ''
	expect 'no clouds.yaml: the places searched' 2 "$HOME/.config/openstack/clouds.yaml" apply
	expect 'and the system'"'"'s' 2 /etc/openstack/clouds.yaml apply
	clouds http://127.0.0.1:1/v3
	expect 'a cloud that is not in clouds.yaml' 2 lab plan --os-cloud lba
	expect 'unreachable endpoint' 4 'http://127.0.0.1:1/v3' apply
	clouds http://nowhere.invalid:5000/v3
	expect 'a name that does not resolve' 4 nowhere.invalid apply
	if tls_server; then
		clouds "https://127.0.0.1:$port/v3"
		expect 'a certificate that nobody trusts' 4 certificate apply
		clouds "http://127.0.0.1:$port/v3"
		expect 'http to a port of https' 4 "127.0.0.1:$port" apply
	else
		echo "ok $((++n)) - a certificate that nobody trusts # SKIP no openssl server: $(tail -n 1 tls.log)"
	fi
	if grep -rq s3cret- state out err; then not_ok 'no password in state and output'; else ok 'no password in state and output'; fi
	if [[ -z $(find state -type f -perm /077 ! -name '*.pub' ! -name '*.crt') && $(stat -c %a state/davit/demo) = 700 ]]; then
		ok 'state is the user'"'"'s alone'
	else
		not_ok 'state is the user'"'"'s alone' "$(find state -ls)"
	fi
}

# remember KEY VALUE: in the state of the cluster, as an earlier run would have
remember() {
	python3 - "$WORK/state/davit/demo/state.db" "$@" <<-'PY'
		import sqlite3, sys
		db = sqlite3.connect(sys.argv[1])
		db.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", sys.argv[2:4])
		db.commit()
	PY
}

# which versions go to which, by which command; nothing is asked of anybody
test_upgrade() {
	rm -rf state
	file ''
	refuse 'an upgrade of a cluster that is not here' 4 'davit apply' upgrade
	clouds http://127.0.0.1:1/v3
	run apply # makes the state
	expect 'an upgrade of what was never installed' 2 'has no control plane yet' upgrade
	remember frozen:platform.version 1.36.4
	expect 'an upgrade that goes back' 2 'cluster.yaml:5:23: platform.version: the cluster has 1.36.4, the file says 1.36.3' upgrade
	expect 'plan of one that goes back' 2 'Kubernetes does not go back' plan
	remember frozen:platform.version 1.36.3
	expect 'an upgrade to what is there' 0 'nothing to upgrade' upgrade
	remember frozen:platform.version 1.35.4
	expect 'apply leaves it to upgrade' 2 '"davit upgrade" goes there, node by node' apply
	remember frozen:platform.version 1.36.3
	remember upgrade:to 1.36.3
	expect 'apply waits for the end of an upgrade' 2 'the upgrade of cluster demo to 1.36.3 has not come to its end' apply
	remember certs:rotating 1
	expect 'an upgrade waits for new authorities' 2 '"davit certs rotate-ca" goes on from there' upgrade
	python3 - "$WORK/state/davit/demo/state.db" <<-'PY'
		import sqlite3, sys
		db = sqlite3.connect(sys.argv[1])
		db.execute("INSERT INTO nodes (name, role, pool, address, leaving) VALUES ('demo-cp-1', 0, 'control-plane', '10.6.0.10', 0)")
		db.commit()
	PY
	expect 'authorities are not replaced meanwhile' 2 'the upgrade of cluster demo to 1.36.3 has not come to its end' certs rotate-ca --yes
	expect 'nor is the key of Secrets' 2 'the upgrade of cluster demo to 1.36.3 has not come to its end' secrets rotate-keys --yes
	expect 'a control plane is not taken away meanwhile' 2 'the upgrade of cluster demo to 1.36.3 has not come to its end' node replace cp-1 --yes
}

# sign NAME EXTENSIONS: demo-ca.csr by the site's root, as demo-ca.crt with the root behind it
sign() {
	printf '%s\n' "$1" | tr ';' '\n' >extensions
	openssl x509 -req -in demo-ca.csr -CA root.crt -CAkey root.key -CAcreateserial -days 900 -extfile extensions -out signed.crt 2>/dev/null
	cat signed.crt root.crt >demo-ca.crt
}

# The cluster's authorities beneath one of the site's, by a request and openssl's own commands.
test_site() {
	rm -rf state
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout root.key -out root.crt -subj '/CN=Site root' -days 3650 -addext keyUsage=critical,keyCertSign,cRLSign 2>/dev/null
	clouds http://127.0.0.1:1/v3
	file 's/^  controlPlane/  pki: {ca: {certificate: demo-ca.crt, passphraseFile: x}}\n&/'
	refuse 'a passphrase of no key' 2 'cluster.yaml:8:56: passphraseFile: there is no "key" beside it' apply
	file 's/^  controlPlane/  pki: {encryptionAlgorithm: Ed25519}\n&/'
	refuse 'an algorithm that is not known' 2 'cluster.yaml:8:30: ' apply
	file 's/^  controlPlane/  pki: {ca: {certificate: demo-ca.crt, key: none.key}}\n&/'
	expect 'a key that is not there' 2 'none.key' apply
	file 's/^  controlPlane/  pki: {ca: {certificate: demo-ca.crt}}\n&/'
	expect 'a certificate that is to be asked for' 2 'demo-ca.csr is the request for it' apply
	if openssl req -in demo-ca.csr -noout -verify 2>/dev/null; then ok 'a request'; else not_ok 'a request' "$(cat demo-ca.csr)"; fi
	cp demo-ca.csr first.csr
	expect 'the request again' 0 'demo-ca.csr is the request for' certs csr
	if [[ $(openssl req -in first.csr -noout -pubkey) = "$(openssl req -in demo-ca.csr -noout -pubkey)" ]]; then ok 'of the same key'; else not_ok 'of the same key'; fi
	sign 'basicConstraints=critical,CA:TRUE,pathlen:0;keyUsage=critical,keyCertSign'
	expect 'an authority with none beneath it' 2 'pathlen:0' apply
	sign 'basicConstraints=critical,CA:FALSE'
	expect 'no authority' 2 'CA:TRUE is missing' apply
	if [[ ! -e state/davit/demo/pki/ca.key ]]; then ok 'no authority is made'; else not_ok 'no authority is made'; fi
	sign 'basicConstraints=critical,CA:TRUE,pathlen:1;keyUsage=critical,keyCertSign,cRLSign'
	run apply # goes on, up to the cloud
	sed -i 's/^  controlPlane/  api: {endpoint: internal}\n&/' cluster.yaml
	expect 'the authority of the site is taken' 0 'certificate-authority-data' kubeconfig
	sed -n 's/.*certificate-authority-data: "\(.*\)"/\1/p' out | base64 -d >published.crt
	if [[ $(grep -c BEGIN published.crt) = 3 ]]; then ok 'with all that is above it'; else not_ok 'with all that is above it' "$(cat published.crt)"; fi
	if openssl verify -x509_strict -CAfile root.crt -untrusted signed.crt state/davit/demo/pki/ca.crt >out 2>&1; then
		ok 'openssl verifies the authority'
	else
		not_ok 'openssl verifies the authority' "$(cat out)"
	fi
	if openssl verify -x509_strict -purpose sslclient -CAfile published.crt state/davit/demo/pki/admin.pem >out 2>&1; then
		ok 'openssl verifies the administrator'
	else
		not_ok 'openssl verifies the administrator' "$(cat out)"
	fi
	file 's/^  controlPlane/  api: {endpoint: internal}\n&/'
	expect 'the file no longer names it' 0 'names none' kubeconfig
}

test_help
test_manual
test_completion
test_schema
test_file
test_cloud
test_upgrade
test_site
echo "1..$n"
