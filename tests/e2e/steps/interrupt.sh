# shellcheck shell=bash
# Apply is interrupted again and again, and goes on each time; another run meanwhile is refused.

apply_begins() {
	rm -f "$WORK/apply.log"
	# its own process group, so that the interrupt reaches what 'lab exec' has become and nobody else
	set -m
	apply --log-format json >"$WORK/apply.log" 2>&1 </dev/null &
	pid=$!
	set +m
	trap 'kill -KILL -- "-$pid" 2>/dev/null || true' EXIT
}

# interrupt_at PATTERN: as soon as apply has logged that; within seconds it is gone with status 130
interrupt_at() {
	local end=$((SECONDS + 300)) began
	apply_begins
	until grep -qE -e "$1" "$WORK/apply.log" 2>/dev/null; do
		if ! kill -0 "$pid" 2>/dev/null || ((SECONDS > end)); then
			say "apply ended, or did not come to '$1':"
			cat "$WORK/apply.log"
			kill -KILL -- "-$pid" 2>/dev/null
			return 1
		fi
		sleep 0.05
	done
	began=$EPOCHREALTIME
	kill -INT -- "-$pid" # as Ctrl-C does: the whole group
	status=0
	wait "$pid" || status=$?
	tail -n 3 "$WORK/apply.log"
	say "stopped in $(seconds "$began") s"
	expect_status 130
	grep -q 'davit apply' "$WORK/apply.log"
	(($(seconds "$began" | cut -d . -f 1) < 5))
}

interrupt_network() { interrupt_at '(volumes|security): cloud done'; }
interrupt_servers() { interrupt_at 'demo-[a-z0-9-]*: server done'; }
interrupt_install() { interrupt_at 'demo-(cp|workers)-[0-9]: push done'; }

second_run_is_refused() {
	local ended=0
	apply_begins
	eventually 60 grep 'cloud: look done' "$WORK/apply.log" # it holds the lock by then
	status apply
	expect_status 6 || ended=1
	kill -INT -- "-$pid" 2>/dev/null || true
	wait "$pid" || true
	((!ended))
}

goes_on() {
	apply
	rm -f "$KUBECONFIG"
	davit kubeconfig -f "$FILE" --to "$KUBECONFIG"
	kubectl wait --for=condition=Ready nodes --all --timeout=120s
	[[ $(kubectl get nodes --no-headers | wc -l) = 3 ]]
	status apply
	expect_text 'nothing to do'
}
