# shellcheck shell=bash
# A swarm's engines from one version to the next, with autolock, interrupted, and with a node that does not bear it.  FILE is $WORK/swarm.yaml.
# The older engine is in a mirror in $WORK/mirror whose other files are links: the archive $E2E_OLDER_ENGINE, else the newer one that calls itself so,
# which tries what davit does, and says nothing about what the engines of two releases make of one another.

ENGINE=29.9.3 OLDER_ENGINE=29.9.2 ENGINES=download.docker.com/linux/static/stable/x86_64 BROKEN=/etc/systemd/system/docker.service.d/broken.conf

older_engine() {
	local from=$DAVIT_CACHE/mirror to=$WORK/mirror name
	rm -rf "$to" "$WORK/docker"
	mkdir -p "$to/$ENGINES"
	for name in "$from"/*; do [[ $name = */download.docker.com ]] || ln -s "$name" "$to/"; done
	ln -s "$from/$ENGINES/docker-$ENGINE.tgz" "$to/$ENGINES/"
	if [[ -n ${E2E_OLDER_ENGINE:-} ]]; then
		cp "$E2E_OLDER_ENGINE" "$to/$ENGINES/docker-$OLDER_ENGINE.tgz"
		return
	fi
	tar -C "$WORK" -xzf "$from/$ENGINES/docker-$ENGINE.tgz"
	sed -i "s/${ENGINE//./\\.}/$OLDER_ENGINE/g" "$WORK/docker/docker" "$WORK/docker/dockerd"
	[[ $("$WORK/docker/dockerd" --version) = "Docker version $OLDER_ENGINE,"* ]]
	tar -C "$WORK" --owner=0 --group=0 --numeric-owner -cf - docker | gzip -1 >"$to/$ENGINES/docker-$OLDER_ENGINE.tgz"
	rm -rf "$WORK/docker"
}

a_swarm_of_the_older_version() {
	mkdir -p "$WORK"
	older_engine
	swarm_file
	sed -i "s/version: $ENGINE/version: $OLDER_ENGINE/; s/^  daemon:/  swarm: {autolock: true}\n&/" "$FILE"
	apply
	swarm_has cp-1 5
	engines_are cp-1 "$OLDER_ENGINE $OLDER_ENGINE $OLDER_ENGINE $OLDER_ENGINE $OLDER_ENGINE"
	docker_on cp-1 service create --quiet --with-registry-auth --name web --replicas 4 --constraint node.role==worker "$AGNHOST" netexec
	docker_on cp-1 node update --availability pause whale-cp-2
}

# engines_are MANAGER VERSION…: by the nodes' names, as the manager sees them
engines_are() { docker_on "$1" node ls --format "'{{.Hostname}} {{.EngineVersion}}'" | sort | cut -d ' ' -f 2 | xargs | tee "$WORK/engines" | grep -qx "$2"; }

availabilities() { swarm_nodes "$1" | cut -d ' ' -f 3 | xargs; }

leader() { swarm_nodes "$1" | sed -n 's/ .* Leader$//p'; }

# whoever leads goes last; nothing is written while a manager is away
engine_upgrade_tells() {
	sed -i "s/version: $OLDER_ENGINE/version: $ENGINE/" "$FILE"
	status apply
	expect_status 2
	expect_text '"davit upgrade" goes there, node by node'
	status davit plan -f "$FILE" --mirror "$MIRROR"
	expect_status 10
	expect_text "engine $ENGINE instead of $OLDER_ENGINE: \"davit upgrade\" does that"
	status upgrade --dry-run
	expect_status 0
	grep -E 'worker +whale-workers-2 ' "$WORK/out"
	[[ $(grep -oE '^control-plane +whale-cp-.' "$WORK/out" | tail -n 1) = *"$(leader cp-1)" ]]
	sed "s/version: $ENGINE/version: 29.9.1/" "$FILE" >"$WORK/back.yaml"
	status davit upgrade -f "$WORK/back.yaml" --mirror "$MIRROR"
	expect_status 2
	expect_text 'engines do not go back'
	davit ssh -f "$FILE" cp-3 sudo systemctl stop docker
	eventually 90 manager_is_down
	status upgrade
	expect_status 3
	expect_text 'whale-cp-3 is not Ready'
	davit ssh -f "$FILE" cp-3 sudo systemctl start docker
	status upgrade --dry-run
	expect_status 0
	expect_text 'whale-cp-3 is locked, since its engine was restarted'
	engines_are cp-1 "$OLDER_ENGINE $OLDER_ENGINE $OLDER_ENGINE $OLDER_ENGINE $OLDER_ENGINE"
}

