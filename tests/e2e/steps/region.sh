# shellcheck shell=bash
# A cluster in a second region of the cloud, whose services are behind TLS by an authority of their own and reached through a proxy that wants a
# password.  What the cluster's controllers log in with is made for it, and revoked with it.

SOUTH=$WORK/south # its files; $SOUTH.yaml is the cluster's
PROXY=172.24.4.1:13128
KEYSTONE=https://172.24.4.1:15000/v3

# as everywhere, but by a clouds.yaml of its own
davit_south() { "$LAB" exec env OS_CLIENT_CONFIG_FILE="$SOUTH/clouds.yaml" "$DAVIT" "$@"; }

# An authority, a certificate by it, and the region that shows that.
south_begin() {
	local run=$DAVIT_LAB/run/south
	mkdir -p "$SOUTH" "$run"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj '/O=South/CN=South Root' -keyout "$SOUTH/ca.key" \
		-out "$SOUTH/ca.crt" -addext 'keyUsage=critical,keyCertSign,cRLSign'
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj '/O=South/CN=cloud' -keyout "$SOUTH/server.key" -out "$SOUTH/server.csr"
	openssl x509 -req -in "$SOUTH/server.csr" -CA "$SOUTH/ca.crt" -CAkey "$SOUTH/ca.key" -CAcreateserial -days 30 -out "$SOUTH/server.crt" \
		-extfile <(echo 'subjectAltName=IP:172.24.4.1')
	cat "$SOUTH/server.crt" "$SOUTH/server.key" >"$run/server.pem"
	in_tree region.py make
	"$LAB" exec "$TOP/tests/e2e/proxy.py" "${PROXY%:*}" "${PROXY#*:}" >"$SOUTH/proxy.log" 2>&1 </dev/null &
	proxy=$!
	eventually 10 grep listening "$SOUTH/proxy.log"
}

south_end() {
	[[ -z ${proxy:-} ]] || kill "$proxy"
	in_tree region.py remove
	rm -rf "$DAVIT_LAB/run/south"
}

# south_clouds KEY…: the cloud, with these keys besides
south_clouds() {
	cat >"$SOUTH/clouds.yaml" <<-YAML
		clouds:
		  south:
		    auth: {auth_url: $KEYSTONE, username: demo, password: demo, project_name: demo, user_domain_name: Default, project_domain_name: Default}
	YAML
	printf '    %s\n' "$@" >>"$SOUTH/clouds.yaml"
}

# south_file HOST-KEYS POOLS PASSWORD: the lab's own settings besides, see examples/cluster.yaml
south_file() {
	cat >"$SOUTH.yaml" <<-YAML
		apiVersion: davit/v1
		kind: Cluster
		metadata: {name: south}
		spec:
		  platform: {version: 1.36.3}
		  openstack: {cloud: south, image: debian-12, externalNetwork: public, applicationCredential: {roles: [member]}}
		  controlPlane: {flavor: m1.medium}
		  workerPools: [$2]
		  registry: {flavor: m1.small, volume: {size: 5}}
		  access: {hostKeys: $1}
		  proxy: {https: "http://davit:$3@$PROXY"}
		  kubelet: {failCgroupV1: false}
		  kubeProxy: {conntrack: {maxPerCore: 0, min: 0}}
		  containerd: {restrictOOMScoreAdj: true}
	YAML
	chmod 600 "$SOUTH.yaml"
}

south_apply() { status davit_south apply --debug -f "$SOUTH.yaml" --mirror "$MIRROR"; }

# south_refused STATUS TEXT: before anything is made
south_refused() {
	status davit_south preflight -f "$SOUTH.yaml" --mirror "$MIRROR"
	expect_status "$1"
	expect_text "$2"
}

# each of the ways to the cloud, wrong once
south_tells_what_is_wrong() {
	south_file first-use '' lab-proxy
	south_clouds 'region_name: south'
	south_refused 4 'name the file of the authority that signed it as cacert in clouds.yaml'
	south_clouds "cacert: $SOUTH/ca.crt" 'region_name: west'
	south_refused 2 'in region west ('
	south_clouds "cacert: $SOUTH/ca.crt" 'region_name: south'
	south_file first-use '' wrong
	south_refused 4 'the proxy refused to connect'
	lacks "$WORK/out" 'davit:wrong'
}

