# shellcheck shell=bash

verb_logs() {
    local log=$LAB/log/${1:-}.log
    if [[ $# = 0 ]]; then
        (cd "$LAB/log" && ls -- *.log) | sed 's/\.log$//'
        return
    fi
    [[ -e $log ]] || die "no log of '$1'; there are: $(verb_logs | paste -sd' ')"
    tail -n "${LINES_SHOWN:-200}" "$log"
}
