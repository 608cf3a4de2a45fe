#!/bin/sh
# Made by davit from its table of steps.  Each step is check, do, check; all of it can be run again at any time.
#   install.sh             run the steps
#   install.sh from STEP   run that step and those after it
#   install.sh check       status 0 where the check of every step passes; changes nothing
#   install.sh settle      wait until the disk has all that was installed, and remember it
# Lines that begin with "davit " on standard output are progress; a step's own output is in log.STEP beside this file.
# DAVIT_SECONDS: how long steps may wait in all.  DAVIT_NOW: the time at the operator's, in seconds.
set -uf
umask 022
LC_ALL=C
PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH
davit=${DAVIT_HOME:-/opt/davit}
run=$davit/run

say() {
	printf 'davit %s\n' "$*" >&3
}

note() {
	say "note $step $*"
}

# Seconds since boot, without a process.
seconds() {
	read -r uptime _ </proc/uptime
	uptime=${uptime%.*}
}

late() {
	seconds
	[ "$uptime" -ge "$limit" ]
}

# Another one after each start of this system, also where the kernel is shared with others (containers).
boot_marker() {
	# shellcheck disable=SC2046 # many words: the fields of pid 1, of which the 22nd is when it began
	set -- $(cat /proc/sys/kernel/random/boot_id /proc/1/stat)
	boot=$1-${23}
}

first_line() {
	line=
	[ ! -r "$1" ] || read -r line <"$1" || :
}

run_step() {
	step=$1
	log=$run/log.$step
	say "begin $step"
	if "${step}_check" >"$log" 2>&1; then
		say "skip $step"
		return
	fi
	# Not in a condition, where the shell would ignore -e.
	(
		set -e
		"${step}_do"
	) >>"$log" 2>&1
	status=$?
	if [ "$status" -eq 0 ]; then
		"${step}_check" >>"$log" 2>&1
		status=$?
		[ "$status" -eq 0 ] || echo "$step ended well, yet what it checks is not so" >>"$log"
	fi
	if [ "$status" -ne 0 ]; then
		[ -s "$log" ] || say "log $step it could write nothing to $log: is the disk full?"
		tail -n 10 "$log" | while read -r text; do say "log $step $text"; done
		say "fail $step $status"
		say "end 1"
		exit 1
	fi
	say "ok $step"
}

role='worker'
steps='preflight swap modules sysctl enable artifacts links retire units resolver sshd api join'
tools='curl gzip tar mount nft'
modules='overlay br_netfilter'
sysctl_file='/etc/sysctl.d/90-davit.conf'
resolved_file='/etc/systemd/resolved.conf.d/10-davit.conf'
sshd_file='/etc/davit/sshd.conf'
volumes='/etc/davit/volumes'
blobs='https://registry.davit.internal:5000/v2/davit/artifacts/blobs'

# ---- preflight
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

# ---- swap
swap_check() {
	{ read -r _ && ! read -r _; } </proc/swaps
}

# kubelet does not start while there is swap; masked, so that none comes back with the next boot.
swap_do() {
	systemctl list-units --type=swap --plain --no-legend >"$run/swaps"
	swapoff -a
	while read -r unit _; do
		systemctl mask --quiet "$unit"
		note "turned off and masked $unit"
	done <"$run/swaps"
	rm -f "$run/swaps"
}

# ---- modules
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

# ---- sysctl
# calls $1 with key and value for each line of the file
sysctl_each() {
	while IFS='= ' read -r key value; do
		case $key in '' | '#'* | ';'*) continue ;; esac
		path=
		rest=$key
		while [ "$rest" != "${rest#*.}" ]; do
			path=$path${rest%%.*}/
			rest=${rest#*.}
		done
		"$1" "$key" "$value" "/proc/sys/$path$rest" || return 1
	done <"$sysctl_file"
}

# By cat: the shell reads byte by byte, and files in /proc/sys say nothing after the first.
sysctl_is() {
	[ "$(cat "$3")" = "$2" ] || grep -sx "$1" "$run/sysctl.refused" || {
		echo "$1 is not $2"
		return 1
	}
}

sysctl_set() {
	have=$(cat "$3") || have=unknown
	[ "$have" != "$2" ] || return 0
	if ! echo "$2" >"$3"; then
		echo "$1" >>"$run/sysctl.refused"
		note "$1=$2 is refused here: it stays $have"
	fi
}

sysctl_check() {
	sysctl_each sysctl_is
}

