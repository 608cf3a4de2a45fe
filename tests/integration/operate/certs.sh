# shellcheck shell=bash
# davit certs; sourced by operate.sh
#
# The nodes share one file system: what is in /var/lib/kubelet is worker 1's, and so is another one to the other nodes. They have no
# /etc/kubernetes.

# leaf NODE NAME DAYS SUBJECT: signed by the state's authority, in the state as davit keeps it
leaf() {
	local folder=$STATE/pki/nodes/$1
	mkdir -p "$folder"
	{
		openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout leaf.key -subj "$4" 2>/dev/null |
			openssl x509 -req -CA "$STATE/pki/ca.crt" -CAkey "$STATE/pki/ca.key" -days "$3" 2>/dev/null
		cat leaf.key
	} >"$folder/$2.pem"
}

certs_world() {
	mkdir -p /var/lib/kubelet/pki
	davit 0 kubeconfig --to admin.conf # makes the authorities
	leaf demo-workers-1 kubelet 365 /O=system:nodes/CN=system:node:demo-workers-1
	leaf demo-workers-1 kube-proxy 365 /CN=system:kube-proxy
	leaf demo-workers-2 kubelet 365 /O=system:nodes/CN=system:node:demo-workers-2
	openssl x509 -in "$STATE/pki/nodes/demo-workers-1/kubelet.pem" -out /var/lib/kubelet/pki/kubelet.crt
	cp "$STATE/pki/nodes/demo-workers-1/kubelet.pem" /var/lib/kubelet/pki/kubelet-client-current.pem # with its key
}

standing() { echo "[x.get('onNode') for x in o['certificates'] if x['file'].endswith('$1')]"; }

test_certs_show() {
	certs_world
	davit 0 certs show
	says 'CN=system:node:demo-workers-1,O=system:nodes' 'ANOTHER ONE' 'MISSING' '"davit apply" puts them there' 'pki/admin.pem'
	davit 0 certs show -o json
	has 'the kubelet of one' "$(standing /kubelet.crt)" "['same', 'other']"
	has 'what is missing' "$(standing kube-proxy.crt)" "['missing']"
	has "a kubelet's own" "$(standing current.pem)" "['same', 'same']"
	has 'authorities' '[x["subject"] for x in o["certificates"] if x["kind"] == "authority"]' \
		"['CN=kubernetes', 'CN=etcd-ca', 'CN=front-proxy-ca', 'CN=registry-ca']"
	has 'days left' '[x["daysLeft"] for x in o["certificates"] if x.get("onNode") == "same"][0] in (364, 365)' True
	if grep -rq 'PRIVATE KEY' out err; then not_ok 'no key is shown'; else ok 'no key is shown'; fi
}

test_certs_show_for_monitoring() {
	davit 8 certs show --warn-days 400
	says 'end within 400 days'
	leaf demo-gpu-a-2 kubelet 300 /O=system:nodes/CN=system:node:demo-gpu-a-2
	davit 5 certs show -o json
	says 'demo-gpu-a-2 was not read, and is shown as the state knows it'
	has 'which one gave no answer' '[x["node"] for x in o["unanswered"]]' "['demo-gpu-a-2']"
	has 'what the state knows' "$(standing /kubelet.crt)" "['unread', 'same', 'other']"
	leaf demo-gpu-a-2 kubelet 59 /O=system:nodes/CN=system:node:demo-gpu-a-2
	davit 8 certs show -o json
	has 'which one is ending' '[x["node"] for x in o["certificates"] if x["ending"]], o["ending"]' "(['demo-gpu-a-2'], 1)"
	davit 2 status -o json # there is no cloud to be asked
	says 'the first one (demo-gpu-a-2: /var/lib/kubelet/pki/kubelet.crt) on 20' 'davit certs renew' '"certificatesEnding": 1'
	rm -r "$STATE/pki/nodes/demo-gpu-a-2"
	davit 2 status
	if grep -q certificates err; then not_ok 'nothing ends' "$(cat err)"; else ok 'nothing ends'; fi
	davit 2 certs show --warn-days 0
	davit 2 certs show now
}

