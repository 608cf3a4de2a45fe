# A snapshot of etcd on standard output, behind a line "SIZE SHA256 VERSION all|alone STATUS": the version of etcdutl, whether the
# member has a quorum behind it, and what etcdutl says of the snapshot, as JSON.
set -uf
umask 077
run=${DAVIT_HOME:-/opt/davit}/run
bin=${DAVIT_HOME:-/opt/davit}/bin
f=$run/snapshot.db
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
	tail -n 3 "$f.log" >&2
	exit 1
}

# "snapshot save" itself waits for ever where etcd does not answer
ctl endpoint status >"$f.log" 2>&1 || failed
# a member that is alone may lack what the others have, yet may be all that there is
knows=all
ctl get davit --keys-only >>"$f.log" 2>&1 || knows=alone
ctl snapshot save "$f" >>"$f.log" 2>&1 || failed
status=$("$bin/etcdutl" snapshot status "$f" -w json 2>>"$f.log") || failed
sum=$(sha256sum <"$f")
version=$("$bin/etcdutl" version | sed -n 's/^etcdutl version: *//p')
printf '%s %s %s %s %s\n' "$(stat -c %s "$f")" "${sum%% *}" "${version:-?}" "$knows" "$status"
cat "$f"
