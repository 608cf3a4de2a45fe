# shellcheck shell=bash
# Part of the whole fails: the rest comes to its end, the message names what failed and why, and the same command goes on.

# a change of all nodes, and a pool more whose server the cloud has no room for
failing_file() {
	sed -e 's/failCgroupV1: false/failCgroupV1: false, maxPods: 77/' \
		-e 's/^  workerPools:.*/&\n  - {name: lost, count: 1, flavor: m1.nowhere}/' "$FILE" >"$WORK/failing.yaml"
	sed '/name: lost/d' "$WORK/failing.yaml" >"$WORK/mended.yaml"
}

max_pods() { kubectl get node "$1" -o jsonpath='{.status.allocatable.pods}'; }

# than demo-workers-2: another one may have come in the place of the first
other_worker() { kubectl get nodes -l davit.dev/pool=workers -o name | grep -v demo-workers-2 | cut -d / -f 2; }

# a kubelet that systemd cannot load: the one that runs goes on
break_kubelet() {
	davit ssh -f "$FILE" workers-2 sudo sh -c \''mkdir /etc/systemd/system/kubelet.service.d &&
		printf "[Service]\nExecStart=\n" >/etc/systemd/system/kubelet.service.d/broken.conf && systemctl daemon-reload'\'
}

mend_kubelet() {
	davit ssh -f "$FILE" workers-2 sudo sh -c \''rm -r /etc/systemd/system/kubelet.service.d && systemctl daemon-reload'\'
}

# the next restart of units fails, the one after it does not
fail_once() {
	davit ssh -f "$FILE" "$1" sudo sh -c \''cat >/usr/local/sbin/systemctl <<-"END" && chmod 755 /usr/local/sbin/systemctl
		#!/bin/sh
		[ "$1" != restart ] || { rm "$0"; exit 1; }
		exec /usr/bin/systemctl "$@"
	END'\'
}

has_failed_once() { davit ssh -f "$FILE" "$1" test ! -e /usr/local/sbin/systemctl; }

parts_fail() {
	in_tree nowhere.py make
	failing_file
	break_kubelet
	fail_once "$(other_worker)"
	status davit apply -f "$WORK/failing.yaml" --mirror "$MIRROR"
	expect_status 5
	for text in '2 of 5 nodes failed' demo-lost-1 'No valid host' demo-workers-2 'step join failed' 'kubelet.service has a bad unit file setting' 'davit apply'; do
		expect_text "$text"
	done
	has_failed_once "$(other_worker)"
	[[ $(max_pods "$(other_worker)") = 77 ]]
	[[ $(max_pods demo-workers-2) = 110 ]]
	kubectl wait --for=condition=Ready nodes --all --timeout=60s
	[[ $(kubectl get nodes --no-headers | wc -l) = 3 ]]
}

# the pool that no host has room for is taken out of the file again: its node goes with it, after a question
parts_are_mended() {
	mend_kubelet
	status davit apply -f "$WORK/mended.yaml" --mirror "$MIRROR"
	expect_status 2
	expect_text 'Drain and remove demo-lost-1'
	status davit apply -f "$WORK/mended.yaml" --mirror "$MIRROR" --yes
	expect_status 0
	[[ -z $(list_project | grep demo-lost || true) ]]
	[[ $(max_pods demo-workers-2) = 77 ]]
	status davit apply -f "$WORK/mended.yaml" --mirror "$MIRROR"
	expect_status 0
	expect_text 'nothing to do'
	in_tree nowhere.py remove
}

# somebody else's port keeps the network from going: it is named and left alone
delete_names_what_is_in_use() {
	local port
	port=$(in_tree intruder.py make)
	status davit delete -f "$FILE" --yes
	in_tree intruder.py find | tee "$WORK/intruder"
	in_tree intruder.py remove
	expect_status 7
	expect_text "$port"
	expect_text 'network demo'
	grep -qx "$port" "$WORK/intruder"
}
