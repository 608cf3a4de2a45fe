# shellcheck shell=bash
# The guest image: a raw file system, as a container needs no partitions and Nova copies a raw image without converting it.

IMAGE_SIZE=2G

image_key() {
    # shellcheck disable=SC2046
    key "$RELEASE" "$IMAGE_SIZE" $(find "$HERE/guest" -printf '%P:%m ') -- \
        $(find "$HERE/guest" -type f | sort) "$HERE/lib/image.sh" "$HERE/lib/debian.sh"
}

image_path() { printf '%s/image-%s' "$CACHE" "$(image_key)"; }

image_build() {
    local part=$1 root=$1/root
    # shellcheck disable=SC2046
    debian_bootstrap "$root" --exclude="$(image_words packages-without | paste -sd,)"
    debian_lend "$root"
    # shellcheck disable=SC2046
    debian_install "$root" $(image_words packages)
    image_settle "$root"
    debian_unlend "$root"
    image_strip "$root"
    truncate -s "$IMAGE_SIZE" "$part/disk.raw"
    mkfs.ext4 -q -F -L guestroot -O ^metadata_csum_seed -E nodiscard -d "$root" "$part/disk.raw"
    rm -rf "$root"
}

image_words() { sed 's/#.*//' "$HERE/guest/$1" | tr -s ' \n' '\n' | sed '/^$/d'; }

image_settle() {
    local root=$1
    cp -rT "$HERE/guest/files" "$root"
    chmod 755 "$root/usr/local/sbin/"*
    rm -f "$root/sbin/init"
    install -m 755 "$HERE/guest/init" "$root/sbin/init"
    echo debian >"$root/etc/hostname"
    : >"$root/etc/fstab"
    # shellcheck disable=SC2046
    debian_run "$root" systemctl enable $(image_words units-on)
    # shellcheck disable=SC2046
    debian_run "$root" systemctl mask $(image_words units-off)
}

# What every server must make for itself, and what only takes room.
image_strip() {
    local root=$1
    rm -f "$root"/etc/ssh/ssh_host_* "$root"/var/lib/systemd/random-seed
    rm -rf "$root"/var/log/*.log "$root"/var/log/apt
    : >"$root/etc/machine-id"
    ln -sf ../run/systemd/resolve/stub-resolv.conf "$root/etc/resolv.conf"
}
