# shellcheck shell=bash
# A swarm: three managers, workers, a service from the private registry on an overlay network.  FILE is $WORK/swarm.yaml.
# The lab's kernel has no IPVS: services are reached by DNS round robin and host ports; its image has nft and no iptables.

AGNHOST=$IMAGES/agnhost:2.63.0

swarm_file() {
	cat >"$FILE" <<-END
		apiVersion: davit/v1
		kind: Cluster
		metadata: {name: whale}
		spec:
		  platform: {type: swarm, version: 29.9.3}
		  openstack: {cloud: lab, image: debian-12, externalNetwork: public}
		  controlPlane: {count: 3, flavor: m1.small}
		  workerPools:
		  - {name: workers, count: 2, flavor: m1.small, labels: {tier: web}}
		  registry: {flavor: m1.small, volume: {size: 5}}
		  artifacts: {images: ["registry.k8s.io/e2e-test-images/agnhost:2.63.0"]}
		  daemon: {firewall-backend: nftables, features: {swarm-nftables: true}}
	END
}

# docker on the node $1, as root
docker_on() { davit ssh -f "$FILE" "$1" "sudo docker ${*:2}"; }

# "whale-cp-1 Ready Active Leader" for each node, as the manager $1 sees them
swarm_nodes() { docker_on "$1" node ls --format "'{{.Hostname}} {{.Status}} {{.Availability}} {{.ManagerStatus}}'" | sort; }

swarm_has() {
	swarm_nodes "$1" >"$WORK/nodes"
	cat "$WORK/nodes"
	[[ $(grep -c ' Ready Active' "$WORK/nodes") = "$2" && $(wc -l <"$WORK/nodes") = "$2" ]]
}

a_swarm() {
	swarm_file
	apply
	swarm_has cp-1 5
	[[ $(grep -cE ' (Leader|Reachable)$' "$WORK/nodes") = 3 ]]
	davit ssh -f "$FILE" workers-1 sudo cat /var/lib/docker/swarm/certificates/swarm-root-ca.crt >"$WORK/root-ca"
	diff "$WORK/root-ca" "$XDG_STATE_HOME/davit/whale/pki/swarm-ca.crt"
	is_as_the_file_says
	status davit node list -f "$FILE"
	expect_text 'whale-workers-2'
	status davit kubeconfig -f "$FILE"
	expect_status 2
	expect_text 'is a swarm'
	status davit docker-context -f "$FILE"
	expect_text 'docker context create whale'
}

web_answers() { davit ssh -f "$FILE" "$1" "curl -sf -m 5 http://127.0.0.1:8080/$2"; }

# from a container on another node, by the overlay network and its DNS
web_is_reached() { docker_on cp-3 run --rm --network shop "$AGNHOST" connect --timeout=5s web:8080; }

a_service() {
	docker_on cp-1 network create -d overlay --attachable shop
	docker_on cp-1 service create --quiet --with-registry-auth --name web --network shop --endpoint-mode dnsrr --replicas 2 \
		--constraint node.labels.tier==web --publish mode=host,target=8080,published=8080 "$AGNHOST" netexec --http-port=8080
	web_answers workers-1 hostname
	web_answers workers-2 hostname
	web_is_reached
}

# told some seconds after the last task runs
is_updated() { docker_on cp-1 service inspect --format "'{{.UpdateStatus.State}}'" web | grep -x completed; }

rolling_update() {
	docker_on cp-1 service update --quiet --update-delay 1s --env-add GENERATION=2 web
	eventually 60 is_updated
	eventually 60 web_answers workers-1 hostname
	eventually 60 web_is_reached
}

# the others go on, and tell the workers what to run; apply starts it again
manager_is_lost() {
	in_tree power.py stop whale-cp-2
	eventually 60 docker_on cp-1 service scale --detach web=1
	status davit status -f "$FILE"
	status apply
	expect_status 0
	eventually 60 swarm_has cp-1 5
	docker_on cp-1 service scale --detach web=2
}

manager_is_made_anew() {
	in_tree power.py delete whale-cp-3
	status apply
	expect_status 0
	swarm_has cp-1 5
	is_as_the_file_says
}

# with autolock in the file: turned on in place, a manager that was restarted is locked, told of, and unlocked
swarm_is_locked() {
	sed -i 's/^  daemon:/  swarm: {autolock: true}\n&/' "$FILE"
	status davit plan -f "$FILE" --mirror "$MIRROR"
	expect_status 10
	expect_text 'autolock is off, and goes on'
	status apply
	expect_status 0
	is_as_the_file_says
	davit ssh -f "$FILE" cp-3 sudo systemctl restart docker
	status davit status -f "$FILE"
	expect_text 'Locked'
	status apply
	expect_status 0
	swarm_has cp-1 5
}

swarm_key_is_changed() {
	davit secrets rotate-keys -f "$FILE" --yes
	davit node reboot -f "$FILE" --yes cp-2
	swarm_has cp-1 5
}

