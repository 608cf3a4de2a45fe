# shellcheck shell=bash
# Apply is interrupted again and again, and goes on each time; another run meanwhile is refused.

# begins VERB [OPTION…]: davit in the background, its lines as JSON in $WORK/run.log; VERB may be two words
begins() {
	local -a verb
	read -ra verb <<<"$1"
	rm -f "$WORK/run.log"
	# its own process group, so that the interrupt reaches what 'lab exec' has become and nobody else
	set -m
	davit "${verb[@]}" -f "$FILE" --mirror "$MIRROR" --log-format json "${@:2}" >"$WORK/run.log" 2>&1 </dev/null &
	pid=$!
	set +m
	trap 'kill -KILL -- "-$pid" 2>/dev/null || true' EXIT
}

# awaits PATTERN: until what has begun has logged that
awaits() {
	local end=$((SECONDS + 300))
	until grep -qE -e "$1" "$WORK/run.log" 2>/dev/null; do
		if ! kill -0 "$pid" 2>/dev/null || ((SECONDS > end)); then
			say "it ended, or did not come to '$1':"
			cat "$WORK/run.log"
			kill -KILL -- "-$pid" 2>/dev/null
			return 1
		fi
		sleep 0.05
	done
}

# interrupt_at PATTERN VERB [OPTION…]: as soon as it has logged that; within seconds it is gone with status 130
interrupt_at() {
	local began
	begins "${@:2}"
	awaits "$1"
	began=$EPOCHREALTIME
	kill -INT -- "-$pid" # as Ctrl-C does: the whole group
	status=0
	wait "$pid" || status=$?
	tail -n 3 "$WORK/run.log"
	say "stopped in $(seconds "$began") s"
	expect_status 130
	grep -q "davit $2" "$WORK/run.log"
	(($(seconds "$began" | cut -d . -f 1) < 5))
}

interrupt_network() { interrupt_at '(volumes|security): cloud done' apply; }
interrupt_servers() { interrupt_at 'demo-[a-z0-9-]*: server done' apply; }
interrupt_install() { interrupt_at 'demo-(cp|workers)-[0-9]: push done' apply; }

second_run_is_refused() {
	local ended=0
	begins apply
	eventually 60 grep 'cloud: look done' "$WORK/run.log" # it holds the lock by then
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
