# On the node: a new host key beside the seeded one, or what an interrupted rotation has left of it.  Says "new KEY" or, where the
# key in use is not the seeded one any more, "current KEY".  $1: the seeded key without its comment.
set -eu
key=
umask 077
k=/etc/ssh/ssh_host_ed25519_key
# without a newline at the end, as cloud-init writes it, read says 1
read -r type key _ <"$k.pub" || [ -n "$key" ]
if [ "$type $key" != "$1" ]; then
	echo "current $type $key"
	exit 0
fi
if [ ! -s "$k.new.pub" ] || [ ! -s "$k.new" ]; then
	rm -f "$k.new" "$k.new.pub"
	ssh-keygen -q -t ed25519 -N '' -C '' -f "$k.new"
fi
read -r type key _ <"$k.new.pub"
echo "new $type $key"
