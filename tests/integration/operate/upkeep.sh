# shellcheck shell=bash
# davit node drain, uncordon, reboot; sourced by operate.sh

# calls NAME LINE…: what was changed on nodes and in Kubernetes
calls() {
	local found
	found=$(cat fake/calls 2>/dev/null)
	rm -f fake/calls
	if [[ $found = "$(printf '%s\n' "${@:2}")" ]]; then ok "$1"; else not_ok "$1" "$found" "$(cat out err)"; fi
}

cordoned() { python3 -c 'import json; print(*(o["metadata"]["name"] for o in json.load(open("fake/kubernetes.json"))["items"] if o.get("spec", {}).get("unschedulable")))'; }

# all are Ready, and none is cordoned
well() {
	kubernetes
	sed -i 's/"Unknown"/"True"/; s/"unschedulable": true/"unschedulable": false/' fake/kubernetes.json
	rm -f fake/calls
}

LABEL='kubectl label --overwrite node %s node.kubernetes.io/exclude-from-external-load-balancers=true\n'
UNLABEL='kubectl label node %s node.kubernetes.io/exclude-from-external-load-balancers-\n'
DRAIN='kubectl drain %s --ignore-daemonsets --delete-emptydir-data%s\n'

# shellcheck disable=SC2059
lines() { printf "$@"; }

test_drain() {
	well
	davit 0 node drain workers-1 demo-workers-2 workers-1 --yes --parallel 1
	says 'drained: demo-workers-1, demo-workers-2'
	calls 'cordoned at once, drained in order' 'kubectl cordon demo-workers-1 demo-workers-2' \
		"$(lines "$LABEL" 'demo-workers-1 demo-workers-2')" "$(lines "$DRAIN" demo-workers-1)" "$(lines "$DRAIN" demo-workers-2)"
	davit 0 node uncordon workers-1
	calls 'uncordoned' "$(lines "$UNLABEL" demo-workers-1)" 'kubectl uncordon demo-workers-1'
	if [[ $(cordoned) = demo-workers-2 ]]; then ok 'one stays cordoned'; else not_ok 'one stays cordoned' "$(cordoned)"; fi
}

test_drain_refuses() {
	kubernetes
	davit 3 node drain workers-1
	says 'no worker that takes pods would be left' 'default/web'
	davit 5 node drain gpu-a-1
	says 'has not joined Kubernetes'
	davit 2 node drain registry
	davit 2 node drain workers-9
	davit 2 node drain
	calls 'nothing is done' ''
}

# a budget of the pod's that allows nothing, however well it is
budget() {
	touch fake/budget
	python3 - <<-'PY'
		import json
		o = json.load(open("fake/kubernetes.json"))
		o["items"].append({"kind": "PodDisruptionBudget", "metadata": {"namespace": "default", "name": "all"}, "spec": {"selector": {}},
		                   "status": {"disruptionsAllowed": 0, "expectedPods": 1, "desiredHealthy": 1, "currentHealthy": 1}})
		json.dump(o, open("fake/kubernetes.json", "w"))
	PY
}

test_drain_blocked() {
	well
	budget
	davit 5 node drain workers-1
	says 'warning: demo-workers-1: pod default/web: the budget default/all allows no disruption (1 of 1 healthy ones are needed); --force-after' \
		'1 of 1 nodes could not be drained' 'demo-workers-1: its pods may not go; it stays cordoned'
	if [[ $(cordoned) = demo-workers-1 ]]; then ok 'it stays cordoned'; else not_ok 'it stays cordoned' "$(cordoned)"; fi
	davit 0 node drain workers-1 --force-after 0s
	rm -f fake/budget fake/calls
}

test_reboot() {
	well
	davit 0 node reboot workers-1
	says 'rebooted: demo-workers-1'
	calls 'cordon, drain, reboot, uncordon' 'kubectl cordon demo-workers-1' "$(lines "$LABEL" demo-workers-1)" "$(lines "$DRAIN" demo-workers-1)" \
		'demo-workers-1 reboot' "$(lines "$UNLABEL" demo-workers-1)" 'kubectl uncordon demo-workers-1'
	if [[ ! -e fake/rebooted.demo-workers-1 ]]; then ok 'its kubelet was waited for'; else not_ok 'its kubelet was waited for'; fi
}

# one that was cordoned before, one without Kubernetes, the way in
test_reboot_of_others() {
	well
	davit 0 node drain workers-2 --yes
	rm fake/calls
	davit 0 node reboot workers-2 registry cp-1
	calls 'what was cordoned stays so' "$(lines "$DRAIN" demo-workers-2)" 'demo-workers-2 reboot' 'demo-registry reboot' 'kubectl cordon demo-cp-1' \
		"$(lines "$LABEL" demo-cp-1)" "$(lines "$DRAIN" demo-cp-1)" 'demo-cp-1 reboot' "$(lines "$UNLABEL" demo-cp-1)" 'kubectl uncordon demo-cp-1'
	if [[ $(cordoned) = demo-workers-2 ]]; then ok 'one stays cordoned'; else not_ok 'one stays cordoned' "$(cordoned)"; fi
}

# interrupt_at PATTERN ARGUMENT…: a run that is interrupted once $FAKE/calls has that
interrupt_at() {
	local pid status=0
	"$DAVIT" "${@:2}" >out 2>err </dev/null &
	pid=$!
	eventually grep -qs "$1" fake/calls || not_ok "it comes to $1" "$(cat out err)"
	kill -INT "$pid"
	wait "$pid" || status=$?
	if [[ $status = 130 ]]; then ok "interrupted at $1"; else not_ok "interrupted at $1" "status $status" "$(cat err)"; fi
	says 'the same command goes on'
}

test_reboot_interrupted() {
	well
	interrupt_at 'workers-1 reboot' node reboot workers-1 workers-2
	davit 0 node reboot registry
	says 'the reboot of demo-workers-1 was interrupted'
	davit 0 node reboot workers-1
	if [[ $(grep -c 'workers-1 reboot' fake/calls) = 1 ]]; then ok 'it goes on'; else not_ok 'it goes on' "$(cat fake/calls)"; fi
	if [[ -z $(cordoned) ]]; then ok 'and is uncordoned'; else not_ok 'and is uncordoned' "$(cordoned)"; fi
	rm fake/calls
	davit 0 node reboot workers-1
	calls 'and another time from the beginning' 'kubectl cordon demo-workers-1' "$(lines "$LABEL" demo-workers-1)" "$(lines "$DRAIN" demo-workers-1)" \
		'demo-workers-1 reboot' "$(lines "$UNLABEL" demo-workers-1)" 'kubectl uncordon demo-workers-1'
}

# While it is drained: the cordon was davit's, and the other run knows it.
test_reboot_interrupted_early() {
	well
	touch fake/slow
	interrupt_at 'drain demo-workers-1' node reboot workers-1
	rm fake/slow
	if [[ $(cordoned) = demo-workers-1 ]]; then ok 'it is cordoned'; else not_ok 'it is cordoned' "$(cordoned)"; fi
	davit 0 node reboot workers-1
	if [[ -z $(cordoned) ]]; then ok 'and is uncordoned'; else not_ok 'and is uncordoned' "$(cordoned)"; fi
}
