# shellcheck shell=bash
# davit swarm restore; sourced by operate.sh.  What engines do with the data is swarm_engine.sh's.

DOCKERD=/opt/davit/bin/dockerd

# what ends and begins, and what it is told, without what the managers are asked
restore_calls() { grep -vE ' POST /swarm/unlock$| POST /nodes/' fake/calls | sort >called; }

test_swarm_taken_back() {
	swarm_world
	swarm_data
	[[ $(engine --show 'o["swarm"]["key"]') != '' ]] || lock_managers
	printf '%s\n' '#!/bin/sh' 'echo "Docker version 29.9.3, build 1"' >$DOCKERD
	chmod +x $DOCKERD
	export DAVIT_PASSPHRASE='correct horse'
	davit 0 swarm backup -f whale.yaml whale.davit-backup
	echo 'what they agreed upon since' | tee disk/whale-cp-{1,2,3}/swarm/raft/wal >later
	swarm_is_not_put_back
	swarm_is_looked_at
	swarm_is_put_back
	swarm_is_taken_back
	unset DAVIT_PASSPHRASE
	rm -rf fake/systemctl "$DOCKERD" fake/unknown ./*.davit-backup
}

swarm_is_not_put_back() {
	rm -f fake/calls
	davit 2 swarm restore -f cluster.yaml whale.davit-backup --yes
	says 'cluster demo is no swarm'
	LC_ALL=C sed '2s/"uuid": *"./"uuid":"x/' whale.davit-backup >other.davit-backup
	davit 2 swarm restore -f whale.yaml other.davit-backup --yes
	says 'it is of cluster whale, x'
	head -c -1 whale.davit-backup >other.davit-backup
	davit 2 swarm restore -f whale.yaml other.davit-backup --yes
	says 'it is damaged'
	{ head -c -1 whale.davit-backup && printf x; } >other.davit-backup
	davit 2 swarm restore -f whale.yaml other.davit-backup --yes
	says 'its snapshot is not what was written'
	DAVIT_PASSPHRASE=wrong davit 2 swarm restore -f whale.yaml whale.davit-backup --yes
	says 'it does not open with this passphrase'
	davit 2 swarm restore -f whale.yaml
	davit 2 swarm restore -f whale.yaml --abort whale.davit-backup
	davit 2 swarm restore -f whale.yaml whale.davit-backup
	says 'Make the swarm of cluster whale anew on whale-cp-2'
	sed -i 's/29.9.3/29.8.0/' $DOCKERD
	davit 3 swarm restore -f whale.yaml whale.davit-backup --yes
	says 'the backup is of Engine 29.9.3, and whale-cp-2 has 29.8.0'
	sed -i 's/29.8.0/29.9.3/' $DOCKERD
	if [[ ! -e fake/calls ]]; then ok 'nothing is touched'; else not_ok 'nothing is touched' "$(cat fake/calls)"; fi
}

swarm_is_looked_at() {
	davit 0 swarm restore -f whale.yaml whale.davit-backup --dry-run
	says 'the swarm has its quorum, as whale-cp-1, whale-cp-2, whale-cp-3 say' 'leave   whale-cp-1, whale-cp-3' 'join    whale-workers-1'
	engine --stop whale-cp-1
	engine --stop whale-cp-3
	davit 0 swarm restore -f whale.yaml whale.davit-backup --dry-run -o json
	has 'who begins' 'o["steps"][0]["step"], o["steps"][0]["on"]' "('push', 'whale-cp-2')"
	if grep -F quorum err; then not_ok 'there is no quorum'; else ok 'there is no quorum'; fi
	if [[ ! -e fake/calls ]]; then ok 'a look touches nothing'; else not_ok 'a look touches nothing' "$(cat fake/calls)"; fi
}

# two of three are lost, and a worker came after the backup
swarm_is_put_back() {
	echo whale-workers-1 >fake/unknown
	rm -f fake/calls fake/argv
	echo 'POST /swarm/init 500 no space left' >fake/fault
	davit 5 swarm restore -f whale.yaml whale.davit-backup --yes
	says 'whale-cp-2: ' 'no space left' 'the same "davit swarm restore whale.davit-backup" goes on from here'
	restore_calls
	if [[ $(<called) = "$(printf '%s\n' 'whale-cp-'{1,3}' POST /swarm/leave?force=true' 'whale-cp-2 POST /swarm/init' 'whale-cp-'{1,2,3}' start docker.service' \
		'whale-cp-'{1,2,3}' stop docker.service' | sort)" ]]; then ok 'the others leave, and one begins'; else not_ok 'the others leave, and one begins' "$(cat fake/calls)"; fi
	davit 2 swarm backup -f whale.yaml two.davit-backup
	says 'a restoration of the swarm of cluster whale has not come to its end'
	rm -f fake/calls
	echo 'GET /swarm/unlockkey 500 no leader' >fake/fault
	davit 5 swarm restore -f whale.yaml whale.davit-backup
	restore_calls
	if [[ $(<called) = "$(printf '%s\n' 'whale-cp-2 POST /swarm/init' 'whale-cp-2 start docker.service')" ]]; then
		ok 'the same again begins the swarm'
	else
		not_ok 'the same again begins the swarm' "$(cat fake/calls)"
	fi
	rm -f fake/calls
	davit 0 swarm restore -f whale.yaml whale.davit-backup
	says 'is as it was on' "what whale-cp-1 had before is there in $WORK/disk/whale-cp-1/swarm.before-"
	restore_calls
	if grep -E 'stop|leave|init' called | grep -v workers; then not_ok 'what is done is not done again'; else ok 'what is done is not done again'; fi
	if [[ $(engine --show '[n["Description"]["Hostname"] for n in o["nodes"] if "ManagerStatus" in n].__len__(), len(o["nodes"])') = '(3, 4)' ]]; then
		ok 'all are there'
	else
		not_ok 'all are there' "$(engine --show 'o["nodes"]')"
	fi
	cat disk/whale-cp-2/swarm/raft/wal >out
	is 'the data is that of the backup' 'what the managers agreed upon'
	cat disk/whale-cp-[123]/swarm.before-*/raft/wal | sort -u >out
	is 'what was there is kept' 'what they agreed upon since'
	if grep -E 'SWMKEY|SWMTKN|PRIVATE' fake/argv err; then not_ok 'no key is shown'; else ok 'no key is shown'; fi
}

