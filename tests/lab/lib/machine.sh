# shellcheck shell=bash
# What the lab asks of the machine.

machine_check() {
    local missing=() command filesystem
    [[ $(id -u) = 0 ]] || die 'the lab needs root'
    for command in debootstrap unshare nsenter ip losetup mkfs.ext4; do
        command -v "$command" >/dev/null || missing+=("$command")
    done
    [[ ${#missing[@]} = 0 ]] ||
        die "missing on this machine: ${missing[*]} (apt-get install $(grep -v '^#' "$HERE/packages-host" | paste -sd' '))"
    for filesystem in overlay xfs ext4; do
        grep -qw "$filesystem" /proc/filesystems || modprobe -q "$filesystem" || die "this kernel has no $filesystem file system"
    done
    [[ -e /dev/loop-control ]] || die 'this kernel has no loop devices'
    [[ -e /sys/fs/cgroup/cpu || -e /sys/fs/cgroup/cgroup.controllers ]] || die 'no cgroups are mounted on /sys/fs/cgroup'
}

# One at a time of those that change this lab or the cache.
machine_lock() {
    mkdir -p "$LAB" "$CACHE"
    exec 9>"$CACHE/lock"
    flock -n 9 && return
    say 'waiting for another lab up or down'
    flock 9
}
