# calls $1 with key and value for each line of the file
sysctl_each() {
	while IFS='= ' read -r key value; do
		case $key in '' | '#'* | ';'*) continue ;; esac
		path=
		rest=$key
		while [ "$rest" != "${rest#*.}" ]; do
			path=$path${rest%%.*}/
			rest=${rest#*.}
		done
		"$1" "$key" "$value" "/proc/sys/$path$rest" || return 1
	done <"$sysctl_file"
}

sysctl_is() {
	first_line "$3"
	[ "$line" = "$2" ] || grep -qsx "$1" "$run/sysctl.refused"
}

sysctl_set() {
	first_line "$3"
	[ "$line" != "$2" ] || return 0
	if ! echo "$2" >"$3"; then
		echo "$1" >>"$run/sysctl.refused"
		note "$1=$2 is refused here: it stays ${line:-unknown}"
	fi
}

sysctl_check() {
	sysctl_each sysctl_is
}

sysctl_do() {
	: >"$run/sysctl.refused"
	sysctl_each sysctl_set
}
