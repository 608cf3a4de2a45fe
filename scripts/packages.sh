# shellcheck shell=bash
# Debian's packages that building, testing and the lab need. Sourced after lib.sh.

# The packages named in files: one a line, # begins a comment; files that are not there are passed over.
packages_named() {
	local file
	for file; do
		if [[ -f $file ]]; then sed 's/#.*//' "$file"; fi
	done | tr -s ' \t' '\n' | sed '/^$/d' | sort -u
}

packages_missing() {
	local have
	have=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "$@" 2>/dev/null | sed -n 's/ installed$//p' | sort -u) || true
	comm -23 <(printf '%s\n' "$@") <(printf '%s\n' "$have")
}

# Daemons among them are for the tests to start: the machine's own do not begin to run because of these.
packages_apt() {
	export DEBIAN_FRONTEND=noninteractive
	local apt=(apt-get -q -y -o DPkg::Lock::Timeout=300 --no-install-recommends) policy=/usr/sbin/policy-rc.d
	if [[ ! -e $policy ]]; then
		printf '#!/bin/sh\nexit 101\n' >"$policy"
		chmod 755 "$policy"
		trap 'rm -f /usr/sbin/policy-rc.d' EXIT
	fi
	# lists may be old or not there at all: asked for once more before a failure is believed
	"${apt[@]}" install "$@" || { apt-get -q update && "${apt[@]}" install "$@"; } || return
	if [[ " $* " = *' openssh-server '* ]] && command -v systemctl >/dev/null; then systemctl disable ssh || true; fi
}

# packages_ensure FILE…: nothing but a question to dpkg where all is there
packages_ensure() {
	local -a wanted missing
	mapfile -t wanted < <(packages_named "$@")
	mapfile -t missing < <(packages_missing "${wanted[@]}")
	((${#missing[@]})) || return 0
	command -v apt-get >/dev/null || die "this is no Debian; it needs what Debian calls: ${missing[*]}"
	((EUID == 0)) || die "Debian packages are missing; as root: apt-get install ${missing[*]}"
	say "  installing ${#missing[@]} Debian packages: ${missing[*]}"
	phase "Debian packages" packages_apt "${missing[@]}"
}
