# What a manager of a swarm has, for a backup.  $1, which may be done again; $2: of which backup.
#   copy  all of it into one file elsewhere, a tar, compressed, with what mke_backup.sh has made before: the engine is stopped meanwhile, and begins again
#         whatever comes of this
#   send  that file on standard output, behind a line "SIZE SHA256 swarm"
#   drop  the file goes
set -uf
umask 077
run=${DAVIT_HOME:-/opt/davit}/run
docker=${DOCKER_HOME:-/var/lib/docker}
f=$run/swarm-backup.$2

copy() {
	# one at a time; a second attempt at the same waits for the first
	exec 9>"$run/swarm-backup-lock"
	flock 9 || exit 1
	if [ -f "$f" ]; then
		exec systemctl start docker.service 9>&-
	fi
	find "$run" -maxdepth 1 -name 'swarm-backup.*' -type f ! -path "$f.mke" -delete || exit 1
	[ -d "$docker/swarm" ] || {
		echo "there is no $docker/swarm" >&2
		exit 1
	}
	trap 'systemctl start --no-block docker.service; rm -f "$f.part"' EXIT
	trap 'exit 1' HUP INT TERM PIPE
	systemctl stop docker.service || exit 1
	tar -C "$docker" -cf "$f.part" swarm || exit 1
	systemctl start docker.service || exit 1
	trap 'rm -f "$f.part" "$f.gz"' EXIT
	if [ -f "$f.mke" ]; then
		tar -C "$run" -rf "$f.part" --transform='s/.*/mke.tar/' "${f##*/}.mke" || exit 1
	fi
	# the log is laid out beforehand, in files of 64 MiB, so that nearly all of it is nothing
	gzip -1 -n <"$f.part" >"$f.gz" || exit 1
	mv "$f.gz" "$f" || exit 1
	rm -f "$f.mke"
}

send() {
	sum=$(sha256sum <"$f") || exit 1
	printf '%s %s swarm\n' "$(stat -c %s "$f")" "${sum%% *}"
	exec cat "$f"
}

case $1 in
copy) copy ;;
send) send ;;
drop) exec rm -f "$f" "$f.mke" ;;
esac