# stopped when the first manager has the backup's data: managers have what they had, and know what they have been told since the backup
restoration_is_taken_back() {
	local number=0
	export DAVIT_PASSPHRASE='correct horse'
	rm -f "$WORK/whale.davit-backup"
	davit swarm backup -f "$FILE" "$WORK/whale.davit-backup"
	docker_on cp-1 service create --quiet --detach --with-registry-auth --name since "$AGNHOST" netexec
	rm -f "$WORK/run.log"
	set -m
	davit swarm restore -f "$FILE" --yes --log-format json "$WORK/whale.davit-backup" >"$WORK/run.log" 2>&1 </dev/null &
	pid=$!
	set +m
	awaits 'whale-cp-[123]: restore done'
	kill -INT -- "-$pid"
	wait "$pid" || number=$?
	((number == 130))
	grep -F -- '--abort' "$WORK/run.log"
	status apply
	expect_status 2
	expect_text 'with --abort it goes back'
	davit swarm restore -f "$FILE" --abort --yes
	swarm_has cp-1 5
	[[ $(grep -cE ' (Leader|Reachable)$' "$WORK/nodes") = 3 ]]
	[[ $(docker_on cp-1 service ls --format "'{{.Name}}'") = since ]]
	is_as_the_file_says
	docker_on cp-1 service rm since
}

# with autolock, and with a worker that came after the backup
swarm_is_lost() {
	export DAVIT_PASSPHRASE='correct horse'
	docker_on cp-1 network create -d overlay --attachable shop
	docker_on cp-1 service create --quiet --with-registry-auth --name web --network shop --endpoint-mode dnsrr --replicas 2 \
		--constraint node.labels.tier==web --publish mode=host,target=8080,published=8080 "$AGNHOST" netexec --http-port=8080
	rm -f "$WORK/whale.davit-backup"
	davit swarm backup -f "$FILE" "$WORK/whale.davit-backup"
	davit scale-up -f "$FILE" --mirror "$MIRROR" workers
	docker_on cp-1 service create --quiet --detach --name since "$AGNHOST"
	in_tree power.py delete whale-cp-1
	in_tree power.py delete whale-cp-3
	# it makes them again, and no manager tells how one joins
	status apply
	expect_status 5
	status davit swarm restore -f "$FILE" --yes "$WORK/whale.davit-backup"
	expect_status 0
	unset DAVIT_PASSPHRASE
	eventually 60 swarm_has cp-2 6
	[[ $(grep -cE ' (Leader|Reachable)$' "$WORK/nodes") = 3 ]]
	[[ $(docker_on cp-2 service ls --format "'{{.Name}}'") = web ]]
	status apply
	expect_status 0
	is_as_the_file_says
	eventually 60 web_answers workers-1 hostname
	eventually 60 web_is_reached
	davit ssh -f "$FILE" cp-3 sudo systemctl restart docker
	status apply
	expect_status 0
	docker_on cp-1 service rm web
	davit scale-down -f "$FILE" --yes workers
	swarm_has cp-1 5
}

swarm_is_open_again() {
	sed -i '/^  swarm: {autolock: true}$/d' "$FILE"
	status apply
	expect_status 0
	davit ssh -f "$FILE" cp-3 sudo systemctl restart docker
	eventually 60 swarm_has cp-1 5
	is_as_the_file_says
}

swarm_authorities_are_replaced() {
	davit ssh -f "$FILE" workers-1 sudo cat /var/lib/docker/swarm/certificates/swarm-root-ca.crt >"$WORK/root-ca"
	status davit certs rotate-ca -f "$FILE" --mirror "$MIRROR" --yes
	expect_status 0
	davit ssh -f "$FILE" workers-1 sudo cat /var/lib/docker/swarm/certificates/swarm-root-ca.crt >"$WORK/new-root-ca"
	if cmp -s "$WORK/root-ca" "$WORK/new-root-ca"; then return 1; fi
	diff "$WORK/new-root-ca" "$XDG_STATE_HOME/davit/whale/pki/swarm-ca.crt"
	swarm_has cp-1 5
	is_as_the_file_says
}

# engine NAME ARGUMENT…: of a manager's engine by its port, with or without a client's certificate
engine() { "$LAB" exec curl --silent --show-error --fail --max-time 10 --cacert "$WORK/client/ca.pem" "${@:2}" "https://$1:2376/_ping"; }

# KEY: of the first manager, as status tells it
manager() { davit status -f "$FILE" -o json | python3 -c 'import json, sys; print(next(n[sys.argv[1]] for n in json.load(sys.stdin)["nodes"] if n["name"] == "whale-cp-1"))' "$1"; }

# NODE PORT
has_no_port() { davit ssh -f "$FILE" "$1" "! ss -Hltn | grep -q ':$2 '"; }

