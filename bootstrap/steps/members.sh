# check|remove ADDRESS, on a control plane that stays: whether all members of etcd but the one of that address are well; and takes it out.
set -uf
mode=$1 peer=https://$2:2380
pki=/etc/kubernetes/pki/etcd

ask() {
	/opt/davit/bin/etcdctl --cacert="$pki/ca.crt" --cert="$pki/healthcheck-client.crt" --key="$pki/healthcheck-client.key" \
		--command-timeout=10s "$@" </dev/null 2>&1
}

if ! list=$(ask --endpoints=https://127.0.0.1:2379 member list); then
	echo "$list" >&2
	exit 1
fi
leaves='' stay=''
while IFS=, read -r id _ _ peers clients _; do
	if [ "${peers# }" = "$peer" ]; then
		leaves=$id
	else
		stay=$stay,${clients# }
	fi
done <<EOF
$list
EOF
stay=${stay#,}
if [ -z "$stay" ] || ! health=$(ask --endpoints="$stay" endpoint health); then
	echo "${health:-there is no other member}" | sed -n 's/^\(http[^ ]* is unhealthy\).*/\1/p; s/^there is .*/&/p' >&2
	echo "not all of etcd's other members are well: without this one it would be at risk; nothing was done" >&2
	exit 1
fi
if [ "$mode" = remove ] && [ -n "$leaves" ]; then
	said=$(ask --endpoints="$stay" member remove "$leaves") || {
		echo "$said" >&2
		exit 1
	}
fi
