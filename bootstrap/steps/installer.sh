# The first lines of the scripts that run a vendor's own commands, each in a container.
set -eu
umask 077

# Those containers, by the whole name, whatever they are doing; more words are more filters.
containers() {
	called=$1
	shift
	docker container ls --all --quiet --filter name="^$called\$" "$@"
}

# SECONDS: how long it may take
may_take() {
	read -r uptime _ </proc/uptime
	limit=$((${uptime%.*} + $1))
}

late() {
	read -r uptime _ </proc/uptime
	[ "${uptime%.*}" -ge "$limit" ]
}
