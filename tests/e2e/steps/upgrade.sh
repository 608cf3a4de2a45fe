# shellcheck shell=bash
# From one version of Kubernetes to the next under load, interrupted, and with a node that does not bear it. The cluster is there, of
# OLDER; $FILE is a file of its own.

OLDER=1.35.4 NEWER=1.36.3

OF_KUBERNETES='kubelet kube-apiserver kube-controller-manager kube-scheduler kube-proxy kubectl'

# has_programs FOLDER: all of them; making them may have been cut off
has_programs() {
	local name
	for name in $OF_KUBERNETES; do [[ -e $1/$name.sha256 ]] || return 1; done
}

programs() { printf '%s/dl.k8s.io/release/v%s/bin/linux/amd64' "$1" "$2"; }

# The older version where the mirror has it (artifacts/make old: minutes of compiling), else the newer one's programs that call themselves
# by it: a mirror in $WORK/mirror, whose other files are links.
older_mirror() {
	local from=$DAVIT_CACHE/mirror to=$WORK/mirror name old new file
	old=$(programs "$to" "$OLDER") new=$(programs "$from" "$NEWER")
	rm -rf "$to"
	mkdir -p "$old"
	for name in "$from"/*; do [[ $name = */dl.k8s.io ]] || ln -s "$name" "$to/"; done
	ln -s "$from/dl.k8s.io/release/v$NEWER" "$to/dl.k8s.io/release/"
	if has_programs "$(programs "$from" "$OLDER")"; then
		say 'with the programs of the older version'
		old=$(programs "$from" "$OLDER")
		rm -r "$to/dl.k8s.io/release/v$OLDER"
		ln -s "$from/dl.k8s.io/release/v$OLDER" "$to/dl.k8s.io/release/"
	else
		say "with programs of $NEWER that call themselves $OLDER"
		for file in $OF_KUBERNETES; do
			sed "s/v${NEWER//./\\.}/v$OLDER/g" "$new/$file" >"$old/$file"
			sha256sum <"$old/$file" | cut -d ' ' -f 1 >"$old/$file.sha256"
			chmod 755 "$old/$file"
		done
	fi
	[[ $("$old/kubelet" --version) = "Kubernetes v$OLDER" ]]
}

# the example, with another version of Kubernetes
older_file() {
	mkdir -p "$WORK"
	older_mirror
	sed "s/version: $NEWER/version: $OLDER/" "$TOP/examples/cluster.yaml" >"$FILE"
	grep -q "version: $OLDER" "$FILE"
}

# from where the newer version came to other clusters of this run: what was fetched then is fetched no more
newer_mirror() { MIRROR=file://$DAVIT_CACHE/mirror; }
upgrade() { davit upgrade -f "$FILE" --mirror "$MIRROR" "$@"; }
versions() { kubectl get nodes -o jsonpath='{.items[*].status.nodeInfo.kubeletVersion}'; }

# what is told before the first write, and that others leave the version alone
upgrade_tells() {
	newer_mirror
	sed -i "s/version: $OLDER/version: $NEWER/" "$FILE"
	cp "$FILE" "$SCALE"
	load_begins
	status apply
	expect_status 2
	expect_text '"davit upgrade" goes there, node by node'
	status davit plan -f "$FILE" --mirror "$MIRROR"
	expect_status 10
	expect_text "Kubernetes $NEWER instead of $OLDER: \"davit upgrade\" does that"
	status upgrade --dry-run
	expect_status 0
	grep -E 'control-plane +demo-cp-1 ' "$WORK/out"
	grep -E 'worker +demo-workers-2 ' "$WORK/out"
	budget 0
	kubectl run bare --image="$IMAGES/agnhost:2.63.0" --overrides='{"spec":{"nodeName":"demo-workers-2"}}' -- pause
	eventually 60 upgrade_is_refused
	budget 1
	kubectl delete pod bare --grace-period=1
	[[ $(versions) = "v$OLDER v$OLDER v$OLDER" ]]
}

# once the disruption controller has taken notice of the budget
upgrade_is_refused() {
	status upgrade
	expect_status 3 && expect_text 'the budget default/shop allows no disruption' && expect_text 'pod default/bare: nothing makes it again elsewhere'
}

# a file of the old version meanwhile is no way back by stealth
upgrade_interrupted_on_the_control_plane() {
	newer_mirror
	interrupt_at 'demo-cp-1: push done' upgrade
	sed "s/version: $NEWER/version: $OLDER/" "$FILE" >"$WORK/back.yaml"
	status davit apply -f "$WORK/back.yaml" --mirror "$MIRROR"
	expect_status 2
	expect_text "the upgrade of cluster demo to $NEWER has not come to its end"
	[[ $(stat -c %a "$XDG_STATE_HOME"/davit/demo/snapshots/etcd-$OLDER-*.db) = 600 ]]
}

upgrade_interrupted_on_a_worker() {
	newer_mirror
	interrupt_at 'demo-workers-1: push done' upgrade
	[[ $(kubectl get node demo-workers-1 -o jsonpath='{.spec.unschedulable}') = true ]]
	[[ $(kubectl get node demo-cp-1 -o jsonpath='{.status.nodeInfo.kubeletVersion}') = "v$NEWER" ]]
}

# A kubelet that starts with the old version only: the node goes back to it and takes pods again, the one before it stays.
upgrade_puts_a_node_back() {
	newer_mirror
	local unit=/etc/systemd/system/kubelet.service.d/broken.conf
	davit ssh -f "$FILE" workers-2 "sudo mkdir -p ${unit%/*} && printf '[Service]\nExecStartPre=/bin/sh -c \"/opt/davit/bin/kubelet --version | grep -q $OLDER\"\n' | sudo tee $unit"
	status upgrade
	expect_status 5
	expect_text 'demo-workers-2 was put back to what it had before'
	expect_text '"davit upgrade" goes on from here'
	kubectl wait --for=condition=Ready nodes --all --timeout=60s
	[[ $(versions) = "v$NEWER v$NEWER v$OLDER" ]]
	[[ $(cordoned) = '' ]]
	davit ssh -f "$FILE" workers-2 "sudo rm -r ${unit%/*}"
}

upgrade_ends() {
	newer_mirror
	status upgrade
	expect_status 0
	[[ $(versions) = "v$NEWER v$NEWER v$NEWER" ]]
	[[ $(cordoned) = '' ]]
	nothing_is_lost
	davit ssh -f "$FILE" workers-2 'ls -d /opt/davit/before /opt/davit/lib/*/*' >"$WORK/kept" 2>/dev/null || true
	grep "/kubelet/$NEWER" "$WORK/kept"
	lacks "$WORK/kept" "/$OLDER" before
	[[ $(ls "$XDG_STATE_HOME"/davit/demo/snapshots) = etcd-$OLDER-*.db ]]
	status upgrade
	expect_status 0
	expect_text 'nothing to upgrade'
	status apply
	expect_text 'nothing to do'
	kubectl delete deployment,service,pdb shop
}
