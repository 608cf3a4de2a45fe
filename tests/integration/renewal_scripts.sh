#!/usr/bin/env bash
# renewal_scripts.sh: what control planes sign anew, and what nodes take of it. OpenSSL is the real one; kubectl and the API server are
# stand-ins on a folder: a file NODE.NAME for each certificate, NODE.version and NODE.ends.
set -uo pipefail
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck source=tests/integration/tap.sh
. "$TOP/tests/integration/tap.sh"
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
export MAPS=$WORK/maps PKI=$WORK/pki AUTHORITY=$WORK/pki/ca.crt SUBJECTS=$WORK/subjects RENEWED=$WORK/renewed CERTIFICATES=$WORK/certificates
export KUBECTL=$WORK/bin/kubectl KUBELET_API=$WORK/bin/kubelet-api KUBELET_CONFIG=/nonexistent
DAY=86400

stand_ins() {
	mkdir -p "$WORK/bin" "$MAPS" "$PKI" "$WORK/node"
	# --kubeconfig=… --namespace=… get nodes | get configmaps | get configmap NODE -o jsonpath=… | replace -f -
	cat >"$KUBECTL" <<-'SH'
		#!/usr/bin/env bash
		shift 2
		case "$1 $2" in
		"get nodes") printf 'node/%s\n' $(cat "$MAPS/nodes") ;;
		"get configmaps") for f in "$MAPS"/*.ends; do echo "$(basename "$f" .ends) $(cat "$f")"; done ;;
		"get configmap")
			cat "$MAPS/$3.version"
			for name in $(grep -oE '[a-z-]+\{"\\n"\}\{\.data\.?\[' <<<"$5" | grep -oE '^[a-z-]+'); do
				echo "$name"
				cat "$MAPS/$3.$name" 2>/dev/null
				echo
			done
			;;
		"replace -f") exec python3 "$MAPS/../bin/replace.py" ;;
		*) echo "kubectl $*: not expected" >&2 && exit 1 ;;
		esac
	SH
	cat >"$WORK/bin/replace.py" <<-'PYTHON'
		import os, re, sys
		maps, text = os.environ["MAPS"], sys.stdin.read()
		node, version = re.search(r'metadata: \{name: (\S+), namespace: davit-certificates, resourceVersion: "(\d+)", labels: \{davit.dev/certificates: node\}\}', text).groups()
		if open(f"{maps}/{node}.version").read().strip() != version or os.path.exists(f"{maps}/conflict"):
		    sys.exit("Error from server (Conflict): the object has been modified; please apply your changes to the latest version and try again")
		open(f"{maps}/{node}.ends", "w").write(re.search(r'^  ends: "(\d+)"$', text, re.M).group(1))
		for name, pem in re.findall(r'^  ([a-z-]+): \|\n((?:    .*\n)+)', text, re.M):
		    open(f"{maps}/{node}.{name}", "w").write(re.sub(r"^    ", "", pem, flags=re.M))
		open(f"{maps}/{node}.version", "w").write(str(int(version) + 1))
	PYTHON
	cat >"$KUBELET_API" <<-'SH'
		#!/usr/bin/env bash
		[ "$1" = /api/v1/namespaces/davit-certificates/configmaps/demo-w-1 ] && [ ! -e "$MAPS/away" ] && exec python3 -c 'import glob, json, os
		maps = os.environ["MAPS"]
		data = {f.rsplit(".", 1)[1]: open(f).read() for f in glob.glob(f"{maps}/demo-w-1.*") if f.rsplit(".", 1)[1] not in ("version",)}
		print(json.dumps({"kind": "ConfigMap", "metadata": {"managedFields": [{"fieldsV1": {"f:data": {"f:kubelet": {}}}}]}, "data": data}, separators=(",", ":")))'
	SH
	chmod +x "$WORK/bin"/*
	for name in certificates-sign certificates-renew certificates-check; do
		sed 's/{{node}}/demo-w-1/g' "$TOP/manifests/templates/node/$name" >"$WORK/$name"
	done
	printf '%s\n' 'apiserver CN=kube-apiserver' 'kubelet CN=system:node:{node},O=system:nodes' 'kube-proxy CN=system:kube-proxy' >"$SUBJECTS"
	printf '%s\n' "kubelet $WORK/node/kubelet.crt" "kube-proxy $WORK/node/kube-proxy.crt" >"$RENEWED"
	: >"$CERTIFICATES"
}

# key FILE [ALGORITHM…]
key() {
	local -a how=("${@:2}")
	((${#how[@]})) || how=(-algorithm EC -pkeyopt ec_paramgen_curve:P-256)
	openssl genpkey "${how[@]}" -out "$1" 2>/dev/null
}

# authority FOLDER DAYS [ALGORITHM…]
authority() {
	mkdir -p "$1"
	key "$1/ca.key" "${@:3}"
	openssl req -x509 -new -key "$1/ca.key" -subj /CN=kubernetes -addext keyUsage=critical,keyCertSign,cRLSign -days "$2" -out "$1/ca.crt"
}

# issue TO KEY SUBJECT SECONDS [AUTHORITY]: a leaf that ends in so many
issue() {
	local from=${5:-$PKI} base=$WORK/ca md=sha256
	! openssl pkey -in "$from/ca.key" -noout -text_pub | grep -q secp384r1 || md=sha384
	rm -rf "$base" && mkdir "$base" && : >"$base/index"
	openssl req -new -key "$2" -subj "$3" -out "$base/csr" 2>/dev/null
	cat >"$base/config" <<-CONFIG
		[ca]
		default_ca = c
		[c]
		database = $base/index
		new_certs_dir = $base
		rand_serial = yes
		default_md = $md
		policy = p
		x509_extensions = x
		unique_subject = no
		[p]
		organizationName = optional
		commonName = supplied
		[x]
		basicConstraints = critical, CA:FALSE
		subjectKeyIdentifier = hash
		authorityKeyIdentifier = keyid
		keyUsage = critical, digitalSignature
		extendedKeyUsage = serverAuth
		subjectAltName = DNS:demo-w-1, IP:10.6.0.11
	CONFIG
	openssl ca -batch -config "$base/config" -cert "$from/ca.crt" -keyfile "$from/ca.key" -in "$base/csr" -notext -out "$1" -preserveDN \
		-startdate "$(date -u -d '-366 days' +%Y%m%d%H%M%SZ)" -enddate "$(date -u -d "$4 seconds" +%Y%m%d%H%M%SZ)" 2>"$base/log" || cat "$base/log"
}

ends() { date -d "$(openssl x509 -in "$1" -noout -enddate | cut -d = -f 2)" +%s; }
days_left() { echo $((($(ends "$1") - $(date +%s)) / DAY)); }

# begin [SECONDS]: a cluster of one node, whose kubelet's certificate ends then
begin() {
	rm -rf "${MAPS:?}"/* "$WORK/node"/*
	echo demo-cp-1 demo-w-1 >"$MAPS/nodes"
	key "$WORK/node/kubelet.key"
	key "$WORK/node/kube-proxy.key"
	issue "$WORK/node/kubelet.crt" "$WORK/node/kubelet.key" /O=system:nodes/CN=system:node:demo-w-1 "${1:-$((20 * DAY))}"
	issue "$WORK/node/kube-proxy.crt" "$WORK/node/kube-proxy.key" /CN=system:kube-proxy $((200 * DAY))
	chmod 640 "$WORK/node/kubelet.crt"
	cp "$WORK/node/kubelet.crt" "$MAPS/demo-w-1.kubelet"
	cp "$WORK/node/kube-proxy.crt" "$MAPS/demo-w-1.kube-proxy"
	cp "$WORK/node/kubelet.crt" "$WORK/before"
	ends "$WORK/before" >"$MAPS/demo-w-1.ends"
	echo 7 >"$MAPS/demo-w-1.version"
}

script() { sh "$WORK/$1" "${@:2}" >"$WORK/said" 2>&1; }

# says NAME TEXT: what the last script said has it
expect() {
	if grep -qF -- "$2" "$WORK/said"; then verdict "$1"; else verdict "$1" "expected: $2" "$(cat "$WORK/said")"; fi
}

# holds NAME COMMAND…
holds() {
	if "${@:2}"; then verdict "$1"; else verdict "$1" "${*:2}" "$(cat "$WORK/said")"; fi
}

facts() {
	openssl x509 -in "$1" -noout -text -certopt no_serial,no_validity,no_sigdump,no_signame
	openssl x509 -in "$1" -noout -pubkey
}

verifies() { openssl verify -x509_strict -purpose sslserver -CAfile "$AUTHORITY" "$1" >"$WORK/said" 2>&1; }
serial() { openssl x509 -in "$1" -noout -serial; }
unsigned() { cmp -s "$WORK/before" "$MAPS/demo-w-1.kubelet"; }
untaken() { cmp -s "$WORK/before" "$WORK/node/kubelet.crt"; }

test_signed() {
	local what=$1
	begin
	script certificates-sign
	holds "$what: it is signed anew, and nothing is taken for what a worker has not" test "$(cat "$WORK/said")" = 'signed anew for demo-w-1: kubelet'
	holds "$what: all but serial number and dates is the same" test "$(facts "$WORK/before")" = "$(facts "$MAPS/demo-w-1.kubelet")"
	holds "$what: the serial number is another one" test "$(serial "$WORK/before")" != "$(serial "$MAPS/demo-w-1.kubelet")"
	holds "$what: it ends in a year" test "$(days_left "$MAPS/demo-w-1.kubelet")" = 364
	holds "$what: it holds from an hour ago on" test $(($(date +%s) - $(date -d "$(openssl x509 -in "$MAPS/demo-w-1.kubelet" -noout -startdate | cut -d = -f 2)" +%s))) -ge 3600
	holds "$what: the authority has signed it" verifies "$MAPS/demo-w-1.kubelet"
	holds "$what: what is not near its end stays" cmp -s "$WORK/node/kube-proxy.crt" "$MAPS/demo-w-1.kube-proxy"
	holds "$what: when the first ends is told" test "$(cat "$MAPS/demo-w-1.ends")" = "$(ends "$WORK/node/kube-proxy.crt")"
}

# After that.
test_taken() {
	cp "$MAPS/demo-w-1.kubelet" "$WORK/signed"
	script certificates-sign
	holds "it is signed once" cmp -s "$WORK/signed" "$MAPS/demo-w-1.kubelet"
	cat "$AUTHORITY" >>"$WORK/node/kubelet.crt"
	script certificates-renew
	expect "the node takes it" 'kubelet.crt was renewed'
	holds "with those of its issuers behind it" cmp -s <(cat "$WORK/signed" "$AUTHORITY") "$WORK/node/kubelet.crt"
	holds "the mode stays" test "$(stat -c %a "$WORK/node/kubelet.crt")" = 640
	holds "nothing is left beside it" test "$(find "$WORK/node" -type f | wc -l)" = 4
	script certificates-renew
	holds "then there is nothing to do" test ! -s "$WORK/said"
}

# A certificate in the ConfigMap that is not to be signed: what is said of it.
refused_to_sign() {
	script certificates-sign
	expect "not signed: $1" "$2"
	holds "not signed: $1: it stays" cmp -s "$WORK/offered" "$MAPS/demo-w-1.kubelet"
}

test_not_signed() {
	authority "$WORK/other" 3650
	begin
	issue "$WORK/offered" "$WORK/node/kubelet.key" /O=system:nodes/CN=system:node:demo-w-1 $DAY "$WORK/other"
	cp "$WORK/offered" "$MAPS/demo-w-1.kubelet"
	refused_to_sign 'of another cluster' "it is not of the cluster's authority"
	mkdir -p "$WORK/system" && cp "$WORK/other/ca.crt" "$WORK/system/ca.pem" && openssl rehash "$WORK/system"
	SSL_CERT_DIR=$WORK/system refused_to_sign 'of an authority that the system trusts' "it is not of the cluster's authority"
	begin
	issue "$WORK/offered" "$WORK/node/kubelet.key" /O=system:masters/CN=kubernetes-super-admin $DAY
	cp "$WORK/offered" "$MAPS/demo-w-1.kubelet"
	refused_to_sign 'a person of system:masters' 'its subject is not CN=system:node:demo-w-1,O=system:nodes'
	begin
	issue "$WORK/offered" "$WORK/node/kubelet.key" /O=system:nodes/CN=system:node:demo-w-2 $DAY
	cp "$WORK/offered" "$MAPS/demo-w-1.kubelet"
	refused_to_sign "another node's" 'its subject is not CN=system:node:demo-w-1,O=system:nodes'
	begin $((-8 * DAY))
	cp "$WORK/before" "$WORK/offered"
	refused_to_sign 'ended long ago' 'it ended longer ago than a week'
	begin
	echo demo-cp-1 >"$MAPS/nodes"
	cp "$WORK/before" "$WORK/offered"
	refused_to_sign 'of a node that is gone' 'demo-w-1 is no node of the cluster'
	begin
	sed '3s/.*/AAAA/' "$WORK/before" >"$MAPS/demo-w-1.kubelet"
	cp "$MAPS/demo-w-1.kubelet" "$WORK/offered"
	script certificates-sign
	holds 'not signed: damaged' cmp -s "$WORK/offered" "$MAPS/demo-w-1.kubelet"
	begin
	: >"$MAPS/conflict"
	script certificates-sign
	expect 'not signed: another control plane was first' 'the object has been modified'
	holds 'not signed: another control plane was first: its own stays' unsigned
	begin $((-6 * DAY))
	script certificates-sign
	expect 'signed: it ended some days ago' 'signed anew for demo-w-1: kubelet'
}

