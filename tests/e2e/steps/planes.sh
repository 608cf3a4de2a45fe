# shellcheck shell=bash
# Clusters with several control planes: one of them goes, and comes back; more and fewer of them.  FILE is $WORK/planes.yaml.

planes_file() {
	sed -e 's/^  controlPlane: {count: 1/  api: {endpoint: vip}\n  controlPlane: {count: 3/' -e 's/name: workers, count: 2/name: workers, count: 1/' \
		"$TOP/examples/cluster.yaml" >"$FILE"
}

plane_nodes() { kubectl get nodes -l node-role.kubernetes.io/control-plane -o name | sort | tr '\n' ' '; }

# of etcd, as the control plane $1 sees them: all of them vote
voting() {
	davit ssh -f "$FILE" "$1" "sudo etcdctl --endpoints=https://127.0.0.1:2379 --cacert=/etc/kubernetes/pki/etcd/ca.crt \
		--cert=/etc/kubernetes/pki/etcd/healthcheck-client.crt --key=/etc/kubernetes/pki/etcd/healthcheck-client.key member list" >"$WORK/members"
	cat "$WORK/members"
	[[ $(grep -c ', started, .*, false$' "$WORK/members") = "$2" && $(wc -l <"$WORK/members") = "$2" ]]
}

is_as_the_file_says() {
	status apply
	expect_status 0
	expect_text 'nothing to do'
}

three_planes() {
	planes_file
	apply
	rm -f "$KUBECONFIG"
	davit kubeconfig -f "$FILE" --to "$KUBECONFIG"
	kubectl wait --for=condition=Ready nodes --all --timeout=120s
	[[ $(plane_nodes) = 'node/demo-cp-1 node/demo-cp-2 node/demo-cp-3 ' ]]
	voting demo-cp-2 3
	is_as_the_file_says
}

# The control planes that have the API's own address.
holders() {
	# shellcheck disable=SC2016 # there
	davit exec -f "$FILE" --role control-plane -- 'ip -4 -o address show to 10.6.0.7/32 | grep -q . && hostname || true' 2>/dev/null | awk 'NF > 2 { print $NF }'
}

held_by_another_than() {
	local now
	now=$(holders)
	[[ -n $now && $now != "$1" ]]
}

# From outside it is reached by the shared address, and through SSH, also when who has served it does not any more.
api_moves() {
	local held
	held=$(holders)
	[[ $held = demo-cp-? ]]
	davit kubeconfig -f "$FILE" | grep "$(list_api_address)"
	davit ssh -f "$FILE" "$held" 'sudo systemctl stop kube-apiserver'
	eventually 90 held_by_another_than "$held"
	eventually 60 kubectl --request-timeout=5s create configmap "without-$held"
	"$LAB" exec "$DAVIT" tunnel -f "$FILE" -- "$KUBECTL" get configmap "without-$held"
	status "$LAB" exec "$DAVIT" tunnel -f "$FILE" -- "$KUBECTL" get configmap nowhere
	expect_status 1
	davit ssh -f "$FILE" "$held" 'sudo systemctl start kube-apiserver'
	is_as_the_file_says
}

# of the floating IP that points to the API's own address
list_api_address() {
	davit status -f "$FILE" -o json | python3 -c 'import json, sys; print(json.load(sys.stdin)["api"])'
}

# In place, and at the same address: what the control planes shared goes when the load balancer serves.
api_by_a_load_balancer() {
	local before
	before=$(list_api_address)
	sed -i 's/endpoint: vip/endpoint: octavia/' "$FILE"
	status apply --yes
	expect_status 0
	[[ $(list_api_address) = "$before" ]]
	list_project | grep -E '^load balancer [^ ]+ demo-api$'
	[[ -z $(holders) ]]
	kubectl get nodes
	is_as_the_file_says
}

