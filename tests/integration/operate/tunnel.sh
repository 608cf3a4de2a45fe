# shellcheck shell=bash
# davit tunnel, with an API server of a few lines; sourced by operate.sh

api_begins() {
	"$HERE/operate/api_server.py" api.pem "$FAKE" 2>api.log &
	api=$!
	eventually api_listens
}

api_listens() { (: <"/dev/tcp/127.0.0.1/6443") 2>/dev/null; }

api_ends() {
	kill "$api"
	{ wait "$api"; } 2>/dev/null
}

api_world() {
	davit 0 kubeconfig --to admin.conf # makes the authorities
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout api.key -subj /CN=kube-apiserver 2>/dev/null |
		openssl x509 -req -CA "$STATE/pki/ca.crt" -CAkey "$STATE/pki/ca.key" -days 1 -extfile <(echo subjectAltName=IP:127.0.0.1) >api.pem 2>/dev/null
	cat api.key >>api.pem
	rm -f "$FAKE/unready" "$FAKE/more"
	# what a client does: the server of its kubeconfig, verified by that one's authority
	cat >client <<-'SH'
		#!/bin/bash
		url=$(sed -n 's/^ *server: "\(.*\)"/\1/p' "$KUBECONFIG")
		sed -n 's/.*certificate-authority-data: "\(.*\)"/\1/p' "$KUBECONFIG" | base64 -d >api-ca.crt
		curl -sN --cacert api-ca.crt "$url$1"
	SH
	chmod +x client
	api_begins
}

no_kubeconfig_is_left() {
	if compgen -G "$STATE/tunnel-*" >out; then not_ok 'no kubeconfig is left' "$(cat out)"; else ok 'no kubeconfig is left'; fi
}

test_tunnel_of_a_command() {
	api_world
	davit 0 tunnel -- ./client /api
	is 'the API answers' 'ok /api'
	# shellcheck disable=SC2016
	davit 7 tunnel -- sh -c 'stat -c %a "$KUBECONFIG"; exit 7'
	is 'its kubeconfig is private, the exit status its own' 600
	# shellcheck disable=SC2016
	davit 143 tunnel -- sh -c 'kill -TERM $$'
	davit 2 tunnel -- no-such-program
	says 'cannot run no-such-program: No such file or directory'
	davit 2 tunnel --port 65536 -- true
	no_kubeconfig_is_left
	api_ends
}

begun() { [[ -s out ]]; }

# in_background ARGUMENT…: davit, until it has printed something; its process is $pid
in_background() {
	rm -f out
	"$DAVIT" "$@" >out 2>err </dev/null &
	pid=$!
	eventually begun
}

# ends_with SIGNAL STATUS NAME
ends_with() {
	local status=0
	kill "-$1" "$pid"
	wait "$pid" || status=$?
	if ((status == $2)); then ok "$3"; else not_ok "$3" "exit status $status" "$(cat out err)"; fi
}

# An interrupt is the command's affair, also one that was sent to davit alone.
test_tunnel_of_a_command_that_is_interrupted() {
	api_world
	in_background tunnel -- bash -c 'trap "echo caught; exit 3" INT; echo begun; while :; do sleep 0.1; done'
	ends_with INT 3 'the command ends as it likes'
	is 'it has caught it' "$(printf 'begun\ncaught')"
	in_background tunnel -- bash -c 'echo $$; exec sleep 1000'
	ends_with TERM 130 'SIGTERM ends davit'
	if [[ -e /proc/$(<out) ]]; then not_ok 'and the command' "$(<out)"; else ok 'and the command'; fi
	no_kubeconfig_is_left
	api_ends
}

# It stays open, also while its API server begins anew.
test_tunnel_that_stays_open() {
	local stream
	api_world
	in_background tunnel
	# shellcheck source=/dev/null
	. ./out # sets KUBECONFIG
	export KUBECONFIG
	./client /stream >stream &
	eventually grep -q one stream
	touch "$FAKE/more"
	if eventually grep -q two stream; then ok 'a stream'; else not_ok 'a stream' "$(cat stream err)"; fi
	api_ends
	api_begins
	if eventually ./client /again >out; then ok 'after a restart'; else not_ok 'after a restart' "$(cat err)"; fi
	# one that is not ready is none: its connections end
	rm "$FAKE/more" stream
	./client /stream >stream &
	stream=$!
	eventually grep -q one stream
	touch "$FAKE/unready"
	wait "$stream"
	if [[ $(<stream) = one ]]; then ok 'the stream of one that is not ready any more ends'; else not_ok 'the stream ends' "$(cat stream)"; fi
	ends_with INT 0 'Ctrl-C is its end'
	no_kubeconfig_is_left
	unset KUBECONFIG
	api_ends
}

test_tunnel_for_programs() {
	api_world
	in_background tunnel -o json
	has 'the port' 'o["kubeconfig"].endswith("/tunnel-%d.kubeconfig" % o["port"])' True
	ends_with INT 0 'Ctrl-C is its end'
	api_ends
}
