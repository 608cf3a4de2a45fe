# shellcheck shell=bash
# The lab's namespaces and its pid 1, seen from the host.

# The pid of the lab's pid 1, when it lives.
holder_pid() {
    local pid start
    read -r pid start 2>/dev/null <"$LAB/run/holder" || return
    [[ $(sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null | cut -d' ' -f20) = "$start" ]] || return
    echo "$pid"
}

holder_start() {
    rm -rf "$LAB/run"
    mkdir -p "$LAB/run" "$LAB/log"
    # No lock may live on in there: neither that of 'lab up' (descriptor 9), nor one of whoever calls it.
    (
        for fd in "/proc/$BASHPID/fd/"*; do
            fd=${fd##*/}
            ((fd <= 2)) || eval "exec $fd>&-"
        done
        exec setsid unshare --net --mount --uts --ipc --pid --fork --kill-child --propagation private \
            "$HERE/lib/holder" "$LAB" "$(tree_path)" "$(image_path)" "$IP"
    ) >"$LAB/log/holder.log" 2>&1 </dev/null &
    local child=$!
    until [[ -e $LAB/run/holder ]]; do
        if ! kill -0 $child 2>/dev/null; then
            warn "the lab's namespaces could not be set up:"
            tail -n 20 "$LAB/log/holder.log" >&2
            return 1
        fi
        sleep 0.05
    done
}

# inside COMMAND…: in all of the lab's namespaces, with the tree's files and a clean environment.
inside() {
    nsenter --target "$(holder_pid)" --net --mount --uts --ipc --pid -- /usr/bin/env -i \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
        PYTHONPATH=/lab/src/bin LAB_IP="$IP" LAB_VERBOSE="${LAB_VERBOSE:-}" \
        OS_CLIENT_CONFIG_FILE=/lab/clouds.yaml OS_CLOUD=lab-admin \
        sh -c 'ulimit -n 65536 2>/dev/null; cd /; exec "$@"' sh "$@" 9>&-
}

# One kill ends every process in there, and with them every mount and interface.
holder_kill() {
    local pid
    pid=$(holder_pid) || return 0
    kill -9 "$pid"
    while [[ -e /proc/$pid ]]; do sleep 0.05; done
    rm -f "$LAB/run/holder"
}

# The kernel unmounts some time after the last process has ended. Until then the image is not whole: a copy may lack what was written last, and it
# must not be mounted again.
holder_unmounted() {
    local end=$((SECONDS + 60))
    [[ -e $LAB/state.img ]] || return 0
    while [[ -n $(losetup -j "$LAB/state.img") ]]; do
        if ((SECONDS >= end)); then
            warn "$LAB/state.img is still in use: $(losetup -j "$LAB/state.img")"
            return 1
        fi
        sleep 0.05
    done
}
