# shellcheck shell=bash
# What docs/security.md says of nodes, on those of a cluster that is there.

# nothing listens where the table does not say so
nodes_listen_as_documented() {
	local role
	for role in control-plane worker registry; do
		davit exec -f "$FILE" --role "$role" -o json -- sudo ss -Hltunp >"$WORK/listening-$role.json"
		"$TOP/tests/security/listening.py" "$role" <"$WORK/listening-$role.json"
	done
}
