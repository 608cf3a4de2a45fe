# All units at once, before the first is started: systemd reads its files again once, and each comes up with the next boot.  Also those that have
# changed in what is no reason to start them again (units.c); not those that systemd cannot read, however often: their own step tells of them.
enable_check() {
	# shellcheck disable=SC2046 # a word each
	cmp -s "$run/units.txt" "$run/enabled" && systemctl show --property=LoadState,NeedDaemonReload $(cat "$run/units") |
		awk -v RS= '/LoadState=loaded/ && /NeedDaemonReload=yes/ { stale = 1 } END { exit stale }'
}

enable_do() {
	systemctl daemon-reload
	# shellcheck disable=SC2046 # a word each
	systemctl enable --quiet --no-reload $(cat "$run/units")
	cp "$run/units.txt" "$run/enabled"
}
