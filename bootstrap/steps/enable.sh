# All units at once, before the first is started: systemd reads its files again once, and each comes up with the next boot.  Also those that have
# changed in what is no reason to start them again (units.c).
enable_check() {
	# shellcheck disable=SC2046 # a word each
	cmp -s "$run/units.txt" "$run/enabled" && ! systemctl show --property=NeedDaemonReload $(cat "$run/units") | grep -q =yes
}

enable_do() {
	systemctl daemon-reload
	# shellcheck disable=SC2046 # a word each
	systemctl enable --quiet --no-reload $(cat "$run/units")
	cp "$run/units.txt" "$run/enabled"
}
