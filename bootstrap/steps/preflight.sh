preflight_findings() {
	for tool in $tools; do
		command -v "$tool" >/dev/null || echo "$tool is not installed: use an image that has it"
	done
	[ -d /run/systemd/system ] || echo "the init system is not systemd"
	if [ -e /var/lib/kubelet/config.yaml ] && [ ! -e /sys/fs/cgroup/cgroup.controllers ] &&
		! grep -Eqs 'failCgroupV1"?: *false' /var/lib/kubelet/config.yaml; then
		echo "the image runs on cgroup v1, which kubelet refuses: use an image with cgroup v2 (or set spec.kubelet.failCgroupV1: false)"
	fi
	if [ -n "${DAVIT_NOW-}" ]; then
		skew=$(($(date +%s) - DAVIT_NOW))
		if [ "${skew#-}" -gt 3000 ]; then
			echo "the clock is $skew s off: certificates would not be valid; set the clock (chrony, the hypervisor)"
		fi
	fi
}

preflight_check() {
	[ -z "$(preflight_findings)" ]
}

preflight_do() {
	preflight_findings
	return 1
}
