# mke_backup.sh VERSION ID: MKE's own backup of the cluster, from this manager, for the "send" and "drop" of swarm_backup.sh, whose backup it is as ID.mke.  May
# be run again at any time.  It goes through a file of root's, since its size and digest are told before it is sent.
# By https://docs.mirantis.com/mke/3.8/ops/disaster-recovery/back-up-mke/backup-procedure.html; what runs is not disturbed.
run=${DAVIT_HOME:-/opt/davit}/run
f=$run/swarm-backup.$2.mke

# one at a time; a second attempt at the same waits for the first
exec 9>"$run/swarm-backup-lock"
flock 9
[ ! -f "$f" ] || exit 0
find "$run" -maxdepth 1 -name 'swarm-backup.*' -type f -delete
trap 'rm -f "$f.part" "$f.said"' EXIT
trap 'exit 1' HUP INT TERM PIPE
if [ -n "$(containers ucp --filter status=running --filter label=davit=backup)" ]; then
	docker container wait ucp >/dev/null || :
	i=0 # it goes by itself
	while [ -n "$(containers ucp)" ] && [ "$i" -lt 30 ]; do
		sleep 1
		i=$((i + 1))
	done
elif [ -n "$(containers ucp --filter status=running)" ]; then
	echo "another of MKE's own commands runs there, in the container ucp" >&2
	exit 1
fi
if [ -n "$(containers ucp)" ]; then
	docker container rm ucp >/dev/null
fi
docker container run --rm --name ucp --label davit=backup --log-driver none --volume /var/run/docker.sock:/var/run/docker.sock "mirantis/ucp:$1" \
	backup --no-passphrase </dev/null >"$f.part" 2>"$f.said" 9>&- || {
	status=$?
	echo "MKE's own command ended with status $status: $(tail -n 3 "$f.said")" >&2
	exit 1
}
# what the documentation says that a valid one has
tar -tf "$f.part" 2>/dev/null | grep -qx '\(\./\)*ucp-controller-server-certs/key\.pem' || {
	echo "what MKE's own command has written is no backup: it has no ucp-controller-server-certs/key.pem" >&2
	exit 1
}
mv "$f.part" "$f"
