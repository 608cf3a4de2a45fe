# Before a node gets another version: all that the last complete run has put here goes into before/, for restore.sh.  The programs
# stay in lib/ by themselves.  $1: the version that the node is to get.  An upgrade to it that was begun already has kept the right
# one, and a node that no run has completed since has nothing better to keep.
set -uf
umask 077
davit=${DAVIT_HOME:-/opt/davit}
run=$davit/run
before=$davit/before

first_line() {
	line=
	[ ! -r "$1" ] || read -r line <"$1" || :
}

first_line "$before/target"
[ "$line" != "$1" ] || exit 0
first_line "$run/done"
have=$line
first_line "$run/archive.sha256"
if [ -z "$have" ] || [ "$have" != "$line" ]; then
	[ ! -e "$before/target" ] || echo "$1" >"$before/target"
	exit 0
fi
rm -rf "$before.new"
mkdir "$before.new" || exit 1
cp "$run/files" "$run/units" "$before.new" || exit 1
{
	cut -c 2- "$run/files"
	for name in archive.sha256 files files.sha256 files.applied units units.applied units.txt artifacts.txt install.sh curl.conf; do
		[ ! -e "$run/$name" ] || echo "${run#/}/$name"
	done
} >"$before.new/list"
tar -C / --ignore-failed-read -cf "$before.new/files.tar" -T "$before.new/list" || exit 1
echo "$1" >"$before.new/target"
sync -f "$before.new"
rm -rf "$before"
mv "$before.new" "$before"
