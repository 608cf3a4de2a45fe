# msr_ping.sh HOST ADDRESS…: a line "ADDRESS STATUS" for each replica of MSR: 200 where it is well, 000 where nothing answers, in any order.
# HOST is the name in its certificate.  By https://docs.mirantis.com/msr/2.9/ops/monitor/
host=$1
shift
for address in "$@"; do
	{
		status=$(curl --silent --noproxy '*' --max-time 10 --output /dev/null --write-out '%{http_code}' --cacert "${CONTROLLER_CA:-/etc/kubernetes/pki/mke-ca.crt}" --connect-to "$host:443:$address:443" "https://$host/_ping")
		echo "$address ${status:-000}"
	} &
done
wait
