# 401: it is there, and asks who we are
serve_check() {
	code=$(curl --silent --noproxy '*' --max-time 5 --cacert /etc/davit/registry-ca.crt --resolve "$registry_host:127.0.0.1" \
		--output /dev/null --write-out '%{http_code}' "https://$registry_host/v2/")
	[ "$code" = 200 ] || [ "$code" = 401 ]
}

serve_do() {
	until serve_check; do
		if late; then
			echo "the registry does not answer on this server (HTTP $code)"
			return 1
		fi
		sleep 0.2
	done
}
