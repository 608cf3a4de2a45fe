# For people who log in: the usual tools where a shell finds them.  What others have put there stays.
links_check() {
	for program in kubectl crictl ctr etcdctl docker; do
		[ ! -x "$davit/bin/$program" ] || [ -e "/usr/local/bin/$program" ] || return 1
	done
}

links_do() {
	for program in kubectl crictl ctr etcdctl docker; do
		if [ -x "$davit/bin/$program" ] && [ ! -e "/usr/local/bin/$program" ]; then
			ln -sfn "$davit/bin/$program" "/usr/local/bin/$program"
		fi
	done
}
