# shellcheck shell=bash

verb_exec() {
    local pid
    [[ $# -gt 0 ]] || die 'exec needs a command'
    pid=$(holder_pid) || die 'not up'
    export OS_CLIENT_CONFIG_FILE=$LAB/clouds.yaml OS_CLOUD=${OS_CLOUD:-lab}
    exec nsenter --net="/proc/$pid/ns/net" -- "$@"
}

verb_env() {
    printf 'export OS_CLIENT_CONFIG_FILE=%q OS_CLOUD=lab\n' "$LAB/clouds.yaml"
}
