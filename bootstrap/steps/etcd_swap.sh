# The data of the snapshot in the place of etcd's own, which is kept. Each part is done once, however often this is begun again.
# $1: the restoration, $2: its time, $3: the member, $4: its URL for peers, $5: all members, $6: what is added to its revision
set -uf
umask 077
davit=${DAVIT_HOME:-/opt/davit}
run=$davit/run
data=${ETCD_HOME:-/var/lib/etcd}
new=$data/restoring
before=$data.before-$2
! mountpoint -q "$data" || before=$data/before-$2

# one that a connection has left behind may be at it still
exec 9>"$run/restore.lock"
flock 9 || exit 1
if [ -d "$data/member" ] && [ "$(cat "$run/etcd-restored" 2>/dev/null)" = "$1" ]; then
	exit 0
fi
systemctl stop etcd.service || exit 1
mkdir -p "$data" && chmod 700 "$data" || exit 1
rm -rf "$new"
if ! "$davit/bin/etcdutl" snapshot restore "$run/restore.db" --data-dir "$new" --name "$3" --initial-advertise-peer-urls "$4" --initial-cluster "$5" \
	--initial-cluster-token "$1" --bump-revision "$6" --mark-compacted >"$run/restore.log" 2>&1; then
	tail -n 3 "$run/restore.log" >&2
	exit 1
fi
sync -f "$new"
if [ -e "$data/member" ] && [ -e "$before/member" ]; then
	rm -rf "$data/member" || exit 1 # of an attempt of this restoration that had come to here
elif [ -e "$data/member" ]; then
	mkdir -p "$before" && mv "$data/member" "$before/member" || exit 1
fi
sync -f "$data"
# from here on what lies there is this restoration's, also where nothing was there before: etcd_back.sh goes by it
echo "$1" >"$run/etcd-restored"
sync "$run/etcd-restored"
mv "$new/member" "$data/member" || exit 1
rmdir "$new"
sync -f "$data"
