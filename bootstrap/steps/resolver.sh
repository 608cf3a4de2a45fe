# systemd-resolved, where there is one, reads $resolved_file when it starts; the copy in the run's folder is what it has read last.
resolver_check() {
	cmp -s "$resolved_file" "$run/resolved"
}

resolver_do() {
	[ ! -d /run/systemd/resolve ] || systemctl try-restart systemd-resolved.service
	cp "$resolved_file" "$run/resolved"
}
