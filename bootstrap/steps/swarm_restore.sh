# What a manager of a swarm had, put back from a backup.  All of it lies in the engine's folder, so that what is renamed stays on its file system.
# $2: the restoration, $3: its time.  $1, each of which may be done again:
#   look    "VERSION done|open data|empty FOLDER kept|none": the engine's; whether this restoration is through with this node; where its data is kept, and
#           whether it is there
#   push    the data of standard input, by SHA-256 $4, into a folder of its own
#   locked  the key in it on standard output
#   opened  standard input in its place
#   take    the data that is there is kept, and that takes its place; the engine stands still meanwhile
#   keep    the data that is there is copied, since the node leaves then
#   mark    this restoration is through with this node
#   back    what was kept takes the place of what has come since; the engine stands still then
#   begin   the engine runs
set -uf
umask 077
docker=${DOCKER_HOME:-/var/lib/docker}
swarm=$docker/swarm
new=$docker/swarm.restoring
before=$docker/swarm.before-$3
mark=$docker/swarm.restored
key=$new/swarm/certificates/swarm-node.key

fail() {
	echo "$1" >&2
	exit 1
}

is_marked() {
	[ "$(cat "$mark" 2>/dev/null)" = "$1" ]
}

set_mark() {
	echo "$1" >"$mark" && sync "$mark" || exit 1
}

# one that a connection has left behind may be at it still
lock() {
	exec 9<"$docker" || exit 1
	flock 9 || exit 1
}

# the engine has begun before that lock is given up, which it must not keep
start() {
	systemctl start docker.service 9>&- || exit 1
}

look() {
	version=$("${DAVIT_HOME:-/opt/davit}/bin/dockerd" --version | sed -n 's/^Docker version \([^,]*\),.*/\1/p')
	[ -n "$version" ] || fail "there is no dockerd: was this manager installed?"
	is=open
	! is_marked "$1" || is='done'
	has=empty
	[ ! -d "$swarm/raft" ] || has=data
	kept=none
	[ ! -e "$before" ] || kept=kept
	echo "$version $is $has $before $kept"
}

push() {
	part=$(mktemp -d "$docker/swarm.part.XXXXXX") || exit 1
	trap 'rm -rf "$part"' EXIT
	trap 'exit 1' HUP INT TERM PIPE
	cat >"$part/tar" || exit 1
	sum=$(sha256sum <"$part/tar")
	[ "${sum%% *}" = "$1" ] || fail "what arrived is not the backup's data"
	mkdir "$part/data" && tar -C "$part/data" -xzf "$part/tar" || exit 1
	[ -d "$part/data/swarm/raft" ] || fail "the backup has no data of a manager"
	# by which its engine would begin at the address of then, and wait for the managers of then
	rm -f "$part/data/swarm/docker-state.json" || exit 1
	lock
	rm -rf "$new" && mv "$part/data" "$new" || exit 1
}

opened() {
	[ -f "$key" ] || fail "there is no $key"
	cat >"$key.new" && mv "$key.new" "$key" || exit 1
}

take() {
	lock
	if is_marked "$1" && [ -d "$swarm/raft" ]; then
		start
		exit 0
	fi
	[ -d "$new/swarm/raft" ] || fail "there is no $new/swarm"
	systemctl stop docker.service || exit 1
	if [ -e "$swarm" ] && [ -e "$before" ]; then
		rm -rf "$swarm" || exit 1 # of an attempt that had come to here, or of an engine that has begun since
	elif [ -e "$swarm" ]; then
		mv "$swarm" "$before" || exit 1
	fi
	sync -f "$docker"
	set_mark "$1"
	mv "$new/swarm" "$swarm" || exit 1
	rmdir "$new"
	sync -f "$docker"
	start
}

keep() {
	lock
	if [ -d "$swarm/raft" ] && [ ! -e "$before" ]; then
		systemctl stop docker.service || exit 1
		rm -rf "$before.part"
		cp -a "$swarm" "$before.part" && sync -f "$docker" && mv "$before.part" "$before" || exit 1
	fi
	start
}

# Only a node that this restoration is through with, or that has lost its data by it, has other data than before; what the rest keeps is a copy of some time
# ago, and no voter may go back.  One that is marked and keeps nothing had nothing.
back() {
	lock
	systemctl stop docker.service || exit 1
	if [ -d "$swarm/raft" ] && ! is_marked "$1"; then
		rm -rf "$before" || exit 1
	elif [ -e "$before" ] || is_marked "$1"; then
		rm -rf "$swarm" || exit 1
	fi
	rm -f "$mark" && sync -f "$docker" || exit 1
	[ ! -e "$before" ] || mv "$before" "$swarm" || exit 1
	rm -rf "$new" && sync -f "$docker" || exit 1
}

begin() {
	lock
	start
}

case $1 in
look) look "$2" ;;
push) push "$4" ;;
locked) exec cat "$key" ;;
opened) opened ;;
take) take "$2" ;;
keep) keep ;;
mark) set_mark "$2" ;;
back) back "$2" ;;
begin) begin ;;
esac
