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

# NODE FILE OPTION…: of the certificate in that file of the node
fact_of() { davit ssh -f "$FILE" "$1" sudo openssl x509 -in "$2" -noout "${@:3}" </dev/null | tr -d '\r'; }

# NODE PORT: the serial number of the certificate that is served there
served() { davit ssh -f "$FILE" "$1" "openssl s_client -connect 127.0.0.1:$2 </dev/null 2>/dev/null | openssl x509 -noout -serial" </dev/null | tr -d '\r'; }
serves() { [[ $(served "$1" "$2") = "$(fact_of "$1" "$3" -serial)" ]]; }

end_of() { date -d "$(fact_of "$1" "$2" -enddate | cut -d = -f 2)" +%s; }

# STANDING: how many certificates on nodes stand so
standing_so() { davit certs show -f "$FILE" -o json 2>/dev/null | python3 -c 'import json, sys; print(sum(c.get("onNode") == sys.argv[1] for c in json.load(sys.stdin)["certificates"]))' "$1"; }

starts_of_units() { davit exec -f "$FILE" --role control-plane --role worker -- systemctl show --property=InvocationID kube-apiserver kubelet kube-proxy flanneld 2>/dev/null | sort; }

# The timer's unit has nothing to do; its scripts with a limit of more days than a certificate has give those of the cluster's authority another end,
# with the same key, and they are served without a restart. davit is content with that, and takes it up.
nodes_renew_by_themselves() {
	local before=$FILE FILE=$WORK/renews.yaml node file key end restarts pki=/etc/kubernetes/pki kubelet=/var/lib/kubelet/pki/kubelet.crt
	sed 's/^  controlPlane:/  pki: {renewedOnNodes: [cluster]}\n&/' "$before" >"$FILE"
	apply
	plan_is_empty
	[[ $(kubectl -n davit-certificates get configmaps -l davit.dev/certificates=node -o name | wc -l) = 3 ]]
	for node in cp-1 workers-1 workers-2; do
		davit ssh -f "$FILE" $node 'sudo cat /etc/davit/renewed' </dev/null | tr -d '\r' >"$WORK/renewed.$node"
		while read -r _ file; do
			echo "$file $(end_of $node "$file") $(fact_of $node "$file" -pubkey | sha256sum)"
		done <"$WORK/renewed.$node" >"$WORK/before.$node"
		davit ssh -f "$FILE" $node sudo systemctl start davit-certificates.service </dev/null
	done
	[[ $(standing_so renewed) = 0 ]]
	restarts=$(starts_of_units)
	davit ssh -f "$FILE" cp-1 sudo /opt/davit/libexec/certificates-sign 400 </dev/null
	for node in cp-1 workers-1 workers-2; do
		davit ssh -f "$FILE" $node sudo /opt/davit/libexec/certificates-renew 400 </dev/null
		while read -r file end key; do
			(($(end_of $node "$file") > end))
			[[ $(fact_of $node "$file" -pubkey | sha256sum) = "$key" ]]
		done <"$WORK/before.$node"
		eventually 60 serves $node 10250 $kubelet
	done
	eventually 60 serves cp-1 6443 $pki/apiserver.crt
	[[ $(starts_of_units) = "$restarts" ]]
	eventually 30 kubectl get --raw /readyz
	# the API server goes to the kubelets, by other connections than before: it ends those that it had when its own certificate is another one
	eventually 30 kubectl logs -n kube-system -l k8s-app=kube-dns --tail=1
	[[ $(standing_so renewed) = $(cat "$WORK"/renewed.* | wc -l) && $(standing_so other) = 0 ]]
	plan_is_empty
	again_does_nothing
	status davit certs renew -f "$FILE" --mirror "$MIRROR"
	expect_status 0
	expect_text 'nothing to renew'
	certs_are_what_the_state_knows # which it has taken up
	plan_is_empty
	# a worker may read what it is to take, and write nothing there, nor read elsewhere
	status davit ssh -f "$FILE" workers-1 sudo /opt/davit/libexec/kubelet-api /api/v1/namespaces/davit-certificates/configmaps/demo-workers-1 -X DELETE </dev/null
	((status != 0))
	status davit ssh -f "$FILE" workers-1 sudo /opt/davit/libexec/kubelet-api /api/v1/namespaces/davit-certificates/configmaps </dev/null
	((status != 0))
	FILE=$before
	apply
	eventually 60 namespace_is_gone
	certs_are_what_the_state_knows
	plan_is_empty
}

namespace_is_gone() { [[ -z $(kubectl get namespace davit-certificates --ignore-not-found -o name) ]]; }

