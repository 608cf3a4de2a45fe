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

# mode NAME KEY…: a cluster whose file has these keys besides, a line each; $networks: in which its control plane is besides
mode() {
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

# each server has a floating IP, and its user-data from a drive; one is in another network besides
on_an_existing_router() {
	networks=corp mode edge 'openstack: {cloud: lab, image: debian-12, externalNetwork: public, configDrive: true}' \
		'network: {cidr: 10.63.0.0/24, existing: {router: edge}}' 'access: {bastion: floatingIPs}'
	mode_answers edge
	davit ssh -f "$WORK/edge.yaml" cp-1 cat /var/lib/cloud/instance/datasource | tee "$WORK/datasource"
	grep -q DataSourceConfigDrive "$WORK/datasource"
	eventually 60 davit ssh -f "$WORK/edge.yaml" cp-1 'ip -4 -o address | grep " 10\.62\.0\."'
	mode_leaves_nothing edge
}
