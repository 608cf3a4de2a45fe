# shellcheck shell=bash

verb_make() {
    [[ $# = 0 ]] || die "make takes no '$1'"
    machine_check
    machine_lock
    if up_already; then
        say 'it is up, and so there is nothing to make'
        return
    fi
    down_stop
    make_all
    say "all that 'lab up' needs is in $CACHE"
}

make_all() {
    make_one tree tree_build "$(tree_path)"
    make_one image image_build "$(image_path)"
    make_one state state_build "$(state_path)"
}

# make_one KIND FUNCTION PATH
make_one() {
    if cached "$3"; then
        touch "$3"
        return
    fi
    phase "$1" cache_make "$3" "$2"
    cache_trim "$1" 2
}
