# shellcheck shell=bash
# davit etcd; sourced by operate.sh. With real etcd of the cache where there is one, and a systemctl that knows it.

ETCD=("${DAVIT_CACHE:-/var/cache/davit}"/mirror/github.com/etcd-io/etcd/releases/download/v*/etcd-v*-linux-amd64.tar.gz)
PKI=/etc/kubernetes/pki/etcd

# What systemd and the API server are to a restoration: etcd begins and ends, what happens is written down.
etcd_programs() {
	tar -xzf "${ETCD[0]}" --strip-components=1 -C /opt/davit/bin --wildcards '*/etcd' '*/etcdctl' '*/etcdutl' || return
	mkdir -p /opt/davit/run etcd-bin
	echo kube-apiserver.service >/opt/davit/run/units
	cat >etcd-bin/systemctl <<-'SH'
		#!/bin/bash
		# of etcd.service it starts and ends the program, of all others it writes down what is asked
		case $1 in
		is-active) echo active ;;
		show) echo InvocationID=1 ;;
		reset-failed) ;;
		stop | start)
			printf '%s\n' "$1 ${*:2}" >>"$FAKE/units"
			case "$1 $*" in
			start*etcd.service) [[ ! -e $FAKE/etcd-is-broken ]] || exit 1 ;;& # and goes on below
			stop*etcd.service) read -r pid <"$FAKE/etcd.pid" && kill "$pid" && while kill -0 "$pid" 2>/dev/null; do sleep 0.05; done ;;
			start*etcd.service)
				setsid "$FAKE/etcd" >"$FAKE/etcd.log" 2>&1 </dev/null 9>&- &
				echo "$!" >"$FAKE/etcd.pid"
				;;
			esac
			;;
		esac
		exit 0
	SH
	cat >etcd-bin/curl <<-'SH'
		#!/bin/bash
		# the API server is ready when it is asked; etcd says itself
		case $* in *:6443/*) exit 0 ;; *) exec /usr/bin/curl "$@" ;; esac
	SH
	chmod +x etcd-bin/*
	cp etcd-bin/* fake/ # where operate/bin/ looks first
}

etcd_world() {
	mkdir -p "$PKI"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=etcd -keyout "$PKI/healthcheck-client.key" \
		-addext 'subjectAltName=IP:127.0.0.1,IP:127.0.1.10' -out "$PKI/ca.crt" 2>/dev/null || return
	cp "$PKI/ca.crt" "$PKI/healthcheck-client.crt"
	cp "$PKI/ca.crt" "$PKI/server.crt"
	cp "$PKI/healthcheck-client.key" "$PKI/server.key"
	cat >fake/etcd <<-SH
		#!/bin/sh
		exec /opt/davit/bin/etcd --name=demo-cp-1 --data-dir=/var/lib/etcd --listen-client-urls=https://127.0.0.1:2379,https://127.0.1.10:2379 \\
			--advertise-client-urls=https://127.0.1.10:2379 --listen-peer-urls=http://127.0.1.10:2380 --initial-advertise-peer-urls=https://127.0.1.10:2380 \\
			--initial-cluster=demo-cp-1=https://127.0.1.10:2380 --initial-cluster-token=first --client-cert-auth --trusted-ca-file=$PKI/ca.crt \\
			--cert-file=$PKI/server.crt --key-file=$PKI/server.key --listen-metrics-urls=http://127.0.0.1:2381
	SH
	chmod +x fake/etcd
	etcd_programs && etcd_begins
}

etcd_begins() { FAKE=$WORK/fake etcd-bin/systemctl start etcd.service && eventually etcd_is_up; }
etcd_is_up() { curl -sf -o /dev/null http://127.0.0.1:2381/readyz; }
ctl() {
	/opt/davit/bin/etcdctl --endpoints=https://127.0.0.1:2379 --cacert="$PKI/ca.crt" --cert="$PKI/healthcheck-client.crt" --key="$PKI/healthcheck-client.key" "$@" \
		2>/dev/null
}
etcd_kill() { FAKE=$WORK/fake etcd-bin/systemctl stop etcd.service; }

# value KEY WANTED NAME
value() {
	local found
	found=$(ctl get "$1" --print-value-only)
	if [[ $found = "$2" ]]; then ok "$3"; else not_ok "$3" "$1 is '$found', not '$2'" "$(tail -n 3 fake/etcd.log)"; fi
}

test_etcd() {
	if [[ ! -e ${ETCD[0]} ]]; then
		ok 'etcd # SKIP there is no etcd in the cache'
		return
	fi
	if ! etcd_world; then
		not_ok 'etcd is there' "$(tail -n 5 fake/etcd.log)"
		return
	fi
	"$MAKE_STATE" "$STATE" demo </dev/null
	sqlite_set frozen:platform.version 1.36.3
	sqlite_set encryption-key ZW5jcnlwdGlvbiBrZXkgb2YgdGVzdHMsIDMyIGJ5dGU=
	export DAVIT_PASSPHRASE='correct horse'
	ctl put before 1 >/dev/null
	etcd_is_shown
	etcd_is_kept
	etcd_is_kept_away
	etcd_is_put_back
	etcd_goes_back
	etcd_is_put_back_interrupted
	unset DAVIT_PASSPHRASE
	etcd_kill
}

# as frozen_keep() and work_open() do; keys are those of the state
sqlite_set() { python3 -c 'import sqlite3, sys; d = sqlite3.connect(sys.argv[1]); d.execute("insert or replace into meta values (?, ?)", sys.argv[2:]); d.commit()' "$STATE/state.db" "$@"; }

etcd_is_shown() {
	davit 0 etcd status
	says demo-cp-1 https://127.0.1.10:2379 leader healthy
	davit 0 etcd status -o json
	has 'one member' '[(m["name"], m["leader"], m["healthy"], m["dbSize"] > 0) for m in o["members"]], o["healthy"]' "([('demo-cp-1', True, True, True)], True)"
	etcd_kill
	davit 5 etcd status
	says 'asking etcd ended with status 1'
	etcd_begins
}

etcd_is_kept() {
	davit 0 etcd backup one.davit-backup -o json
	has 'what is in it' 'o["cluster"], o["kubernetes"], o["node"], o["sealedFor"], o["snapshot"]["keys"]' "('demo', '1.36.3', 'demo-cp-1', ['passphrase'], 1)"
	has 'its digest' "o['sha256'] == __import__('hashlib').sha256(open('one.davit-backup', 'rb').read()).hexdigest(), o['removed']" '(True, [])'
	if [[ $(stat -c %a one.davit-backup) = 600 ]]; then ok 'it is private'; else not_ok 'it is private'; fi
	davit 2 etcd backup one.davit-backup
	says 'is there already'
	davit 0 etcd show one.davit-backup
	says demo '1 keys, revision' 3.6
	davit 0 etcd show one.davit-backup --to snapshot.db
	if cmp -s snapshot.db <(opened_by_hand one.davit-backup); then ok 'the snapshot is taken out of it'; else not_ok 'the snapshot is taken out of it'; fi
	rm -f snapshot.db sealed
	etcd_is_opened_by_hand
	openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=ops -keyout ops.key -out ops.pem 2>/dev/null
	for _ in 1 2 3; do # a name a second
		davit 0 etcd backup --to kept --keep 2 --recipient ops.pem
		sleep 1
	done
	if [[ $(find kept -type f | wc -l) = 2 ]]; then ok 'two are kept'; else not_ok 'two are kept' "$(ls kept)" "$(cat err)"; fi
	cp kept/*.davit-backup two.davit-backup 2>/dev/null || cp "$(find kept -type f | head -n 1)" two.davit-backup
	davit 2 etcd restore two.davit-backup --yes
	says 'is encrypted for CN=ops' '--key'
	davit 0 etcd restore two.davit-backup --key ops.key --dry-run
	says "move etcd's data aside" demo-cp-1
	etcd_kill
	davit 5 etcd backup three.davit-backup
	if compgen -G 'three*' >/dev/null; then not_ok 'nothing is left of one that failed' "$(ls)"; else ok 'nothing is left of one that failed'; fi
	etcd_begins
}

etcd_is_opened_by_hand() {
	opened_by_hand one.davit-backup >snapshot.db
	/opt/davit/bin/etcdutl snapshot status snapshot.db -w json >out 2>err
	has 'the snapshot is opened by hand' 'o["totalKey"]' 1
	tail -n +2 sealed >out
	has 'so is the recovery file' 'o["davit"], o["values"]["encryption-key"]' "('recovery/1', 'ZW5jcnlwdGlvbiBrZXkgb2YgdGVzdHMsIDMyIGJ5dGU=')"
	rm -f sealed snapshot.db
}

etcd_is_refused() {
	rm -f fake/units
	cp one.davit-backup bad.davit-backup
	printf x | dd of=bad.davit-backup bs=1 seek=$(($(stat -c %s bad.davit-backup) - 100)) conv=notrunc 2>/dev/null
	davit 2 etcd restore bad.davit-backup --yes
	says 'it is damaged: its snapshot is not what was written'
	head -c -1 one.davit-backup >short.davit-backup
	davit 2 etcd restore short.davit-backup --yes
	says 'it is damaged: it has '
	DAVIT_PASSPHRASE=wrong davit 2 etcd restore one.davit-backup --yes
	says 'it does not open with this passphrase'
	sed '2s/"demo"/"dema"/' one.davit-backup >other.davit-backup
	davit 2 etcd restore other.davit-backup --yes
	says 'its header is not the one that it was made with'
	davit 2 etcd restore one.davit-backup
	says 'give --yes'
	davit 2 etcd restore none.davit-backup --yes
	sqlite_set encryption-key YW5vdGhlciBrZXkgb2YgdGVzdHMsIGFsc28gMzIgYi4=
	davit 3 etcd restore one.davit-backup --yes
	says 'the key that encrypts Secrets is another one' 'davit recover --archive'
	sqlite_set encryption-key ZW5jcnlwdGlvbiBrZXkgb2YgdGVzdHMsIDMyIGJ5dGU=
	if [[ ! -e fake/units ]]; then ok 'nothing was touched'; else not_ok 'nothing was touched' "$(cat fake/units)"; fi
}

etcd_is_put_back() {
	local before
	etcd_is_refused
	ctl put after 1 >/dev/null
	ctl put before 2 >/dev/null
	before=$(ctl get before -w json | python3 -c 'import json, sys; print(json.load(sys.stdin)["header"]["revision"])')
	davit 0 etcd restore one.davit-backup --yes
	says 'is as it was on' 'what demo-cp-1 had before is there in /var/lib/etcd.before-'
	value before 1 'what was changed is as it was'
	value after '' 'what was made later is gone'
	if (($(ctl get before -w json | python3 -c 'import json, sys; print(json.load(sys.stdin)["header"]["revision"])') >= before + 999999000)); then
		ok 'revisions go on far beyond'
	else
		not_ok 'revisions go on far beyond'
	fi
	if [[ -d $(echo /var/lib/etcd.before-*/member/snap) && ! -e /opt/davit/run/restore.db ]]; then ok 'what was there is kept'; else not_ok 'what was there is kept' "$(ls /var/lib /opt/davit/run)"; fi
	if [[ $(<fake/units) = 'stop kube-controller-manager.service kube-scheduler.service kube-apiserver.service
stop etcd.service
stop etcd.service
start --no-block etcd.service
start --no-block kube-apiserver.service kube-controller-manager.service kube-scheduler.service' ]]; then ok 'in order'; else not_ok 'in order' "$(cat fake/units)"; fi
}

# A restoration that is given up: before anything was moved, and after it.
etcd_goes_back() {
	davit 2 etcd restore --abort
	says 'no restoration of cluster demo'
	davit 2 etcd restore
	says 'give a backup'
	davit 2 etcd restore one.davit-backup --abort
	says '--abort takes no backup'
	ctl put before 3 >/dev/null
	rm -rf /var/lib/etcd.before-*
	: >fake/etcd-is-broken
	davit 5 etcd restore one.davit-backup --yes
	says 'davit etcd restore --abort'
	davit 2 etcd restore --abort
	says 'give --yes'
	davit 0 etcd restore --abort --dry-run -o json
	has 'what would be done' '[s["step"] for s in o["steps"]]' "['stop API', 'stop etcd', 'back', 'etcd', 'API']"
	davit 5 etcd restore --abort --yes
	says 'the same command goes on from here'
	rm fake/etcd-is-broken
	davit 0 etcd restore --abort --yes
	says 'is as it was before the restoration'
	value before 3 'the data of before is back'
	if compgen -G '/var/lib/etcd.before-*' >/dev/null; then not_ok 'nothing is kept twice' "$(ls /var/lib)"; else ok 'nothing is kept twice'; fi
	davit 2 etcd restore --abort
	davit 0 etcd restore one.davit-backup --yes
	value before 1 'another restoration comes to its end'
}

# All data is lost; etcdutl fails once, so that the restoration does not come to its end.
etcd_is_put_back_interrupted() {
	etcd_kill
	rm -rf /var/lib/etcd /var/lib/etcd.before-*
	mv /opt/davit/bin/etcdutl etcdutl
	printf '#!/bin/sh\n[ "$1" = version ] && echo "etcdutl version: 3.6.16" && exit\necho what is missing >&2\nexit 1\n' >/opt/davit/bin/etcdutl
	chmod +x /opt/davit/bin/etcdutl
	davit 5 etcd restore one.davit-backup --yes
	says 'what is missing' 'the same "davit etcd restore one.davit-backup" goes on from here'
	davit 2 certs renew
	says 'a restoration of cluster demo'
	davit 3 etcd restore --abort --yes
	says 'demo-cp-1 had no data of etcd'
	mv etcdutl /opt/davit/bin/etcdutl
	davit 0 etcd restore one.davit-backup -o json
	has 'nothing was there before' 'o["nodes"], "steps" in o' "([{'node': 'demo-cp-1'}], False)"
	value before 1 'it is there again'
	davit 0 etcd status
}
