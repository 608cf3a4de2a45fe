# What the vendor's packages are made for, and davit installs them on.
system_check() {
	(
		# shellcheck source=/dev/null
		. "${OS_RELEASE:-/etc/os-release}"
		case ${ID-}:${VERSION_ID-} in
		ubuntu:22.04 | ubuntu:24.04) return 0 ;;
		esac
		echo "this is ${PRETTY_NAME:-no system that says what it is}; Mirantis Container Runtime is installed on Ubuntu 22.04 and 24.04: use such an image"
		return 1
	)
}

system_do() {
	system_check
}
