# A line "NAME SIZE" for each snapshot that the node has made by the cluster's schedule.
set -u
for f in /var/lib/davit/etcd/*.db; do
	[ ! -f "$f" ] || printf '%s %s\n' "${f##*/}" "$(stat -c %s "$f")"
done
