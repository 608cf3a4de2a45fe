# shellcheck shell=bash
# The cluster from outside, through the floating IP with the kubeconfig: what its users meet.

kubeconfig() {
	davit kubeconfig -f "$FILE" --to "$KUBECONFIG"
	[[ $(stat -c %a "$KUBECONFIG") = 600 ]]
	eventually 60 kubectl get --raw /readyz # etcd may miss its own time for a moment where the machine has more to do than this
}

nodes_ready() {
	kubectl get nodes -o wide
	[[ $(kubectl get nodes --no-headers | wc -l) = 3 ]]
	kubectl wait --for=condition=Ready nodes --all --timeout=60s
	[[ $(kubectl get nodes -o jsonpath='{.items[*].status.nodeInfo.kubeletVersion}') = 'v1.36.3 v1.36.3 v1.36.3' ]]
}

# nobody but the control plane is reached from outside
only_the_control_plane_has_a_floating_ip() {
	davit status -f "$FILE" -o json >"$WORK/status.json"
	python3 - "$WORK/status.json" <<-'PY'
		import json, sys
		status = json.load(open(sys.argv[1]))
		nodes = status["nodes"] if isinstance(status, dict) else status
		have = [n["name"] for n in nodes if n.get("floatingIP")]
		assert have == ["demo-cp-1"], have
		assert len(nodes) == 4, nodes
	PY
}

pods_from_the_registry() {
	kubectl apply -f - <<-YAML
		apiVersion: apps/v1
		kind: Deployment
		metadata: {name: web}
		spec:
		  replicas: 2
		  selector: {matchLabels: {app: web}}
		  template:
		    metadata: {labels: {app: web}}
		    spec:
		      topologySpreadConstraints:
		      - {maxSkew: 1, topologyKey: kubernetes.io/hostname, whenUnsatisfiable: DoNotSchedule, nodeTaintsPolicy: Honor, labelSelector: {matchLabels: {app: web}}}
		      containers:
		      - name: web
		        image: $IMAGES/agnhost:2.63.0
		        args: [netexec, --http-port=8080]
		        readinessProbe: {httpGet: {path: /hostname, port: 8080}, periodSeconds: 2}
		---
		apiVersion: v1
		kind: Service
		metadata: {name: web}
		spec:
		  type: NodePort
		  selector: {app: web}
		  ports: [{port: 80, targetPort: 8080, nodePort: 30080}]
		---
		apiVersion: v1
		kind: Pod
		metadata: {name: client}
		spec:
		  containers:
		  - {name: client, image: "$IMAGES/busybox:1.37.0-1", command: [sleep, infinity]}
		  - {name: agnhost, image: "$IMAGES/agnhost:2.63.0", args: [pause]}
	YAML
	kubectl rollout status deployment/web --timeout=180s
	kubectl wait --for=condition=Ready pod/client --timeout=180s
	kubectl get pods -o wide
	# one on each worker
	[[ $(kubectl get pods -l app=web -o jsonpath='{.items[*].spec.nodeName}' | tr ' ' '\n' | sort -u | wc -l) = 2 ]]
}

# agnhost's connect and busybox' nc: Debian's wget crashes
in_client() { kubectl exec client -c client -- "$@"; }
in_agnhost() { kubectl exec client -c agnhost -- "$@"; }
get() { printf 'GET /hostname HTTP/1.0\r\n\r\n' | kubectl exec -i client -c client -- nc -w 5 "$1" "$2" | tr -d '\r' | sed '1,/^$/d'; }

dns() {
	in_agnhost nslookup web.default.svc.cluster.local
	in_agnhost nslookup kubernetes.default.svc.cluster.local
}

cluster_ip_reaches_both_pods() {
	local i
	for i in {1..20}; do get web 80; echo; done | sed '/^$/d' | sort | uniq -c | tee "$WORK/hosts"
	[[ $(wc -l <"$WORK/hosts") = 2 ]]
}

node_port_on_every_node() {
	local address
	for address in $(kubectl get nodes -o jsonpath='{.items[*].status.addresses[?(@.type=="InternalIP")].address}'); do
		[[ $(get "$address" 30080) = web-* ]]
	done
}

logs_and_exec() {
	kubectl logs deployment/web | grep -i 'started'
	[[ $(in_client echo it works) = 'it works' ]]
	[[ $(echo through stdin | kubectl exec -i client -c client -- cat) = 'through stdin' ]]
}

metrics() { eventually 180 kubectl top nodes; [[ $(kubectl top nodes --no-headers | wc -l) = 3 ]]; }

# secrets are encrypted in etcd, and the API says no to who has no certificate
secrets_and_strangers() {
	local server code
	kubectl create secret generic probe --from-literal=word=xyzzy-plugh
	davit ssh -f "$FILE" cp-1 sudo sh -c \''grep -rqa xyzzy-plugh /var/lib/etcd && echo plain || echo encrypted'\' | tee "$WORK/etcd"
	grep -qx encrypted "$WORK/etcd"
	kubectl delete secret probe
	server=$(kubectl config view -o jsonpath='{.clusters[0].cluster.server}')
	code=$("$LAB" exec "$KUBECTL" --kubeconfig /dev/null --server "$server" --insecure-skip-tls-verify --token nobody get nodes 2>&1) && return 1
	say "$code"
	[[ $code = *Unauthorized* || $code = *'must be logged in'* ]]
}
