# shellcheck shell=bash
# A cluster beneath an authority of the site's.  FILE is $WORK/site.yaml.

site_file() {
	local site=$WORK/site
	mkdir -p "$site"
	openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj '/O=Site/CN=Site Root' -keyout "$site/root.key" -out "$site/root.crt" \
		-addext 'keyUsage=critical,keyCertSign,cRLSign'
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj '/O=Site/CN=Site Issuing' -keyout "$site/site.key" -out "$site/site.csr"
	openssl x509 -req -in "$site/site.csr" -CA "$site/root.crt" -CAkey "$site/root.key" -CAcreateserial -days 1825 -out "$site/issuing.crt" \
		-extfile <(printf '%s\n' 'basicConstraints=critical,CA:TRUE,pathlen:1' 'keyUsage=critical,keyCertSign,cRLSign')
	cat "$site/issuing.crt" "$site/root.crt" >"$site/site.crt"
	{
		sed 's/name: workers, count: 2/name: workers, count: 1/' "$TOP/examples/cluster.yaml"
		echo "  pki: {ca: {certificate: $site/site.crt, key: $site/site.key}}"
	} >"$FILE"
}

api_host() { list_api_address | sed 's|^https://||; s|:[0-9]*$||'; }

# Who trusts the site's root alone takes the API server for what it is; and the cluster is a whole one.
cluster_beneath_a_site() {
	local address
	site_file
	apply
	rm -f "$KUBECONFIG"
	davit kubeconfig -f "$FILE" --to "$KUBECONFIG"
	kubectl wait --for=condition=Ready nodes --all --timeout=120s
	address=$(api_host)
	"$LAB" exec openssl s_client -connect "$address:6443" -CAfile "$WORK/site/root.crt" -verify_return_error -verify_ip "$address" </dev/null >"$WORK/out" 2>&1
	expect_text 'Verify return code: 0 (ok)'
	certs_are_what_the_state_knows
	is_as_the_file_says
}

# From the site's authority to roots of the cluster's own.
site_is_left() {
	sed -i '/^  pki:/d' "$FILE"
	status davit certs rotate-ca -f "$FILE" --mirror "$MIRROR" --yes
	expect_status 0
	davit kubeconfig -f "$FILE" --to "$KUBECONFIG"
	eventually 60 kubectl get --raw /readyz
	status "$LAB" exec openssl s_client -connect "$(api_host):6443" -CAfile "$WORK/site/root.crt" -verify_return_error
	expect_status 1
	expect_text 'verify error'
	kubectl wait --for=condition=Ready nodes --all --timeout=120s
	is_as_the_file_says
}
