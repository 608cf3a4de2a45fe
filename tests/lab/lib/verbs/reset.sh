# shellcheck shell=bash

verb_reset() {
    [[ -e $LAB/run/ready ]] && holder_pid >/dev/null || die 'not up'
    phase reset inside /usr/bin/env OS_CLOUD=lab /lab/src/cloud/purge.py
}
