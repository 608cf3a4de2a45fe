# shellcheck shell=bash
# Pools that grow and shrink under load, on a cluster that is there. $WORK/scale.yaml is a copy of the file, which davit edits.

SCALE=$WORK/scale.yaml
scale() { davit "scale-$1" -f "$SCALE" "${@:2}"; }
workers() { kubectl get nodes -l davit.dev/pool=workers -o name | sort | tr '\n' ' '; }

# Of the node nothing is there; what there is is shown. The pool's server group, "demo-workers-1a2b3c4d", is none of its.
is_gone() { ! list_project | grep -E "$1([^0-9a-f]|$)"; }

# A service that loses a request when a pod goes before it has answered, and a client that counts every answer.
load_begins() {
	kubectl apply -f - <<-YAML
		apiVersion: apps/v1
		kind: Deployment
		metadata: {name: shop, labels: {app: shop}}
		spec:
		  replicas: 3
		  strategy: {rollingUpdate: {maxUnavailable: 0, maxSurge: 1}}
		  selector: {matchLabels: {app: shop}}
		  template:
		    metadata: {labels: {app: shop}}
		    spec:
		      terminationGracePeriodSeconds: 20
		      topologySpreadConstraints:
		      - {maxSkew: 1, topologyKey: kubernetes.io/hostname, whenUnsatisfiable: ScheduleAnyway, labelSelector: {matchLabels: {app: shop}}}
		      containers:
		      - name: shop
		        image: $IMAGES/agnhost:2.63.0
		        args: [netexec, --http-port=8080, --delay-shutdown=5]
		        readinessProbe: {httpGet: {path: /hostname, port: 8080}, periodSeconds: 1}
		---
		apiVersion: v1
		kind: Service
		metadata: {name: shop}
		spec: {type: NodePort, selector: {app: shop}, ports: [{port: 80, targetPort: 8080, nodePort: 30880}]}
		---
		apiVersion: policy/v1
		kind: PodDisruptionBudget
		metadata: {name: shop}
		spec: {maxUnavailable: 1, selector: {matchLabels: {app: shop}}}
	YAML
	kubectl rollout status deployment/shop --timeout=180s
	# on the control plane, which stays: through the service's address, three requests a second
	davit ssh -f "$SCALE" cp-1 "sudo systemd-run --quiet --collect --unit=davit-load sh -c '
		address=$(kubectl get service shop -o jsonpath='{.spec.clusterIP}')
		: >/run/davit-load
		while :; do
			code=\$(curl -s -o /dev/null -m 5 -w %{http_code} http://\$address/hostname) || :
			echo \$(date +%s) \$code >>/run/davit-load
			sleep 0.3
		done'"
	eventually 30 load_is_there
	load_begins_anew # kube-proxy may hear of a new service later than its first client
}

load_is_there() { davit ssh -f "$SCALE" cp-1 'grep -c " 200$" /run/davit-load'; }

nothing_is_lost() {
	davit ssh -f "$SCALE" cp-1 'cat /run/davit-load' >"$WORK/load"
	say "$(wc -l <"$WORK/load") requests, $(grep -vc ' 200$' "$WORK/load" || true) lost"
	(($(wc -l <"$WORK/load") > 20))
	! grep -v ' 200$' "$WORK/load"
}

# what was lost before is another matter, also where it shows only now: pods of a server that was switched off count as ready until its kubelet knows better
load_begins_anew() {
	eventually 60 load_is_steady
	davit ssh -f "$SCALE" cp-1 'sudo truncate -s 0 /run/davit-load'
}

# for twice as long as a request may take
load_is_steady() {
	[[ $(davit ssh -f "$SCALE" cp-1 'tail -n 30 /run/davit-load' | grep -c ' 200$') = 30 ]]
}

load_ends() {
	kubectl delete deployment,service,pdb shop
	davit ssh -f "$SCALE" cp-1 'sudo systemctl stop davit-load; sudo rm -f /run/davit-load'
}

scale_up() {
	cp "$FILE" "$SCALE"
	load_begins
	status scale up workers 2 --mirror "$MIRROR" --dry-run
	expect_status 0
	expect_text demo-workers-3
	expect_text demo-workers-4
	cmp "$FILE" "$SCALE"
	status scale up workers 2 --mirror "$MIRROR"
	expect_status 0
	diff <(sed 's/count: 2, flavor/count: 4, flavor/' "$FILE") "$SCALE"
	[[ $(workers) = 'node/demo-workers-1 node/demo-workers-2 node/demo-workers-3 node/demo-workers-4 ' ]]
	kubectl wait --for=condition=Ready node/demo-workers-3 node/demo-workers-4 --timeout=0
	nothing_is_lost
}

budget() { kubectl patch pdb shop --type=merge -p "{\"spec\":{\"maxUnavailable\":$1}}"; }

# A budget that allows nothing keeps the node, which stays cordoned; an interruption loses nothing, and what it has chosen may stay after all.
budget_blocks() {
	trap 'budget 1' EXIT
	budget 0
	kubectl rollout restart deployment/shop
	kubectl rollout status deployment/shop --timeout=120s
	[[ $(kubectl get pods -l app=shop --field-selector spec.nodeName=demo-workers-3 -o name | wc -l) -ge 1 ]]
	status timeout --preserve-status -s INT 20 "$LAB" exec "$DAVIT" scale-down -f "$SCALE" workers --node workers-3
	expect_status 130
	expect_text 'davit scale-down workers =3'
	[[ $(kubectl get node demo-workers-3 -o jsonpath='{.spec.unschedulable}') = true ]]
	status scale up workers =4 --mirror "$MIRROR"
	expect_status 0
	expect_text 'staying: demo-workers-3'
	[[ -z $(kubectl get node demo-workers-3 -o jsonpath='{.spec.unschedulable}') ]]
	status timeout --preserve-status -s INT 12 "$LAB" exec "$DAVIT" scale-down -f "$SCALE" workers --node workers-3
	expect_status 130
	[[ $(kubectl get node demo-workers-3 -o jsonpath='{.spec.unschedulable}') = true ]]
}

# goes on with the node that the interrupted run had chosen, though another one would be the better choice by now
scale_down() {
	kubectl cordon demo-workers-1
	status scale down workers =3
	expect_status 0
	expect_text 'gone: demo-workers-3'
	kubectl uncordon demo-workers-1
	[[ $(workers) = 'node/demo-workers-1 node/demo-workers-2 node/demo-workers-4 ' ]]
	is_gone demo-workers-3
	nothing_is_lost
}

# A budget that allows nothing, and a pod that nothing makes again, for as long as they were given; the pods end as gently as ever.
scale_down_by_force() {
	trap 'budget 1' EXIT
	budget 0
	kubectl run bare --image="$IMAGES/agnhost:2.63.0" --overrides='{"spec":{"nodeName":"demo-workers-4"}}' -- pause
	kubectl rollout restart deployment/shop
	kubectl rollout status deployment/shop --timeout=120s
	[[ $(kubectl get pods -l app=shop --field-selector spec.nodeName=demo-workers-4 -o name | wc -l) -ge 1 ]]
	status scale down workers --node workers-4 --force-after 3s
	expect_status 0
	expect_text 'gone: demo-workers-4'
	cmp "$FILE" "$SCALE"
	[[ $(workers) = 'node/demo-workers-1 node/demo-workers-2 ' ]]
	is_gone demo-workers-4
	nothing_is_lost
	status davit apply -f "$SCALE" --mirror "$MIRROR"
	expect_text 'nothing to do'
}

scale_refuses() {
	cp "$SCALE" "$WORK/scale-before"
	status scale up worker
	expect_status 2
	expect_text 'has no pool "worker"; it has: workers; did you mean "workers"?'
	status scale up workers =1
	expect_status 2
	expect_text 'davit scale-down'
	status scale down workers 3
	expect_status 2
	status scale up workers =99999 --mirror "$MIRROR"
	expect_status 2
	expect_text 'count: '
	status scale up workers 500 --mirror "$MIRROR"
	expect_status 2
	expect_text 'has no address left'
	in_tree quota.py set instances=5
	status scale up workers 2 --mirror "$MIRROR"
	in_tree quota.py reset
	expect_status 3
	expect_text 'quota of instances: 2 are needed, 1 of 5 are free'
	status scale down workers --node cp-1
	expect_status 2
	expect_text 'is no node of pool workers'
	status scale down workers =0
	expect_status 3
	expect_text 'no worker that takes pods would be left'
	cmp "$WORK/scale-before" "$SCALE"
	[[ $(kubectl get nodes -o jsonpath='{.items[*].spec.unschedulable}') = '' ]]
}

of_workers() { kubectl get nodes -l davit.dev/pool=workers -o jsonpath="{range .items[*]}{$1} {end}"; }

# what the file drops goes, what others have set stays
labels_come_and_go() {
	local dressed=$WORK/dressed.yaml
	sed "s|name: workers, |&labels: {tier: web, own: x}, annotations: {a.b/c: 'it is'}, taints: ['busy=yes:PreferNoSchedule'], |" "$SCALE" >"$dressed"
	status davit plan -f "$dressed" --mirror "$MIRROR"
	expect_status 10
	expect_text 'lacks the label tier=web'
	status davit apply -f "$dressed" --mirror "$MIRROR"
	expect_status 0
	[[ $(of_workers .metadata.labels.tier) = 'web web ' ]]
	[[ $(of_workers '.metadata.annotations.a\.b/c') = 'it is it is ' ]]
	[[ $(of_workers '.spec.taints[*].key') = 'busy busy ' ]]
	status davit apply -f "$dressed" --mirror "$MIRROR"
	expect_text 'nothing to do'
	kubectl label node demo-workers-1 demo-workers-2 hand=made
	status davit plan -f "$SCALE" --mirror "$MIRROR"
	expect_status 10
	expect_text 'has the taint busy:PreferNoSchedule, which the file no longer wants'
	status davit apply -f "$SCALE" --mirror "$MIRROR"
	expect_status 0
	[[ -z $(of_workers .metadata.labels.tier | tr -d ' ') && -z $(of_workers '.metadata.annotations.a\.b/c' | tr -d ' ') ]]
	[[ -z $(of_workers '.spec.taints[*].key' | tr -d ' ') && $(of_workers .metadata.labels.hand) = 'made made ' ]]
	status davit apply -f "$SCALE" --mirror "$MIRROR"
	expect_text 'nothing to do'
}
