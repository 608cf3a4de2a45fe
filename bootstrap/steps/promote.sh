# A member that joined is a learner, which serves nobody, until it has got all that the others have.
promote_check() {
	etcd_start
	[ "$mode" = new ] || [ -e "$run/voting" ]
}

member_is_voting() {
	[ "$4" != "$peer" ] || {
		own_id=$1
		[ "$5" = false ]
	}
}

member_promoted() {
	own_id=
	if members_each member_is_voting; then
		[ -n "$own_id" ] || echo "etcd's other members do not know this one"
		[ -n "$own_id" ]
		return
	fi
	[ -z "$own_id" ] || etcdctl member promote "$own_id"
	return 1
}

promote_do() {
	etcd_start
	until member_promoted; do
		if late; then
			journalctl --unit=etcd.service --lines=8 --output=cat --no-pager || :
			echo "etcd's other members ($others) do not let this one vote"
			return 1
		fi
		sleep 0.5
	done
	: >"$run/voting"
}