test_nothing_is_signed() {
	begin
	cp "$AUTHORITY" "$WORK/one"
	cat "$WORK/other/ca.crt" >>"$AUTHORITY"
	script certificates-sign
	expect 'a rotation is under way' 'two authorities are trusted'
	holds 'a rotation is under way: nothing is signed' unsigned
	cp "$WORK/other/ca.crt" "$AUTHORITY"
	script certificates-sign
	expect "the key is another authority's" 'is not the key of'
	cp "$WORK/one" "$AUTHORITY"
	mkdir -p "$WORK/less"
	for name in cat cut date grep head mkdir mktemp od rm sed tail tr; do ln -sf "$(type -P "$name")" "$WORK/less/$name"; done
	PATH=$WORK/less "$(type -P sh)" "$WORK/certificates-sign" >"$WORK/said" 2>&1
	expect 'there is no openssl: control planes tell' 'no program openssl: nothing is signed anew'
	PATH=$WORK/less "$(type -P sh)" "$WORK/certificates-renew" >"$WORK/said" 2>&1
	expect 'there is no openssl: nodes tell' 'no program openssl: nothing is renewed'
}

# What lies there for the node, $WORK/offered, is not taken.
refused_to_take() {
	cp "$WORK/offered" "$MAPS/demo-w-1.kubelet"
	script certificates-renew
	expect "not taken: $1" "$2"
	holds "not taken: $1: the node's own stays" untaken
}

