# shellcheck shell=bash
# davit's commands on a cluster that is there.

again_does_nothing() {
	local start=$SECONDS
	status apply
	expect_status 0
	expect_text 'nothing to do'
	((SECONDS - start < 30)) || { say "$((SECONDS - start)) s are not seconds"; return 1; }
}

plan_is_empty() {
	status davit plan -f "$FILE" --mirror "$MIRROR"
	expect_status 0
	expect_text 'nothing to do'
}

plan_of_a_change() {
	sed 's/count: 2/count: 3/' "$FILE" >"$WORK/three.yaml"
	status davit plan -f "$WORK/three.yaml" --mirror "$MIRROR"
	expect_status 10
	expect_text demo-workers-3
	expect_text ' to create'
}

status_shows_nodes() {
	status davit status -f "$FILE"
	expect_status 0
	for node in demo-cp-1 demo-workers-1 demo-workers-2 demo-registry; do expect_text "$node"; done
	expect_text Ready
}

ssh_runs_commands() {
	local node
	for node in cp-1 workers-1 demo-workers-2 registry; do
		[[ $(davit ssh -f "$FILE" "$node" hostname) = demo-"${node#demo-}" ]]
	done
	[[ $(echo hello | davit ssh -f "$FILE" workers-1 cat) = hello ]]
	status davit ssh -f "$FILE" cp-1 exit 42
	expect_status 42
	status davit ssh -f "$FILE" nobody true
	expect_status 2
	expect_text demo-workers-1
}

render_shows_files_without_secrets() {
	local node
	for node in cp-1 workers-1 registry; do
		davit render -f "$FILE" --mirror "$MIRROR" "$node" >"$WORK/render-$node"
		grep -q '^==> /' "$WORK/render-$node"
		lacks "$WORK/render-$node" 'PRIVATE KEY'
	done
	grep -q '^==> /etc/systemd/system/kube-apiserver.service' "$WORK/render-cp-1"
	davit render -f "$FILE" --mirror "$MIRROR" --secrets cp-1 | grep -q 'PRIVATE KEY'
}

report_and_registry() {
	davit report -f "$FILE"
	davit report -f "$FILE" -o json | python3 -m json.tool >/dev/null
	davit registry ls -f "$FILE" | tee "$WORK/registry"
	grep -q 'e2e-test-images/agnhost' "$WORK/registry"
}

init_writes_a_file_that_is_right() {
	rm -f "$WORK/init.yaml"
	davit init --os-cloud lab --name other --to "$WORK/init.yaml"
	cat "$WORK/init.yaml"
	status davit plan -f "$WORK/init.yaml" --mirror "$MIRROR"
	expect_status 10
}

# the state is lost: the cluster is an orphan then, and comes back by its marks in the cloud and the file on its control plane
lost_state_is_recovered() {
	local fingerprint
	state=$XDG_STATE_HOME/davit/demo lost=$WORK/lost # not local: the trap runs at the end of the process
	fingerprint=$(davit ssh -f "$FILE" cp-1 ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub | cut -d ' ' -f 2)
	rm -rf "$lost"
	mv "$state" "$lost"
	trap '[[ ! -e $lost ]] || { rm -rf "$state"; mv "$lost" "$state"; }' EXIT
	status davit orphans
	expect_status 7
	expect_text demo
	expect_text '4 servers'
	status davit recover -f "$FILE" --identity "$lost/ssh/id_ed25519"
	expect_status 4
	expect_text "$fingerprint"
	davit recover -f "$FILE" --identity "$lost/ssh/id_ed25519" --host-key "$fingerprint"
	plan_is_empty
	status davit orphans
	expect_status 0
	davit kubeconfig -f "$FILE" --to "$KUBECONFIG"
	kubectl get --raw /readyz
	rm -rf "$lost"
}

state_is_private() {
	[[ -z $(find "$XDG_STATE_HOME/davit/demo" -type f -perm /077 ! -name '*.crt' ! -name '*.pub') ]]
	[[ $(stat -c %a "$XDG_STATE_HOME/davit/demo") = 700 ]]
}

delete_leaves_nothing() {
	davit delete -f "$FILE" --yes
	project_empty_as_before
	[[ ! -e $XDG_STATE_HOME/davit/demo ]]
	status davit status -f "$FILE"
	((status != 0))
	status davit orphans
	expect_status 0
	expect_text 'nothing in this project bears the mark'
}

# what cannot be changed in place is told, and left by any number of runs
left_as_it_is() {
	sed 's/count: 2, flavor: m1.medium/count: 2, flavor: m1.large/; s/volume: {size: 10}/volume: {size: 12}/' "$FILE" >"$WORK/large.yaml"
	status davit plan -f "$WORK/large.yaml" --mirror "$MIRROR"
	expect_status 10
	expect_text 'is of flavor m1.medium, the file wants m1.large'
	expect_text 'pool workers: 2 of its nodes are replaced by new ones, with 1 more (maxSurge)'
	expect_text 'has 10 GiB, the file wants 12'
	expect_text '2 to replace, 1 left as they are'
	status davit apply -f "$WORK/large.yaml" --mirror "$MIRROR"
	expect_status 2
	expect_text 'is left as it is'
	expect_text 'Put new nodes in the place of demo-workers-'
}

# what went into addresses, certificates and data: refused with its place, before the cloud is asked
frozen_is_refused() {
	sed 's/^spec:/&\n  network: {podCIDR: 10.245.0.0\/16, domain: example.org}/' "$FILE" >"$WORK/frozen.yaml"
	for verb in plan apply; do
		status davit "$verb" -f "$WORK/frozen.yaml" --mirror "$MIRROR"
		expect_status 2
		expect_text 'frozen.yaml:7:'
		expect_text 'network.podCIDR: the cluster has 10.244.0.0/16, the file says 10.245.0.0/16'
		expect_text 'network.domain: the cluster has cluster.local, the file says example.org'
	done
}

# a rule less and one more, other name servers, a port without its groups
drift_is_repaired() {
	in_tree drift.py
	status davit plan -f "$FILE" --mirror "$MIRROR"
	expect_status 10
	expect_text 'lacks the rule "tcp 5000 from node"'
	expect_text 'which the file does not want'
	expect_text 'name servers are'
	expect_text 'is not in the security groups that it should be in'
	status apply
	expect_status 0
	plan_is_empty
}

floating_ips() { list_project | grep -c '^ip ' || true; }

# what served the way of before goes when the new one works
way_is_changed() {
	local other=$WORK/other-way.yaml before
	before=$(floating_ips)
	{
		grep -v '^  access:' "$FILE"
		echo '  access: {bastion: floatingIPs}'
	} >"$other"
	status davit apply -f "$other" --mirror "$MIRROR" --yes
	expect_status 0
	(($(floating_ips) > before))
	[[ $(davit ssh -f "$other" workers-1 hostname) = demo-workers-1 ]]
	status davit plan -f "$FILE" --mirror "$MIRROR"
	expect_status 10
	expect_text '"tcp 22 from 0.0.0.0/0" of demo-node'
	expect_text 'served another way to the servers'
	status davit apply -f "$FILE" --mirror "$MIRROR"
	expect_status 2
	expect_text 'floating IP demo-workers-1'
	status davit apply -f "$FILE" --mirror "$MIRROR" --yes
	expect_status 0
	[[ $(floating_ips) = "$before" ]]
	status davit apply -f "$FILE" --mirror "$MIRROR"
	expect_text 'nothing to do'
}
