# shellcheck shell=bash
# One of three control planes is cut off, cannot write, or loses its etcd while it writes: the other two serve on, and it comes back by itself.
# FILE is $WORK/planes.yaml.

# In the words of cp-2's shell, in a unit of its own: the way there may be gone meanwhile.
on_cp_2() { davit ssh -f "$FILE" cp-2 "sudo systemd-run --quiet --collect --unit=davit-fault sh -c '$1'"; }
fault_is_over() { davit ssh -f "$FILE" cp-2 '! systemctl is-active --quiet davit-fault'; }

written() { kubectl --request-timeout=5s create configmap "$1" --from-literal=a=b --dry-run=client -o yaml | kubectl --request-timeout=5s apply -f -; }

# serves_on NAME: while the fault is there, and as a worker sees it; then all three are well again, without anybody's doing
serves_on() {
	local asked
	asked=$(davit ssh -f "$FILE" workers-1 'wc -l </run/davit-probe')
	eventually 60 probed $((asked + 50))
	eventually 60 written "$1"
	eventually 120 fault_is_over
	eventually 180 etcd_is_well
	probe_ends
	kubectl get configmap "$1"
	kubectl wait --for=condition=Ready nodes --all --timeout=120s
	voting demo-cp-2 3
	is_as_the_file_says
}

plane_is_cut_off() {
	probe_begins
	on_cp_2 'iptables -w -I INPUT ! -i lo -j DROP; iptables -w -I OUTPUT ! -o lo -j DROP
		sleep 45
		iptables -w -D INPUT ! -i lo -j DROP; iptables -w -D OUTPUT ! -o lo -j DROP'
	serves_on cut-off
}

plane_has_a_full_disk() {
	probe_begins
	# shellcheck disable=SC2016 # there
	on_cp_2 'fallocate -l $(df --output=avail -B1 /var/lib/etcd | tail -n 1) /var/lib/davit-fill; df /var/lib/etcd
		sleep 45
		rm /var/lib/davit-fill'
	serves_on full-disk
}

# Its etcd is ended five times while all of them write; what was acknowledged is there.
etcd_is_killed() {
	local n
	probe_begins
	on_cp_2 'for n in 1 2 3 4 5; do systemctl kill --signal=KILL etcd.service; sleep 5; done'
	for n in $(seq 20); do eventually 60 written "killed-$n"; done
	serves_on killed
	[[ $(kubectl get configmaps -o name | grep -c '/killed-') = 20 ]]
}