# All that is asked of the cloud goes through the proxy and by TLS; the proxy's password is nowhere to be read.
south_is_made() {
	south_file first-use '' lab-proxy
	south_apply
	expect_status 0
	cp "$WORK/out" "$SOUTH/made"
	lacks "$SOUTH/made" 'lab-proxy'
	[[ $(grep -c 'was taken at first use' "$WORK/out") = 2 ]]
	for port in 15000 18774 18776 19292 19696; do grep -x "200 172.24.4.1:$port" "$SOUTH/proxy.log" | tail -n 1; done
	south_apply
	expect_status 0
	expect_text 'nothing to do'
}

# on the node: the cloud's authority, and the proxies of containerd, for root alone
south_nodes_have() {
	davit_south ssh -f "$SOUTH.yaml" cp-1 sudo cat /etc/davit/openstack-ca.pem | diff "$SOUTH/ca.crt" -
	[[ $(davit_south ssh -f "$SOUTH.yaml" cp-1 sudo stat -c %a:%U /etc/davit/proxy.env) = 600:root ]]
	# shellcheck disable=SC2016 # there, not here
	davit_south ssh -f "$SOUTH.yaml" cp-1 'sudo cat "/proc/$(systemctl show -p MainPID --value containerd)/environ" | tr "\0" "\n"' >"$SOUTH/environ"
	grep -qx "HTTPS_PROXY=http://davit:lab-proxy@$PROXY" "$SOUTH/environ"
	grep -q '^NO_PROXY=.*,registry\.davit\.internal,' "$SOUTH/environ"
}

# value_of KEY: of the cloud.conf that controllers read
value_of() { sed -n "s/^$1=\"\(.*\)\"\$/\1/p" "$SOUTH/cloud.conf"; }

# credential_logs_in: the status of a log-in with what controllers have; the answer's head and body are in $SOUTH/login.*
credential_logs_in() {
	"$LAB" exec curl -sS --cacert "$SOUTH/ca.crt" -D "$SOUTH/login.head" -o "$SOUTH/login.body" -w '%{http_code}' -H 'Content-Type: application/json' \
		-d @- "$KEYSTONE/auth/tokens" <<-JSON
			{"auth": {"identity": {"methods": ["application_credential"], "application_credential":
			  {"id": "$(value_of application-credential-id)", "secret": "$(value_of application-credential-secret)"}}}}
		JSON
}

# The Secret holds where and by whom; it opens the project, and makes no other one.
south_credential_works() {
	local user
	umask 077
	export KUBECONFIG=$SOUTH/kubeconfig
	davit_south kubeconfig -f "$SOUTH.yaml" --to "$KUBECONFIG"
	eventually 60 kubectl get --raw /readyz
	kubectl -n kube-system get secret cloud-config -o 'jsonpath={.data.cloud\.conf}' | base64 -d >"$SOUTH/cloud.conf"
	[[ $(value_of region) = south && $(value_of auth-url) = "$KEYSTONE" && $(value_of ca-file) = /etc/davit/openstack-ca.pem ]]
	lacks "$SOUTH/made" "$(value_of application-credential-secret)"
	[[ $(credential_logs_in) = 201 ]]
	user=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["token"]["user"]["id"])' "$SOUTH/login.body")
	sed -n 's/^[Xx]-[Ss]ubject-[Tt]oken:/X-Auth-Token:/p' "$SOUTH/login.head" | tr -d '\r' >"$SOUTH/token"
	[[ $("$LAB" exec curl -sS --cacert "$SOUTH/ca.crt" -o /dev/null -w '%{http_code}' -H @"$SOUTH/token" -H 'Content-Type: application/json' \
		-d '{"application_credential": {"name": "another"}}' "$KEYSTONE/users/$user/application_credentials") = 403 ]]
}

# A worker that comes later shows the host key that its console has; nothing is taken on trust.
south_worker_is_known_by_its_console() {
	south_file console '{name: w, count: 1, flavor: m1.small}' lab-proxy
	south_apply
	expect_status 0
	lacks "$WORK/out" 'was taken at first use'
	[[ $(davit_south ssh -f "$SOUTH.yaml" w-1 hostname) = south-w-1 ]]
	kubectl wait --for=condition=Ready nodes --all --timeout=60s
}

in_another_region() {
	proxy=''
	trap south_end EXIT
	south_begin
	south_tells_what_is_wrong
	south_is_made
	south_nodes_have
	south_credential_works
	south_worker_is_known_by_its_console
	davit_south delete -f "$SOUTH.yaml" --yes
	[[ $(credential_logs_in) = 40[14] ]]
	project_empty_as_before
}
