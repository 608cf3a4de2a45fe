#!/bin/sh
# What cis.py judges of one node, as root there: lines of fields between tabs.
#   arg PROGRAM ARGUMENT          of each of the node's programs that run
#   stat MODE OWNER:GROUP PATH    of files and folders
#   subject PATH SUBJECT          of certificates
#   provider NAME                 the encryption provider that writes: the first
#   text PATH BASE64              of settings without secrets
# CIS_ROOT: another root, for tests.
set -uf
root=${CIS_ROOT:-}
tab=$(printf '\t')

arguments() {
	set +f
	for process in "$root"/proc/[0-9]*; do
		program=$(tr '\0' '\n' <"$process/cmdline" 2>/dev/null | head -n 1) || continue
		case $program in
		/opt/davit/bin/etcd | /opt/davit/bin/kube-* | /opt/davit/bin/kubelet)
			tr '\0' '\n' <"$process/cmdline" | sed "1d; s|^|arg$tab${program##*/}$tab|"
			;;
		esac
	done
	set -f
}

# of the argument $1 the value, where any program has it
value() { sed -n "s|^arg${tab}[^$tab]*${tab}$1=||p" "$args"; }

text() {
	[ ! -r "$root$1" ] || printf 'text\t%s\t%s\n' "$1" "$(base64 "$root$1" | tr -d '\n')"
}

modes() {
	for place in /etc/kubernetes /etc/cni/net.d /var/lib/kubelet/config.yaml /var/lib/kubelet/pki; do
		[ ! -e "$root$place" ] || find "$root$place" ! -type l -exec stat --printf='stat\t%a\t%U:%G\t%n\n' {} +
	done
	[ ! -e "$root/var/lib/cni/networks" ] || find "$root/var/lib/cni/networks" -type f -exec stat --printf='stat\t%a\t%U:%G\t%n\n' {} +
	for unit in etcd kube-apiserver kube-controller-manager kube-scheduler kubelet; do
		file=$root/etc/systemd/system/$unit.service
		[ ! -e "$file" ] || stat --printf='stat\t%a\t%U:%G\t%n\n' "$file"
	done
	for folder in $(value --data-dir); do stat --printf='stat\t%a\t%U:%G\t%n\n' "$root$folder"; done
}

subjects() {
	find "$root/etc/kubernetes" "$root/var/lib/kubelet/pki" -name '*.crt' -o -name '*.pem' | while read -r file; do
		printf 'subject\t%s\t%s\n' "$file" "$(openssl x509 -noout -subject -nameopt RFC2253 -in "$file" 2>/dev/null)"
	done
}

args=$(mktemp)
trap 'rm -f "$args"' EXIT
arguments >"$args"
cat "$args"
{
	modes
	subjects
} | sed "s|$tab$root/|$tab/|"
for file in $(value --config) $(value --audit-policy-file) $(value --admission-control-config-file) $(value --authentication-config); do text "$file"; done
for file in $(value --encryption-provider-config); do
	sed -n '/providers:/,$ s/^ *- \([a-z]*\):.*/\1/p' "$root$file" | head -n 1 | sed "s|^|provider$tab|"
done
