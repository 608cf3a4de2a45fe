# When all nodes have the new version: what was kept for going back, and programs of other versions, go.
set -u
umask 022
davit=${DAVIT_HOME:-/opt/davit}
rm -rf "$davit/before" "$davit/before.new"
for folder in "$davit"/lib/*/*; do
	version=${folder##*/}
	name=${folder%/*}
	name=${name##*/}
	if [ -d "$folder" ] && ! grep -qF -- "$name $version " "$davit/run/artifacts.txt"; then
		rm -rf "$folder"
	fi
done
