# shellcheck shell=bash
# Certificates of the cluster that is there: what there is of them, one for a person, and new ones.

certs_are_what_the_state_knows() {
	davit certs show -f "$FILE" -o json >"$WORK/certs.json"
	python3 - "$WORK/certs.json" <<-'PYTHON'
		import json, sys
		o = json.load(open(sys.argv[1]))
		nodes = [c for c in o["certificates"] if "node" in c]
		wrong = [(c["node"], c["file"], c["onNode"]) for c in nodes if c["onNode"] != "same"]
		assert not wrong and not o["unanswered"] and len(nodes) > 20, (wrong, o["unanswered"], len(nodes))
	PYTHON
	status davit certs show -f "$FILE" --warn-days 400
	expect_status 8
}

as_anna() { KUBECONFIG=$WORK/anna kubectl "$@"; }

# whom the API server takes her for, and what she may do: nothing, until a role is bound to her group
person_has_a_kubeconfig() {
	kubectl delete clusterrolebinding e2e-readers --ignore-not-found
	davit kubeconfig -f "$FILE" --user anna --group e2e-readers --ttl 10m --to "$WORK/anna"
	[[ $(stat -c %a "$WORK/anna") = 600 ]]
	status as_anna auth whoami
	expect_status 0
	expect_text anna
	expect_text e2e-readers
	status as_anna get pods -A
	expect_status 1
	expect_text Forbidden
	kubectl create clusterrolebinding e2e-readers --clusterrole=view --group=e2e-readers
	eventually 20 as_anna get pods -A
	kubectl delete clusterrolebinding e2e-readers
}

fingerprints() { davit certs show -f "$FILE" -o json | python3 -c 'import json, sys; print(*sorted({c["sha256"] for c in json.load(sys.stdin)["certificates"] if c["kind"] == "certificate"}), sep="\n")'; }

# All of them, interrupted between state and node; pods run on: the kubelets, etcd and the API server have begun again, nothing else. The
# administrator's of before works still.
certs_are_renewed() {
	local restarts
	status davit certs renew -f "$FILE" --mirror "$MIRROR"
	expect_status 0
	expect_text 'nothing to renew'
	fingerprints >"$WORK/before.certs"
	restarts=$(kubectl get pods -A -o jsonpath='{.items[*].status.containerStatuses[*].restartCount}')
	interrupt_at '[a-z]*-cp-1: push done' 'certs renew' --all
	eventually 30 kubectl get --raw /readyz # etcd may wait for the disk of a busy machine
	status davit certs renew -f "$FILE" --mirror "$MIRROR" --all
	expect_status 0
	fingerprints >"$WORK/after.certs"
	[[ -z $(comm -12 "$WORK/before.certs" "$WORK/after.certs") ]]
	plan_is_empty
	eventually 30 kubectl get --raw /readyz
	[[ $(kubectl get pods -A -o jsonpath='{.items[*].status.containerStatuses[*].restartCount}') = "$restarts" ]]
	davit kubeconfig -f "$FILE" --to "$KUBECONFIG"
	eventually 30 kubectl get --raw /readyz
	certs_are_what_the_state_knows
}