sysctl_do() {
	: >"$run/sysctl.refused"
	sysctl_each sysctl_set
}

# ---- enable
# All units at once, before the first is started: systemd reads its files again once, and each comes up with the next boot.  Also those that have
# changed in what is no reason to start them again (units.c); not those that systemd cannot read, however often: their own step tells of them.
enable_check() {
	# shellcheck disable=SC2046 # a word each
	cmp -s "$run/units.txt" "$run/enabled" && systemctl show --property=LoadState,NeedDaemonReload $(cat "$run/units") |
		awk -v RS= '/LoadState=loaded/ && /NeedDaemonReload=yes/ { stale = 1 } END { exit stale }'
}

enable_do() {
	systemctl daemon-reload
	# shellcheck disable=SC2046 # a word each
	systemctl enable --quiet --no-reload $(cat "$run/units")
	cp "$run/units.txt" "$run/enabled"
}

# ---- artifacts
# artifacts.txt: NAME VERSION DIGEST SIZE FORMAT STRIP PROGRAM…, in the order of need
#
# lib/NAME/VERSION/.digest says "DIGEST BOOT" until the disk has surely got all of it, then "DIGEST settled": after a power cut
# files may have their size and nothing in them.  Nobody waits for the disk: that comes half a minute after the run (finish.sh).

artifact_have() {
	first_line "$davit/lib/$name/$version/.digest"
	[ "$line" = "$digest settled" ] || [ "$line" = "$digest $boot" ]
}

artifact_there() {
	artifact_have || return 1
	for program in $programs; do
		# shellcheck disable=SC3013 # dash, busybox and bash have -ef
		[ -x "$davit/bin/$program" ] && [ "$davit/bin/$program" -ef "$davit/lib/$name/$version/$program" ] || return 1
	done
	# shellcheck disable=SC3013
	[ "$name" != cni-plugins ] || [ "$davit/cni" -ef "$davit/lib/$name/$version" ]
}

# Whether it is among those that the step wants, or the step wants all.
artifact_wanted() {
	case " ${wanted:-$name} " in *" $name "*) return 0 ;; *) return 1 ;; esac
}

artifacts_there() {
	while read -r name version digest size format strip programs; do
		! artifact_wanted || artifact_there || return 1
	done <"$run/artifacts.txt"
}

# openssl knows the processor's SHA instructions, Debian's sha256sum does not: four times as fast
file_digest() {
	if command -v openssl >/dev/null; then
		hex=$(openssl dgst -sha256 -r "$1") || return 1
	else
		hex=$(sha256sum "$1") || return 1
	fi
	echo "sha256:${hex%% *}"
}

# The blob into $1.  Waits while the registry does not answer or has it not (yet): it may be filled at this very moment.
artifact_fetch() {
	while :; do
		status=0
		code=$(curl -K "$run/curl.conf" -C - -o "$1" -w '%{http_code}' "$blobs/$digest" 2>"$1.err") || status=$?
		case $status:$code in
		0:200 | 0:206) return 0 ;;
		22:401 | 22:403)
			echo "the registry refuses the credentials (HTTP $code) for $blobs/$digest"
			return 1
			;;
		33:* | 22:416) rm -f "$1" ;; # cannot be taken up where it broke off
		22:404 | 22:408 | 22:429 | 22:5??) ;;
		5:* | 6:* | 7:* | 16:* | 18:* | 28:* | 35:* | 52:* | 55:* | 56:* | 92:*) ;;
		*)
			cat "$1.err"
			return 1
			;;
		esac
		[ ! -e "$run/claims/.failed" ] || return 1
		if late; then
			cat "$1.err"
			echo "gave up waiting for $name $version from $blobs/$digest (HTTP $code, curl status $status)"
			return 1
		fi
		sleep 0.5
	done
}

# Leaves the verified blob in $blob.
artifact_blob() {
	blob=$davit/artifacts/$digest
	if [ ! -e "$blob" ]; then
		if [ ! -e "$run/curl.conf" ]; then
			echo "$blob was not pushed to this node, and no registry is known"
			return 1
		fi
		artifact_fetch "$blob.part" || return 1
		rm -f "$blob.part.err"
		mv -f "$blob.part" "$blob" || return 1
	fi
	have=$(file_digest "$blob") || return 1
	[ "$have" != "$digest" ] || return 0
	rm -f "$blob"
	echo "$name $version arrived damaged: $have instead of $digest"
	return 1
}

