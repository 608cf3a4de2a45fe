# mke_ping.sh ADDRESS…: a line "ADDRESS STATUS" for each manager's MKE: 200 where it is well, 000 where nothing answers, in any order.
for address in "$@"; do
	{
		status=$(curl --silent --noproxy '*' --max-time 10 --output /dev/null --write-out '%{http_code}' --cacert "${CONTROLLER_CA:-/etc/kubernetes/pki/mke-ca.crt}" "https://$address/_ping")
		echo "$address ${status:-000}"
	} &
done
wait
