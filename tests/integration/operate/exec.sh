# shellcheck shell=bash
# davit exec and ssh; sourced by operate.sh

test_ssh() {
	# shellcheck disable=SC2016
	davit 3 ssh workers-1 'echo $NODE;' exit 3
	is 'the words are joined' demo-workers-1
	# shellcheck disable=SC2016
	davit 0 ssh workers-2 -- 'echo $NODE' --
	is 'two dashes before them are nobody'"'"'s' 'demo-workers-2 --'
}

test_exec() {
	# shellcheck disable=SC2016
	davit 0 exec --pool workers --pool control-plane -- 'echo $NODE; echo to stderr >&2; printf "no newline"'
	sort -o out out
	is 'lines of each, aligned' "$(
		cat <<-LINES
			demo-cp-1      | demo-cp-1
			demo-cp-1      | no newline
			demo-workers-1 | demo-workers-1
			demo-workers-1 | no newline
			demo-workers-2 | demo-workers-2
			demo-workers-2 | no newline
		LINES
	)"
	if [[ $(grep -c '^demo-[a-z]*-[12] *| to stderr$' err) = 3 ]]; then ok 'standard error'; else not_ok 'standard error' "$(cat err)"; fi
	says 'exit status 0 on all of 3 nodes'
}

test_exec_sums_up() {
	# shellcheck disable=SC2016
	davit 5 exec -- 'case $NODE in *workers*) exit 3 ;; *registry) kill -9 $$ ;; esac'
	says 'exit status 0 on 2 of 6 nodes' 'exit status 3: demo-workers-1, demo-workers-2' 'exit status 137: demo-registry' \
		'demo-gpu-a-2: '
	davit 7 exec --node workers-1 exit 7
	davit 5 exec --node gpu-a-2 true
	davit 2 exec --role worker
	davit 2 exec --pool worker true
	says 'did you mean "workers"?'
	davit 2 exec --node workers-7 true
	davit 2 exec --node workers-1 --role registry true
	says 'is of all that was asked for'
}

test_exec_json() {
	# shellcheck disable=SC2016
	davit 5 exec -o json --pool workers -- 'echo "to $NODE"; echo err >&2; test $NODE = demo-workers-1'
	has 'status and streams' '[(x["name"], x["status"], x["stdout"], x["stderr"]) for x in o["nodes"]]' \
		"[('demo-workers-1', 0, 'to demo-workers-1\\n', 'err\\n'), ('demo-workers-2', 1, 'to demo-workers-2\\n', 'err\\n')]"
	davit 0 exec -o json --node workers-1 'head -c 3000000 /dev/zero | tr "\0" x; echo end'
	has 'much is cut' 'len(o["nodes"][0]["stdout"]), o["nodes"][0]["truncated"]' '(1048576, True)'
}

# 4 nodes that write as quickly as they can: no line in another one
test_exec_keeps_lines_whole() {
	davit 0 exec --role worker --role control-plane --node cp-1 --node workers-1 --node workers-2 --node gpu-a-1 -- \
		'for i in 1 2 3 4 5 6 7 8; do seq -f "%08.0f 0123456789abcdefghijklmnopqrstuvwxyz" 1 2000; printf "%05000d\n" 7; done'
	if [[ $(grep -cE '^demo-[a-z]+(-a)?-[12] *\| ([0-9]{8} 0123456789abcdefghijklmnopqrstuvwxyz|0{4999}7)$' out) = 64032 && $(wc -l <out) = 64032 ]]; then
		ok 'whole lines'
	else
		not_ok 'whole lines' "$(wc -l out)" "$(grep -vE '\| [0-9]{8} 0123456789abcdefghijklmnopqrstuvwxyz$' out | head -n 3 | cut -c 1-200)"
	fi
}

test_exec_without_a_reader() {
	local status
	"$DAVIT" exec --pool workers -- 'while :; do echo y; done' 2>err </dev/null | head -n 1 >out
	status=${PIPESTATUS[0]}
	if [[ $status = 141 ]]; then ok 'nobody reads'; else not_ok 'nobody reads' "status $status" "$(cat err)"; fi
}

test_exec_interrupted() {
	local pid status=0
	"$DAVIT" exec --role worker --parallel 2 --node workers-1 --node workers-2 --node gpu-a-1 -- 'echo begun; exec sleep 100' >out 2>err </dev/null &
	pid=$!
	eventually two_begun || not_ok 'both have begun' "$(cat out err)"
	kill -INT "$pid"
	wait "$pid" || status=$?
	if [[ $status = 130 ]]; then ok 'Ctrl-C'; else not_ok 'Ctrl-C' "status $status" "$(cat err)"; fi
	says 'interrupted; it may still run on demo-'
	if [[ $(grep -c begun out) = 2 ]]; then ok 'no other node is begun'; else not_ok 'no other node is begun' "$(cat out)"; fi
}

two_begun() { [[ $(grep -c begun out) -ge 2 ]]; }
