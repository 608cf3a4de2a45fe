# What the last complete run had put here and this one no longer holds.
retire_list() {
	[ ! -e "$run/$1.applied" ] || grep -vxFf "$run/$1" "$run/$1.applied"
}

retire_check() {
	[ -z "$(retire_list files)" ] && [ -z "$(retire_list units)" ]
}

retire_do() {
	retire_list units >"$run/retired" || :
	while read -r unit; do
		systemctl disable --quiet --now "$unit"
		rm -f "$run/unit/$unit"
		note "stopped $unit"
	done <"$run/retired"
	retire_list files >"$run/retired" || :
	while read -r path; do
		rm -f "$path"
		note "removed $path"
	done <"$run/retired"
	rm -f "$run/retired"
	cp "$run/files" "$run/files.applied"
	cp "$run/units" "$run/units.applied"
	systemctl daemon-reload
}
