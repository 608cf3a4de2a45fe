# shellcheck shell=bash

verb_status() {
    holder_pid >/dev/null || die 'down'
    inside /lab/src/cloud/status.py
    [[ -e $LAB/run/ready ]] || die 'not ready'
}
