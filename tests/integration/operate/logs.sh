# shellcheck shell=bash
# davit logs; sourced by operate.sh

test_logs() {
	davit 0 logs workers-1
	is "all of davit's units of a worker" "$(
		printf '%s\n' demo-workers-1: --no-pager --quiet --output=short-iso --no-hostname --unit=containerd --unit=kubelet --unit=kube-proxy \
			--unit=flanneld --unit=davit-certificates --unit=davit-install --lines=100
	)"
	davit 0 logs cp-1 kube-apiserver etcd --since 10m -n 20000
	is 'some units' "$(
		printf '%s\n' demo-cp-1: --no-pager --quiet --output=short-iso --no-hostname --unit=kube-apiserver --unit=etcd --since=-10m --lines=20000
	)"
	davit 0 logs registry ssh.service --since "2026-11-22 10:00:00" -o json
	is 'another unit' "$(printf '%s\n' demo-registry: --no-pager --quiet --output=json --unit=ssh.service '--since=2026-11-22 10:00:00')"
	davit 1 logs registry --since nonsense
	says 'Failed to parse timestamp'
	davit 2 logs workers-1 kublet
	says 'did you mean "kubelet"?' 'it has: containerd, kubelet, kube-proxy, flanneld, davit-certificates, davit-install'
	davit 2 logs workers-1 etcd
	davit 2 logs workers-1 -n 0
	davit 2 logs workers-9
	davit 2 logs
}

test_logs_followed() {
	local pid status=0
	"$DAVIT" logs workers-1 kubelet -f --file cluster.yaml >out 2>err </dev/null &
	pid=$!
	eventually grep -q -e --follow out || not_ok 'it follows' "$(cat out err)"
	kill -INT "$pid"
	wait "$pid" || status=$?
	if [[ $status = 130 && ! -s err ]]; then ok 'Ctrl-C ends it'; else not_ok 'Ctrl-C ends it' "status $status" "$(cat err)"; fi
}
