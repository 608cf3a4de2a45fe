# The snapshot of standard input to where etcd_swap.sh takes it; $1: its SHA-256. Each attempt has a file of its own: what a connection that
# was given up still sends is written where nobody reads it.
set -uf
umask 077
run=${DAVIT_HOME:-/opt/davit}/run
part=$(mktemp "$run/restore.XXXXXX") || exit 1
trap 'rm -f "$part"' EXIT
trap 'exit 1' HUP INT TERM PIPE
cat >"$part" || exit 1
sum=$(sha256sum <"$part")
if [ "${sum%% *}" != "$1" ]; then
	echo "what arrived is not the snapshot" >&2
	exit 1
fi
sync "$part"
mv -f "$part" "$run/restore.db"
