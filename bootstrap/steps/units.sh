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
