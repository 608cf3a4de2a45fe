# On a control plane: every Secret is written once more, so that it is encrypted with the API servers' first key. $1: the name of the key that
# nothing may be encrypted with at the end, $2: how many seconds at most. Secrets go through pipes, to no disk and into no log.
set -uf
umask 077
davit=${DAVIT_HOME:-/opt/davit}
pki=/etc/kubernetes/pki/etcd
errors=$(mktemp) || exit 1
trap 'rm -f "$errors"' EXIT
trap 'exit 1' HUP INT TERM PIPE

k() {
	"$davit/bin/kubectl" --kubeconfig=/etc/kubernetes/admin.conf "$@"
}

seconds() {
	read -r uptime _ </proc/uptime
	uptime=${uptime%.*}
}

# One that was changed or removed meanwhile is refused, and the whole is done once more.
rewrite() {
	some=$(k -n "$1" get secrets -o name 2>"$errors") || return 1
	[ -n "$some" ] || return 0
	k -n "$1" get secrets -o json 2>"$errors" | k replace -f - 2>>"$errors" >/dev/null
}

# Each value in etcd begins with the name of its key. Whether etcd has given an answer at all stands at its end.
none_left() {
	found=$({
		"$davit/bin/etcdctl" --endpoints=https://127.0.0.1:2379 --cacert="$pki/ca.crt" --cert="$pki/healthcheck-client.crt" \
			--key="$pki/healthcheck-client.key" --command-timeout=60s get /registry/secrets/ --prefix --print-value-only 2>"$errors"
		printf '\ndavit %s\n' "$?"
	} | LC_ALL=C grep -aoE "k8s:enc:secretbox:v1:$1:|^davit [0-9]+\$" | sort | uniq -c)
	case $found in
	*"secretbox:v1:$1:"*)
		echo "there are Secrets that are still encrypted with key $1" >"$errors"
		return 1
		;;
	*' davit 0') ;;
	*) return 1 ;;
	esac
}

all() {
	namespaces=$(k get namespaces -o 'jsonpath={.items[*].metadata.name}' 2>"$errors") || return 1
	for namespace in $namespaces; do
		rewrite "$namespace" || return 1
	done
	none_left "$1"
}

seconds
limit=$((uptime + $2))
until all "$1"; do
	seconds
	if [ "$uptime" -ge "$limit" ]; then
		tail -n 3 "$errors" >&2
		exit 1
	fi
	sleep 1
done