artifact_unpack() {
	rm -rf "$1"
	mkdir -p "$1" || return 1
	case $format in
	file) mv "$blob" "$1/$programs" && chmod 755 "$1/$programs" || return 1 ;;
	gz) gzip -dc "$blob" >"$1/$programs" && chmod 755 "$1/$programs" && rm -f "$blob" || return 1 ;;
	deb | images) mv "$blob" "$1/$name" || return 1 ;;
	tar.gz) tar -C "$1" --no-same-owner --strip-components="$strip" -xzf "$blob" && rm -f "$blob" || return 1 ;;
	esac
	for program in $programs; do
		if [ ! -x "$1/$program" ]; then
			echo "$name $version does not hold the program $program"
			return 1
		fi
	done
	echo "$digest $boot" >"$1/.digest"
}

# $1 becomes a link to $2 in one step
switch_link() {
	ln -sfn "$2" "$1.new" && mv -fT "$1.new" "$1"
}

artifact_install() {
	dir=$davit/lib/$name/$version
	if ! artifact_have; then
		artifact_blob || return 1
		artifact_unpack "$dir.new" || return 1
		rm -rf "$dir"
		mv "$dir.new" "$dir" || return 1
	fi
	for program in $programs; do
		switch_link "$davit/bin/$program" "../lib/$name/$version/$program" || return 1
	done
	[ "$name" != cni-plugins ] || switch_link "$davit/cni" "lib/$name/$version"
}

# Several of these run beside one another; each takes the next artifact that nobody has claimed.
artifacts_worker() {
	while read -r name version digest size format strip programs; do
		artifact_wanted || continue
		if ! mkdir "$run/claims/$name" 2>/dev/null; then
			[ ! -d "$run/claims/$name" ] || continue
			echo "cannot make $run/claims/$name: is the disk full?"
			return 1
		fi
		artifact_there || artifact_install || {
			: >"$run/claims/.failed"
			return 1
		}
	done <"$run/artifacts.txt"
}

artifacts_room() {
	need=102400
	while read -r name version digest size format strip programs; do
		if artifact_there || ! artifact_wanted; then
			continue
		fi
		case $format in file | deb | images) ;; *) size=$((size * 4)) ;; esac
		need=$((need + size / 1024))
	done <"$run/artifacts.txt"
	have=$(df -Pk "$davit" | { read -r _ && read -r _ _ _ free _ && echo "$free"; })
	[ "$have" -ge "$need" ] || {
		echo "the binaries need $((need / 1024)) MiB in $davit, and $((have / 1024)) MiB are free: use a larger root disk"
		return 1
	}
}

artifacts_install() {
	mkdir -p "$davit/bin" "$davit/lib" "$davit/artifacts"
	artifacts_room
	rm -rf "$run/claims"
	mkdir "$run/claims"
	workers=
	for _ in 1 2 3; do
		artifacts_worker &
		workers="$workers $!"
	done
	failed=0
	for worker in $workers; do
		wait "$worker" || failed=1
	done
	rm -rf "$run/claims"
	return "$failed"
}

artifacts_check() {
	wanted=
	artifacts_there
}

artifacts_do() {
	wanted=
	artifacts_install
}

artifacts_settled() {
	while read -r name version digest _; do
		first_line "$davit/lib/$name/$version/.digest"
		[ "$line" = "$digest settled" ] || return 1
	done <"$run/artifacts.txt"
}

artifacts_settle() {
	sync -f "$davit" || return 1
	while read -r name version digest _; do
		first_line "$davit/lib/$name/$version/.digest"
		if [ "$line" = "$digest $boot" ]; then
			echo "$digest settled" >"$davit/lib/$name/$version/.digest.new"
			mv -f "$davit/lib/$name/$version/.digest.new" "$davit/lib/$name/$version/.digest"
		fi
	done <"$run/artifacts.txt"
}

# ---- links
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

# ---- retire
# What the last complete run had put here and this one no longer holds.
retire_list() {
	[ ! -e "$run/$1.applied" ] || grep -vxFf "$run/$1" "$run/$1.applied"
}

retire_check() {
	[ -z "$(retire_list files)" ] && [ -z "$(retire_list units)" ]
}

retire_do() {
	retire_list units >"$run/retired" || :
	while read -r unit; do
		systemctl disable --quiet --now "$unit"
		rm -f "$run/unit/$unit"
		note "stopped $unit"
	done <"$run/retired"
	retire_list files >"$run/retired" || :
	while read -r path; do
		rm -f "$path"
		note "removed $path"
	done <"$run/retired"
	rm -f "$run/retired"
	cp "$run/files" "$run/files.applied"
	cp "$run/units" "$run/units.applied"
	systemctl daemon-reload
}

