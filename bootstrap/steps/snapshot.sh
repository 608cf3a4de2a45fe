# A snapshot of etcd on standard output, behind a line "SIZE SHA256 VERSION STATUS": of etcdutl, and what that says of the snapshot, as JSON.
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
if ! "$bin/etcdctl" --endpoints=https://127.0.0.1:2379 --cacert="$pki/ca.crt" --cert="$pki/healthcheck-client.crt" \
	--key="$pki/healthcheck-client.key" snapshot save "$f" >"$f.log" 2>&1 ||
	! status=$("$bin/etcdutl" snapshot status "$f" -w json 2>>"$f.log"); then
	tail -n 3 "$f.log" >&2
	exit 1
fi
sum=$(sha256sum <"$f")
version=$("$bin/etcdutl" version | sed -n 's/^etcdutl version: *//p')
printf '%s %s %s %s\n' "$(stat -c %s "$f")" "${sum%% *}" "${version:-?}" "$status"
cat "$f"
