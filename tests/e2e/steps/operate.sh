# shellcheck shell=bash
# What operators do with the nodes of a cluster that is there, and that stays.

pods_on() { kubectl get pods -A --field-selector "spec.nodeName=$1" -o jsonpath='{range .items[?(@.metadata.ownerReferences[0].kind!="DaemonSet")]}{.metadata.name}{" "}{end}'; }

node_list_knows_all() {
	status davit node list -f "$FILE"
	expect_status 0
	[[ $(grep -c ' Ready ' "$WORK/out") = 3 ]]
	davit node list -f "$FILE" -o json | python3 -c '
import json, sys
nodes = json.load(sys.stdin)["nodes"]
assert sorted(n["name"] for n in nodes if n.get("ready")) == ["demo-cp-1", "demo-workers-1", "demo-workers-2"], nodes
assert not any(n.get("cordoned") for n in nodes), nodes'
}

exec_on_all() {
	status davit exec -f "$FILE" -- hostname
	expect_status 0
	for node in demo-cp-1 demo-workers-1 demo-workers-2 demo-registry; do grep -q "^$node *| $node\$" "$WORK/out"; done
	# shellcheck disable=SC2016
	status davit exec -f "$FILE" --role worker -- '[ "$(hostname)" = demo-workers-1 ]'
	expect_status 5
	expect_text 'exit status 1: demo-workers-2'
}

logs_of_units() {
	davit logs --file "$FILE" workers-1 kubelet -n 5 | tee "$WORK/out"
	grep -q 'kubelet' "$WORK/out"
	[[ $(davit logs --file "$FILE" cp-1 kube-apiserver --since 1h | grep -c kube-apiserver) -ge 1 ]]
	status davit logs --file "$FILE" workers-1 etcd
	expect_status 2
}

# A real play over all servers, on the ways and with the host keys that davit has.
ansible_over_the_cluster() {
	printf '#!/bin/sh\nexec "%s" inventory --file "%s" "$@"\n' "$DAVIT" "$FILE" >"$WORK/inventory"
	chmod +x "$WORK/inventory"
	cat >"$WORK/play.yaml" <<-'YAML'
		- hosts: kubernetes:registry
		  gather_facts: false
		  tasks:
		  - ping:
		  - command: hostname
		    register: said
		    changed_when: false
		  - assert: {that: said.stdout == inventory_hostname}
		- hosts: pool_workers
		  gather_facts: false
		  become: true
		  tasks:
		  - command: systemctl is-active kubelet
		    changed_when: false
	YAML
	ANSIBLE_PYTHON_INTERPRETER=/usr/bin/python3 ANSIBLE_NOCOLOR=1 "$LAB" exec ansible-playbook -i "$WORK/inventory" "$WORK/play.yaml"
}

drain_and_uncordon() {
	kubectl delete pod client --grace-period=1 # of steps/cluster.sh: nothing makes it again elsewhere
	status davit node drain -f "$FILE" workers-2
	expect_status 0
	[[ $(cordoned) = 'demo-workers-2 ' && -z $(pods_on demo-workers-2) ]]
	davit node uncordon -f "$FILE" workers-2
	[[ -z $(cordoned) ]]
}

# interrupted once it is rebooting, and gone on with
reboot_of_a_worker() {
	local before
	before=$(started demo-workers-2)
	status timeout --preserve-status -s INT 8 "$LAB" exec "$DAVIT" node reboot -f "$FILE" workers-2
	expect_status 130 || expect_status 0
	status davit node reboot -f "$FILE" workers-2
	expect_status 0
	[[ $(started demo-workers-2) != "$before" && -z $(cordoned) ]]
	kubectl wait --for=condition=Ready node/demo-workers-2 --timeout=0
}

# by the cloud; by its own system it would take as long as what hangs there
reboot_by_the_cloud() {
	local before
	before=$(started demo-workers-1)
	status davit node reboot -f "$FILE" --hard workers-1
	expect_status 0
	expect_text 'rebooted: demo-workers-1'
	[[ $(started demo-workers-1) != "$before" && -z $(cordoned) ]]
	kubectl wait --for=condition=Ready node/demo-workers-1 --timeout=0
}

started() { davit ssh -f "$FILE" "$1" "sed 's/.*) //' /proc/1/stat | cut -d' ' -f20"; }
