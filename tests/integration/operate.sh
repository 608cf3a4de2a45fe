#!/usr/bin/env bash
# operate.sh DAVIT MAKE_STATE [TEST…]: the commands for the nodes of a cluster that is there; prints TAP. All tests, those whose names
# begin so, or all but those of each -TEST.
#
# In namespaces of its own every node is a real sshd on port 22 of an address of the loopback. demo-cp-1 alone has a "floating IP"; the
# others are reached through it. What they have of a node's programs is in operate/bin/.
set -uo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if [[ -z ${OPERATE_INSIDE:-} ]]; then
	if ! unshare --net --mount true 2>/dev/null || [[ ! -x /usr/sbin/sshd ]]; then
		echo '1..0 # SKIP this needs root, namespaces and an sshd'
		exit 0
	fi
	OPERATE_INSIDE=1 exec unshare --net --mount --pid --fork --kill-child "$0" "$@"
fi
DAVIT=$(realpath "$1") MAKE_STATE=$(realpath "$2")
WORK=$(mktemp -d)
STATE="$WORK/state 1%h/davit/demo" # what ssh and shells would take for something else
n=0
trap 'rm -rf "$WORK"' EXIT
cd "$WORK" || exit
unset "${!OS_@}" DAVIT_PASSPHRASE
export HOME=$WORK/home FAKE=$WORK/fake XDG_CACHE_HOME=$WORK/cache XDG_STATE_HOME=${STATE%/davit/demo}

# wanted NAME TEST…
wanted() {
	local word all=1
	for word in "${@:2}"; do
		case $word in
		-*) [[ $1 != "${word#-}"* ]] || return 1 ;;
		*)
			[[ $1 != "$word"* ]] || return 0
			all=''
			;;
		esac
	done
	[[ -n $all ]]
}

ok() { echo "ok $((++n)) - $1"; }
not_ok() {
	echo "not ok $((++n)) - $1"
	printf '%s\n' "${@:2}" | sed 's/^/# /'
}

# is NAME WANTED: what $WORK/out holds
is() {
	if [[ $(<out) = "$2" ]]; then ok "$1"; else not_ok "$1" 'printed:' "$(cat out err)" 'not:' "$2"; fi
}

# FILE: of a backup what is not sealed, as docs/reliability.md has it; what is sealed comes to ./sealed
opened_by_hand() {
	local header sealed at
	read -r _ header sealed _ <"$1"
	at=$(($(head -n 1 "$1" | wc -c) + header))
	tail -c +$((at + 1)) "$1" | head -c "$sealed" | openssl cms -decrypt -binary -inform DER -pwri_password "$DAVIT_PASSPHRASE" -out sealed
	tail -c +$((at + sealed + 1)) "$1" | openssl enc -d -aes-256-ctr -iv 0 -K "$(head -n 1 sealed | sed 's/.*"key":"\([0-9a-f]*\)".*/\1/')" 2>/dev/null
}

# davit STATUS ARGUMENT…: standard output to out, standard error to err
davit() {
	local want=$1 status=0
	shift
	"$DAVIT" "$@" >out 2>err </dev/null || status=$?
	if [[ $status = "$want" ]]; then ok "davit $*"; else not_ok "davit $*" "exit status $status, not $want" "$(cat out err)"; fi
}

# says TEXT…: each is in what the last one printed
says() {
	local text
	for text; do
		if grep -qF -e "$text" out err; then ok "says $text"; else not_ok "says $text" "$(cat out err)"; fi
	done
}

# eventually COMMAND…
eventually() {
	for _ in {1..600}; do
		if "$@"; then return 0; fi
		sleep 0.05
	done
	return 1
}

# again NAME: an sshd after the other, each with what its start is known by
again() {
	mount --bind "$FAKE/boot.$1" /proc/sys/kernel/random/boot_id || exit
	while :; do
		/usr/sbin/sshd -D -e -f "node/$1/sshd_config" 2>>"node/$1/log" &
		echo "$!" >"$FAKE/sshd.$1"
		{ wait "$!"; } 2>/dev/null
		sleep 0.5
	done
}

# node NAME ADDRESS…: its sshd
node() {
	local name=$1 a
	mkdir -p "node/$name"
	ssh-keygen -q -t ed25519 -N '' -C '' -f "node/$name/key"
	{
		for a in "${@:2}"; do echo "ListenAddress $a"; done
		echo "HostKey $WORK/node/$name/key"
		echo "SetEnv NODE=$name FAKE=$FAKE DOCKER_HOME=$WORK/disk/$name PATH=$HERE/operate/bin:/usr/sbin:/usr/bin:/sbin:/bin"
		printf '%s\n' Port\ 22 PidFile\ none "AuthorizedKeysFile $WORK/home/user.pub" PermitRootLogin\ yes StrictModes\ no UsePAM\ no UseDNS\ no \
			PrintMotd\ no PasswordAuthentication\ no KbdInteractiveAuthentication\ no MaxStartups\ 100 "Subsystem sftp internal-sftp"
	} >"node/$name/sshd_config"
	cat /proc/sys/kernel/random/uuid >"$FAKE/boot.$name"
	unshare --mount bash -c "$(declare -f again); again $name" &
}

