# The packages among the artifacts, all at once, so that their order does not matter.
packages_lacking() {
	while read -r name version _ _ format _; do
		[ "$format" = deb ] || continue
		file=$davit/lib/$name/$version/$name
		wanted=$(dpkg-deb --field "$file" Version) || return 1
		# shellcheck disable=SC2016 # dpkg-query's own
		have=$(dpkg-query --show --showformat='${db:Status-Status} ${Version}' "$name" 2>/dev/null) || have=
		[ "$have" = "installed $wanted" ] || echo "$file"
	done <"$run/artifacts.txt"
}

packages_check() {
	lacking=$(packages_lacking) && [ -z "$lacking" ]
}

# Another one that installs (unattended-upgrades, at the first boot) is waited for.
packages_do() {
	lacking=$(packages_lacking)
	while :; do
		# shellcheck disable=SC2086 # a word each
		if DEBIAN_FRONTEND=noninteractive dpkg --force-confdef --force-confold --install $lacking >"$run/dpkg.out" 2>&1; then
			rm -f "$run/dpkg.out"
			return 0
		fi
		if ! grep -q 'lock' "$run/dpkg.out" || late; then
			cat "$run/dpkg.out"
			return 1
		fi
		sleep 1
	done
}