manager_is_down() { swarm_nodes cp-1 | grep -x 'whale-cp-3 Down Active Unreachable'; }

# breaks NODE: its engine starts with the old version only
breaks() {
	davit ssh -f "$FILE" "$1" "sudo mkdir -p ${BROKEN%/*} && printf '[Service]\nExecStartPre=/bin/sh -c \"/opt/davit/bin/dockerd --version | grep -q $OLDER_ENGINE\"\n' | sudo tee $BROKEN"
}

mends() { davit ssh -f "$FILE" "$1" "sudo rm -r ${BROKEN%/*} && sudo systemctl daemon-reload"; }

# cp-3, which was started anew, is unlocked first; the first manager does not bear it, is unlocked once more, and all is as it was
engine_upgrade_puts_a_manager_back() {
	breaks cp-2
	status upgrade
	expect_status 5
	expect_text 'whale-cp-2 was put back to what it had before'
	expect_text 'The cluster is as it was'
	eventually 60 engines_are cp-1 "$OLDER_ENGINE $OLDER_ENGINE $OLDER_ENGINE $OLDER_ENGINE $OLDER_ENGINE"
	[[ $(availabilities cp-1) = 'Active Pause Active Active Active' ]]
	[[ $(swarm_nodes cp-1 | grep -cE ' (Leader|Reachable)$') = 3 ]]
	mends cp-2
}

# under load from here on: each of the managers is drained, and its clients with it, then the workers
engine_upgrade_interrupted() {
	swarm_load_begins
	interrupt_at 'whale-workers-1: push done' upgrade
	[[ $(availabilities cp-1) = 'Active Pause Active Drain Active' ]]
	status apply
	expect_status 2
	expect_text "the upgrade of cluster whale to $ENGINE has not come to its end"
}

engine_upgrade_puts_a_node_back() {
	breaks workers-2
	status upgrade
	expect_status 5
	expect_text 'whale-workers-2 was put back to what it had before'
	expect_text '"davit upgrade" goes on from here'
	eventually 60 engines_are cp-1 "$ENGINE $ENGINE $ENGINE $ENGINE $OLDER_ENGINE"
	[[ $(availabilities cp-1) = 'Active Pause Active Active Active' ]]
	mends workers-2
}

engine_upgrade_ends() {
	status upgrade
	expect_status 0
	engines_are cp-1 "$ENGINE $ENGINE $ENGINE $ENGINE $ENGINE"
	[[ $(availabilities cp-1) = 'Active Pause Active Active Active' ]]
	[[ $(swarm_nodes cp-1 | grep -cE ' (Leader|Reachable)$') = 3 ]]
	docker_on cp-1 node update --availability active whale-cp-2
	eventually 60 web_runs
	swarm_load_is_answered
	swarm_load_ends
	davit ssh -f "$FILE" workers-2 'ls -d /opt/davit/before /opt/davit/lib/*/*' >"$WORK/kept" 2>/dev/null || true
	grep "/docker/$ENGINE" "$WORK/kept"
	lacks "$WORK/kept" "/$OLDER_ENGINE" before
	status upgrade
	expect_status 0
	expect_text 'nothing to upgrade'
	is_as_the_file_says
}

web_runs() { [[ $(docker_on cp-1 service ls --filter name=web --format "'{{.Replicas}}'") = 4/4 ]]; }

# nobody else can be asked meanwhile, and nobody unlocks it but us
one_manager_is_upgraded() {
	swarm_file
	sed -i "s/version: $ENGINE/version: $OLDER_ENGINE/; s/^  daemon:/  swarm: {autolock: true}\n&/; s/count: 3, //" "$FILE"
	apply
	engines_are cp-1 "$OLDER_ENGINE $OLDER_ENGINE $OLDER_ENGINE"
	sed -i "s/version: $OLDER_ENGINE/version: $ENGINE/" "$FILE"
	status upgrade --parallel 2
	expect_status 0
	expect_text 'there are fewer than three managers (1)'
	engines_are cp-1 "$ENGINE $ENGINE $ENGINE"
	[[ $(availabilities cp-1) = 'Active Active Active' ]]
	is_as_the_file_says
}
