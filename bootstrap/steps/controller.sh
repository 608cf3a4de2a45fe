# The certificate of MKE's page and API, where MKE looks for one of the site's: in a volume of the engine's, on each manager, before it is installed or
# joins.  What runs already reads it when it is started again.
controller_folder() {
	folder=$(docker volume inspect --format '{{.Mountpoint}}' ucp-controller-server-certs 2>/dev/null)
}

# FILE in the volume, and where it comes from
controller_files() {
	cat <<-EOF
		ca.pem ${CONTROLLER_CA:-/etc/kubernetes/pki/mke-ca.crt}
		cert.pem ${CONTROLLER:-/etc/davit/mke/controller}.crt
		key.pem ${CONTROLLER:-/etc/davit/mke/controller}.key
	EOF
}

controller_check() {
	controller_folder || return 1
	controller_files | while read -r file from; do
		cmp -s "$from" "$folder/$file" || exit 1
	done
}

controller_do() {
	controller_folder || docker volume create ucp-controller-server-certs
	controller_folder
	controller_files | while read -r file from; do
		install -m 600 "$from" "$folder/$file" || exit 1
	done
	running=$(docker container ls --quiet --filter name='^ucp-controller$')
	[ -z "$running" ] || docker container restart ucp-controller
}
