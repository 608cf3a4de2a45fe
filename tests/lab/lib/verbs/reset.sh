# shellcheck shell=bash

verb_reset() {
    if ! holder_pid >/dev/null || [[ ! -e $LAB/run/ready ]]; then die 'not up'; fi
    phase reset inside /usr/bin/env OS_CLOUD=lab /lab/src/cloud/purge.py
}