# Opened where the file asks for it, on managers one after the other; taken by whom davit has made a certificate for, and by nobody else; closed again.
engines_are_reached_by_tls() {
	local address
	status davit docker-context -f "$FILE" --tls "$WORK/client"
	expect_status 2
	expect_text 'have no open port'
	sed -i 's/^  daemon:/  swarm: {api: {allowedCIDRs: [0.0.0.0\/0]}}\n&/' "$FILE"
	status apply
	expect_status 0
	swarm_has cp-1 5
	has_no_port workers-1 2376
	davit docker-context -f "$FILE" --tls "$WORK/client" --user anna --ttl 10m | tee "$WORK/out"
	expect_text 'host=tcp://'
	[[ $(stat -c %a "$WORK/client/key.pem") = 600 ]]
	address=$(manager floatingIP)
	[[ $(engine "$address" --cert "$WORK/client/cert.pem" --key "$WORK/client/key.pem") = OK ]]
	if engine "$address" || engine "$address" --insecure; then return 1; fi
	# one of the swarm's own authority
	(umask 077 && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=node -days 1 -addext extendedKeyUsage=clientAuth \
		-CA "$XDG_STATE_HOME/davit/whale/pki/swarm-ca.crt" -CAkey "$XDG_STATE_HOME/davit/whale/pki/swarm-ca.key" -keyout "$WORK/node.key" -out "$WORK/node.crt")
	if engine "$address" --cert "$WORK/node.crt" --key "$WORK/node.key"; then return 1; fi
	is_as_the_file_says
	davit certs renew -f "$FILE" --all --mirror "$MIRROR"
	swarm_has cp-1 5
	[[ $(engine "$address" --cert "$WORK/client/cert.pem" --key "$WORK/client/key.pem") = OK ]]
	sed -i '/^  swarm: {api: /d' "$FILE"
	status apply
	expect_status 0
	has_no_port cp-1 2376
	swarm_has cp-1 5
	is_as_the_file_says
}

stack_is_deployed() {
	cat >"$WORK/pair.yaml" <<-END
		services:
		  pair:
		    image: $AGNHOST
		    command: [netexec, "--http-port=8081"]
		    deploy: {replicas: 2, endpoint_mode: dnsrr, placement: {constraints: [node.role==worker], max_replicas_per_node: 1}}
	END
	echo '  stacks: [{name: shop, file: pair.yaml}]' >>"$FILE"
	status davit plan -f "$FILE" --mirror "$MIRROR"
	expect_status 10
	expect_text 'is not deployed yet'
	status apply
	expect_status 0
	docker_on cp-1 stack ps --filter desired-state=running --format "'{{.CurrentState}}'" shop >"$WORK/tasks"
	[[ $(grep -c '^Running' "$WORK/tasks") = 2 ]]
	is_as_the_file_says
	sed -i '/^  stacks: /d' "$FILE"
	status apply
	expect_status 0
	[[ -z $(docker_on cp-1 stack ls --format "'{{.Name}}'") ]]
}

# URL: the serial number of the certificate that is shown there, once it is verified
page_serial() {
	"$LAB" exec openssl s_client -connect "${1#https://}" -CAfile "$XDG_STATE_HOME/davit/whale/pki/portainer-ca.crt" -verify_return_error -verify_ip "$(page_address "$1")" \
		</dev/null 2>/dev/null | openssl x509 -noout -serial
}
page_address() { sed 's|https://||; s|:.*||' <<<"$1"; }
page_answers() { "$LAB" exec curl --silent --show-error --fail --max-time 5 --cacert "$XDG_STATE_HOME/davit/whale/pki/portainer-ca.crt" "$1/hostname"; }
has_another_serial() { [[ $(page_serial "$1") = serial=* && $(page_serial "$1") != "$2" ]]; }

# The image is a stand-in (tests/lab/artifacts/portainer.sh).
swarm_has_a_page() {
	local url serial
	(umask 077 && echo 'correct horse battery' >"$WORK/page-password")
	sed -i 's/^  daemon:/  swarm: {portainer: {version: 2.33.3, allowedCIDRs: [0.0.0.0\/0], passwordFile: page-password}}\n&/' "$FILE"
	status davit plan -f "$FILE" --mirror "$MIRROR"
	expect_status 10
	expect_text 'is not deployed yet'
	status apply
	expect_status 0
	is_as_the_file_says
	status davit status -f "$FILE"
	expect_text 'Portainer is at https://'
	url=$(davit status -f "$FILE" -o json | python3 -c 'import json, sys; print(json.load(sys.stdin)["portainer"])')
	eventually 60 page_answers "$url"
	serial=$(page_serial "$url")
	docker_on cp-1 secret ls --format "'{{.Name}}'" | grep -x portainer-password
	if docker_on cp-1 service inspect portainer_portainer | grep horse; then return 1; fi
	davit certs renew -f "$FILE" --all --mirror "$MIRROR"
	eventually 60 has_another_serial "$url" "$serial"
	is_as_the_file_says
	sed -i '/^  swarm: {portainer: /d' "$FILE"
	status apply
	expect_status 0
	eventually 60 has_no_port cp-1 9443
	[[ -z $(docker_on cp-1 secret ls --quiet) ]]
	is_as_the_file_says
}
