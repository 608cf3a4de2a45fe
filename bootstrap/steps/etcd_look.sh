# Where etcd's data is on this control plane, before a restoration: "VERSION done|open data|empty FREE FREE one|two kept|none FOLDER".
# $1: the restoration, $2: its time; see etcd.h for the words.
set -uf
davit=${DAVIT_HOME:-/opt/davit}
data=${ETCD_HOME:-/var/lib/etcd}
version=$("$davit/bin/etcdutl" version | sed -n 's/^etcdutl version: *//p') || exit 1
if [ -z "$version" ]; then
	echo "there is no etcdutl in $davit/bin: was this control plane installed?" >&2
	exit 1
fi
# what is renamed stays on its file system
before=$data.before-$2
! mountpoint -q "$data" || before=$data/before-$2
has=empty
[ ! -d "$data/member" ] || has=data
is=open
[ "$has" = empty ] || [ "$(cat "$davit/run/etcd-restored" 2>/dev/null)" != "$1" ] || is='done'
kept=none
[ ! -d "$before/member" ] || kept=kept
near=$data
[ -d "$near" ] || near=${data%/*}
disks=two
[ "$(stat -c %d "$near")" != "$(stat -c %d "$davit/run")" ] || disks=one

room() {
	df --output=avail -B1 "$1" | tail -n 1 | tr -d ' '
}

echo "$version $is $has $(room "$near") $(room "$davit/run") $disks $kept $before"
