# shellcheck shell=bash
# A swarm under load: requests by an overlay network to a service that is on each worker, found by the DNS of its engines (round robin), while workers come
# and go, and while engines are upgraded.  FILE is $WORK/swarm.yaml.

# Its clients are a service, too, one on each manager: while the engine of one begins anew the others go on asking.
swarm_load_begins() {
	docker_on cp-1 network inspect shop >/dev/null 2>&1 || docker_on cp-1 network create -d overlay --attachable shop
	# it is told before it goes, and answers for some seconds more: its name is forgotten meanwhile
	docker_on cp-1 service create --quiet --with-registry-auth --name till --mode global --network shop --endpoint-mode dnsrr \
		--constraint node.role==worker --stop-grace-period 20s "$AGNHOST" netexec --http-port=8090 --delay-shutdown=5
	# what it is answered counts from the first answer on
	docker_on cp-1 service create --quiet --with-registry-auth --name customer --mode global --network shop --constraint node.role==manager --entrypoint /bin/sh "$AGNHOST" -c \
		"'ask() { printf \"GET /hostname HTTP/1.0\r\n\r\n\" | nc -w 3 till 8090 | head -n 1 | cut -d \" \" -f 2; }
		until [ \"\$(ask)\" = 200 ]; do sleep 0.2; done
		while :; do echo \$(date +%s) \$(ask); sleep 0.2; done'"
	swarm_load_begins_anew
}

swarm_load() { docker_on "$1" service logs --raw customer 2>/dev/null; }

# what was asked so far is not counted
swarm_load_begins_anew() {
	eventually 60 swarm_load_is_steady
	davit ssh -f "$FILE" cp-1 date +%s >"$WORK/load.since"
}

swarm_load_is_steady() { [[ $(swarm_load cp-1 | sort -n | tail -n 30 | grep -c ' 200$') = 30 ]]; }

# How many were lost is told: into $LOST.
swarm_load_is_counted() {
	swarm_load cp-1 | awk -v since="$(<"$WORK/load.since")" '$1 >= since' >"$WORK/load"
	LOST=$(grep -vc ' 200$' "$WORK/load" || true)
	say "$(wc -l <"$WORK/load") requests, $LOST lost, in $(grep -v ' 200$' "$WORK/load" | cut -d ' ' -f 1 | sort -u | wc -l) seconds"
	(($(wc -l <"$WORK/load") > 50))
}

swarm_load_is_answered() {
	swarm_load_is_counted
	((LOST == 0))
}

swarm_load_ends() { docker_on cp-1 service rm customer till; }

swarm_scales() {
	swarm_load_begins
	davit scale-up -f "$FILE" --mirror "$MIRROR" workers
	swarm_has cp-1 6
	swarm_load_is_answered
	swarm_load_begins_anew
	davit scale-down -f "$FILE" --yes workers 2
	swarm_has cp-1 4
	swarm_load_is_answered
	swarm_load_ends
	is_as_the_file_says
}

# Its power goes while it is installed, and comes again: who waits for it connects anew, and lets it join.  With power that stays away, apply goes on later.
a_worker_dies_while_it_joins() {
	local name number=0
	begins scale-up workers
	awaits 'whale-workers-[0-9]+: push done'
	name=$(grep -oE 'whale-workers-[0-9]+: push done' "$WORK/run.log" | head -n 1 | cut -d : -f 1)
	in_tree power.py reset "$name"
	wait "$pid" || number=$?
	tail -n 3 "$WORK/run.log"
	((number == 0))
	swarm_has cp-1 5
	is_as_the_file_says
	davit scale-down -f "$FILE" --yes workers
	begins scale-up workers
	awaits "$name: push done"
	in_tree power.py stop "$name"
	kill -INT -- "-$pid"
	wait "$pid" || number=$?
	((number == 130))
	status apply
	expect_status 0
	swarm_has cp-1 5
	is_as_the_file_says
}