authorities() { davit certs show -f "$FILE" -o json | python3 -c 'import json, sys; print(*sorted(c["sha256"] for c in json.load(sys.stdin)["certificates"] if c["kind"] == "authority"), sep="\n")'; }

# PATH: how many certificates that file on the control plane has
certificates_in() { davit ssh -f "$FILE" cp-1 sudo grep -c BEGIN "$1" </dev/null | tr -d '\r'; }

# All authorities, interrupted where some nodes have certificates of the new ones and others of the old: pods and kubeconfigs go on until the
# last pass, afterwards nothing of the old ones is taken.
authorities_are_replaced() {
	local restarts
	authorities >"$WORK/before.authorities"
	davit kubeconfig -f "$FILE" --to "$WORK/old.kubeconfig"
	restarts=$(kubectl get pods -l '!k8s-app' -o jsonpath='{.items[*].status.containerStatuses[*].restartCount}')
	status davit certs rotate-ca -f "$FILE" --mirror "$MIRROR"
	expect_status 2 # nobody there to agree
	interrupt_at 'pass 2 of 3' 'certs rotate-ca' --yes --restart-workloads
	[[ $(certificates_in /etc/kubernetes/pki/ca.crt) = 2 ]]
	eventually 60 kubectl get --raw /readyz # by what it had before
	status davit etcd restore "$WORK/nothing" -f "$FILE"
	expect_text 'davit certs rotate-ca" goes on'
	status davit secrets rotate-keys -f "$FILE" --yes
	expect_status 2
	status davit certs rotate-ca -f "$FILE" --dry-run
	expect_text begun
	status davit certs rotate-ca -f "$FILE" --mirror "$MIRROR" --yes --restart-workloads
	expect_status 0
	authorities >"$WORK/after.authorities"
	[[ $(wc -l <"$WORK/after.authorities") = 4 && -z $(comm -12 "$WORK/before.authorities" "$WORK/after.authorities") ]]
	status "$LAB" exec "$KUBECTL" --kubeconfig "$WORK/old.kubeconfig" get nodes
	expect_status 1
	davit kubeconfig -f "$FILE" --to "$KUBECONFIG"
	eventually 60 kubectl get --raw /readyz
	kubectl wait --for=condition=Ready nodes --all --timeout=120s
	[[ $(certificates_in /etc/kubernetes/pki/ca.crt) = 1 ]]
	[[ $(kubectl get configmap kube-root-ca.crt -o jsonpath='{.data.ca\.crt}' | grep -c BEGIN) = 1 ]]
	[[ $(kubectl -n kube-system get configmap extension-apiserver-authentication -o jsonpath='{.data.client-ca-file}' | grep -c BEGIN) = 1 ]]
	[[ $(kubectl get pods -l '!k8s-app' -o jsonpath='{.items[*].status.containerStatuses[*].restartCount}') = "$restarts" ]]
	eventually 180 kubectl top nodes # by way of an API server of an extension
	certs_are_what_the_state_knows
	plan_is_empty
}

# With which key etcd has a Secret.
key_of_secret() {
	davit ssh -f "$FILE" cp-1 sudo sh -c \''etcdctl --cacert /etc/kubernetes/pki/etcd/ca.crt --cert /etc/kubernetes/pki/etcd/healthcheck-client.crt --key /etc/kubernetes/pki/etcd/healthcheck-client.key get /registry/secrets/default/'"$1"' --print-value-only'\' </dev/null |
		grep -aoE 'secretbox:v1:k[0-9]+' | head -n 1
}

secrets_are_encrypted_anew() {
	kubectl delete secret probe --ignore-not-found
	kubectl create secret generic probe --from-literal=word=xyzzy-plugh
	[[ $(key_of_secret probe) = secretbox:v1:k1 ]]
	interrupt_at 'pass 2 of 3' 'secrets rotate-keys' --yes
	status davit secrets rotate-keys -f "$FILE" --mirror "$MIRROR" --yes
	expect_status 0
	[[ $(key_of_secret probe) = secretbox:v1:k2 ]]
	[[ $(kubectl get secret probe -o jsonpath='{.data.word}' | base64 -d) = xyzzy-plugh ]]
	davit ssh -f "$FILE" cp-1 sudo cat /etc/kubernetes/encryption.yaml </dev/null >"$WORK/encryption.yaml"
	[[ $(grep -c 'name: k' "$WORK/encryption.yaml") = 1 ]]
	grep -q 'name: k2' "$WORK/encryption.yaml"
	kubectl delete secret probe
	plan_is_empty
}
