# shellcheck shell=bash
# MKE on a swarm: its upgrade, node by node; sourced by operate.sh. Engines are engine.py's, the registry is registry.py. What runs on a node as root comes to
# $FAKE/sudo, which plays the nodes' part: what they have is the files $FAKE/orca/NODE (the version of the engine) and $FAKE/orca/mke.

ORCA=$XDG_STATE_HOME/davit/orca

orca_node() {
	cat >fake/sudo <<-'SH'
		#!/bin/bash
		# sudo -n sh -c TEXT davit ARGUMENT…
		[ "$1" = -n ] && shift
		at=$FAKE/orca text=$3
		[[ $NODE = orca-* ]] || exec "$@"
		told() { echo "$NODE $*" >>"$FAKE/steps"; }
		begins() { echo "$1" >"$at/$NODE"; "$FAKE/curl" --version "$NODE" "$1"; }
		PATH=$at/bin:$PATH
		case $text in
		*davit-install.service*push-gzip*) # enter.sh: what the file wants is in the folder's "wanted"
			wanted=$(cat "$at/wanted")
			[ ! -e "$at/back.$NODE" ] || { wanted=29.9.3; rm "$at/back.$NODE"; }
			told install "$wanted"
			if [ -e "$at/refuses.$NODE" ] && [ "$wanted" != 29.9.3 ]; then
				printf 'davit %s\n' 'begin packages' 'log packages depends on libnftables1' 'fail packages 1' 'end 1'
				exit
			fi
			[ "$NODE" = orca-registry ] || [ "$(cat "$at/$NODE")" = "$wanted" ] || begins "$wanted"
			echo 'davit unchanged'
			;;
		*files.tar*grep\ -vxFf*) # restore.sh
			told restore
			touch "$at/back.$NODE"
			printf '%064d\n' 0
			;;
		*'"$before.new/files.tar"'*) told keep "$5" ;;
		*'rm -rf "$davit/before"'*) told prune ;;
		*starts*InvocationID*) told healthy ;;
		*'df -Pk'*) echo '1 100' ;;
		*ssh_host*|*sshd*) exit 1 ;;
		*) exec "$@" ;;
		esac
	SH
	mkdir -p fake/orca/bin
	cat >fake/orca/bin/docker <<-'SH'
		#!/bin/bash
		# the image of MKE, and its parts' version
		at=$FAKE/orca
		echo "$NODE $*" >>"$FAKE/docker"
		case "$*" in
		*ucp-proxy) cat "$at/mke" ;;
		'container inspect '*' ucp') cat "$at/image" ;;
		'container ls '*status=created*) [ ! -e "$at/created" ] || echo 1 ;;
		'container ls '*status=running*) ;;
		'container ls '*) [ ! -e "$at/image" ] || echo 1 ;;
		'container create '*' upgrade --id '*)
			for word; do [[ $word != mirantis/ucp:* ]] || echo "$word" >"$at/image"; done
			touch "$at/created"
			;;
		'container start ucp')
			rm -f "$at/created"
			[ -e "$at/fails" ] || sed 's/.*://' "$at/image" >"$at/mke"
			[ ! -e "$at/fails" ]
			echo $? >"$at/exit"
			;;
		'container wait ucp') cat "$at/exit" ;;
		'container logs '*) echo 'level=fatal msg="rolled back"' ;;
		'container rm '*) rm -f "$at/image" ;;
		'container run '*' backup --no-passphrase')
			[ ! -e "$at/no-backup" ] || { echo 'level=fatal msg="another backup is running"' >&2 && exit 1; }
			tar -C "$at" -c ucp-controller-server-certs
			;;
		esac
	SH
	cat >fake/orca/bin/curl <<-SH
		#!/bin/sh
		case "\$*" in *msr.example.org*) [ -e "\$FAKE/orca/ill" ] && printf 503 || printf 200 ;; */_ping*) printf 200 ;; *) exec "$HERE/operate/bin/curl" "\$@" ;; esac
	SH
	chmod +x fake/sudo fake/orca/bin/*
	mkdir -p fake/orca/ucp-controller-server-certs
	echo key >fake/orca/ucp-controller-server-certs/key.pem
	echo 3.9.2 >fake/orca/mke
	for i in cp-1 cp-2 cp-3 workers-1; do echo 29.9.3 >"fake/orca/orca-$i"; done
	mkdir -p /opt/davit/run
}

# orca_file NAME VERSION ENGINE: packages and images that differ by version
orca_file() {
	printf 'images %s' "$2" >"ucp-$2.tar.gz"
	printf 'package %s' "$3" >"docker-ee_$3_amd64.deb"
	cat >"$1" <<-YAML
		apiVersion: davit/v1
		kind: Cluster
		metadata: {name: orca}
		spec:
		  platform: {type: mke, version: $2}
		  openstack: {image: ubuntu-24.04}
		  access: {user: root}
		  controlPlane: {count: 3, flavor: m1.large}
		  workerPools:
		  - {name: workers, count: 1, flavor: m1.large}
		  artifacts: {mirror: "file://$WORK/mirror"}
		  mke:
		    images: {file: ucp-$2.tar.gz, sha256: $(sha256sum <"ucp-$2.tar.gz" | cut -d ' ' -f 1)}
		    engine: {version: $3, packages: [{file: docker-ee_$3_amd64.deb, sha256: $(sha256sum <"docker-ee_$3_amd64.deb" | cut -d ' ' -f 1)}]}
		    passwordFile: password
	YAML
}

orca_mirror() {
	local at=mirror/github.com/distribution/distribution/releases/download/v3.1.2
	mkdir -p "$at"
	echo program >"$at/registry"
	tar -C "$at" -czf "$at/registry_3.1.2_linux_amd64.tar.gz" registry
	(cd "$at" && sha256sum registry_3.1.2_linux_amd64.tar.gz >registry_3.1.2_linux_amd64.tar.gz.sha256)
}

orca_meta() {
	python3 -c 'import sqlite3, sys; d = sqlite3.connect(sys.argv[1]); d.execute("insert or replace into meta (key, value) values (?, ?)", sys.argv[2:]); d.commit()' "$ORCA/state.db" "$@"
}
orca_keeps() { python3 -c 'import sqlite3, sys; print(*(v for v, in sqlite3.connect(sys.argv[1]).execute("select value from meta where key = ?", sys.argv[2:])))' "$ORCA/state.db" "$1"; }

orca_registry() {
	local s=$ORCA/pki
	printf 'subjectAltName=IP:127.0.5.4\n' >ext
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout registry.key -out registry.csr -subj /CN=registry 2>/dev/null
	openssl x509 -req -in registry.csr -CA "$s/registry-ca.crt" -CAkey "$s/registry-ca.key" -days 2 -extfile ext -out registry.crt 2>/dev/null || return
	"$HERE/operate/registry.py" 127.0.5.4 5000 registry.crt registry.key "$XDG_CACHE_HOME" 2>/dev/null &
}

orca_world() {
	local k=$WORK/node i token
	[[ ! -e $ORCA ]] || return 0
	rm -f fake/swarm.json
	ln -sf "$HERE/operate/engine.py" fake/curl
	orca_node
	orca_mirror
	node orca-cp-1 127.0.5.11 127.0.6.1
	node orca-cp-2 127.0.5.12
	node orca-cp-3 127.0.5.13
	node orca-workers-1 127.0.5.20
	node orca-registry 127.0.5.4
	"$MAKE_STATE" "$ORCA" orca <<-NODES || return
		orca-cp-1 control-plane control-plane 127.0.5.11 127.0.6.1 $k/orca-cp-1/key.pub
		orca-cp-2 control-plane control-plane 127.0.5.12 - $k/orca-cp-2/key.pub
		orca-cp-3 control-plane control-plane 127.0.5.13 - $k/orca-cp-3/key.pub
		orca-workers-1 worker workers 127.0.5.20 - $k/orca-workers-1/key.pub
		orca-registry registry registry 127.0.5.4 - $k/orca-registry/key.pub
	NODES
	install -D -m 600 home/user "$ORCA/ssh/id_ed25519"
	orca_file orca.yaml 3.9.2 29.9.3
	for i in 5.11 6.1 5.12 5.13 5.20 5.4; do eventually listens "127.0.$i" || return; done
	call orca-cp-1 POST /swarm/init '{"AdvertiseAddr": "127.0.5.11", "Spec": {"EncryptionConfig": {"AutoLockManagers": false}}}'
	for i in 2 3; do
		token=$(engine --show 'o["swarm"]["JoinTokens"]["Manager"]')
		call "orca-cp-$i" POST /swarm/join "{\"AdvertiseAddr\": \"127.0.5.1$i\", \"JoinToken\": \"$token\"}"
	done
	token=$(engine --show 'o["swarm"]["JoinTokens"]["Worker"]')
	call orca-workers-1 POST /swarm/join "{\"AdvertiseAddr\": \"127.0.5.20\", \"JoinToken\": \"$token\"}"
	orca_meta complete 1
	orca_meta frozen:platform.version 3.9.2
	orca_meta frozen:mke.engine.version 29.9.3
	orca_meta frozen:mke.engine.packages "$(sha256sum <docker-ee_29.9.3_amd64.deb | cut -c -12)"
}

is_open() { (: <"/dev/tcp/$1/$2") 2>/dev/null; }

# steps NAME STEP…: what nodes went through, in order; "prune": all of them at last
steps() {
	local found
	found=$(grep -v ' prune$' fake/steps)
	[[ $(grep -c ' prune$' fake/steps) != 5 ]] || found+=$'\n'prune
	if [[ $found = "$(printf '%s\n' "${@:2}" | grep -v ' $')" ]]; then ok "$1"; else not_ok "$1" "$found" "$(cat out err)"; fi
}

# MKE's own backup and the swarm's data in one file
test_mke_backup() {
	orca_world || not_ok 'an MKE is there'
	swarm_data orca
	rm -f fake/calls
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=ops -keyout ops.key -out ops.pem 2>/dev/null
	davit 0 swarm backup -f orca.yaml one.davit-backup --recipient ops.pem -o json
	has 'what is in it' 'o["cluster"], o["docker"], o["mke"], o["node"]' "('orca', '29.9.3', '3.9.2', 'orca-cp-2')"
	calls 'the engine of one that does not lead is stopped' 'orca-cp-2 stop docker.service' 'orca-cp-2 start docker.service'
	if compgen -G '/opt/davit/run/swarm-backup.*'; then not_ok 'nothing stays on the node'; else ok 'nothing stays on the node'; fi
	davit 0 swarm show one.davit-backup --to data.tar.gz --key ops.key
	says 'mke' 3.9.2
	mkdir data
	tar -C data -xzf data.tar.gz
	{ stat -c %a data.tar.gz && cat data/swarm/raft/wal && tar -xOf data/mke.tar ucp-controller-server-certs/key.pem; } >out 2>&1
	is 'both are taken out of it, for their owner alone' $'600\nwhat the managers agreed upon\nkey'
	davit 2 swarm show one.davit-backup --to data.tar.gz --key ops.key
	says 'data.tar.gz is there already, and is not written over'
	openssl ecparam -genkey -name prime256v1 -noout -out other.key
	davit 2 swarm show one.davit-backup --to other.tar.gz --key other.key
	if [[ -e other.tar.gz || -e other.tar.gz.part ]]; then not_ok 'nothing without the key'; else ok 'nothing without the key'; fi
	davit 2 swarm restore -f orca.yaml one.davit-backup --yes
	says 'cluster orca is one of MKE' 'davit swarm show BACKUP --to FILE'
	touch fake/orca/no-backup
	rm -f fake/calls
	davit 5 swarm backup -f orca.yaml two.davit-backup --recipient ops.pem
	says 'orca-cp-2: MKE'\''s own backup ended with status 1: ' 'another backup is running'
	if [[ ! -e fake/calls && ! -e two.davit-backup ]]; then ok 'nothing is stopped'; else not_ok 'nothing is stopped' "$(cat fake/calls)"; fi
	rm -rf fake/orca/no-backup fake/systemctl data ./*.davit-backup data.tar.gz
}

# what stands against it, and what would be done
test_mke_upgrade() {
	local i
	orca_world || not_ok 'an MKE is there'
	davit 0 upgrade -f orca.yaml
	says 'cluster orca has 3.9.2 with engine 29.9.3, as orca.yaml says: nothing to upgrade'
	orca_file newer.yaml 3.9.3 29.9.4
	echo 29.9.4 >fake/orca/wanted
	davit 2 apply -f newer.yaml
	says 'platform.version: the cluster has 3.9.2, the file says 3.9.3' 'mke.engine.packages: the cluster has' '"davit upgrade" goes there, node by node'
	davit 2 status -f newer.yaml
	says 'MKE 3.9.3 with engine 29.9.4 instead of 3.9.2 with engine 29.9.3: "davit upgrade" does that'
	orca_file older.yaml 3.8.4 29.9.3
	davit 2 upgrade -f older.yaml
	says 'MKE does not go back'
	orca_file patched.yaml 3.9.2 29.9.3
	printf more >>docker-ee_29.9.3_amd64.deb
	sed -i "s/sha256: [0-9a-f]*}]/sha256: $(sha256sum <docker-ee_29.9.3_amd64.deb | cut -d ' ' -f 1)}]/" patched.yaml
	davit 2 status -f patched.yaml
	says 'other packages of the engine: "davit upgrade" does that'
	davit 0 upgrade -f patched.yaml --dry-run
	says 'worker        orca-workers-1 drain, install 3.9.2 with engine 29.9.3'
	if grep -F "MKE's own upgrade" out; then not_ok 'MKE stays'; else ok 'MKE stays'; fi
	echo 3.7.1 >fake/orca/mke
	davit 3 upgrade -f newer.yaml --dry-run
	says 'MKE is 3.7.1: it goes on by one minor version at a time, so that 3.8 comes before 3.9.3'
	echo 3.9.2 >fake/orca/mke
	davit 0 upgrade -f newer.yaml --dry-run
	is 'what would be done' 'STEP          NODE           WHAT
bundle        -              fetch programs and images of 3.9.3 with engine 29.9.4
registry      orca-registry  put them into the registry, beside those of before
snapshot      -              keep MKE'\''s own backup in the state folder
control-plane orca-cp-2      drain, install 3.9.3 with engine 29.9.4, wait until the other managers reach it, back to its availability
control-plane orca-cp-3      drain, install 3.9.3 with engine 29.9.4, wait until the other managers reach it, back to its availability
control-plane orca-cp-1      drain, install 3.9.3 with engine 29.9.4, wait until the other managers reach it, back to its availability
worker        orca-workers-1 drain, install 3.9.3 with engine 29.9.4, wait until it is ready, back to its availability
mke           -              MKE'\''s own upgrade to 3.9.3, wait until all managers have it and are well
retire        -              remove the programs of 3.9.2 with engine 29.9.3 from the nodes

from 3.9.2 with engine 29.9.3 to 3.9.3 with engine 29.9.4, 1 worker of a pool at a time'
}

# a node that does not take its packages, other ones of the same version, has the old ones again, and the cluster is as it was
test_mke_upgrade_and_back() {
	orca_registry
	eventually is_open 127.0.5.4 5000
	rm -f fake/steps
	touch fake/orca/refuses.orca-cp-2
	echo 29.9.5 >fake/orca/wanted # as the node's part calls them
	davit 5 upgrade -f patched.yaml
	says 'depends on libnftables1' 'orca-cp-2 was put back to what it had before, and works as it did.' 'The cluster is as it was; "davit upgrade" begins anew.'
	steps 'what was done' 'orca-registry install 29.9.5' 'orca-cp-2 keep 3.9.2 with engine 29.9.3' 'orca-cp-2 install 29.9.5' 'orca-cp-2 install 29.9.5' 'orca-cp-2 restore' \
		'orca-cp-2 install 29.9.3' 'orca-cp-2 healthy'
	for i in "$(orca_keeps upgrade:to)" "$(cat fake/orca/orca-cp-2)" "$(engine --show '[n["Spec"]["Availability"] for n in o["nodes"]]')"; do echo "$i"; done >out
	is 'and is left' $'\n29.9.3\n[\'active\', \'active\', \'active\', \'active\']'
	rm fake/orca/refuses.orca-cp-2
	echo 29.9.4 >fake/orca/wanted
}

# MKE's own command fails when all engines are through; the same again does nothing else
test_mke_upgrade_by_its_own_command() {
	rm -rf fake/steps "$ORCA/snapshots"
	touch fake/orca/fails
	davit 5 upgrade -f newer.yaml
	says 'the upgrade of MKE ended with status 1: MKE'\''s own command ended with status 1, after which MKE goes back to what it was: level=fatal msg="rolled back"' \
		'When that is mended, "davit upgrade" goes on from here'
	steps 'all nodes are through' orca-registry\ {'install 29.9.4',} orca-{cp-2,cp-3,cp-1,workers-1}\ {'keep 3.9.3 with engine 29.9.4','install 29.9.4',healthy}
	if cmp -s <(tar -xOf "$ORCA"/snapshots/MKE-3.9.2-*.tar ucp-controller-server-certs/key.pem) fake/orca/ucp-controller-server-certs/key.pem; then
		ok 'a backup of MKE is kept'
	else
		not_ok 'a backup of MKE is kept' "$(ls "$ORCA/snapshots")"
	fi
	davit 2 apply -f newer.yaml
	says 'the cluster has 3.9.2, the file says 3.9.3'
	davit 2 apply -f orca.yaml
	says 'the upgrade of cluster orca to 3.9.3 with engine 29.9.4 has not come to its end'
	rm -f fake/orca/fails fake/steps
	davit 0 upgrade -f newer.yaml
	says 'cluster orca has 3.9.3 with engine 29.9.4'
	steps 'no node is gone through again' 'orca-registry install 29.9.4' prune
	for i in "$(cat fake/orca/mke)" "$(orca_keeps upgrade:to)" "$(orca_keeps frozen:platform.version)" "$(ls "$ORCA/snapshots" | wc -l)"; do echo "$i"; done >out
	is 'MKE has come to it, by one backup' $'3.9.3\n\n3.9.3\n1'
	davit 0 upgrade -f newer.yaml
	says 'nothing to upgrade'
}

# without an engine that begins anew nothing is drained
test_mke_upgrade_without_engines() {
	orca_file newest.yaml 3.9.4 29.9.4
	rm -f fake/steps fake/calls
	davit 0 upgrade -f newest.yaml --dry-run
	says 'worker        orca-workers-1 load the images of 3.9.4'
	davit 0 upgrade -f newest.yaml
	steps 'images are loaded' 'orca-registry install 29.9.4' orca-{cp-2,cp-3,cp-1,workers-1}\ {'keep 3.9.4 with engine 29.9.4','install 29.9.4',healthy} prune
	if [[ $(cat fake/orca/mke) = 3.9.4 && ! -e fake/calls ]]; then ok 'nothing is drained'; else not_ok 'nothing is drained' "$(cat fake/calls)"; fi
}

# MSR on the pool of workers, as the state has it
test_mke_with_a_registry() {
	orca_file msr.yaml 3.9.4 29.9.4
	cat >>msr.yaml <<-YAML
		    msr: {version: 2.9.29, images: {file: dtr.tar.gz, sha256: $(sha256sum <ucp-3.9.4.tar.gz | cut -d ' ' -f 1)}, pool: workers, host: msr.example.org, allowedCIDRs: [192.0.2.0/24]}
	YAML
	davit 2 status -f msr.yaml # there is no cloud to be asked
	if grep -q MSR out err; then not_ok 'of an MSR that is still to be installed nothing is told' "$(cat out err)"; else ok 'of an MSR that is still to be installed nothing is told'; fi
	orca_meta msr:replica:orca-workers-1 aaaaaaaaaaa1
	orca_meta msr:installed '2.9.29 workers local'
	davit 2 status -f msr.yaml
	says 'MSR is at https://msr.example.org, for clients that trust' 'pki/mke-ca.crt'
	if grep -q 'not well' out; then not_ok 'its replica is well' "$(cat out)"; else ok 'its replica is well'; fi
	touch fake/orca/ill
	davit 2 status -f msr.yaml
	says 'its replica of MSR is not well'
	davit 2 status -f msr.yaml -o json
	has 'so for programs' '[x.get("reason") for x in o["nodes"] if x["name"] == "orca-workers-1"], o["msr"]' \
		"(['its replica of MSR is not well; see: davit logs NODE docker'], 'https://msr.example.org')"
	davit 2 apply -f newest.yaml
	says 'newest.yaml:' 'mke.msr: the cluster has MSR (2.9.29 workers local), which the file no longer names: davit does not take it away with its images'
	sed 's/2\.9\.29/2.9.28/' msr.yaml >older-msr.yaml
	davit 2 apply -f older-msr.yaml
	says 'older-msr.yaml:16:10: mke.msr: the cluster has version, pool and storage "2.9.29 workers local", the file says "2.9.28 workers local"' 'MSR does not go back'
	rm -f fake/sudo fake/curl fake/swarm.json
}
