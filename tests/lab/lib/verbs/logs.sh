# shellcheck shell=bash

verb_logs() {
    local log=$LAB/log/${1:-}.log
    if [[ $# = 0 ]]; then
        logs_list
        return
    fi
    [[ -e $log ]] || die "no log of '$1'; there are: $(logs_list | paste -sd' ')"
    tail -n "${LINES_SHOWN:-200}" "$log"
}

logs_list() { (cd "$LAB/log" && ls -- *.log) | sed 's/\.log$//'; }