# ---- units
# units.txt: UNIT DIGEST PATIENCE STEP.  The digest is that of the unit, its configuration and its program: a unit is restarted
# when it differs from that of the last start.  PATIENCE "active": must be active in the end; "started": may still be starting,
# since it waits for the API.  STEP starts the unit; plane does not wait for its own, units does.

# The units of step $1 into units.now.
units_select() {
	case $1 in
	units) grep -v ' join$' "$run/units.txt" ;;
	*) grep " $1\$" "$run/units.txt" ;;
	esac >"$run/units.now" || :
}

# Sets verdict: "done", "wait", or why the unit will not come up; from unit, patience, loaded,
# state, job and restarts.
unit_verdict() {
	verdict='wait'
	case $loaded:$state:$patience in
	not-found:* | bad-setting:* | error:*) verdict="$unit cannot be loaded ($loaded)" ;;
	*:active:* | *:reloading:*) [ -n "$job" ] || verdict="done" ;; # a job: its restart is still to come
	*:failed:*) verdict="$unit has failed" ;;
	*:activating:started) verdict="done" ;;
	esac
	# what starts again and again; flanneld does, until its node has a pod CIDR
	most=5
	[ "$patience" = active ] || most=20
	if [ "$state" = activating ] && [ "${restarts:-0}" -ge "$most" ]; then
		verdict="$unit ended and was started again $restarts times"
	fi
}

# Sets loaded, state, job and restarts of the unit from what systemctl show has said in $run/states.
unit_state() {
	id='' loaded='' state='' job='' restarts=''
	while IFS='=' read -r key value; do
		case $key in
		Id) id=$value ;;
		LoadState) loaded=$value ;;
		ActiveState) state=$value ;;
		Job) job=${value#0} ;;
		NRestarts) restarts=$value ;;
		'')
			[ "$id" != "$unit" ] || return 0
			loaded='' state='' job='' restarts=''
			;;
		esac
	done <"$run/states"
	[ "$id" = "$unit" ] || loaded=not-found
}

# A line "UNIT PATIENCE VERDICT…" for each unit.
units_verdicts() {
	: >"$run/verdicts"
	[ -s "$run/units.now" ] || return 0
	# shellcheck disable=SC2046 # a word each
	systemctl show --property=Id,LoadState,ActiveState,Job,NRestarts $(cut -d ' ' -f 1 "$run/units.now") >"$run/states" || return 1
	while read -r unit digest patience _; do
		unit_state
		unit_verdict
		echo "$unit $patience $verdict"
	done <"$run/units.now" >"$run/verdicts"
}

# Sets folder to the first one of the table of volumes that nothing is mounted on.
units_mounted() {
	[ -e "$volumes" ] || return 0
	while read -r _ _ _ _ folder; do
		mountpoint -q "$folder" || return 1
	done <"$volumes"
}

# Whether what was started last is what is wanted now.
units_current() {
	while read -r unit digest _; do
		first_line "$run/unit/$unit"
		[ "$line" = "$digest" ] || return 1
	done <"$run/units.now"
}

units_up() {
	units_verdicts || return 1
	! grep -qv ' done$' "$run/verdicts"
}

# Prints the last words of the unit $1 after the reason $2.
unit_failed() {
	journalctl --unit="$1" --lines=8 --output=cat --no-pager || :
	echo "$2"
}

# A unit that may still be starting has 60 s from when the others are active until systemd gets to it at all.
units_wait() {
	seconds
	idle_limit=$((uptime + 60))
	while :; do
		units_verdicts || return 1
		waiting='' strict=''
		while read -r unit patience verdict; do
			case $verdict in
			"done") ;;
			wait)
				waiting="$waiting $unit"
				[ "$patience" != active ] || strict=1
				;;
			*)
				unit_failed "$unit" "$verdict"
				return 1
				;;
			esac
		done <"$run/verdicts"
		[ -n "$waiting" ] || return 0
		seconds
		[ -z "$strict" ] || idle_limit=$((uptime + 60))
		if late || [ "$uptime" -ge "$idle_limit" ]; then
			for unit in $waiting; do
				unit_failed "$unit" "$unit did not start in time"
			done
			return 1
		fi
		sleep 0.2
	done
}

