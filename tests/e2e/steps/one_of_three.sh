# shellcheck shell=bash
# One of three control planes is cut off, cannot write, or loses its etcd while it writes: the other two serve on, and it comes back by itself.
# FILE is $WORK/planes.yaml.

# In the words of cp-2's shell, in a unit of its own: the way there may be gone meanwhile.
on_cp_2() { davit ssh -f "$FILE" cp-2 "sudo systemd-run --quiet --collect --unit=davit-fault sh -c '$1'"; }
fault_is_over() { davit ssh -f "$FILE" cp-2 '! systemctl is-active --quiet davit-fault'; }

written() { kubectl --request-timeout=5s create configmap "$1" --from-literal=a=b --dry-run=client -o yaml | kubectl --request-timeout=5s apply -f -; }

# serves_on NAME: while the fault is there, and as a worker sees it; then all three are well again, without anybody's doing
serves_on() {
	asks_on 50
	eventually 60 written "$1"
	eventually 120 fault_is_over
	eventually 180 etcd_is_well
	probe_ends
	kubectl get configmap "$1"
	kubectl wait --for=condition=Ready nodes --all --timeout=120s
	voting demo-cp-2 3
	is_as_the_file_says
}

cp_2_is_away() {
	status davit etcd status -f "$FILE"
	expect_status 9
}

plane_is_cut_off() {
	probe_begins
	on_cp_2 'nft "add table inet cut
			add chain inet cut in { type filter hook input priority -300; policy drop; }
			add chain inet cut out { type filter hook output priority -300; policy drop; }
			add rule inet cut in iifname lo accept
			add rule inet cut out oifname lo accept"
		sleep 45
		nft delete table inet cut'
	eventually 40 cp_2_is_away
	serves_on cut-off
}

# also for root, for whom file systems keep some room
disk_is_full() {
	status davit ssh -f "$FILE" cp-2 'sudo dd if=/dev/zero of=/var/lib/davit-try bs=64K count=1; r=$?; sudo rm -f /var/lib/davit-try; exit $r'
	expect_text 'No space left on device'
}

plane_has_a_full_disk() {
	probe_begins
	# shellcheck disable=SC2016 # there
	on_cp_2 'fallocate -l $(($(stat -f -c "%f * %S" /var/lib/etcd) - 8388608)) /var/lib/davit-fill
		cat /dev/zero >/var/lib/davit-fill.more
		sleep 45
		rm /var/lib/davit-fill*'
	eventually 40 disk_is_full
	serves_on full-disk
}

restarts_of_etcd() { davit ssh -f "$FILE" cp-2 'systemctl show --property=NRestarts --value etcd.service'; }

# Its etcd is ended five times while all of them write; what was acknowledged is there.
etcd_is_killed() {
	local n before
	probe_begins
	before=$(restarts_of_etcd)
	on_cp_2 'for n in 1 2 3 4 5; do systemctl kill --signal=KILL etcd.service; sleep 5; done'
	for n in $(seq 20); do eventually 60 written "killed-$n"; done
	serves_on killed
	(($(restarts_of_etcd) >= before + 5))
	[[ $(kubectl get configmaps -o name | grep -c '/killed-') = 20 ]]
}
