# mke_upgrade.sh VERSION CLUSTER: MKE itself comes to that version, by its own command on this manager of a swarm, CLUSTER by its id.  May be run again at
# any time: a command that runs is waited for, one that was cut off or failed, after which MKE goes back by itself, is started again.
# By https://docs.mirantis.com/mke/3.8/cli-ref/mke-cli-upgrade.html; it wants no password.
image=mirantis/ucp:$1

# Until the next run one that failed tells by being there that MKE has not come to its end.
if [ -n "$(containers ucp)" ] && [ "$(docker container inspect --format '{{.Config.Image}}' ucp)" != "$image" ]; then
	docker container wait ucp >/dev/null
	docker container rm ucp >/dev/null || : # somebody's own may go with its end
fi
if [ -z "$(containers ucp)" ]; then
	have=$(docker container inspect --format '{{index .Config.Labels "com.docker.ucp.version"}}' ucp-proxy)
	[ "$have" != "$1" ] || exit 0
	# MKE would ask for a recent backup of its own making: davit has one
	docker container create --name ucp --volume /var/run/docker.sock:/var/run/docker.sock "$image" upgrade --id "$2" --pull never --force-recent-backup >/dev/null
fi
if [ -n "$(containers ucp --filter status=created)" ] || { [ -n "$(containers ucp --filter status=exited)" ] && [ "$(docker container wait ucp)" != 0 ]; }; then
	docker container start ucp >/dev/null
fi
status=$(docker container wait ucp)
if [ "$status" != 0 ]; then
	said=$(docker container logs --tail 3 ucp 2>&1) || said=
	echo "MKE's own command ended with status $status, after which MKE goes back to what it was: $said" >&2
	exit 1
fi
docker container rm ucp >/dev/null
