# Puts back what keep.sh has kept, and prints the digest of the archive that the node had then: its run, begun anew, switches the
# links to the programs of before and restarts what has changed.  Status 3: nothing was kept.
set -uf
umask 022
davit=${DAVIT_HOME:-/opt/davit}
run=$davit/run
before=$davit/before

if [ ! -s "$before/files.tar" ]; then
	echo "no earlier version is kept on this node" >&2
	exit 3
fi
systemctl stop davit-install.service 2>/dev/null || :
rm -f "$run/done" "$run/archive.sha256" "$run/enabled"
# what only the newer version has
grep -vxFf "$before/units" "$run/units" | while read -r unit; do
	systemctl disable --quiet --now "$unit"
	rm -f "$run/unit/$unit"
done
grep -vxFf "$before/files" "$run/files" | while read -r path; do
	rm -f "$path"
done
tar -C / --no-overwrite-dir -xpf "$before/files.tar" || exit 1
systemctl daemon-reload
cat "$run/archive.sha256"
