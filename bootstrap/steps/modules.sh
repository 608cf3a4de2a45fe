# A module may be built in: then there is nothing to load, and often nothing in /sys/module either.
module_there() {
	case $1 in
	overlay) grep -qw overlay /proc/filesystems ;;
	br_netfilter) [ -e /proc/sys/net/bridge/bridge-nf-call-iptables ] ;;
	nf_conntrack) [ -e /proc/sys/net/netfilter/nf_conntrack_max ] ;;
	*) [ -d "/sys/module/$1" ] || grep -qs "/$1\.ko" "/lib/modules/$(uname -r)/modules.builtin" ;;
	esac
}

modules_check() {
	for module in $modules; do
		module_there "$module" || grep -qsx "$module" "$run/modules.missing" || return 1
	done
}

modules_do() {
	: >"$run/modules.missing"
	for module in $modules; do
		module_there "$module" || modprobe "$module" || :
		module_there "$module" || echo "$module" >>"$run/modules.missing"
	done
	if grep -qx overlay "$run/modules.missing"; then
		echo "the kernel has no overlay file system, which containerd needs"
		return 1
	fi
	while read -r module; do
		note "module $module cannot be loaded and does not show: going on in case it is built in"
	done <"$run/modules.missing"
}
