# The units of step join come up at once where the API answers; started before, they would try ever more seldom.  A node that has
# joined does not wait: its kubelet goes on without the API, too.
api_ready() {
	curl --silent --fail --noproxy '*' --connect-timeout 3 --max-time 5 --cacert /etc/kubernetes/pki/ca.crt --output /dev/null \
		"$1/readyz"
}

api_server() {
	sed -n 's/^ *server: *"*\(https:[^"]*\)"* *$/\1/p' /etc/kubernetes/kubelet.conf
}

api_check() {
	if [ "$role" = worker ] && [ -e "$run/unit/kubelet.service" ]; then
		return 0
	fi
	api_ready "$(api_server)"
}

api_do() {
	server=$(api_server)
	until api_ready "$server"; do
		if late; then
			[ "$role" = worker ] ||
				journalctl --unit=etcd.service --unit=kube-apiserver.service --lines=8 --output=cat --no-pager || :
			echo "the API at $server did not become ready"
			return 1
		fi
		sleep 0.2
	done
}
