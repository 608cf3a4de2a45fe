# What davit runs on a node over SSH, as root, by "sh -c": says what is to be pushed, or starts the run and follows it to its end.
# enter|push|push-gzip ID SECONDS NOW FROM [ARTIFACT DIGEST SIZE]… [forget UNIT]…
# ID: digest of the archive.  FROM: a step, or empty.  ARTIFACT: NAME/VERSION of a blob that comes by this connection.
set -uf
umask 022
mode=$1 id=$2 wait=$3 now=$4 from=$5
shift 5
davit=/opt/davit
run=$davit/run
unit='davit-install.service'

first_line() {
	line=
	[ ! -r "$1" ] || read -r line <"$1" || :
}

# As in install.sh.
boot_marker() {
	# shellcheck disable=SC2046
	set -- $(cat /proc/sys/kernel/random/boot_id /proc/1/stat)
	boot=$1-${23}
}

running() {
	case $(systemctl show --property=ActiveState --value "$unit") in
	active | activating | reloading) return 0 ;;
	*) return 1 ;;
	esac
}

# What came by a connection that fell silent may still wait for the rest; when that connection ends, in an hour perhaps, it would write
# what it has, and the last file in part.
stop_unpacking() {
	first_line "$run/unpacking"
	[ -z "$line" ] || [ "$(cat "/proc/$line/comm" 2>/dev/null)" != tar ] || kill -9 "$line"
}

unpack() {
	[ -d "$davit" ] || mkdir -m 755 "$davit"
	[ -d "$run" ] || mkdir -m 700 "$run"
	stop_unpacking
	rm -f "$run/archive.sha256"
	! running || systemctl stop "$unit"
	# shellcheck disable=SC2016 # not here
	sh -c 'echo "$$" >"$0" && exec tar -C / --no-overwrite-dir --warning=no-timestamp "$1" -' "$run/unpacking" "$1"
}

# Blobs that are neither installed nor here in full.
missing() {
	boot_marker
	while [ "$#" -ge 3 ] && [ "$1" != forget ]; do
		first_line "$davit/lib/$1/.digest"
		if [ "$line" != "$2 settled" ] && [ "$line" != "$2 $boot" ] &&
			[ "$(stat -c %s "$davit/artifacts/$2" 2>/dev/null)" != "$3" ]; then
			echo "davit artifact $2"
		fi
		shift 3
	done
}

forget() {
	while [ "$#" -ge 2 ]; do
		[ "$1" != forget ] || rm -f "$run/unit/$2" "$run/enabled"
		shift
	done
}

drifted() {
	sha256sum --check --quiet "$run/files.sha256" 2>/dev/null | while read -r text; do
		echo "davit drift ${text%: *}"
	done
}

follow() {
	pid=$(systemctl show --property=MainPID --value "$unit")
	[ "${pid:-0}" -gt 0 ] || exec cat "$run/progress"
	exec tail -n +1 -s 0.1 -f --pid="$pid" "$run/progress"
}

start() {
	: >"$run/progress"
	systemctl reset-failed "$unit" 2>/dev/null
	systemd-run --quiet --collect --unit="$unit" --service-type=exec --description='davit makes a node of this server' \
		--property=StandardOutput=append:"$run/progress" --property=StandardError=append:"$run/log" \
		--property=TimeoutStopSec=5 --property=RuntimeMaxSec=$((wait + 60)) --setenv=DAVIT_SECONDS="$wait" --setenv=DAVIT_NOW="$now" \
		/bin/sh "$run/install.sh" ${from:+from "$from"}
}

case $mode in
push) unpack -xpmf || exit 1 ;;
push-gzip) unpack -xpmzf || exit 1 ;;
esac
first_line "$run/archive.sha256"
if [ "$line" = "$id" ] && running; then
	follow
fi
have=$line
need=$(missing "$@"; [ "$mode:$have" != "enter:$id" ] || drifted)
if [ "$have" != "$id" ] || [ -n "$need" ]; then
	echo "$need"
	echo "davit push"
	exit 0
fi
forget "$@"
first_line "$run/done"
if [ "$mode:$line:$from" = "enter:$id:" ] && sh "$run/install.sh" check; then
	echo "davit unchanged"
	exit 0
fi
start && follow
