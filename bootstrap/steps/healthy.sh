# Waits until all units of the node are active and stay so for $2 seconds without a restart, and, on a control plane, etcd and the API
# server say that they are ready.  $1: how many seconds at most.  At the end of its patience it says what is not well.
set -uf
run=${DAVIT_HOME:-/opt/davit}/run
# blanks between them, and around all
units=" $(tr '\n' ' ' <"$run/units")"

seconds() {
	read -r uptime _ </proc/uptime
	uptime=${uptime%.*}
}

get() {
	curl --silent --fail --noproxy '*' --connect-timeout 3 --max-time 5 --output /dev/null "$@"
}

# Prints what is not well.
ailments() {
	for unit in $units; do
		state=$(systemctl is-active "$unit")
		[ "$state" = active ] || echo "$unit is $state"
	done
	case $units in
	*" etcd.service "*) get http://127.0.0.1:2381/readyz || echo "etcd is not ready" ;;
	esac
	case $units in
	*" kube-apiserver.service "*)
		get --cacert /etc/kubernetes/pki/ca.crt https://127.0.0.1:6443/readyz || echo "the API server is not ready"
		;;
	esac
}

# Another text after each start of any of them.
starts() {
	# shellcheck disable=SC2086 # a word each
	systemctl show --property=InvocationID,NRestarts $units
}

seconds
limit=$((uptime + $1))
last='' since=$uptime
while :; do
	ill=$(ailments)
	now=$(starts)
	seconds
	if [ -n "$ill" ] || [ "$now" != "$last" ]; then
		since=$uptime
		last=$now
	fi
	[ $((uptime - since)) -lt "$2" ] || exit 0
	if [ "$uptime" -ge "$limit" ]; then
		if [ -z "$ill" ]; then
			echo "a unit starts again and again" >&2
			exit 1
		fi
		for unit in $(echo "$ill" | sed -n 's/^\([^ ]*\.service\) is .*/\1/p'); do
			journalctl --unit="$unit" --lines=3 --output=cat --no-pager >&2 || :
		done
		echo "$ill" >&2
		exit 1
	fi
	sleep 0.5
done
