# shellcheck shell=bash
# What tests of the nodes' scripts (bootstrap/steps) share: a folder of their own, and what they expect of what a script says ($WORK/said) and calls
# ($WORK/calls, see counted.sh); sourced.
set -uo pipefail
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck disable=SC2034 # for who sources it
STEPS=$TOP/bootstrap/steps
# shellcheck source=tests/integration/tap.sh
. "$TOP/tests/integration/tap.sh"
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
export TOP WORK DAVIT_HOME=$WORK/davit

# installer NAME: as it comes to a node, behind what such scripts share; prints its path
installer() {
	cat "$STEPS/installer.sh" "$STEPS/$1.sh" >"$WORK/$1.sh"
	echo "$WORK/$1.sh"
}

# expect WHAT COMMAND…
expect() {
	if "${@:2}"; then
		verdict "$1"
	else
		verdict "$1" "${*:2}" "$(tail -n 5 "$WORK/said" 2>/dev/null)"
	fi
}
not() { ! "$@"; }
says() { grep -qF -- "$1" "$WORK/said"; }
called() { grep -qF -- "$1" "$WORK/calls"; }
