api_check() {
	curl --silent --fail --noproxy '*' --max-time 5 --cacert /etc/kubernetes/pki/ca.crt --output /dev/null https://127.0.0.1:6443/readyz
}

api_do() {
	until api_check; do
		if late; then
			journalctl --unit=etcd.service --unit=kube-apiserver.service --lines=8 --output=cat --no-pager || :
			echo "the API of this control plane did not become ready"
			return 1
		fi
		sleep 0.2
	done
}
