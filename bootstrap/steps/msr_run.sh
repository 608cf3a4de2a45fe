# msr_run.sh SECONDS IMAGE MKE USER HOST VERB ID EXISTING OPTION…: install|join|reconfigure|upgrade|remove of a replica of MSR by its installer, on a node of its
# pool.  MKE is the address of a manager, HOST the name by which clients know MSR, ID the replica that it is about, EXISTING another one that is well, or
# nothing.  Standard input: the password of MKE's administrator, a line.  May be run again at any time: an installer that runs is waited for, what one has
# left that failed is taken off first, a replica that is there stays; what changes something is done once more.  All but the last wait until it answers.
# By https://docs.mirantis.com/msr/2.9/cli-ref/; the environment's names for what is secret are those of DTR (DTR_KEY) and of MSR (MSR_KEY).
seconds=$1 image=$2 mke=$3 user=$4 host=$5 verb=$6 id=$7 existing=$8
shift 8
authority=${CONTROLLER_CA:-/etc/kubernetes/pki/mke-ca.crt} certificate=${MSR_CERTIFICATE:-/etc/davit/msr/registry} said=${MSR_SAID:-/run/davit-msr}
IFS= read -r UCP_PASSWORD
export UCP_PASSWORD # containers take it from docker's own environment: no argument, no file
ca=$(cat "$authority")
may_take "$seconds"

answers() {
	curl --silent --show-error --fail --noproxy '*' --max-time 5 --output /dev/null --cacert "$authority" --connect-to "$host:443:127.0.0.1:443" "https://$host/_ping" 2>"$said"
}

# VERB OPTION…, to its end, beside the container that tells how far the installation came
aside() {
	aside=$1
	shift
	[ -z "$(containers "davit-msr-$aside")" ] || docker container rm --force "davit-msr-$aside" >/dev/null
	docker container run --rm --name "davit-msr-$aside" --env UCP_PASSWORD "$image" "$aside" --ucp-url "https://$mke:443" --ucp-username "$user" --ucp-ca "$ca" "$@"
}

# The others may know it already; its installer's container goes last, so that this is begun anew where it was cut off.
take_off() {
	[ "$verb" != join ] || aside remove --existing-replica-id "$existing" --replica-ids "$id" --force >/dev/null 2>&1 || :
	aside destroy --replica-id "$id" >/dev/null
	docker container rm --force davit-msr >/dev/null
}

# NAME OPTION…: makes the installer's container, and starts it
begin() {
	name=$1
	shift
	set -- "$image" "$verb" --ucp-url "https://$mke:443" --ucp-username "$user" --ucp-ca "$ca" "$@"
	if [ "$verb" = install ] || [ "$verb" = reconfigure ]; then
		set -- "$@" --dtr-external-url "https://$host" --dtr-ca "$ca" --dtr-cert "$(cat "$certificate.crt")"
		DTR_KEY=$(cat "$certificate.key")
		MSR_KEY=$DTR_KEY
		export DTR_KEY MSR_KEY
		set -- --env DTR_KEY --env MSR_KEY "$@"
	fi
	docker container create --name "$name" --env UCP_PASSWORD "$@" >/dev/null
	docker container start "$name" >/dev/null
}

# NAME STATUS
failed() {
	words=$(docker container logs --tail 3 "$1" 2>&1) || words=
	echo "its installer ended with status $2: $words" >&2
}

# What installs tells by its container whether it came to its end.
installs() {
	if [ -n "$(containers davit-msr --filter status=created)" ]; then
		docker container rm davit-msr >/dev/null
	elif [ -n "$(containers davit-msr --filter status=exited)" ] && [ "$(docker container wait davit-msr)" != 0 ]; then
		take_off
	fi
	if [ -z "$(containers davit-msr)" ] && [ -z "$(containers "dtr-rethinkdb-$id")" ]; then
		begin davit-msr "$@"
	fi
	[ -n "$(containers davit-msr)" ] || return 0
	status=$(docker container wait davit-msr)
	if [ "$status" != 0 ]; then
		failed davit-msr "$status"
		take_off || :
		exit 1
	fi
	docker container rm davit-msr >/dev/null # holds password and key in its environment
}

# What changes something may be done twice, but for an upgrade that came to its end; by a container of another name, which says nothing of an installation.
changes() {
	other=davit-msr-$verb status=1
	if [ -n "$(containers "$other")" ]; then
		[ -n "$(containers "$other" --filter status=created)" ] || status=$(docker container wait "$other")
		docker container rm "$other" >/dev/null
		[ "$verb-$status" != upgrade-0 ] || return 0
	fi
	begin "$other" "$@"
	status=$(docker container wait "$other")
	[ "$status" = 0 ] || failed "$other" "$status"
	docker container rm "$other" >/dev/null
	[ "$status" = 0 ] || exit 1
}

case $verb in
install) installs --replica-id "$id" "$@" ;;
join) installs --replica-id "$id" --existing-replica-id "$existing" "$@" ;;
reconfigure | upgrade) changes --existing-replica-id "$id" "$@" ;;
remove)
	aside remove --existing-replica-id "$existing" --replica-ids "$id" "$@" >"$said" 2>&1 || {
		tail -n 3 "$said" >&2
		exit 1
	}
	rm -f "$said"
	exit 0
	;;
esac
until answers; do
	if late; then
		echo "MSR is installed, and https://$host/_ping does not answer on this node: $(cat "$said")" >&2
		exit 1
	fi
	sleep 1
done
rm -f "$said"
