swap_check() {
	{ read -r _ && ! read -r _; } </proc/swaps
}

# kubelet does not start while there is swap; masked, so that none comes back with the next boot.
swap_do() {
	systemctl list-units --type=swap --plain --no-legend >"$run/swaps"
	swapoff -a
	while read -r unit _; do
		systemctl mask --quiet "$unit"
		note "turned off and masked $unit"
	done <"$run/swaps"
	rm -f "$run/swaps"
}
