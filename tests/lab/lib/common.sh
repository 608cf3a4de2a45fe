# shellcheck shell=bash disable=SC2034
# What every part of the lab shares: its paths, its words to the user, its keys.

CACHE=${DAVIT_CACHE:-/var/cache/davit}/lab     # finished things, each named by a key of what made it
LAB=${DAVIT_LAB:-/var/lib/davit-lab}           # this lab: its state, logs and settings
IP=172.24.4.1                                  # where every API listens, in the lab's own network

say() { printf 'lab: %s\n' "$*"; }
warn() { printf 'lab: %s\n' "$*" >&2; }
die() { warn "$@"; exit 1; }

now() { printf '%s' "${EPOCHREALTIME/./}"; }   # in microseconds

# phase NAME COMMAND…: runs the command and prints one line with the time it took.
phase() {
    local name=$1 start spent
    shift
    start=$(now)
    "$@" || exit
    spent=$(($(now) - start))
    printf 'lab: %-12s %3d.%d s\n' "$name" $((spent / 1000000)) $((spent / 100000 % 10))
}

# key WORD… -- FILE…: a short hash of words and of the contents of files.
key() {
    {
        while [[ $1 != -- ]]; do
            printf '%s\n' "$1"
            shift
        done
        shift
        cat "$@"
    } | sha256sum | cut -c1-16
}

# logged LOG COMMAND…: keeps the output in a file; shows its end when the command fails.
logged() {
    local log=$1
    shift
    mkdir -p "${log%/*}"
    if ! "$@" >"$log" 2>&1 </dev/null; then
        warn "'$*' failed; the end of $log:"
        tail -n 20 "$log" >&2
        return 1
    fi
}
