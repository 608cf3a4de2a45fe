# shellcheck shell=bash
# Nodes that are mended, and nodes in whose place new ones are put, under the load of steps/scale.sh.

# Switched off and on again, and nothing else: the nodes are the same afterwards. The pool's maxUnhealthy is 1: the second one waits until the
# first one is Ready.
broken_are_rebooted() {
	local first second
	first=$(boot_id workers-1) second=$(boot_id workers-2)
	in_tree broken.py demo-workers-1 demo-workers-2
	status davit plan -f "$SCALE" --mirror "$MIRROR"
	expect_status 10
	[[ $(grep -c 'is ERROR; it is rebooted' "$WORK/out") = 2 ]]
	status davit apply -f "$SCALE" --mirror "$MIRROR"
	expect_status 0
	[[ $(workers) = 'node/demo-workers-1 node/demo-workers-2 ' ]]
	[[ $(boot_id workers-1) != "$first" && $(boot_id workers-2) != "$second" ]]
	one_repair_after_another
	kubectl wait --for=condition=Ready nodes --all --timeout=60s
	status davit apply -f "$SCALE" --mirror "$MIRROR"
	expect_text 'nothing to do'
}

# "[  12.3 s] demo-workers-1: repair done (4.5 s)", twice: the second one began when the first one had ended
one_repair_after_another() {
	sed -nE 's/.*\[ *([0-9.]+) s\] demo-workers-[12]: repair done \(([0-9.]+) s\).*/\1 \2/p' "$WORK/out" |
		awk '{ overlap = overlap || $1 - $2 < end - 0.2; end = $1 } END { exit NR != 2 || overlap }'
}

# of a container, which has the boot id of its host
boot_id() { davit ssh -f "$SCALE" "$1" 'stat -c %Y.%i /proc/1; cut -d" " -f22 /proc/1/stat' | tr '\n' ' '; }

# interrupted once the new one is there, and gone on with by apply
node_is_replaced() {
	status davit node replace -f "$SCALE" cp-1 --mirror "$MIRROR"
	expect_status 2
	expect_text 'is the only control plane'
	status davit node replace -f "$SCALE" workers-1 --mirror "$MIRROR" --dry-run
	expect_status 0
	expect_text 'it was asked for'
	load_begins_anew # a server that is switched off takes its requests with it
	trap 'budget 1' EXIT
	budget 0
	status timeout --preserve-status -s INT 50 "$LAB" exec "$DAVIT" node replace -f "$SCALE" workers-1 --mirror "$MIRROR"
	expect_status 130
	expect_text '"davit apply" goes on from here'
	budget 1
	status davit apply -f "$SCALE" --mirror "$MIRROR" --yes
	expect_status 0
	[[ $(workers) = 'node/demo-workers-2 node/demo-workers-3 ' ]]
	is_gone demo-workers-1
	cmp "$FILE" "$SCALE"
	nothing_is_lost
}

# without a place for more servers: an old one goes, then a new one is made, and so on
pool_is_rolled() {
	local rolled=$WORK/rolled.yaml
	sed 's/count: 2, flavor: m1.medium/count: 2, flavor: m1.large, maxSurge: 0, maxUnavailable: 1/' "$WORK/mended.yaml" >"$rolled"
	load_begins_anew
	status davit apply -f "$rolled" --mirror "$MIRROR"
	expect_status 2
	expect_text 'pool workers: 2 of its nodes are replaced by new ones, with 0 more (maxSurge) and 1 fewer (maxUnavailable) than 2 at a time'
	status davit apply -f "$rolled" --mirror "$MIRROR" --yes
	expect_status 0
	[[ $(kubectl get nodes -l davit.dev/pool=workers -o name | wc -l) = 2 ]]
	[[ $(flavors) = 'm1.large m1.large ' ]]
	nothing_is_lost
	load_ends
	status davit apply -f "$rolled" --mirror "$MIRROR"
	expect_text 'nothing to do'
}

flavors() { in_tree flavors.py demo-workers- | tr '\n' ' '; }
