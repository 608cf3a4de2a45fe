# The units of step join come up at once where the API answers; started before, they would try ever more seldom.  A node that has
# joined does not wait: its kubelet goes on without the API, too.
api_ready() {
	curl --silent --fail --noproxy '*' --connect-timeout 3 --max-time 5 --cacert /etc/kubernetes/pki/ca.crt --output /dev/null \
		"$1/readyz"
}

# The node's own balancer is a pod, which comes up after this: what it will ask is asked here.
api_servers() {
	if [ -e /etc/davit/haproxy.cfg ]; then
		sed -n 's/^ *server [^ ]* \([^ ]*\)$/https:\/\/\1/p' /etc/davit/haproxy.cfg
	else
		sed -n 's/^ *server: *"*\(https:[^"]*\)"* *$/\1/p' /etc/kubernetes/kubelet.conf
	fi
}

api_any() {
	for server in $servers; do
		! api_ready "$server" || return 0
	done
	return 1
}

api_check() {
	if [ "$role" = worker ] && [ -e "$run/unit/kubelet.service" ]; then
		return 0
	fi
	servers=$(api_servers)
	api_any
}

api_do() {
	servers=$(api_servers)
	until api_any; do
		if late; then
			[ "$role" = worker ] ||
				journalctl --unit=etcd.service --unit=kube-apiserver.service --lines=8 --output=cat --no-pager || :
			# shellcheck disable=SC2086 # a word each
			echo "the API at" $servers "did not become ready"
			return 1
		fi
		sleep 0.2
	done
}
