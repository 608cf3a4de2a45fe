# shellcheck shell=bash
# A swarm: what commands ask of its managers' engines; sourced by operate.sh. The engines are engine.py's.

SWARM=$XDG_STATE_HOME/davit/whale

engine() { "$HERE/operate/engine.py" "$@"; }

# unlock KEY… : what the state has
keys_are() {
	local found
	found=$(python3 -c 'import sqlite3, sys; print(*(v for _, v in sqlite3.connect(sys.argv[1]).execute("select key, value from meta where key = ?", ("swarm:unlock-keys",))))' \
		"$SWARM/state.db" 2>&1)
	if [[ $found = "$*" ]]; then ok "the state has the keys $*"; else not_ok "the state has the keys $*" "$found"; fi
}

# swarm_meta KEY VALUE: in the state of the swarm
swarm_meta() {
	python3 -c 'import sqlite3, sys; d = sqlite3.connect(sys.argv[1]); d.execute("insert or replace into meta (key, value) values (?, ?)", sys.argv[2:]); d.commit()' \
		"$SWARM/state.db" "$@"
}

# call NODE METHOD PATH [BODY]: by the node's engine
call() {
	NODE=$1 engine --unix-socket /run/docker.sock --request "$2" ${4:+--data-binary @-} "http://docker/v1.44$3" <<<"${4:-}" >call.out
}

swarm_world() {
	local k=$WORK/node i token
	[[ ! -e $SWARM ]] || return 0
	ln -sf "$HERE/operate/engine.py" fake/curl
	node whale-cp-1 127.0.3.11 127.0.4.1
	node whale-cp-2 127.0.3.12
	node whale-cp-3 127.0.3.13
	node whale-workers-1 127.0.3.20
	"$MAKE_STATE" "$SWARM" whale <<-NODES || return
		whale-cp-1 control-plane control-plane 127.0.3.11 127.0.4.1 $k/whale-cp-1/key.pub
		whale-cp-2 control-plane control-plane 127.0.3.12 - $k/whale-cp-2/key.pub
		whale-cp-3 control-plane control-plane 127.0.3.13 - $k/whale-cp-3/key.pub
		whale-workers-1 worker workers 127.0.3.20 - $k/whale-workers-1/key.pub
	NODES
	install -D -m 600 home/user "$SWARM/ssh/id_ed25519"
	cat >whale.yaml <<-YAML
		apiVersion: davit/v1
		kind: Cluster
		metadata: {name: whale}
		spec:
		  platform: {type: swarm, version: 29.9.3}
		  openstack: {image: debian-12}
		  access: {user: root}
		  controlPlane: {count: 3, flavor: m1.small}
		  workerPools:
		  - {name: workers, count: 1, flavor: m1.small}
		  swarm: {autolock: true}
	YAML
	for i in 3.11 4.1 3.12 3.13 3.20; do eventually listens "127.0.$i" || return; done
	call whale-cp-1 POST /swarm/init '{"AdvertiseAddr": "127.0.3.11", "Spec": {"EncryptionConfig": {"AutoLockManagers": false}}}'
	for i in 2 3; do
		token=$(engine --show 'o["swarm"]["JoinTokens"]["Manager"]')
		call "whale-cp-$i" POST /swarm/join "{\"AdvertiseAddr\": \"127.0.3.1$i\", \"JoinToken\": \"$token\"}"
	done
	token=$(engine --show 'o["swarm"]["JoinTokens"]["Worker"]')
	call whale-workers-1 POST /swarm/join "{\"AdvertiseAddr\": \"127.0.3.20\", \"JoinToken\": \"$token\"}"
	rm -f fake/calls
}

# what apply does at its end
lock_managers() {
	call whale-cp-1 POST "/swarm/update?version=$(engine --show 'o["swarm"]["Version"]["Index"]')" '{"EncryptionConfig": {"AutoLockManagers": true}}'
	rm -f fake/calls
}

test_swarm_keys() {
	swarm_world || not_ok 'a swarm is there'
	davit 2 secrets rotate-keys -f whale.yaml
	says 'Replace the key that unlocks the managers of cluster whale?'
	davit 2 secrets rotate-keys -f whale.yaml --yes
	says 'the managers of cluster whale are not locked yet (swarm.autolock), and have no key: "davit apply" does that'
	lock_managers
	davit 0 secrets rotate-keys -f whale.yaml --dry-run
	says 'to do'
	davit 0 secrets rotate-keys -f whale.yaml --yes
	says 'have another key; the state has it'
	calls 'one change' 'whale-cp-1 POST /swarm/update'
	keys_are "$(engine --show 'o["swarm"]["key"]') $(python3 -c 'import hashlib; print("SWMKEY-1-" + hashlib.sha256(b"key 1").hexdigest()[:43])')"
	davit 0 secrets rotate-keys -f whale.yaml --yes
	davit 0 secrets rotate-keys -f whale.yaml --yes
	has_three_keys
}

