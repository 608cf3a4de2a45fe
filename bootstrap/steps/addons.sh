# On a control plane: the roles and then the add-ons, applied by the super-admin as soon as the API is ready.
# $1 bytes of the super-admin's certificate and key, $2 bytes of the roles, which come on standard input with the add-ons behind
# them; $3 seconds to wait.  The certificate is in memory (/dev/shm) for the time of two commands.
umask 077
pem=/dev/shm/davit-$$.pem
trap 'rm -f "$pem" "$pem.roles"' EXIT
trap 'exit 1' HUP INT TERM PIPE
ca=/etc/kubernetes/pki/ca.crt
head -c "$1" >"$pem" && head -c "$2" >"$pem.roles" || exit 1

seconds() {
	read -r uptime _ </proc/uptime
	uptime=${uptime%.*}
}

apply() {
	/opt/davit/bin/kubectl --server=https://127.0.0.1:6443 --certificate-authority="$ca" --client-certificate="$pem" \
		--client-key="$pem" apply --server-side --force-conflicts --field-manager=davit -f "$1"
}

seconds
limit=$((uptime + $3))
until curl --silent --fail --noproxy '*' --max-time 5 --cacert "$ca" --output /dev/null https://127.0.0.1:6443/readyz; do
	seconds
	if [ "$uptime" -ge "$limit" ]; then
		echo "the API did not become ready" >&2
		exit 1
	fi
	sleep 0.2
done
apply "$pem.roles" && apply -
