# Standard input: artifacts.txt.  Prints the MiB that its artifacts need on this node, as artifacts.sh reckons, and the MiB that are free.
set -uf
davit=${DAVIT_HOME:-/opt/davit}
need=102400
while read -r name version digest size format _; do
	line=
	[ ! -r "$davit/lib/$name/$version/.digest" ] || read -r line <"$davit/lib/$name/$version/.digest" || :
	[ "${line%% *}" != "$digest" ] || continue
	case $format in file | deb | images) ;; *) size=$((size * 4)) ;; esac
	need=$((need + size / 1024))
done
have=$(df -Pk "$davit" | { read -r _ && read -r _ _ _ free _ && echo "$free"; })
echo "$((need / 1024)) $((have / 1024))"