# a run that was cut off before the new key was in the state, and one before it was changed
test_swarm_keys_interrupted() {
	local before
	swarm_meta secrets:rotating autolock
	swarm_meta swarm:unlock-keys SWMKEY-1-former
	before=$(engine --show 'o["swarm"]["key"]')
	davit 0 secrets rotate-keys -f whale.yaml --yes
	keys_are "$before SWMKEY-1-former"
	swarm_meta secrets:rotating autolock
	rm -f fake/calls
	davit 0 secrets rotate-keys -f whale.yaml --yes
	calls 'it is changed' 'whale-cp-1 POST /swarm/update'
}

has_three_keys() {
	local found
	found=$(python3 -c 'import sqlite3, sys; print(len(sqlite3.connect(sys.argv[1]).execute("select value from meta where key = ?", ("swarm:unlock-keys",)).fetchone()[0].split()))' \
		"$SWARM/state.db")
	if [[ $found = 3 ]]; then ok 'three keys are kept'; else not_ok 'three keys are kept' "$found"; fi
}

# status is asked beside a cloud that is not there
test_swarm_locked() {
	engine --restart whale-cp-1
	davit 2 status -f whale.yaml -o json
	has 'who is locked' '[(n["name"], n["status"]) for n in o["nodes"] if n["role"] == "control-plane"]' \
		"[('whale-cp-1', 'Locked'), ('whale-cp-2', 'Ready'), ('whale-cp-3', 'Ready')]"
	has 'what to do' 'o["nodes"][0]["reason"]' 'its engine was restarted: "davit apply" unlocks it'
	davit 5 secrets rotate-keys -f whale.yaml --yes
	says 'whale-cp-1: locked' '"davit apply" unlocks'
	davit 0 node list -f whale.yaml
	says 'the manager is locked, since its engine was restarted: "davit apply" unlocks it'
	engine --restart whale-cp-2
	engine --restart whale-cp-3
	davit 5 status -f whale.yaml
	says 'all managers are locked' '(whale-cp-1, whale-cp-2, whale-cp-3): "davit apply" unlocks them'
}

# with the key of the state; a manager, and not a worker
test_swarm_reboot() {
	local i
	for i in 1 2 3; do call "whale-cp-$i" POST /swarm/unlock "{\"UnlockKey\": \"$(engine --show 'o["swarm"]["key"]')\"}"; done
	rm -f fake/calls
	touch fake/locks
	davit 0 node reboot -f whale.yaml cp-2 --yes
	if grep -qx 'whale-cp-2 POST /swarm/unlock' fake/calls; then ok 'it is unlocked'; else not_ok 'it is unlocked' "$(cat fake/calls err)"; fi
	davit 0 node reboot -f whale.yaml workers-1 --yes
	rm -f fake/locks
	if grep -E 'SWMKEY|SWMTKN' fake/argv out err; then not_ok 'no key is shown'; else ok 'no key is shown'; fi
}

# What systemd is to a backup: an engine that ends and begins, and is in no swarm where its data does not say so.
# swarm_data [CLUSTER]
swarm_data() {
	local i at
	mkdir -p /opt/davit/run
	for i in 1 2 3; do
		at=disk/${1:-whale}-cp-$i/swarm
		mkdir -p "$at/raft" "$at/certificates"
		echo '{}' >"$at/docker-state.json"
		echo 'what the managers agreed upon' >"$at/raft/wal"
		openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 >"$at/certificates/swarm-node.key"
	done
	cat >fake/systemctl <<-'SH'
		#!/bin/sh
		echo "$NODE $*" >>"$FAKE/calls"
		how=--restart
		[ -e "$DOCKER_HOME/swarm/docker-state.json" ] || [ -e "$FAKE/no-tar" ] || how=--outside
		case $1 in stop) "$FAKE/curl" --stop "$NODE" ;; start) "$FAKE/curl" $how "$NODE" ;; esac
		[ ! -e "$FAKE/no-tar" ] || [ "$1" != stop ] || mv "$DOCKER_HOME/swarm" "$DOCKER_HOME/away"
	SH
	chmod +x fake/systemctl
}

