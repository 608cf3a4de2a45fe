# Portainer reads its certificate when it starts: with another one it is ended where it runs, and the swarm starts it again.
portainer_certificate() {
	sha256sum <"${PORTAINER:-/etc/davit/portainer/tls}.crt"
}

portainer_check() {
	[ "$(portainer_certificate)" = "$(cat "$davit/run/portainer" 2>/dev/null)" ]
}

portainer_do() {
	running=$(docker container ls --quiet --filter label=com.docker.swarm.service.name=portainer_portainer) || return 1
	[ -z "$running" ] || docker container stop "$running" || return 1
	portainer_certificate >"$davit/run/portainer"
}