test_not_taken() {
	local node=$WORK/node/kubelet subject=/O=system:nodes/CN=system:node:demo-w-1 next=$((300 * DAY))
	begin
	key "$WORK/other.key"
	issue "$WORK/offered" "$WORK/other.key" "$subject" $next
	refused_to_take 'for another key' 'it is for another key'
	issue "$WORK/offered" "$node.key" /O=system:nodes/CN=system:node:demo-w-2 $next
	refused_to_take 'another subject' 'or for another name'
	issue "$WORK/offered" "$node.key" "$subject" $next "$WORK/other"
	refused_to_take 'of another cluster' 'it is for another key, or for another name'
	# an authority whose identifier is the same, though not its key
	sed 's/^/x/' "$WORK/before" >"$WORK/offered"
	refused_to_take 'damaged' 'no certificate was put there'
	issue "$WORK/offered" "$node.key" "$subject" $((10 * DAY))
	refused_to_take 'an older one' 'it ends no later'
	cp "$WORK/before" "$WORK/offered"
	refused_to_take 'the same' 'no control plane has signed a new one yet'
	issue "$WORK/offered" "$node.key" "$subject" $next
	mv "$node.key" "$WORK/kept.key" && cp "$WORK/other.key" "$node.key"
	refused_to_take "the node's key is another one" 'it is not for the key of this node'
	mv "$WORK/kept.key" "$node.key"
	der=$(openssl x509 -in "$WORK/offered" -outform DER | base64 -w 0)
	python3 -c 'import base64, sys; d = bytearray(base64.b64decode(sys.argv[1])); d[-1] ^= 1; sys.stdout.buffer.write(d)' "$der" | openssl x509 -inform DER -out "$WORK/forged"
	cp "$WORK/forged" "$WORK/offered"
	refused_to_take 'not signed by the authority' "it is not of the cluster's authority"
	rm "$MAPS/demo-w-1.kubelet"
	script certificates-renew
	expect 'not taken: there is none' 'no certificate was put there'
	: >"$MAPS/away"
	script certificates-renew
	expect 'not taken: the API is away' 'the API server does not say'
}

test_told() {
	begin $((27 * DAY))
	script certificates-check
	holds 'five days are given for a renewal' test ! -s "$WORK/said"
	begin $((24 * DAY))
	script certificates-check
	expect 'then it is told' 'kubelet.crt'
	begin
	PKI=$WORK/short AUTHORITY=$WORK/short/ca.crt
	authority "$PKI" 100
	begin
	script certificates-sign
	holds "no certificate outlives its authority" test "$(days_left "$MAPS/demo-w-1.kubelet")" -le 100 -a "$(days_left "$MAPS/demo-w-1.kubelet")" -ge 99
	script certificates-sign 400
	expect 'nor is it signed again for that' 'the authority itself ends no later'
}

stand_ins
for how in '-algorithm EC -pkeyopt ec_paramgen_curve:P-384' '-algorithm RSA -pkeyopt rsa_keygen_bits:2048' '-algorithm EC -pkeyopt ec_paramgen_curve:P-256'; do
	read -ra words <<<"$how"
	authority "$PKI" 3650 "${words[@]}"
	test_signed "${words[*]: -1}"
done
test_taken
test_not_signed
test_nothing_is_signed
test_not_taken
test_told
echo "1..$number"
