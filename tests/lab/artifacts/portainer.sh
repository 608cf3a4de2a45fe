#!/bin/sh
# Stand-in for Portainer CE, whose program cannot be built here: it takes the flags that davit gives, by https://docs.portainer.io/advanced/cli, reads what they
# name, keeps in /data what Portainer keeps there, and answers by TLS at its port.
set -eu
cert='' key='' password='' socket=''
while [ $# -gt 0 ]; do
	case $1 in
	--host) socket=${2#unix://} ;;
	--sslcert) cert=$2 ;;
	--sslkey) key=$2 ;;
	--admin-password-file) password=$2 ;;
	--http-disabled) set -- '' "$@" ;;
	*)
		echo "portainer: error: unknown flag $1" >&2
		exit 1
		;;
	esac
	shift 2
done
[ -S "$socket" ] || {
	echo 'Unable to locate Unix socket or named pipe' >&2
	exit 1
}
# its administrator is made once
[ -e /data/portainer.db ] || sha256sum "$password" >/data/portainer.db
mkdir -p /data/certs
cp "$cert" /data/certs/cert.pem
cp "$key" /data/certs/key.pem
exec /agnhost netexec --http-port=9443 --udp-port=-1 --tls-cert-file=/data/certs/cert.pem --tls-private-key-file=/data/certs/key.pem
