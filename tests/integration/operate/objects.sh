# shellcheck shell=bash
# Backups in an object store; sourced by operate.sh, called by test_etcd. With OpenStack's own Swift, where Debian's python3-swift is installed.

# Extended attributes of files are where Swift keeps what it knows of them.
swift_is_possible() {
	/usr/bin/python3 -c 'import swift' 2>/dev/null && touch xattr && /usr/bin/python3 -c 'import os; os.setxattr("xattr", "user.a", b"b")' 2>/dev/null
}

swift_answers() {
	local code
	code=$(curl -s -o /dev/null -w '%{http_code}' -X PUT -H 'X-Auth-Token: good' http://127.0.0.1:8080/v1/AUTH_test/backups) && [[ $code = 20? ]]
}

swift_begins() {
	mkdir -p swift home/.config/openstack
	coproc SWIFT { exec /usr/bin/python3 "$HERE/swift_server.py" "$WORK/swift" 2>swift.log; }
	cat >home/.config/openstack/clouds.yaml <<-YAML
		clouds:
		  loopback:
		    auth: {auth_url: "http://127.0.0.1:5000/v3", username: u, password: p, project_name: p, user_domain_name: D, project_domain_name: D}
		    api_timeout: 20
	YAML
	# four programs of Python's begin, on a machine that may be busy
	eventually swift_answers || eventually swift_answers || eventually swift_answers
}

swift_ends() {
	local fd=${SWIFT[1]}
	exec {fd}>&-
	rm -r home/.config/openstack home/.aws
}

# in_swift PATH: what the container has at PATH, or its list
in_swift() { curl -sf -H 'X-Auth-Token: good' "http://127.0.0.1:8080/v1/AUTH_test/backups${1:+/$1}"; }

etcd_is_kept_away() {
	local place
	if ! swift_is_possible; then
		ok 'object stores # SKIP there is no python3-swift, or no extended attributes'
		return
	fi
	if ! swift_begins; then
		not_ok 'Swift is there' "$(cat swift.log swift/*.log)"
		return
	fi
	away_is_refused
	for place in 'swift://backups --os-cloud loopback' 's3://backups'; do
		away_and_back "${place%% *}" "${place#"${place%% *}"}"
	done
	away_by_the_timer
	unset AWS_ENDPOINT_URL AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
	swift_ends
}

away_is_refused() {
	davit 2 etcd backup --to s3://backups
	says 'there are no keys for S3' '.aws/credentials'
	davit 2 etcd backup --to swift:// --os-cloud loopback
	says 'names no container'
	davit 4 etcd backup --to swift://nowhere --os-cloud loopback
	says 'there is no such container'
	davit 4 etcd restore swift://backups/none --os-cloud loopback --yes
	says 'read swift://backups/none: there is no such container or object'
	davit 2 etcd snapshots backups
	says 'is no object store'
	mkdir -p home/.aws
	printf '%s\n' '[other]' 'aws_access_key_id = x' '[default]' 'aws_access_key_id = test:tester' 'aws_secret_access_key = wrong' >home/.aws/credentials
	export AWS_ENDPOINT_URL=http://127.0.0.1:8080/
	davit 4 etcd backup --to s3://backups
	says SignatureDoesNotMatch
	sed -i 's/wrong/testing/' home/.aws/credentials
}

# names of backups have the second
next_second() {
	local now
	now=$(date +%s)
	until (($(date +%s) > now)); do sleep 0.05; done
}

# What the timer begins, as systemd reads it, and as it runs it: twice, and one stays.
away_by_the_timer() {
	local units=$HERE/../../cmd/systemd begins said name
	local -a words
	mkdir -p units home/.config/davit
	sed "s|@davit@|$DAVIT|" "$units/davit-backup@.service.in" >units/davit-backup@.service
	cp "$units/davit-backup@.timer" units/
	if command -v systemd-analyze >/dev/null; then
		said=$(XDG_RUNTIME_DIR=$WORK systemd-analyze verify --user --man=no "$PWD"/units/davit-backup@.* 2>&1)
		if [[ $? = 0 && -z $said ]]; then ok 'systemd takes the units of backups'; else not_ok 'systemd takes the units of backups' "$said"; fi
	fi
	printf '%s\n' 'DAVIT_FILE=cluster.yaml' "DAVIT_BACKUP='--to s3://backups/timer --keep 1'" >home/.config/davit/demo.env
	begins=$(sed -n 's/^ExecStart=@davit@ //p' "$units/davit-backup@.service.in")
	for _ in 1 2; do
		# shellcheck disable=SC1091
		(eval "$(sed -n 's/^Environment=//p' "$units/davit-backup@.service.in")" && . home/.config/davit/demo.env && eval "printf '%s\n' $begins") >words
		mapfile -t words <words
		davit 0 "${words[@]}"
		next_second
	done
	name=$(<out)
	davit 0 etcd snapshots s3://backups/timer -o json
	has 'the newest stays' '[s["name"] for s in o["snapshots"]]' "['$name']"
	curl -sf -X DELETE -H 'X-Auth-Token: good' "http://127.0.0.1:8080/v1/AUTH_test/backups/${name#s3://backups/}"
}

# away_and_back URL OPTIONS: three backups of which two stay, beside what is not of this cluster; the newest is put back
away_and_back() {
	local url=$1 options=$2 newest uuid
	uuid=$(python3 -c 'import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute("select value from meta where key = \"uuid\"").fetchone()[0])' "$STATE/state.db")
	curl -sf -X PUT -H 'X-Auth-Token: good' --data-binary x "http://127.0.0.1:8080/v1/AUTH_test/backups/a/$uuid/demo-notes.txt"
	curl -sf -X PUT -H 'X-Auth-Token: good' --data-binary x 'http://127.0.0.1:8080/v1/AUTH_test/backups/a/0/demo-2020-01-01T00-00-00Z.davit-backup'
	for _ in 1 2 3; do
		# shellcheck disable=SC2086 # several words
		davit 0 etcd backup --to "$url/a" --keep 2 $options
		next_second
	done
	is 'the URL is printed' "$url/a/$uuid/$(sed 's|.*/||' out)"
	says 'removed: '
	newest=$(<out)
	# shellcheck disable=SC2086
	davit 0 etcd snapshots "$url/a" -o json $options
	has 'two are kept, the newest first' 'len(o["snapshots"]), o["snapshots"][0]["name"], o["snapshots"][0]["size"] > 1000' "(2, '$newest', True)"
	if [[ $(in_swift '' | wc -l) = 4 ]]; then ok 'what is of others stays'; else not_ok 'what is of others stays' "$(in_swift '')"; fi
	if compgen -G '/tmp/davit-*/*.davit-backup' >/dev/null; then not_ok 'nothing is left here' "$(ls /tmp/davit-*)"; else ok 'nothing is left here'; fi
	# shellcheck disable=SC2086
	davit 0 etcd show "$newest" -o json $options
	has 'it is shown from there' 'o["cluster"], o["snapshot"]["keys"] > 0' "('demo', True)"
	ctl put before 7 >/dev/null
	# shellcheck disable=SC2086
	davit 0 etcd restore "$newest" --yes $options
	value before 1 'what was changed is as it was'
	rm -rf /var/lib/etcd.before-*
	curl -sf -X DELETE -H 'X-Auth-Token: good' "http://127.0.0.1:8080/v1/AUTH_test/backups/a/$uuid/$(sed 's|.*/||' <<<"$newest")"
	# shellcheck disable=SC2086
	davit 0 etcd snapshots "$url/a" $options
	for newest in $(in_swift '' | grep davit-backup); do curl -sf -X DELETE -H 'X-Auth-Token: good' "http://127.0.0.1:8080/v1/AUTH_test/backups/$newest"; done
}
