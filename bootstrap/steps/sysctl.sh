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

# By cat: the shell reads byte by byte, and files in /proc/sys say nothing after the first.
sysctl_is() {
	[ "$(cat "$3")" = "$2" ] || grep -sx "$1" "$run/sysctl.refused" || {
		echo "$1 is not $2"
		return 1
	}
}

sysctl_set() {
	have=$(cat "$3") || have=unknown
	[ "$have" != "$2" ] || return 0
	if ! echo "$2" >"$3"; then
		echo "$1" >>"$run/sysctl.refused"
		note "$1=$2 is refused here: it stays $have"
	fi
}

sysctl_check() {
	sysctl_each sysctl_is
}

sysctl_do() {
	: >"$run/sysctl.refused"
	sysctl_each sysctl_set
}
