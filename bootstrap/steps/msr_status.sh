# msr_status.sh HOST USER: what the replica of MSR on this node says of all of them, as JSON.  Standard input: the administrator's password, a line.
# By https://docs.mirantis.com/msr/2.9/ops/monitor/
set -eu
IFS= read -r password
printf 'user = "%s:%s"\n' "$2" "$(printf '%s' "$password" | sed 's/[\\"]/\\&/g')" |
	curl --config - --silent --show-error --fail --noproxy '*' --max-time 30 --cacert "${CONTROLLER_CA:-/etc/kubernetes/pki/mke-ca.crt}" --connect-to "$1:443:127.0.0.1:443" "https://$1/api/v0/meta/cluster_status"
