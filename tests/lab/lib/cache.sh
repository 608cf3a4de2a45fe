# shellcheck shell=bash
# The cache: KIND-KEY folders. A thing is made under another name and moved into place when it is whole, so what is there can be trusted.

cached() { [[ -e $1/.whole ]]; }

# cache_make PATH FUNCTION: has lib/build call 'FUNCTION PART' unless PATH is there.
cache_make() {
    local path=$1 function=$2
    cached "$path" && return
    rm -rf "${path%-*}"-*.part "$path"
    logged "$CACHE/log/${path##*/}.log" "$HERE/lib/build" "$function" "$path.part" || return
    mv -T "$path.part" "$path"
}

# cache_trim KIND KEEP: drops what older scripts made, but for the newest few; each is large.
cache_trim() {
    local kind=$1 keep=$2 path
    # shellcheck disable=SC2012
    ls -dt "$CACHE/$kind"-*/ 2>/dev/null | tail -n "+$((keep + 1))" | while read -r path; do
        rm -rf "$path"
    done
}
