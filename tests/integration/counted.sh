# shellcheck shell=bash
# Of a stand-in, which sources it at its beginning, and ends by finish(): its words go to $WORK/calls.  Its call is the n-th (by $WORK/count), of which one may end the
# script that is tested ($WORK/pid), before (LAST) or after (AFTER) it does anything.
echo "$*" >>"$WORK/calls"
n=0
[[ ! -e $WORK/count ]] || read -r n <"$WORK/count"
((++n))
echo "$n" >"$WORK/count"
stop() { kill -9 "$(cat "$WORK/pid")"; exit 137; }
[[ $n != "${LAST-}" ]] || stop
die() { echo "${0##*/}: $*" >&2; exit 125; }
# finish STATUS
finish() {
	[[ $n != "${AFTER-}" ]] || stop
	exit "$1"
}