# one that fails on the way is not gone on with
swarm_is_taken_back() {
	swarm_data # what the stand-ins for engines have joined with
	echo 'what they have agreed upon by now' | tee disk/whale-cp-{1,2,3}/swarm/raft/wal >now
	davit 2 swarm restore -f whale.yaml --abort
	says 'no restoration of the swarm of cluster whale is under way'
	echo 'POST /swarm/init 500 no space left' >fake/fault
	davit 5 swarm restore -f whale.yaml whale.davit-backup --yes
	says '"davit swarm restore --abort" goes back to what was there before'
	davit 2 swarm backup -f whale.yaml two.davit-backup
	says 'with --abort it goes back'
	davit 0 swarm restore -f whale.yaml --abort --dry-run
	says 'back  whale-cp-1, whale-cp-2, whale-cp-3' 'begin whale-cp-1, whale-cp-2, whale-cp-3'
	davit 2 swarm restore -f whale.yaml --abort
	says 'Go back from the restoration of the swarm of cluster whale'
	rm -f fake/calls
	davit 0 swarm restore -f whale.yaml --abort --yes
	says 'has what it had before the restoration'
	grep -oE '(stop|start) docker' fake/calls | uniq -c | xargs >out
	is 'all engines stand still before one begins' '3 stop docker 3 start docker'
	sort -u disk/whale-cp-[123]/swarm/raft/wal >out
	is 'the data of before is there again' "$(<now)"
	davit 2 swarm restore -f whale.yaml --abort
	says 'no restoration of the swarm of cluster whale is under way'
}
