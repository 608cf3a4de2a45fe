# shellcheck shell=bash
# The cloud's state: one XFS image file with data bases, queues, images, volumes and servers' disks. A new cloud is set up once and
# its state kept in the cache; after that a new cloud is a copy.

STATE_SIZE=500G     # sparse

state_key() {
    # shellcheck disable=SC2046
    key "$(tree_key)" "$(image_key)" "$IP" "$STATE_SIZE" -- $(find "$HERE/config" -type f | sort) \
        "$HERE"/cloud/{blank,databases,identity.py,seed.py,stop}
}

state_path() { printf '%s/state-%s' "$CACHE" "$(state_key)"; }

# The files that the lab sees under /lab, which stay as they are while it runs, whatever happens to these.
state_lay_out() {
    rm -rf "${LAB:?}/src" "${LAB:?}/etc"
    mkdir -p "$LAB/src" "$LAB/etc" "$LAB/log"
    cp -r "$HERE"/{bin,cloud} "$LAB/src"
    cp -r "$HERE/config/." "$LAB/etc"
    find "$LAB/etc" -type f -exec sed -i "s/@IP@/$IP/g; s/@NAME@/$(lab_name)/g" {} +
    mkdir -p "$LAB"/upper/etc/libvirt/hooks "$LAB/upper/usr/local/sbin"
    install -m 755 "$HERE/bin/hook-lxc" "$LAB/upper/etc/libvirt/hooks/lxc"
    install -m 644 "$HERE/config/lxc.conf" "$LAB/upper/etc/libvirt/lxc.conf"
    install -m 755 "$HERE/bin/ebtables" "$LAB/upper/usr/local/sbin/ebtables"
    echo '127.0.0.1 localhost davit-lab' >"$LAB/upper/etc/hosts"
    : >"$LAB/upper/etc/resolv.conf"
    credentials_write
}

# Libvirt's names of guests begin with this; of two labs on one machine each has its own.
lab_name() { printf 'lab%s' "$(printf %s "$LAB" | sha256sum | cut -c1-4)"; }

# A new cloud, from nothing to seeded, then stopped; its image file stays at $LAB/state.img.
state_set_up() {
    rm -rf "$LAB/upper" "$LAB/work" "$LAB/state.img"
    state_lay_out
    truncate -s "$STATE_SIZE" "$LAB/state.img"
    tree_run mkfs.xfs -q -K -m reflink=1 -l size=64m /lab/state.img
    holder_start
    inside /lab/src/cloud/blank
    inside /lab/src/cloud/start.py mariadb
    inside /lab/src/cloud/databases
    inside /lab/src/cloud/start.py keystone
    inside /lab/src/cloud/identity.py
    inside /lab/src/cloud/start.py
    inside /lab/src/cloud/seed.py
    inside /lab/src/cloud/stop
    holder_kill
    holder_unmounted
}

# tree_run COMMAND…: a program of the tree on the lab's files, before the lab runs.
tree_run() {
    # shellcheck disable=SC2016
    unshare --mount --propagation private sh -ec '
        mount --bind "$1" "$2/lab"
        mount --rbind /dev "$2/dev"
        shift
        exec chroot "$@"' sh "$LAB" "$(tree_path)" "$@"
}

# state_build PART: for the cache.
state_build() {
    state_set_up
    mv "$LAB/state.img" "$1/state.img"
    rm -rf "$LAB/upper" "$LAB/work"
}

# A copy of the finished state, unless this lab has one already.
state_restore() {
    if [[ -e $LAB/state.img && $(cat "$LAB/state.key" 2>/dev/null) = "$(state_key)" ]]; then
        return
    fi
    rm -rf "$LAB/upper" "$LAB/work" "$LAB/state.img" "$LAB/state.key"
    cp --sparse=always --reflink=auto "$(state_path)/state.img" "$LAB/state.img.part"
    mv "$LAB/state.img.part" "$LAB/state.img"
    state_key >"$LAB/state.key"
}

state_remove() { rm -rf "${LAB:?}"/{upper,work,root,state,image,src,etc,log,run} "$LAB"/state.* "$LAB"/clouds.yaml "$LAB/openrc"; }
