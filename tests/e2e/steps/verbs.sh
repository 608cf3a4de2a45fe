# shellcheck shell=bash
# davit's commands on a cluster that is there.

again_does_nothing() {
	local start=$SECONDS
	status apply
	expect_status 0
	expect_text 'nothing to do'
	((SECONDS - start < 30)) || { say "$((SECONDS - start)) s are not seconds"; return 1; }
}

plan_is_empty() {
	status davit plan -f "$FILE" --mirror "$MIRROR"
	expect_status 0
	expect_text 'nothing to do'
}

plan_of_a_change() {
	sed 's/count: 2/count: 3/' "$FILE" >"$WORK/three.yaml"
	status davit plan -f "$WORK/three.yaml" --mirror "$MIRROR"
	expect_status 10
	expect_text demo-workers-3
}

status_shows_nodes() {
	status davit status -f "$FILE"
	expect_status 0
	for node in demo-cp-1 demo-workers-1 demo-workers-2 demo-registry; do expect_text "$node"; done
	expect_text Ready
}

ssh_runs_commands() {
	local node
	for node in cp-1 workers-1 demo-workers-2 registry; do
		[[ $(davit ssh -f "$FILE" "$node" hostname) = demo-"${node#demo-}" ]]
	done
	[[ $(echo hello | davit ssh -f "$FILE" workers-1 cat) = hello ]]
	status davit ssh -f "$FILE" cp-1 exit 42
	expect_status 42
	status davit ssh -f "$FILE" nobody true
	expect_status 2
	expect_text demo-workers-1
}

render_shows_files_without_secrets() {
	local node
	for node in cp-1 workers-1 registry; do
		davit render -f "$FILE" --mirror "$MIRROR" "$node" >"$WORK/render-$node"
		grep -q '^==> /' "$WORK/render-$node"
		! grep -q 'PRIVATE KEY' "$WORK/render-$node"
	done
	grep -q '^==> /etc/systemd/system/kube-apiserver.service' "$WORK/render-cp-1"
	davit render -f "$FILE" --mirror "$MIRROR" --secrets cp-1 | grep -q 'PRIVATE KEY'
}

report_and_registry() {
	davit report -f "$FILE"
	davit report -f "$FILE" -o json | python3 -m json.tool >/dev/null
	davit registry ls -f "$FILE" | tee "$WORK/registry"
	grep -q 'e2e-test-images/agnhost' "$WORK/registry"
}

init_writes_a_file_that_is_right() {
	rm -f "$WORK/init.yaml"
	davit init --os-cloud lab --name other --to "$WORK/init.yaml"
	cat "$WORK/init.yaml"
	status davit plan -f "$WORK/init.yaml"
	expect_status 10
}

state_is_private() {
	[[ -z $(find "$XDG_STATE_HOME/davit/demo" -type f -perm /077 ! -name '*.crt' ! -name '*.pub') ]]
	[[ $(stat -c %a "$XDG_STATE_HOME/davit/demo") = 700 ]]
}

delete_leaves_nothing() {
	davit delete -f "$FILE" --yes
	project_empty_as_before
	[[ ! -e $XDG_STATE_HOME/davit/demo ]]
	status davit status -f "$FILE"
	((status != 0))
}
