# etcd begins, and is waited for until it has a leader; $1: how many seconds at most.
set -uf

seconds() {
	read -r uptime _ </proc/uptime
	uptime=${uptime%.*}
}

seconds
limit=$((uptime + $1))
systemctl reset-failed etcd.service 2>/dev/null
systemctl start --no-block etcd.service || exit 1
until curl --silent --fail --noproxy '*' --connect-timeout 3 --max-time 5 --output /dev/null http://127.0.0.1:2381/readyz; do
	seconds
	if [ "$uptime" -ge "$limit" ]; then
		journalctl --unit=etcd.service --lines=3 --output=cat --no-pager >&2 || :
		echo 'etcd is not ready' >&2
		exit 1
	fi
	sleep 0.2
done
