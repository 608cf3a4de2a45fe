# Where etcd has no data yet: with whom it begins, or which cluster it joins, into the environment of its unit.  What etcd-start says is
# "new" or "join", this member's name and address, and a line NAME ADDRESS for each of the others (for all, where it is new).
etcd_pki=/etc/kubernetes/pki/etcd
etcd_env=/etc/davit/etcd.env

etcd_start() {
	{
		read -r mode own address
		others='' initial=''
		while read -r other at; do
			others=$others,https://$at:2379
			initial=$initial,$other=https://$at:2380
		done
	} </etc/davit/etcd-start
	others=${others#,} initial=${initial#,} peer=https://$address:2380
}

# of the members that are there
etcdctl() {
	"$davit/bin/etcdctl" --endpoints="$others" --cacert="$etcd_pki/ca.crt" --cert="$etcd_pki/healthcheck-client.crt" \
		--key="$etcd_pki/healthcheck-client.key" --command-timeout=10s "$@" </dev/null
}

# Calls $1 with id, status, name, peer and learner ("true", "false") of each member.
members_each() {
	etcdctl member list >"$run/members" || return 1
	while IFS=, read -r id status member peers _ learner; do
		"$1" "$id" "${status# }" "${member# }" "${peers# }" "${learner# }" || return 1
	done <"$run/members"
}

# It had this address, and its data is gone: another one with the same id would break what the others rely on.
member_is_stale() {
	if [ "$4" = "$peer" ] && [ "$2" = started ]; then
		etcdctl member remove "$1" || return 1
		note "took the member $1 of this address, whose data is lost, out of etcd"
	fi
}

member_is_there() {
	[ "$4" != "$peer" ] || there=1
}

# etcd takes one learner at a time, and none while a member is away: the others may be about to come.
member_added() {
	there=
	members_each member_is_stale && members_each member_is_there || return 1
	[ -n "$there" ] || etcdctl member add "$own" --learner --peer-urls="$peer"
}

member_initial() {
	if [ "$4" = "$peer" ]; then
		initial=$initial,$own=$4
	else
		initial=$initial,$3=$4
	fi
}

member_join() {
	wanted=etcd
	artifacts_install || return 1
	until member_added; do
		if late; then
			echo "etcd's other members ($others) do not take this one in"
			return 1
		fi
		sleep 1
	done
	initial=
	members_each member_initial
	initial=${initial#,}
}

# Data may be on a volume.
member_has_data() {
	[ ! -e "${volumes:-/etc/davit/volumes}" ] || systemctl start davit-volumes.service || return 1
	[ -d /var/lib/etcd/member/wal ]
}

member_env() {
	case $mode in
	new) state=new ;;
	join) state=existing ;;
	esac
	printf 'ETCD_INITIAL_CLUSTER=%s\nETCD_INITIAL_CLUSTER_STATE=%s\n' "$initial" "$state"
}

member_check() {
	[ -e "$etcd_env" ] || return 1
	! member_has_data || return 0
	etcd_start
	if [ "$mode" = new ]; then
		[ "$(member_env)" = "$(cat "$etcd_env")" ]
	else
		[ "$(cat "$run/joining")" = "$$" ]
	fi
}

member_do() {
	etcd_start
	if [ "$mode" = join ] && ! member_has_data; then
		member_join
	fi
	member_env >"$etcd_env.new"
	mv -f "$etcd_env.new" "$etcd_env"
	echo "$$" >"$run/joining" # the check knows by it that this very run has seen to it
}
