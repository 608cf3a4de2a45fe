# What this restoration has put there goes, and the data of before comes back. Each part is done once, however often this is begun again.
# $1: the restoration, $2: its time
set -uf
run=${DAVIT_HOME:-/opt/davit}/run
data=${ETCD_HOME:-/var/lib/etcd}
before=$data.before-$2
! mountpoint -q "$data" || before=$data/before-$2

# one that a connection has left behind may be at it still
exec 9>"$run/restore.lock"
flock 9 || exit 1
systemctl stop etcd.service || exit 1
rm -rf "$data/restoring" || exit 1
mark=$(cat "$run/etcd-restored" 2>/dev/null)
if [ -e "$before/member" ] || [ "$mark" = "$1" ]; then
	rm -rf "$data/member" || exit 1
	sync -f "$data"
fi
# the mark goes before the data comes, which it would give away to the next attempt
if [ "$mark" = "$1" ]; then
	rm -f "$run/etcd-restored" || exit 1
	sync -f "$run"
fi
if [ -e "$before/member" ]; then
	mv "$before/member" "$data/member" || exit 1
	rmdir "$before"
	sync -f "$data"
fi
