users_check() {
	for file in $sysusers; do
		while read -r type name _; do
			case $type in
			u*) getent passwd "$name" >/dev/null || return 1 ;;
			g*) getent group "$name" >/dev/null || return 1 ;;
			esac
		done <"$file"
	done
}

users_do() {
	for file in $sysusers; do
		systemd-sysusers "$file"
	done
}
