# shellcheck shell=bash
# What the parts of the end-to-end test share: places, steps, davit, kubectl, what the project holds.
#
# A step is a function that runs in a process of its own with errexit on; what it prints is kept, and its end shown where it fails.

LAB=$TOP/tests/lab/lab
DAVIT=$BUILD/release/cmd/davit
WORK=$BUILD/e2e
FILE=${E2E_FILE:-$TOP/examples/cluster.yaml}
MIRROR=file://${E2E_MIRROR:-$DAVIT_CACHE/mirror}
KUBECTL=$DAVIT_CACHE/mirror/dl.k8s.io/release/v1.36.3/bin/linux/amd64/kubectl
KUBEADM=$DAVIT_CACHE/mirror/dl.k8s.io/release/v1.36.3/bin/linux/amd64/kubeadm
IMAGES=registry.davit.internal:5000/e2e-test-images
# a lab of its own, so that what somebody else does in theirs is neither seen nor disturbed
export DAVIT_LAB=${E2E_LAB:-/var/lib/davit-check}
export XDG_STATE_HOME=$WORK/state XDG_CACHE_HOME=$WORK/cache KUBECONFIG=$WORK/kubeconfig
failed_steps=0

# step NAME FUNCTION…
step() {
	local name=$1
	shift
	if phase "lab: $name" in_step "$@"; then
		result passed lab "$name"
	else
		result failed lab "$name"
		failed_steps=$((failed_steps + 1))
		return 1
	fi
}

# Bash has errexit off in a function that is called in a condition; a bash of its own has not.
in_step() { bash -euo pipefail -c '. "$TOP/scripts/lib.sh"; . "$TOP/tests/e2e/lib.sh"; for p in "$TOP"/tests/e2e/steps/*.sh; do . "$p"; done; "$@"' step "$@"; }

# skip NAME WHY: what cannot be run since another step failed
skip() {
	say "  skipped: $1: $2"
	result skipped lab "$1: $2"
}

davit() { "$LAB" exec "$DAVIT" "$@"; }
cordoned() { kubectl get nodes -o jsonpath='{range .items[?(@.spec.unschedulable)]}{.metadata.name}{" "}{end}'; }
# from this machine, through the floating IP, as anybody who has the kubeconfig
kubectl() { "$LAB" exec "$KUBECTL" --kubeconfig "$KUBECONFIG" "$@"; }
apply() { davit apply -f "$FILE" --mirror "$MIRROR" "$@"; }

# status COMMAND…: its exit status in $status, all it prints in $WORK/out, which is shown too
status() {
	status=0
	"$@" >"$WORK/out" 2>&1 </dev/null || status=$?
	cat "$WORK/out"
}

expect_status() {
	((status == $1)) || { say "the exit status is $status, not $1"; return 1; }
}

expect_text() {
	grep -qF -e "$1" "$WORK/out" || { say "it does not print '$1'"; return 1; }
}

# lacks FILE TEXT…: none of them is there; a command behind a "!" never fails a step
lacks() {
	local text
	for text in "${@:2}"; do
		if grep -F -e "$text" "$1"; then say "that holds '$text'"; return 1; fi
	done
}

# eventually SECONDS COMMAND…: until it succeeds; what it prints at last is shown
eventually() {
	local end=$((SECONDS + $1))
	shift
	until "$@" >"$WORK/eventually" 2>&1; do
		if ((SECONDS >= end)); then
			say "not in time: $*"
			cat "$WORK/eventually"
			return 1
		fi
		sleep 1
	done
	cat "$WORK/eventually"
}

# in_tree PROGRAM ARGUMENT…: a Python program of this folder, with the SDK of the lab's root tree
in_tree() (
	HERE=$TOP/tests/lab
	for part in common debian tree image holder; do
		# shellcheck source=/dev/null
		. "$HERE/lib/$part.sh"
	done
	inside /usr/bin/python3 - "${@:2}" <"$TOP/tests/e2e/$1"
)

fresh_lab() {
	"$LAB" down --purge
	"$LAB" up
}

modules_on_the_cloud() {
	rm -f "$BUILD/asan/meson-logs/testlog.json"
	CMOCKA_MESSAGE_OUTPUT=tap "$LAB" exec meson test -C "$BUILD/asan" --no-rebuild --print-errorlogs --suite lab
	project_empty_as_before
}

list_project() { in_tree listing.py; }

project_empty_as_before() {
	list_project >"$WORK/after"
	diff -u "$WORK/before" "$WORK/after"
}