# A worker asks through its own balancer, ten times a second, from before until well after.
probe_begins() {
	davit ssh -f "$FILE" workers-1 "sudo systemctl stop davit-probe 2>/dev/null; sudo systemd-run --quiet --collect --unit=davit-probe sh -c '
		: >/run/davit-probe
		while :; do
			code=\$(curl -s -o /dev/null -m 2 -w %{http_code} --cacert /etc/kubernetes/pki/ca.crt --cert /var/lib/kubelet/pki/kubelet-client.crt \
				--key /var/lib/kubelet/pki/kubelet-client.key https://127.0.0.1:6443/api/v1/nodes/demo-workers-1) || :
			echo \$(date +%s) \$code >>/run/davit-probe
			sleep 0.1
		done'"
	eventually 30 probed 10
}

probed() { (($(davit ssh -f "$FILE" workers-1 'grep -c " 200$" /run/davit-probe') >= $1)); }

# until N more are answered
asks_on() {
	local asked
	asked=$(davit ssh -f "$FILE" workers-1 'wc -l </run/davit-probe')
	eventually 60 probed $((asked + $1))
}

# [OF]: with one API server less fewer than one of OF (10) are lost, and none in the end; how many are is told.
probe_ends() {
	local lost
	asks_on 20
	davit ssh -f "$FILE" workers-1 'cat /run/davit-probe; sudo systemctl stop davit-probe' >"$WORK/probe"
	lost=$(grep -vc ' 200$' "$WORK/probe" || true)
	say "$(wc -l <"$WORK/probe") requests through the balancer, $lost lost, in $(grep -v ' 200$' "$WORK/probe" | cut -d ' ' -f 1 | sort -u | wc -l) seconds"
	((lost * ${1:-10} < $(wc -l <"$WORK/probe")))
	[[ -z $(tail -n 20 "$WORK/probe" | grep -v ' 200$' || true) ]]
}

# may be tried again when an earlier try was done and only its answer lost
written_without_cp_2() { kubectl create configmap without-cp-2 --from-literal=a=b --dry-run=client -o yaml | kubectl apply -f -; }

plane_is_switched_off() {
	probe_begins
	in_tree power.py stop demo-cp-2
	asks_on 50
	# etcd takes writes, the API from outside as well, when its address has moved where that was cp-2's
	eventually 60 written_without_cp_2
	probe_ends
	status apply
	expect_status 0
	kubectl wait --for=condition=Ready node/demo-cp-2 --timeout=60s
	voting demo-cp-2 3
}

# its disks are lost; interrupted while it joins
plane_is_deleted() {
	in_tree power.py delete demo-cp-3
	interrupt_at 'demo-cp-3: push done' apply
	status apply
	expect_status 0
	voting demo-cp-1 3
	kubectl wait --for=condition=Ready node/demo-cp-3 --timeout=60s
	# Kubernetes knows the new server, not the one that is gone
	list_project | grep -xF "server $(kubectl get node demo-cp-3 -o jsonpath='{.spec.providerID}' | sed 's|openstack:///||') demo-cp-3"
	is_as_the_file_says
}

status_floating_ips() {
	davit status -f "$FILE" -o json | python3 -c 'import json, sys; print([n["floatingIP"] for n in json.load(sys.stdin)["nodes"] if n.get("floatingIP")])'
}

# the first one, through which all others are reached
plane_is_replaced() {
	local before
	before=$(status_floating_ips)
	status davit node replace -f "$FILE" cp-1 cp-2 --mirror "$MIRROR"
	expect_status 2
	expect_text 'one alone is replaced at a time'
	davit ssh -f "$FILE" cp-3 'sudo systemctl stop etcd'
	status davit node replace -f "$FILE" cp-1 --mirror "$MIRROR" --yes
	expect_status 5
	expect_text "not all of etcd's other members are well"
	davit ssh -f "$FILE" cp-3 'sudo systemctl start etcd'
	status davit node replace -f "$FILE" cp-1 --mirror "$MIRROR" --yes
	expect_status 0
	voting demo-cp-2 3
	[[ $(status_floating_ips) = "$before" ]]
	kubectl get configmap without-cp-2
	is_as_the_file_says
}

fewer_planes() {
	sed -i 's/controlPlane: {count: 3/controlPlane: {count: 1/' "$FILE"
	status apply
	expect_status 2
	expect_text 'demo-cp-2'
	status apply --yes
	expect_status 0
	voting demo-cp-1 1
	[[ $(plane_nodes) = 'node/demo-cp-1 ' ]]
	[[ -z $(list_project | grep -e demo-cp-2 -e demo-cp-3 || true) ]]
	kubectl get configmap without-cp-2
	is_as_the_file_says
}

more_planes() {
	sed -i 's/controlPlane: {count: 1/controlPlane: {count: 3/' "$FILE"
	status apply
	expect_status 0
	voting demo-cp-3 3
	kubectl wait --for=condition=Ready nodes --all --timeout=60s
	kubectl get configmap without-cp-2
	is_as_the_file_says
}

five_planes() {
	sed -i 's/controlPlane: {count: 3/controlPlane: {count: 5/' "$FILE"
	status apply
	expect_status 0
	voting demo-cp-4 5
	[[ $(plane_nodes) = 'node/demo-cp-1 node/demo-cp-2 node/demo-cp-3 node/demo-cp-4 node/demo-cp-5 ' ]]
	is_as_the_file_says
}

# Two of five, one of them the way to all others; etcd goes on, and what they had written is there afterwards.
two_of_five_are_lost() {
	in_tree power.py stop demo-cp-2
	in_tree power.py delete demo-cp-5
	eventually 90 written_without_cp_2
	status apply
	expect_status 0
	voting demo-cp-3 5
	kubectl wait --for=condition=Ready nodes --all --timeout=120s
	kubectl get configmap without-cp-2
	is_as_the_file_says
}

# While the authorities are replaced, as a worker sees it: its kubelet's certificate and the authorities that it trusts change below the probe.
authorities_of_planes_are_replaced() {
	authorities >"$WORK/before.authorities"
	interrupt_at 'pass 2 of 3' 'certs rotate-ca' --yes
	eventually 60 kubectl get --raw /readyz
	status davit certs rotate-ca -f "$FILE" --mirror "$MIRROR" --yes
	expect_status 0
	authorities >"$WORK/after.authorities"
	[[ -z $(comm -12 "$WORK/before.authorities" "$WORK/after.authorities") ]]
	davit kubeconfig -f "$FILE" --to "$KUBECONFIG"
	eventually 60 kubectl get --raw /readyz
	kubectl wait --for=condition=Ready nodes --all --timeout=120s
	voting demo-cp-1 "$(plane_nodes | wc -w)"
	certs_are_what_the_state_knows
	is_as_the_file_says
}

# All servers of the control planes are gone at once, and with them etcd: apply makes them, and a backup brings back what they knew.
planes_are_all_lost() {
	local backup=$WORK/planes.davit-backup n
	rm -f "$backup"
	(umask 077 && echo 'correct horse battery staple' >"$WORK/passphrase")
	kubectl create configmap before-the-loss --from-literal=a=1 --dry-run=client -o yaml | kubectl apply -f -
	davit etcd backup -f "$FILE" --passphrase-file "$WORK/passphrase" "$backup"
	for n in $(plane_nodes); do in_tree power.py delete "${n#node/}"; done
	status apply
	expect_text 'all control planes have lost their servers'
	expect_status 0
	status davit etcd restore -f "$FILE" --passphrase-file "$WORK/passphrase" --yes "$backup"
	expect_status 0
	eventually 60 kubectl get configmap before-the-loss
	kubectl wait --for=condition=Ready nodes --all --timeout=120s
	voting demo-cp-1 "$(plane_nodes | wc -w)"
	etcd_is_well
	is_as_the_file_says
}

# What all API servers take up: one after the other begins anew, while a worker asks.  Each says so before, and answers what it was asked.
planes_change() {
	probe_begins
	sed -i 's/^  controlPlane: {count: 3/  podSecurity: restricted\n&/' "$FILE"
	status apply
	expect_status 0
	one_plane_after_another
	probe_ends 50
	[[ $(davit exec -f "$FILE" --role control-plane -- 'sudo grep -rl "restricted" /etc/kubernetes | wc -l' 2>/dev/null | awk '$NF > 0' | wc -l) = 3 ]]
	is_as_the_file_says
}

# "[  12.3 s] demo-cp-1: install done (4.5 s)", three times, of which none began before another one had ended
one_plane_after_another() {
	sed -nE 's/.*\[ *([0-9.]+) s\] demo-cp-[123]: install done \(([0-9.]+) s\).*/\1 \2/p' "$WORK/out" |
		awk '{ overlap = overlap || $1 - $2 < end - 0.2; end = $1 } END { exit NR != 3 || overlap }'
}
