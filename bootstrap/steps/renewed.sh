# The services of this node begin again, with the certificates that were put here.  What the kubelet had asked for by itself goes: it would
# win over the new pair, which the kubelet begins with then, and which it renews in time again.  Containers and what holds them stay.
#
# The last one first: systemctl hands them to systemd one by one, which may stop the first before it knows of the second; and an API server
# that has lost its etcd needs all of the 40 s that it is given to end.
set -uf
run=${DAVIT_HOME:-/opt/davit}/run
rm -f /var/lib/kubelet/pki/kubelet-client-current.pem
units=
while read -r unit; do
	case $unit in
	containerd.service | davit-volumes.service) ;;
	docker.service) ;; # what it reads once has restarted it already, and its containers with it
	*) units="$unit $units" ;;
	esac
done <"$run/units"
# shellcheck disable=SC2086 # a word each
exec systemctl restart --no-block $units
