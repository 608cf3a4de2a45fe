# A snapshot of etcd on standard output; its SHA-256 is the last line of standard error.
set -uf
umask 077
f=/opt/davit/run/snapshot.db
trap 'rm -f "$f" "$f.part" "$f.log"' EXIT
trap 'exit 1' HUP INT TERM PIPE
pki=/etc/kubernetes/pki/etcd
if ! /opt/davit/bin/etcdctl --endpoints=https://127.0.0.1:2379 --cacert="$pki/ca.crt" --cert="$pki/healthcheck-client.crt" \
	--key="$pki/healthcheck-client.key" snapshot save "$f" >"$f.log" 2>&1 || ! /opt/davit/bin/etcdutl snapshot status "$f" >>"$f.log" 2>&1; then
	tail -n 3 "$f.log" >&2
	exit 1
fi
sha256sum <"$f" >&2
cat "$f"
