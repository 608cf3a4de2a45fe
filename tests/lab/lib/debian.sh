# shellcheck shell=bash
# Debian root trees: made by debootstrap from the mirrors that this machine uses, extended by apt in a chroot.

RELEASE=bookworm

# The machine's own Debian sources as one-line entries, and nothing of third parties.
debian_sources() {
    # shellcheck disable=SC2016
    apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
        awk -v r="$RELEASE" '$3 == "main" && ($2 == r || $2 == r "-updates" || $2 == r "-security") {
            print "deb", $1, $2, "main"
        }'
}

# debian_bootstrap ROOT [DEBOOTSTRAP-OPTION…]
debian_bootstrap() {
    local root=$1 mirror
    shift
    mirror=$(debian_sources | awk -v r="$RELEASE" '$3 == r { print $2; exit }')
    [[ $mirror ]] || die "apt on this machine has no source for Debian's $RELEASE"
    mkdir -p "$root"
    debootstrap "$@" "$RELEASE" "$root" "${mirror%/}"
}

# Lends the tree the machine's way to its packages; debian_unlend takes it back.
debian_lend() {
    local root=$1 file
    debian_sources >"$root/etc/apt/sources.list"
    cp /etc/resolv.conf "$root/etc/resolv.conf"
    grep -ls Acquire /etc/apt/apt.conf /etc/apt/apt.conf.d/* | while read -r file; do
        cp "$file" "$root/etc/apt/apt.conf.d/99lent-${file##*/}"
    done || true        # there need not be any
    cp -r /etc/apt/auth.conf.d/. "$root/etc/apt/auth.conf.d" 2>/dev/null || true
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
    chmod 755 "$root/usr/sbin/policy-rc.d"
    # Nobody reads documentation in there, and not unpacking it saves a good part of the time.
    printf 'path-exclude=/usr/share/%s/*\n' doc man locale info >"$root/etc/dpkg/dpkg.cfg.d/lent"
    echo force-unsafe-io >>"$root/etc/dpkg/dpkg.cfg.d/lent"
}

debian_unlend() {
    local root=$1
    rm -rf "$root"/etc/apt/apt.conf.d/99lent-* "$root/etc/dpkg/dpkg.cfg.d/lent" "$root/usr/sbin/policy-rc.d" \
        "$root"/etc/apt/auth.conf.d/* "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/* \
        "$root"/usr/share/doc/* "$root"/usr/share/man/* "$root"/usr/share/locale/*
    : >"$root/etc/apt/sources.list"
}

# debian_run ROOT COMMAND…: in a chroot, with mounts that go away with the command whatever ends it.
debian_run() {
    local root=$1
    shift
    # shellcheck disable=SC2016
    nice -n 10 unshare --mount --pid --fork --kill-child --propagation private sh -ec '
        root=$1; shift
        mount -t proc proc "$root/proc"
        mount --rbind /dev "$root/dev"
        exec chroot "$root" env DEBIAN_FRONTEND=noninteractive LANG=C.UTF-8 HOME=/root \
            PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"' sh "$root" "$@"
}

# debian_install ROOT PACKAGE…
debian_install() {
    local root=$1
    shift
    debian_run "$root" apt-get update -q
    debian_run "$root" apt-get install -y -q --no-install-recommends \
        -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@"
}
