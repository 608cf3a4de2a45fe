# shellcheck shell=bash
# What docs/security.md says of nodes, on those of a cluster that is there.

# nothing listens where the table does not say so
nodes_listen_as_documented() {
	local role
	for role in control-plane worker registry; do
		davit exec -f "$FILE" --role "$role" -o json -- sudo ss -Hltunp >"$WORK/listening-$role.json"
		"$TOP/tests/security/listening.py" "$role" <"$WORK/listening-$role.json"
	done
}

# tests/security/kubeadm.json is what unit tests compare with
kubeadm_writes_what_is_known() { "$TOP/tests/security/kubeadm.py" record "$KUBEADM"; }
kubeadm_reads_certificates() { "$TOP/tests/security/kubeadm.py" expiration "$KUBEADM" "$BUILD/asan/tests/security/make_node"; }

# answer PATH: the API's status for who has neither certificate nor token
answer() { "$LAB" exec curl --silent --insecure --max-time 20 --output /dev/null --write-out '%{http_code}' "$(kubectl config view -o jsonpath='{.clusters[0].cluster.server}')$1"; }

strangers_see_health_alone() {
	[[ $(answer /livez) = 200 && $(answer /readyz) = 200 && $(answer /healthz) = 200 ]]
	[[ $(answer /version) = 401 && $(answer /api) = 401 && $(answer /metrics) = 401 ]]
}

pods_stay_off_the_host() {
	status kubectl run intruder --image="$IMAGES/agnhost:2.63.0" --overrides='{"spec":{"hostNetwork":true}}' -- pause
	expect_status 1
	expect_text 'violates PodSecurity "baseline'
}

noted() { davit ssh -f "$FILE" cp-1 sudo tail -n 5000 /var/log/kubernetes/audit.log | grep '"verb":"list"' | grep '"resource":"secrets"' | grep -c kubernetes-admin; }

reading_secrets_is_noted() {
	kubectl get secrets -n kube-system
	eventually 20 noted
}

# what runs on the nodes and what the API holds, by the items of the CIS benchmark
cis_benchmark() {
	local folder=$WORK/cis role
	mkdir -p "$folder"
	for role in control-plane worker; do
		davit exec -f "$FILE" --role "$role" -o json -- "echo $(base64 -w 0 "$TOP/tests/security/collect.sh") | base64 -d | sudo sh" >"$folder/$role.json"
	done
	kubectl get "$(sed -n 's/^KINDS = "\(.*\)"/\1/p' "$TOP/tests/security/cis_objects.py")" -A -o json >"$folder/objects.json"
	kubectl get secrets -A -o jsonpath='{range .items[*]}{.type} {.metadata.namespace} {.metadata.name}{"\n"}{end}' >"$folder/secrets.txt"
	"$TOP/tests/security/cis.py" "$folder"
}
