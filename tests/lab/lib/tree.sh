# shellcheck shell=bash
# The lab's root tree: a Debian with OpenStack's packages, in the cache. It is only ever read: a running lab sees it through an overlay.

tree_key() { key "$RELEASE" -- "$HERE"/tree/* "$HERE/lib/tree.sh" "$HERE/lib/debian.sh"; }

tree_path() { printf '%s/tree-%s' "$CACHE" "$(tree_key)"; }

tree_build() {
    local root=$1
    debian_bootstrap "$root" --variant=minbase
    debian_lend "$root"
    grep -v '^#' "$HERE/tree/preseed" >"$root/tmp/preseed"
    debian_run "$root" debconf-set-selections /tmp/preseed
    # shellcheck disable=SC2046
    debian_install "$root" $(sed 's/#.*//' "$HERE/tree/packages")
    debian_unlend "$root"
    rm -f "$root/tmp/preseed" "$root/etc/libvirt/qemu/networks/autostart/default.xml"
    mkdir -p "$root/lab" "$root/oldroot"
}