test_certs_renew() {
	davit 0 kubeconfig --to admin.conf
	leaf demo-workers-1 kubelet 365 /O=system:nodes/CN=system:node:demo-workers-1
	leaf demo-workers-2 kubelet 59 /O=system:nodes/CN=system:node:demo-workers-2
	cp "$STATE/pki/nodes/demo-workers-2/kubelet.pem" before.pem
	davit 0 certs renew --dry-run -o json
	has 'what is near its end' '[(x["node"], x["file"]) for x in o["renew"]]' "[('demo-workers-2', '/var/lib/kubelet/pki/kubelet.crt')]"
	davit 0 certs renew --dry-run -o json --node workers-1
	has 'of one node' 'o["renew"]' '[]'
	davit 0 certs renew --dry-run -o json --warn-days 30
	has 'sooner' 'o["renew"]' '[]'
	davit 0 certs renew --warn-days 30
	says 'no certificate ends within 30 days: nothing to renew'
	davit 2 certs renew --node workers-9
	leaf demo-gpu-a-2 kubelet 59 /O=system:nodes/CN=system:node:demo-gpu-a-2
	davit 5 certs renew
	says 'nothing was renewed, since not all nodes can be reached; --node leaves some out' 'demo-gpu-a-2: '
	if cmp -s before.pem "$STATE/pki/nodes/demo-workers-2/kubelet.pem"; then ok 'the state is as it was'; else not_ok 'the state is as it was'; fi
	rm -r "$STATE/pki/nodes"
}

# With the node's own key, by the state's authority, and one that is by another: the state takes up the first when it is written to.
test_certs_renewed_by_nodes() {
	local before=before.pem node=/var/lib/kubelet/pki/kubelet.crt state=$STATE/pki/nodes/demo-workers-1/kubelet.pem
	mkdir -p /var/lib/kubelet/pki
	davit 0 kubeconfig --to admin.conf
	sed 's/^  controlPlane/  pki: {renewedOnNodes: [cluster]}\n&/' cluster.yaml >renewed.yaml
	leaf demo-workers-1 kubelet 20 /O=system:nodes/CN=system:node:demo-workers-1
	cp "$state" $before
	openssl req -new -key leaf.key -subj /O=system:nodes/CN=system:node:demo-workers-1 2>/dev/null |
		openssl x509 -req -CA "$STATE/pki/ca.crt" -CAkey "$STATE/pki/ca.key" -days 364 -out $node 2>/dev/null
	davit 0 certs show -f renewed.yaml -o json
	has 'what was renewed there' "$(standing /kubelet.crt)" "['renewed']"
	has 'until when' '[x["daysLeft"] for x in o["certificates"] if x.get("onNode") == "renewed"][0] in (363, 364)' True
	davit 8 certs show -o json # another one, which it is where nodes do not renew
	davit 0 certs renew -f renewed.yaml --dry-run
	if cmp -s $before "$state"; then ok 'a dry run takes up nothing'; else not_ok 'a dry run takes up nothing'; fi
	davit 0 certs renew -f renewed.yaml
	says 'nothing to renew'
	if cmp -s <(openssl x509 -in "$state") $node && cmp -s <(openssl pkey -in "$state") <(openssl pkey -in leaf.key); then
		ok 'the state takes it up'
	else
		not_ok 'the state takes it up' "$(cat "$state")"
	fi
	rm -r "$STATE/pki/nodes" /var/lib/kubelet/pki
}

# the API server before its etcd, and no container is stopped
test_certs_renewed_restarts_in_order() {
	mkdir -p renewed/run renewed/bin
	printf '%s.service\n' davit-volumes containerd docker etcd kube-apiserver kubelet >renewed/run/units
	printf '#!/bin/sh\necho "$@"\n' >renewed/bin/systemctl
	chmod +x renewed/bin/systemctl
	PATH=$WORK/renewed/bin:$PATH DAVIT_HOME=$WORK/renewed sh "$HERE/../../bootstrap/steps/renewed.sh" >out 2>err
	is 'restarted' 'restart --no-block kubelet.service kube-apiserver.service etcd.service'
}