# Restarts those that have changed, starts the others if they do not run.  Of those that ran before the last one first: systemctl hands
# them to systemd one by one, and an API server that has lost its etcd needs all of the 40 s that it is given to end.
units_start() {
	mkdir -p "$run/unit"
	again='' changed='' same=''
	while read -r unit digest _; do
		first_line "$run/unit/$unit"
		if [ "$line" = "$digest" ]; then
			same="$same $unit"
		elif [ -n "$line" ]; then
			again="$unit $again"
		else
			changed="$changed $unit"
		fi
	done <"$run/units.now"
	# shellcheck disable=SC2086 # a word each
	if [ -n "$again$changed" ]; then
		systemctl reset-failed $again $changed || : # sets the count of restarts to 0
		systemctl restart --no-block $again $changed
	fi
	# shellcheck disable=SC2086
	[ -z "$same" ] || systemctl start --no-block $same
	while read -r unit digest _; do
		echo "$digest" >"$run/unit/$unit"
	done <"$run/units.now"
}

units_check() {
	units_select units
	units_current && units_up && units_mounted
}

units_do() {
	units_select units
	units_start
	units_wait
	if ! units_mounted; then
		echo "nothing is mounted on $folder"
		return 1
	fi
}

# ---- resolver
# systemd-resolved, where there is one, reads $resolved_file when it starts; the copy in the run's folder is what it has read last.
resolver_check() {
	cmp -s "$resolved_file" "$run/resolved"
}

resolver_do() {
	[ ! -d /run/systemd/resolve ] || systemctl try-restart systemd-resolved.service
	cp "$resolved_file" "$run/resolved"
}

# ---- sshd
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

# ---- api
# The units of step join come up at once where the API answers; started before, they would try ever more seldom.  A node that has
# joined does not wait: its kubelet goes on without the API, too.
api_ready() {
	curl --silent --fail --noproxy '*' --connect-timeout 3 --max-time 5 --cacert /etc/kubernetes/pki/ca.crt --output /dev/null \
		"$1/readyz"
}

# The node's own balancer is a pod, which comes up after this: what it will ask is asked here.
api_servers() {
	if [ -e /etc/davit/haproxy.cfg ]; then
		sed -n 's/^ *server [^ ]* \([^ ]*\)$/https:\/\/\1/p' /etc/davit/haproxy.cfg
	else
		sed -n 's/^ *server: *"*\(https:[^"]*\)"* *$/\1/p' /etc/kubernetes/kubelet.conf
	fi
}

api_any() {
	for server in $servers; do
		! api_ready "$server" || return 0
	done
	return 1
}

api_check() {
	if [ "$role" = worker ] && [ -e "$run/unit/kubelet.service" ]; then
		return 0
	fi
	servers=$(api_servers)
	api_any
}

api_do() {
	servers=$(api_servers)
	until api_any; do
		if late; then
			[ "$role" = worker ] ||
				journalctl --unit=etcd.service --unit=kube-apiserver.service --lines=8 --output=cat --no-pager || :
			# shellcheck disable=SC2086 # a word each
			echo "the API at" $servers "did not become ready"
			return 1
		fi
		sleep 0.2
	done
}

# ---- join
join_check() {
	units_select join
	units_current && units_up
}

join_do() {
	units_select join
	units_start
	units_wait
}

# ---- the run
# The run is complete: the next one has nothing to do as long as the checks pass and the archive stays the same.
finish() {
	first_line "$run/archive.sha256"
	if ! cp "$run/files" "$run/files.applied" || ! cp "$run/units" "$run/units.applied" ||
		! echo "$line" >"$run/done.new" || ! mv -f "$run/done.new" "$run/done"; then
		say "log finish cannot write in $run: is the disk full?"
		say "fail finish 1"
		say "end 1"
		exit 1
	fi
}

exec 3>&1
boot_marker
seconds
limit=$((uptime + ${DAVIT_SECONDS:-900}))
case ${1-} in
check)
	for step in $steps; do
		"${step}_check" >/dev/null 2>&1 || exit 1
	done
	exit 0
	;;
settle)
	artifacts_settle
	exit
	;;
from) from=$2 ;;
*) from=${steps%% *} ;;
esac
begun=
for name_ in $steps; do
	[ "$name_" != "$from" ] || begun=1
	[ -z "$begun" ] || run_step "$name_"
done
finish
if ! artifacts_settled; then
	systemd-run --quiet --collect --unit=davit-settle --on-active=30 sh "$run/install.sh" settle || :
fi
say "end 0"