test_swarm_saved() {
	local key
	swarm_world
	swarm_data
	[[ $(engine --show 'o["swarm"]["key"]') != '' ]] || lock_managers
	key=$(engine --show 'o["swarm"]["key"]')
	rm -f fake/calls fake/argv
	export DAVIT_PASSPHRASE='correct horse'
	davit 0 swarm backup -f whale.yaml one.davit-backup -o json
	has 'what is in it' 'o["cluster"], o["docker"], o["node"], o["sealedFor"], sorted(o["snapshot"])' "('whale', '29.9.3', 'whale-cp-2', ['passphrase'], ['sha256', 'size'])"
	calls 'one that does not lead is stopped, begins again, and is unlocked' \
		'whale-cp-2 stop docker.service' 'whale-cp-2 start docker.service' 'whale-cp-2 POST /swarm/unlock'
	if grep -E 'SWMKEY|SWMTKN' fake/argv out err one.davit-backup; then not_ok 'no key is shown'; else ok 'no key is shown'; fi
	if compgen -G '/opt/davit/run/swarm-backup.*'; then not_ok 'nothing stays on the node'; else ok 'nothing stays on the node'; fi
	swarm_is_opened_by_hand "$key"
	davit 0 swarm show one.davit-backup
	says whale 'docker' 29.9.3 whale-cp-2
	davit 2 swarm backup -f whale.yaml one.davit-backup
	says 'is there already'
	davit 0 swarm backup -f whale.yaml --to kept-swarm --keep 1
	sleep 1 # a name a second
	davit 0 swarm backup -f whale.yaml --to kept-swarm --keep 1
	says 'removed: kept-swarm/whale-'
	swarm_is_not_saved
	unset DAVIT_PASSPHRASE
	rm -rf fake/systemctl kept-swarm ./*.davit-backup
}

swarm_is_opened_by_hand() {
	opened_by_hand one.davit-backup | tar -xzO swarm/raft/wal >out 2>&1
	is 'its data is opened by hand' 'what the managers agreed upon'
	head -n 1 sealed >out
	has 'so is the key that unlocks it' 'o["unlock"].split()[0]' "$1"
	rm -f sealed
}

swarm_is_not_saved() {
	davit 2 swarm backup -f cluster.yaml two.davit-backup
	says 'cluster demo is no swarm' 'davit etcd backup'
	davit 2 etcd restore -f whale.yaml one.davit-backup --yes
	says 'cluster whale is a swarm'
	touch fake/no-tar
	davit 5 swarm backup -f whale.yaml two.davit-backup
	says 'whale-cp-2: copying the swarm'
	rm -f fake/no-tar
	mv disk/whale-cp-2/away disk/whale-cp-2/swarm
	if [[ $(engine --show 'o["engines"]["whale-cp-2"]["state"]') = active ]]; then ok 'its engine begins again'; else not_ok 'its engine begins again' "$(cat fake/calls)"; fi
	engine --restart whale-cp-2 # one that was cut off before it was unlocked
	davit 0 swarm backup -f whale.yaml two.davit-backup
	if [[ $(engine --show 'o["engines"]["whale-cp-2"]["state"]') = active ]]; then ok 'the same again unlocks it'; else not_ok 'the same again unlocks it' "$(cat err)"; fi
	engine --stop whale-cp-3
	rm -f fake/calls
	davit 5 swarm backup -f whale.yaml three.davit-backup
	says 'of 3 managers 2 can be reached'
	if [[ ! -e fake/calls && ! -e three.davit-backup ]]; then ok 'nothing is stopped'; else not_ok 'nothing is stopped' "$(cat fake/calls)"; fi
	engine --restart whale-cp-3
	call whale-cp-3 POST /swarm/unlock "{\"UnlockKey\": \"$(engine --show 'o["swarm"]["key"]')\"}"
	rm -f fake/calls
}

# by SSH, or by the engines' port with a certificate that is made for it
test_swarm_client() {
	local c="$WORK/a client's"
	swarm_world
	davit 0 docker-context -f whale.yaml
	says 'docker context create whale' 'host=ssh://whale-cp-1'
	davit 2 docker-context -f whale.yaml --ttl 1h
	says '--user and --ttl go with --tls FOLDER'
	davit 2 docker-context -f whale.yaml --tls "$c"
	says 'the engines of cluster whale have no open port' 'without --tls the client goes by SSH'
	sed 's|swarm: {|&api: {allowedCIDRs: [192.0.2.0/24]}, |' whale.yaml >open.yaml
	davit 2 docker-context -f open.yaml --tls "$c,x"
	says 'takes no path with a comma'
	davit 2 docker-context -f open.yaml --tls "$c" --user 'a b'
	says '"a b" cannot be the name of a user'
	davit 2 docker-context -f open.yaml --tls "$c" --ttl 721h
	says 'is valid for 1m to 720h'
	if [[ -e $c ]]; then not_ok 'nothing is written'; else ok 'nothing is written'; fi
	davit 0 docker-context -f open.yaml --tls "$c" --user anna --ttl 1h
	says 'the certificate of anna is valid until' 'host=tcp://127.0.4.1:2376,ca='
	stat -c '%a %n' "$c" "$c"/*.pem | sed "s|$c|c|" | tr '\n' ' ' >out
	is 'only its owner reads it' '700 c 600 c/ca.pem 600 c/cert.pem 600 c/key.pem '
	openssl verify -purpose sslclient -CAfile "$c/ca.pem" "$c/cert.pem" >out 2>&1
	is 'it is of the authority' "$c/cert.pem: OK"
	# shellcheck source=/dev/null
	(. "$c/env.sh" && echo "$DOCKER_HOST $DOCKER_TLS_VERIFY $DOCKER_CERT_PATH") >out
	is 'a shell reads where it is' "tcp://127.0.4.1:2376 1 $c"
	davit 0 docker-context -f open.yaml --tls "$c"
	openssl x509 -noout -subject -in "$c/cert.pem" >out
	is 'it is made anew' 'subject=CN = admin'
}

# the passes of a swarm; what it does to engines is test_swarm.c's
test_swarm_authorities() {
	swarm_world
	davit 0 certs rotate-ca -f whale.yaml --dry-run
	says 'all certificates are made anew, by the new ones'
	davit 2 certs rotate-ca -f whale.yaml --service-account --yes
	says 'cluster whale is a swarm: it has no pods and no service accounts'
}

forget_upgrade() { python3 -c 'import sqlite3, sys; d = sqlite3.connect(sys.argv[1]); d.execute("delete from meta where key = ?", ("upgrade:to",)); d.commit()' "$SWARM/state.db"; }

# what stands against an upgrade; what it does to engines is test_swarm.c's, and the end-to-end test's
test_swarm_upgrade() {
	local i before
	swarm_world
	sed 's/version: 29.9.3/version: 29.9.4/' whale.yaml >newer.yaml
	swarm_meta frozen:platform.version 29.9.3
	swarm_meta complete 1
	davit 0 upgrade -f whale.yaml
	says 'cluster whale has 29.9.3, as whale.yaml says: nothing to upgrade'
	davit 2 apply -f newer.yaml
	says '"davit upgrade" goes there, node by node'
	davit 2 status -f newer.yaml
	says 'engine 29.9.4 instead of 29.9.3: "davit upgrade" does that'
	davit 2 status -f newer.yaml -o json
	has 'an upgrade is due' 'o["upgrade"]' 29.9.4
	davit 2 status -f whale.yaml -o json
	has 'none is due' 'o.get("upgrade"), o.get("api")' '(None, None)'
	swarm_meta upgrade:to 29.9.4
	davit 2 status -f newer.yaml
	says 'the upgrade to 29.9.4 has not come to its end'
	forget_upgrade
	sed 's/version: 29.9.3/version: 29.9.2/' whale.yaml >older.yaml
	davit 2 upgrade -f older.yaml
	says 'engines do not go back'
	engine --version whale-workers-1 29.9.10
	engine --stop whale-cp-3
	davit 3 upgrade -f newer.yaml --mirror "file://$WORK/none"
	says 'the engine of whale-workers-1 is 29.9.10: engines do not go back to 29.9.4' 'whale-cp-3 is not Ready' 'the other managers do not reach whale-cp-3' 'the mirror has not all of it'
	engine --version whale-workers-1 29.9.3
	engine --restart whale-cp-3
	if [[ $(engine --show 'o["swarm"]["key"]') = '' ]]; then
		lock_managers
	else
		call whale-cp-3 POST /swarm/unlock "{\"UnlockKey\": \"$(engine --show 'o["swarm"]["key"]')\"}"
	fi
	davit 0 secrets rotate-keys -f whale.yaml --yes # the state has it
	engine --restart whale-cp-3
	davit 3 upgrade -f newer.yaml --dry-run --mirror "file://$WORK/none"
	says 'whale-cp-3 is locked, since its engine was restarted'
	before=$(engine --show 'o["engines"]["whale-cp-3"]["state"]')
	davit 3 upgrade -f newer.yaml --mirror "file://$WORK/none"
	for i in "$before" "$(engine --show 'o["engines"]["whale-cp-3"]["state"]')"; do echo "$i"; done >out
	is 'a look leaves it locked, an upgrade unlocks it' $'locked\nactive'
	engine --restart whale-cp-1
	swarm_meta upgrade:to 29.9.4
	davit 2 status -f newer.yaml
	says '"davit upgrade", which has not come to its end, unlocks it'
	forget_upgrade
	davit 3 upgrade -f newer.yaml --dry-run --mirror "file://$WORK/none"
	says 'whale-cp-1 is locked, since its engine was restarted'
	if grep -F 'does not answer' out err; then not_ok 'another manager is asked' "$(cat err)"; else ok 'another manager is asked'; fi
	davit 3 upgrade -f newer.yaml --mirror "file://$WORK/none"
	if [[ $(engine --show 'o["engines"]["whale-cp-1"]["state"]') = active ]]; then ok 'it is unlocked'; else not_ok 'it is unlocked' "$(cat err)"; fi
}
