# All units at once, before the first is started: systemd reads its files again once, and each comes up with the next boot.
enable_check() {
	cmp -s "$run/units.txt" "$run/enabled"
}

enable_do() {
	systemctl daemon-reload
	# shellcheck disable=SC2046 # a word each
	systemctl enable --quiet --no-reload $(cat "$run/units")
	cp "$run/units.txt" "$run/enabled"
}
