# shellcheck shell=bash
# davit kubeconfig --user; sourced by operate.sh

test_kubeconfig_for_a_person() {
	davit 0 kubeconfig --to admin.conf # makes the authorities
	find "$STATE/pki" -type f | sort >before
	davit 0 kubeconfig --user anna --group dev --group ops --ttl 90m --to anna.conf
	says 'anna of dev, ops: valid until' 'not to be taken back before'
	find "$STATE/pki" -type f | sort >after
	if cmp -s before after; then ok 'it is kept nowhere'; else not_ok 'it is kept nowhere' "$(diff before after)"; fi
	if [[ $(stat -c %a anna.conf) = 600 ]]; then ok 'the file is private'; else not_ok 'the file is private'; fi
	sed -n 's/.*client-certificate-data: "\(.*\)"/\1/p' anna.conf | base64 -d >anna.crt
	if openssl verify -x509_strict -purpose sslclient -CAfile "$STATE/pki/ca.crt" anna.crt >out 2>err; then
		ok 'openssl takes it'
	else
		not_ok 'openssl takes it' "$(cat out err)"
	fi
	openssl x509 -in anna.crt -noout -subject -nameopt RFC2253 >out
	is 'user and groups' 'subject=CN=anna,O=ops,O=dev'
	if openssl x509 -in anna.crt -noout -checkend 5100 >/dev/null && ! openssl x509 -in anna.crt -noout -checkend 5401 >/dev/null; then
		ok 'until then'
	else
		not_ok 'until then' "$(openssl x509 -in anna.crt -noout -dates)"
	fi
	davit 0 kubeconfig --user root --group system:masters --allow-masters
	says 'no role and no binding limits it' 'client-key-data'
}
