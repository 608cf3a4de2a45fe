# shellcheck shell=bash
# davit scale-up and scale-down, as far as they refuse; sourced by operate.sh

# complete: as after a run that came to its end
complete() {
	python3 - "$STATE/state.db" <<-'PY'
		import sqlite3, sys
		db = sqlite3.connect(sys.argv[1])
		db.execute("INSERT OR REPLACE INTO meta (key, value) VALUES ('complete', '1')")
		db.commit()
	PY
}

# one clear error, the file as it was, nothing done
scale_refuses() {
	local status=$1 text=$2
	davit "$status" "${@:3}"
	says "$text"
	if [[ $(grep -c . err) = 1 ]]; then ok 'one line'; else not_ok 'one line' "$(cat err)"; fi
	if cmp -s before.yaml cluster.yaml; then ok 'the file is as it was'; else not_ok 'the file is as it was' "$(diff before.yaml cluster.yaml)"; fi
}

test_scale_refuses() {
	kubernetes
	complete
	rm -f fake/calls
	cp cluster.yaml before.yaml
	scale_refuses 2 'cluster.yaml has no pool "worker"; it has: workers, gpu-a; did you mean "workers"?' scale-up worker
	scale_refuses 2 'has no pool "control-plane"' scale-down control-plane
	scale_refuses 2 'is no number of workers' scale-up workers two
	scale_refuses 2 'is no number of workers' scale-up workers =-1
	scale_refuses 2 '"-1" is no number of workers; write 2 for two more or fewer, =2 for two in all' scale-up workers -1
	scale_refuses 2 'is no number of workers' scale-up workers 99999999999
	scale_refuses 2 'cluster.yaml:10:28: count: 99999 is not within 0 to 5000' scale-up workers =99999
	scale_refuses 2 'it cannot be made 3 smaller' scale-down workers 3
	scale_refuses 2 'is a case for "davit scale-down"' scale-up workers =1
	scale_refuses 2 'demo-gpu-a-1 is no node of pool workers, but of gpu-a' scale-down workers --node gpu-a-1
	scale_refuses 2 'demo-registry is no node of pool workers, but of registry' scale-down workers --node registry
	scale_refuses 2 'cluster demo has no node prod-workers-1; it has: demo-cp-1, ' scale-down workers --node prod-workers-1
	scale_refuses 2 '1 node is named, and pool workers is to be made 2 smaller' scale-down workers 2 --node workers-1
	scale_refuses 2 'demo-workers-1 is named twice' scale-down workers --node workers-1 --node demo-workers-1
	scale_refuses 3 'no worker that takes pods would be left for 1 pod; --yes does it all the same: default/web' scale-down workers =0
	scale_refuses 2 'nowhere.yaml: there is no such file; "davit init" writes one' scale-up workers -f nowhere.yaml
	scale_refuses 2 'demo-cp-1 is a control plane: the number of them is controlPlane.count in cluster.yaml' node remove cp-1
	scale_refuses 2 'demo-registry is no worker: it goes when the cluster does' node remove registry
	scale_refuses 2 'demo-workers-1 is of pool workers, demo-gpu-a-1 of pool gpu-a: one pool at a time' node remove workers-1 gpu-a-1
	scale_refuses 2 'no clouds.yaml' scale-down workers =0 --yes
	calls 'nothing is done' ''
}
