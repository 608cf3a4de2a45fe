# The switch to the new host key.  A reload makes sshd read its keys again and keeps this session; a socket-activated one needs
# nothing.  Then the seeded key goes from what cloud-init keeps of the user-data, each file replaced in one step since
# cloud-init may still be running.
set -eu
k=/etc/ssh/ssh_host_ed25519_key
if [ -s "$k.new" ]; then
	chmod 644 "$k.new.pub"
	mv -f "$k.new" "$k"
fi
[ ! -s "$k.new.pub" ] || mv -f "$k.new.pub" "$k.pub"
for unit in ssh.service sshd.service; do
	if systemctl is-active --quiet "$unit"; then
		systemctl reload "$unit" || systemctl restart "$unit"
		break
	fi
done
for f in /var/lib/cloud/instances/*/user-data.txt /var/lib/cloud/instances/*/user-data.txt.i \
	/var/lib/cloud/instances/*/cloud-config.txt; do
	if [ -f "$f" ] && grep -q ed25519_private "$f"; then
		(
			umask 077
			printf '#cloud-config\n{}\n' >"$f.davit"
		)
		mv -f "$f.davit" "$f"
	fi
done