world() {
	local k
	# /proc of the new pid namespace; the loopback up
	mount -t proc proc /proc && mount -t tmpfs tmpfs /opt && mount -t tmpfs tmpfs /var/lib || return
	python3 -c 'import fcntl, socket, struct; fcntl.ioctl(socket.socket(), 0x8914, struct.pack("16sh14x", b"lo", 0x49))' || return
	# an /etc that may be written to, before any node has its own view of it
	mkdir /opt/etc /opt/etc/upper /opt/etc/work && mount -t overlay overlay -o lowerdir=/etc,upperdir=/opt/etc/upper,workdir=/opt/etc/work /etc || return
	# bash reads it for commands over SSH as well
	[[ ! -e /root/.bashrc ]] || mount --bind /dev/null /root/.bashrc || return
	mkdir -p /run/sshd /opt/davit/bin home fake
	cp "$HERE/operate/bin/kubectl" /opt/davit/bin/
	ssh-keygen -q -t ed25519 -N '' -C user -f home/user
	node demo-cp-1 127.0.1.10 127.0.2.1
	node demo-registry 127.0.1.4
	node demo-workers-1 127.0.1.20
	node demo-workers-2 127.0.1.21
	node demo-gpu-a-1 127.0.1.22
	k=$WORK/node
	"$MAKE_STATE" "$STATE" demo <<-NODES || return
		demo-cp-1 control-plane control-plane 127.0.1.10 127.0.2.1 $k/demo-cp-1/key.pub
		demo-registry registry registry 127.0.1.4 - $k/demo-registry/key.pub
		demo-workers-1 worker workers 127.0.1.20 - $k/demo-workers-1/key.pub
		demo-workers-2 worker workers 127.0.1.21 - $k/demo-workers-2/key.pub
		demo-gpu-a-1 worker gpu-a 127.0.1.22 - $k/demo-gpu-a-1/key.pub
		demo-gpu-a-2 worker gpu-a 127.0.1.23 - -
	NODES
	install -D -m 600 home/user "$STATE/ssh/id_ed25519"
	cat >cluster.yaml <<-YAML
		apiVersion: davit/v1
		kind: Cluster
		metadata: {name: demo}
		spec:
		  platform: {version: 1.36.3}
		  openstack: {image: debian-12}
		  access: {user: root}
		  controlPlane: {flavor: m1.small}
		  workerPools:
		  - {name: workers, count: 2, flavor: m1.small, zones: [az-1, az-2]}
		  - {name: gpu-a, count: 2, flavor: m1.small}
	YAML
	kubernetes
	for k in 1.10 2.1 1.4 1.20 1.21 1.22; do
		eventually listens "127.0.$k" || return
	done
}

listens() { (: <"/dev/tcp/$1/22") 2>/dev/null; }

# what the API says: all Ready, but demo-workers-2, which is cordoned and not Ready; demo-gpu-a-1 has not joined
kubernetes() {
	python3 - >fake/kubernetes.json <<-'PYTHON'
		import json, time

		def node(name, ready="True", **spec):
		    labels = {"node-role.kubernetes.io/control-plane": ""} if "-cp-" in name else {}
		    created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 3 * 86400 - 60))
		    condition = {"type": "Ready", "status": ready, "message": "kubelet stopped posting", "lastHeartbeatTime": created}
		    return {"kind": "Node", "metadata": {"name": name, "creationTimestamp": created, "labels": labels}, "spec": spec,
		            "status": {"conditions": [condition], "nodeInfo": {"kubeletVersion": "v1.36.3"}}}

		pod = {"kind": "Pod", "metadata": {"name": "web", "namespace": "default", "ownerReferences": [{"kind": "ReplicaSet", "controller": True}]},
		       "spec": {"nodeName": "demo-workers-1"}}
		print(json.dumps({"items": [node("demo-cp-1"), node("demo-workers-1"), node("demo-workers-2", "Unknown", unschedulable=True), pod]}))
	PYTHON
}

# json EXPRESSION: of the JSON document in out, as o
json() { python3 -c 'import json, sys; o = json.load(open("out")); print(eval(sys.argv[1]))' "$1"; }

# has NAME EXPRESSION WANTED
has() {
	local found
	found=$(json "$2" 2>&1)
	if [[ $found = "$3" ]]; then ok "$1"; else not_ok "$1" "$2 is $found, not $3" "$(cat out err)"; fi
}

for part in "$HERE"/operate/*.sh; do
	# shellcheck source=/dev/null
	. "$part"
done
if ! world; then
	not_ok 'the nodes are there' "$(tail -n 5 node/*/log)"
	echo "1..$n"
	exit 1
fi
for part in $(compgen -A function test_); do
	if wanted "$part" "${@:3}"; then "$part"; fi
done
echo "1..$n"
