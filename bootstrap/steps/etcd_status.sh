# What etcd says of itself, a line of JSON each behind "members ", "status ", "health " and "alarms "; $1: where its members are asked.
# Status 1, with etcd's words, where none of them tells which members there are.
set -uf
bin=${DAVIT_HOME:-/opt/davit}/bin
pki=/etc/kubernetes/pki/etcd
endpoints=$1
said=$(mktemp) || exit 1
trap 'rm -f "$said"' EXIT

# Its own status says no more than what it prints: one that does not answer is told there.
ask() {
	name=$1
	shift
	answer=$("$bin/etcdctl" --endpoints="$endpoints" --cacert="$pki/ca.crt" --cert="$pki/healthcheck-client.crt" \
		--key="$pki/healthcheck-client.key" --dial-timeout=2s --command-timeout=5s -w json "$@" 2>>"$said")
	[ -n "$answer" ] || return 1
	printf '%s %s\n' "$name" "$answer"
}

# without a quorum each member still knows whom it had
if ! ask members member list && ! ask members member list --consistency=s; then
	grep -v '^{' "$said" | tail -n 3 >&2
	exit 1
fi
ask status endpoint status
ask health endpoint health
ask alarms alarm list
exit 0
