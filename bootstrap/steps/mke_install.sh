# mke_install.sh SECONDS VERSION ADDRESS CLUSTER USER POD_CIDR SERVICE_CIDR SAN…: installs MKE on this manager of a swarm, CLUSTER by its id, and waits
# until it answers.  Standard input: the administrator's password, a line; what follows is the licence, or nothing.  May be run again at any time:
# an installer that runs is waited for, what one has left that failed is taken off first, an MKE that is there stays.
# By https://docs.mirantis.com/mke/3.9/cli-ref/mke-cli-install.html
seconds=$1 image=mirantis/ucp:$2 address=$3 cluster=$4 user=$5 pods=$6 services=$7
shift 7
secrets=${MKE_SECRETS:-/run/davit-mke}
socket=/var/run/docker.sock
IFS= read -r password
license=$(cat)
may_take "$seconds"

answers() {
	curl --silent --show-error --fail --noproxy '*' --max-time 5 --output /dev/null --cacert "${CONTROLLER_CA:-/etc/kubernetes/pki/mke-ca.crt}" "https://$address/_ping" 2>"$secrets.said"
}

take_off() {
	docker container rm --force ucp >/dev/null
	docker container run --rm --name ucp --volume "$socket:/var/run/docker.sock" --volume /var/log:/var/log "$image" uninstall-ucp --id "$cluster" --purge-config --pull never >/dev/null
}

# The environment is read when the container is made: the file goes at once.
begin() {
	rm -rf "$secrets"
	mkdir "$secrets"
	printf 'UCP_ADMIN_USER=%s\nUCP_ADMIN_PASSWORD=%s\n' "$user" "$password" >"$secrets/environment"
	for san in "$@"; do
		set -- "$@" --san "$san"
		shift
	done
	set -- install --host-address "$address" "$@" --external-server-cert --pod-cidr "$pods" --service-cluster-ip-range "$services" --pull never
	set -- "$image" "$@"
	if [ -n "$license" ]; then
		printf '%s\n' "$license" >"$secrets/license"
		set -- --volume "$secrets/license:/config/docker_subscription.lic:ro" "$@"
	fi
	docker container create --name ucp --env-file "$secrets/environment" --volume "$socket:/var/run/docker.sock" "$@" >/dev/null || {
		rm -rf "$secrets"
		exit 1
	}
	rm -f "$secrets/environment"
	docker container start ucp >/dev/null
}

if [ -n "$(containers ucp --filter status=created)" ]; then
	docker container rm ucp >/dev/null
elif [ -n "$(containers ucp --filter status=exited)" ] && [ "$(docker container wait ucp)" != 0 ]; then
	take_off
fi
if [ -z "$(containers ucp)" ] && [ -z "$(containers ucp-controller)" ]; then
	begin "$@"
fi
if [ -n "$(containers ucp)" ]; then
	status=$(docker container wait ucp)
	rm -rf "$secrets"
	if [ "$status" != 0 ]; then
		said=$(docker container logs --tail 3 ucp 2>&1) || said=
		take_off || :
		echo "its installer ended with status $status: $said" >&2
		exit 1
	fi
	docker container rm ucp >/dev/null # holds the password in its environment
fi
until answers; do
	if late; then
		echo "MKE is installed, and https://$address/_ping does not answer: $(cat "$secrets.said")" >&2
		exit 1
	fi
	sleep 1
done
rm -f "$secrets.said"
