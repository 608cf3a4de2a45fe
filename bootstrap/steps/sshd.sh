# The node's sshd takes the settings of $sshd_file, once it says itself that it can.  Sessions that are there keep what they have.
sshd_drop_in=/etc/ssh/sshd_config.d/10-davit.conf

# The copy in the run's folder is what sshd was told last.
sshd_check() {
	command -v sshd >/dev/null || return 0
	cmp -s "$sshd_file" "$sshd_drop_in" && cmp -s "$sshd_file" "$run/sshd"
}

# A socket-activated one reads its files at each connection.
sshd_reload() {
	for unit in ssh.service sshd.service; do
		if systemctl is-active --quiet "$unit"; then
			systemctl reload "$unit"
			return
		fi
	done
}

# Tells of settings that another file of the image overrules, and of an sshd that does not read the folder.
sshd_effective() {
	sshd -T -C user=root,host=localhost,addr=127.0.0.1 >"$run/sshd.now" || return 0
	while read -r key value; do
		case $key in '' | '#'*) continue ;; esac
		# the older name of the same
		sed 's/ without-password$/ prohibit-password/' "$run/sshd.now" | grep -qix "$key $value" ||
			note "$key is not \"$value\" for sshd here: see /etc/ssh/sshd_config and what comes first beside $sshd_drop_in"
	done <"$sshd_file"
}

sshd_do() {
	before=$run/sshd.before
	rm -f "$before" "$run/sshd"
	[ ! -e "$sshd_drop_in" ] || cp "$sshd_drop_in" "$before"
	mkdir -p "${sshd_drop_in%/*}"
	cp "$sshd_file" "$sshd_drop_in.davit"
	mv -f "$sshd_drop_in.davit" "$sshd_drop_in"
	[ -d /run/sshd ] || mkdir -m 755 /run/sshd # gone while no session is there, where sshd is activated by a socket
	if ! sshd -t; then
		if [ -e "$before" ]; then mv -f "$before" "$sshd_drop_in"; else rm -f "$sshd_drop_in"; fi
		echo "sshd does not take $sshd_file, and goes on as it was"
		return 1
	fi
	sshd_reload
	sshd_effective
	cp "$sshd_file" "$run/sshd"
}
