# shellcheck shell=bash

verb_up() {
    [[ $# = 0 ]] || die "up takes no '$1'"
    machine_check
    machine_lock
    if up_already; then
        say 'already up'
        return
    fi
    down_stop
    make_all
    phase restore state_restore
    phase start up_start
    say "up: $HERE/lab exec COMMAND runs in its network; clouds.yaml in $LAB"
}

up_already() {
    holder_pid >/dev/null && [[ -e $LAB/run/ready ]]
}

up_start() {
    # errexit is off in whatever a phase runs.
    state_lay_out && holder_start && inside /lab/src/cloud/start.py || return
    : >"$LAB/run/ready"
}
