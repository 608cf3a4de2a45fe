# shellcheck shell=bash
# etcd of the cluster that is there: how it is, a backup, and back to it.

restarts() { kubectl get pods -A -o jsonpath='{range .items[*]}{.metadata.uid}{" "}{.status.containerStatuses[*].restartCount}{"\n"}{end}' | sort; }

etcd_is_well() {
	status davit etcd status -f "$FILE"
	expect_status 0
	expect_text demo-cp-1
	expect_text healthy
	davit etcd status -f "$FILE" -o json >"$WORK/etcd.json"
	python3 - "$WORK/etcd.json" <<-'PYTHON'
		import json, sys
		o = json.load(open(sys.argv[1]))
		assert o["healthy"] and sum(m["leader"] for m in o["members"]) == 1 and all(m["dbSize"] > 0 for m in o["members"]), o
	PYTHON
}

# What was made since is gone, what was there before is there, Secrets can be read, and the pods run on.
etcd_goes_back() {
	local backup=$WORK/etcd.davit-backup
	rm -f "$backup"* "$WORK/passphrase"
	(umask 077 && echo 'correct horse battery staple' >"$WORK/passphrase")
	kubectl delete configmap,secret e2e-before e2e-after --ignore-not-found
	kubectl create configmap e2e-before --from-literal=a=1
	kubectl create secret generic e2e-before --from-literal=a=secret
	davit etcd backup -f "$FILE" --passphrase-file "$WORK/passphrase" "$backup"
	status davit etcd show "$backup"
	expect_text 'passphrase'
	if grep -q -e e2e-before -e 'PRIVATE KEY' "$backup"; then return 1; fi
	kubectl create configmap e2e-after --from-literal=a=1
	kubectl delete configmap e2e-before
	etcd_refuses "$backup"
	restarts >"$WORK/pods.before"
	status davit etcd restore -f "$FILE" --passphrase-file "$WORK/passphrase" --yes "$backup"
	expect_status 0
	expect_text '/var/lib/etcd'
	eventually 30 kubectl get configmap e2e-before
	status kubectl get configmap e2e-after
	expect_status 1
	[[ $(kubectl get secret e2e-before -o jsonpath='{.data.a}' | base64 -d) = secret ]]
	eventually 30 kubectl wait --for=condition=Ready nodes --all --timeout=0
	restarts >"$WORK/pods.after"
	diff "$WORK/pods.before" "$WORK/pods.after"
	etcd_is_well
	kubectl delete configmap,secret e2e-before
}

# etcd_refuses BACKUP: each with one clear error, and nothing is touched
etcd_refuses() {
	cp "$1" "$1.bad"
	printf x | dd of="$1.bad" bs=1 seek=$(($(stat -c %s "$1") - 1000)) conv=notrunc 2>/dev/null
	status davit etcd restore -f "$FILE" --passphrase-file "$WORK/passphrase" --yes "$1.bad"
	expect_status 2
	expect_text 'it is damaged'
	status davit etcd restore -f "$FILE" --passphrase-file "$FILE" --yes "$1"
	expect_status 2
	expect_text 'does not open with this passphrase'
	kubectl get configmap e2e-after
}
