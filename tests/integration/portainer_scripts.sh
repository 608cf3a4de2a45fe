#!/usr/bin/env bash
# portainer_scripts.sh: Portainer is ended, and so begun again by the swarm, once for each new certificate, on the manager where it runs.  docker is a stand-in.
# shellcheck source=tests/integration/steps.sh
. "$(dirname "${BASH_SOURCE[0]}")/steps.sh"
export PORTAINER=$WORK/tls PATH=$WORK/bin:$PATH

# step check|do
step() {
	(
		# shellcheck source=/dev/null
		. "$STEPS/prelude.sh"
		# shellcheck source=/dev/null
		. "$STEPS/portainer.sh"
		set -e
		"portainer_$1"
	) >"$WORK/said" 2>&1
}

# what was ended; nothing is looked up by another label
ended() { [[ $(cat "$WORK/ended" 2>/dev/null) = "$1" ]]; }

mkdir -p "$WORK/bin" "$DAVIT_HOME/run"
cat >"$WORK/bin/docker" <<-'SH'
	#!/bin/sh
	[ ! -e "$WORK/down" ] || { echo 'Cannot connect to the Docker daemon' >&2; exit 1; }
	case "$*" in
	"container ls --quiet --filter label=com.docker.swarm.service.name=portainer_portainer") cat "$WORK/running" ;;
	"container stop "*) echo "$3" >>"$WORK/ended" ;;
	*) exit 1 ;;
	esac
SH
chmod +x "$WORK/bin/docker"
: >"$WORK/running"
echo first >"$PORTAINER.crt"
expect 'a certificate is new at first' not step check
expect 'nothing runs that would read it' step 'do'
expect 'and nothing is ended' ended ''
expect 'it is known' step check
echo 1d0f >"$WORK/running"
echo second >"$PORTAINER.crt"
expect 'another one is seen' not step check
touch "$WORK/down"
expect 'an engine that is away is told of' not step 'do'
expect 'and it is not known then' not step check
rm "$WORK/down"
expect 'what has the former one' step 'do'
expect 'is ended' ended 1d0f
expect 'once' step check
echo "1..$number"
