# shellcheck shell=bash
# davit inventory, as Ansible reads it; sourced by operate.sh

# ansible PROGRAM ARGUMENT…: with the wrapper of the manual as inventory
ansible() {
	local status=0
	ANSIBLE_NOCOLOR=1 ANSIBLE_RETRY_FILES_ENABLED=0 ANSIBLE_PYTHON_INTERPRETER=/usr/bin/python3 ANSIBLE_DEPRECATION_WARNINGS=0 \
		command "$1" -i inventory "${@:2}" >out 2>err </dev/null || status=$?
	return "$status"
}

inventory() {
	printf '#!/bin/sh\nexec "%s" inventory --file "%s/cluster.yaml" "$@"\n' "$DAVIT" "$WORK" >inventory
	chmod +x inventory
}

test_inventory() {
	davit 0 inventory
	cp out all
	says 'demo-gpu-a-2 was not reached yet: it is left out'
	has 'pools' 'o["pool_workers"]["hosts"], o["pool_gpu_a"]["hosts"], o["worker"]["children"]' \
		"(['demo-workers-1', 'demo-workers-2'], ['demo-gpu-a-1'], ['pool_gpu_a', 'pool_workers'])"
	has 'roles' 'o["control_plane"]["hosts"], o["registry"]["hosts"], o["kubernetes"]["children"]' \
		"(['demo-cp-1'], ['demo-registry'], ['control_plane', 'worker'])"
	has 'the way in is reached by its floating IP' 'o["_meta"]["hostvars"]["demo-cp-1"]["ansible_host"]' 127.0.2.1
	davit 0 inventory --list
	if cmp -s out all; then ok 'as with --list'; else not_ok 'as with --list' "$(diff out all)"; fi
	davit 0 inventory --host workers-2
	has 'a host' 'o["ansible_host"], o["davit_pool"], o["davit_zone"]' "('127.0.1.21', 'workers', 'az-2')"
	davit 2 inventory --host workers-9
	says 'cluster demo has no node workers-9'
	davit 2 inventory --host workers-1 --list
	davit 5 inventory --host gpu-a-2
	if [[ $(stat -c %a "$STATE/ssh/config" "$STATE/ssh/known_hosts" | sort -u) = 600 ]]; then ok 'files are private'; else not_ok 'files are private'; fi
}

test_ansible() {
	if ! command -v ansible-playbook >/dev/null; then
		ok 'Ansible reads it # SKIP there is no ansible-playbook'
		return
	fi
	inventory
	if ansible ansible-inventory --graph; then ok 'ansible-inventory'; else not_ok 'ansible-inventory' "$(cat out err)"; fi
	says '@cluster_demo:' '@pool_gpu_a:' '|--demo-registry'
	if grep -qi 'warn.*group\|invalid' err; then not_ok 'names are valid' "$(cat err)"; else ok 'names are valid'; fi
	cat >play.yaml <<-'YAML'
		- hosts: kubernetes:registry
		  gather_facts: false
		  tasks:
		  - ping:
		  - shell: echo $NODE
		    register: said
		  - assert: {that: said.stdout == inventory_hostname}
		  - copy: {content: "{{ davit_pool }}", dest: "{{ playbook_dir }}/{{ inventory_hostname }}.pool"}
	YAML
	if ansible ansible-playbook play.yaml; then ok 'a play on all nodes'; else not_ok 'a play on all nodes' "$(cat out err)"; fi
	if [[ $(cat ./*.pool) = control-planegpu-aregistryworkersworkers ]]; then ok 'its files are there'; else not_ok 'its files are there' ./*.pool; fi
}

# Each server's host key is the state's, also on the way through the control plane; sockets of the last play do not count.
test_ansible_knows_the_host_keys() {
	local name
	command -v ansible-playbook >/dev/null || return 0
	for name in demo-workers-2 demo-cp-1; do
		rm -rf home/.ansible
		mv "$STATE" kept
		cp -a kept "$STATE"
		printf '%s worker workers %s - %s\n' "$name" 127.0.1.21 "$WORK/home/user.pub" >line
		[[ $name = demo-workers-2 ]] || printf '%s control-plane control-plane 127.0.1.10 127.0.2.1 %s\n' "$name" "$WORK/home/user.pub" >line
		"$MAKE_STATE" "$STATE" demo <line
		if ansible ansible demo-workers-2 -m ping; then
			not_ok "another host key of $name is refused" "$(cat out err)"
		elif grep -q UNREACHABLE out; then # Ansible swallows what the ssh of the way in has to say
			ok "another host key of $name is refused"
		else
			not_ok "another host key of $name is refused" "$(cat out err)"
		fi
		rm -rf "$STATE"
		mv kept "$STATE"
	done
}
