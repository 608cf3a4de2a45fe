# A snapshot of etcd, or $1, one that the node has made by itself, on standard output, behind a line "SIZE SHA256 VERSION all|alone STATUS": the version of etcdutl, whether the
# member has a quorum behind it, and what etcdutl says of the snapshot, as JSON.
set -uf
umask 077
run=${DAVIT_HOME:-/opt/davit}/run
bin=${DAVIT_HOME:-/opt/davit}/bin
f=$run/snapshot.db log=$run/snapshot.db.log
# one at a time: they share the file
exec 9>"$run/snapshot.lock"
flock 9 || exit 1
trap 'rm -f "$f" "$f.part" "$f.log"' EXIT
trap 'exit 1' HUP INT TERM PIPE
pki=/etc/kubernetes/pki/etcd

ctl() {
	"$bin/etcdctl" --endpoints=https://127.0.0.1:2379 --cacert="$pki/ca.crt" --cert="$pki/healthcheck-client.crt" \
		--key="$pki/healthcheck-client.key" --command-timeout=10s "$@"
}

failed() {
	tail -n 3 "$log" >&2
	exit 1
}

if [ -n "${1:-}" ]; then
	trap 'rm -f "$run/snapshot.db.log"' EXIT
	f=/var/lib/davit/etcd/$1
	log=$run/snapshot.db.log
	[ -f "$f" ] || { echo "there is no $f" >&2; exit 1; }
fi

# "snapshot save" itself waits for ever where etcd does not answer
save() {
	ctl endpoint status >"$log" 2>&1 || failed
	# a member that is alone may lack what the others have, yet may be all that there is
	ctl get davit --keys-only >>"$log" 2>&1 || knows=alone
	ctl snapshot save "$f" >>"$log" 2>&1 || failed
}

knows=all
[ -n "${1:-}" ] || save
status=$("$bin/etcdutl" snapshot status "$f" -w json 2>>"$log") || failed
sum=$(sha256sum <"$f")
version=$("$bin/etcdutl" version | sed -n 's/^etcdutl version: *//p')
printf '%s %s %s %s %s\n' "$(stat -c %s "$f")" "${sum%% *}" "${version:-?}" "$knows" "$status"
cat "$f"
