# shellcheck shell=bash

verb_down() {
    [[ $# = 0 || $* = --purge ]] || die "down takes --purge and nothing else"
    machine_lock
    phase down down_stop
    [[ ${1:-} = --purge ]] && phase purge state_remove
    return 0
}

down_stop() {
    local loops
    loops=$(down_loops)
    holder_kill
    down_detach "$loops"
    holder_unmounted
    down_groups
}

# The loop devices of this lab's disks, found by device and inode: the names that the kernel shows are those inside the lab.
down_loops() {
    local pid device
    pid=$(holder_pid) || return 0
    device=$(nsenter -t "$pid" -m stat -c %Hd:%Ld /lab/state 2>/dev/null) || return 0
    losetup -ln -O NAME,BACK-MAJ:MIN | awk -v d="$device" '$2 == d { print $1 }'
}

down_detach() {
    local loop
    for loop in $1; do
        losetup -d "$loop" 2>/dev/null || true
    done
}

# Guests' cgroup directories are empty once they are dead; one with another lab's guest in it is not and stays.
down_groups() {
    local hierarchy
    for hierarchy in /sys/fs/cgroup/*/; do
        find "$hierarchy/machine" "$hierarchy/lab-lxc" -depth -type d -exec rmdir {} + 2>/dev/null || true
    done
}
