# shellcheck shell=bash
# Clusters that are laid out in other ways: of each the cloud's part is made, reached, and taken away again.

# what the cloud has beforehand; who reaches a network of another project has a route to it
modes_begin() {
	in_tree existing.py make >"$WORK/gateway"
	"$LAB" exec ip route add 10.62.0.0/24 via "$(cat "$WORK/gateway")"
	list_project >"$WORK/before"
}

modes_end() {
	"$LAB" exec ip route del 10.62.0.0/24
	in_tree existing.py remove
	list_project >"$WORK/before"
}

# mode_file NAME KEY…: the file of a cluster with these keys besides, a line each; $networks: in which its control plane is besides
mode_file() {
	local name=$1 file=$WORK/$1.yaml
	shift
	cat >"$file" <<-YAML
		apiVersion: davit/v1
		kind: Cluster
		metadata: {name: $name}
		spec:
		  platform: {version: 1.36.3}
		  controlPlane: {flavor: m1.small, networks: [${networks:-}]}
		  registry: {flavor: m1.tiny, volume: {size: 1}}
	YAML
	printf '  %s\n' "$@" >>"$file"
}

# mode NAME KEY…: such a cluster, as far as the cloud goes
mode() {
	local file=$WORK/$1.yaml
	mode_file "$@"
	davit preflight -f "$file" --mirror "$MIRROR"
	davit apply -f "$file" --cloud-only
	status davit apply -f "$file" --cloud-only
	expect_status 0
	expect_text 'nothing to do'
}

# the servers' names, asked of themselves; each is reached in the way that the file says
mode_answers() {
	local node
	for node in cp-1 registry; do
		[[ $(davit ssh -f "$WORK/$1.yaml" "$node" hostname) = "$1-$node" ]]
	done
}

mode_leaves_nothing() {
	davit delete -f "$WORK/$1.yaml" --yes
	project_empty_as_before
}

# nothing of the network is ours, and nothing outside leads to the servers
in_a_network_of_another_project() {
	mode shared 'openstack: {cloud: lab, image: debian-12}' 'network: {cidr: 10.62.0.0/24, existing: {network: corp}}' \
		'api: {endpoint: internal}' 'access: {bastion: none}'
	mode_answers shared
	mode_leaves_nothing shared
}

# each server has a floating IP, and its user-data from a drive; one is in two other networks besides, and the way in for the next
on_an_existing_router() {
	networks='corp, island' mode edge 'openstack: {cloud: lab, image: debian-12, externalNetwork: public, configDrive: true}' \
		'network: {cidr: 10.63.0.0/24, existing: {router: edge}}' 'access: {bastion: floatingIPs}'
	mode_answers edge
	davit ssh -f "$WORK/edge.yaml" cp-1 cat /var/lib/cloud/instance/datasource | tee "$WORK/datasource"
	grep -q DataSourceConfigDrive "$WORK/datasource"
	eventually 60 davit ssh -f "$WORK/edge.yaml" cp-1 'ip -4 -o address | grep " 10\.62\.0\."'
	eventually 60 davit ssh -f "$WORK/edge.yaml" cp-1 'ip -4 -o address | grep " 10\.64\.0\."'
}

# what the server of the edge knows of others; of itself under the address by which it is reached
known_hosts_of() { davit ssh -f "$WORK/edge.yaml" cp-1 ssh-keyscan -t ed25519 "$@"; }
# ssh-keyscan is content with one that answers
all_known() {
	known_hosts_of "$@" | grep ssh-ed25519 >"$WORK/known"
	[[ $(wc -l <"$WORK/known") = "$#" ]]
}
# address_of CLUSTER NODE: where it is in the network; and where it is connected to
address_of() { davit node list -f "$WORK/$1.yaml" -o json | python3 -c 'import json, sys; print(*(n["address"] for n in json.load(sys.stdin)["nodes"] if n["name"] == sys.argv[1]))' "$2"; }
host_of() { davit inventory -f "$WORK/$1.yaml" --host "$2" | python3 -c 'import json, sys; print(json.load(sys.stdin)["ansible_host"])'; }

# No router at all, not even somebody else's: the way in is a jump host that is not ours (here another cluster's server), the host keys stand in
# a file, and a drive has the user-data.
in_a_network_without_a_router() {
	local jump key=$XDG_STATE_HOME/davit/edge/ssh/id_ed25519
	list_project >"$WORK/before-island"
	jump=$(host_of edge edge-cp-1)
	known_hosts_of localhost | sed "s/^localhost/$jump/" >"$WORK/known-jump"
	: >"$WORK/known"
	mode island 'openstack: {cloud: lab, image: debian-12, configDrive: true}' 'network: {cidr: 10.64.0.0/24, existing: {network: island}}' \
		'api: {endpoint: internal}' \
		"access: {hostKeys: ./known, bastion: {host: $jump, user: debian, keyFile: $key, knownHosts: $WORK/known-jump}}"
	sed "s/host: $jump/host: 127.0.0.1, port: 1/" "$WORK/island.yaml" >"$WORK/elsewhere.yaml"
	status davit preflight -f "$WORK/elsewhere.yaml" --mirror "$MIRROR"
	expect_status 3
	expect_text 'jump host 127.0.0.1: port 1 cannot be reached from here'
	status davit ssh -f "$WORK/island.yaml" cp-1 hostname
	expect_status 2
	expect_text "$WORK/./known has no host key of island-cp-1"
	eventually 60 all_known "$(address_of island island-cp-1)" "$(address_of island island-registry)"
	mode_answers island
	[[ $(davit ssh -f "$WORK/island.yaml" cp-1 'ip -4 route') != *default* ]]
	davit delete -f "$WORK/island.yaml" --yes
	list_project | diff -u "$WORK/before-island" -
}

# In turn, and no two servers of a group on one host, of which the cloud has two; the quota takes two in a group, so that the third is in another one.
# Servers of the second zone are nowhere but in Nova's data base.
in_several_zones() {
	trap 'in_tree zones.py remove; in_tree quota.py reset' EXIT
	in_tree zones.py make
	in_tree quota.py set server_group_members=2
	local pool='workerPools: [{name: w, count: 3, flavor: m1.tiny, zones: [nova, far], serverGroup: anti-affinity'
	local cloud='openstack: {cloud: lab, image: debian-12}' access='access: {bastion: none}' api='api: {endpoint: internal}'
	mode_file zones "$cloud" "$access" "$api" "$pool}]"
	status davit preflight -f "$WORK/zones.yaml" --mirror "$MIRROR"
	expect_status 3
	expect_text 'quota of members of server group "w.anti-affinity": 3 servers are to be in it, the cloud allows 2'
	expect_text 'write serverGroupSize: 2'
	mode zones "$cloud" "$access" "$api" "$pool, serverGroupSize: 2}]"
	in_tree zones.py list | grep zones-w | tee "$WORK/zones"
	[[ $(<"$WORK/zones") = $'zones-w-1 nova\nzones-w-2 far\nzones-w-3 nova' ]]
	list_project | grep -E '^server group [^ ]+ zones-w\.anti-affinity(\.2)?-' | tee "$WORK/groups"
	[[ $(wc -l <"$WORK/groups") = 2 ]]
	mode_leaves_nothing zones
}
