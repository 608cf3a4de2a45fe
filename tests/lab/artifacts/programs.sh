# shellcheck shell=bash
# Builds the programs of the table in recipes; each lands at path_of ARTIFACT PROGRAM with a stamp.

declare -A UPSTREAM TAGS CGO STAMP MAIN WITHOUT # by module directory
declare -A MODULE_OF PACKAGE            # by ARTIFACT/PROGRAM
declare -A COMPILE                      # by ARTIFACT/PROGRAM: the function that does it
declare -A PROGRAMS                     # by artifact: its programs
ARTIFACTS=()
module() {
	current=$1
	UPSTREAM[$1]=$2 TAGS[$1]='' CGO[$1]=0 STAMP[$1]='' MAIN[$1]='' WITHOUT[$1]=''
	for word in "${@:3}"; do
		case $word in
		tags=*) TAGS[$1]=${word#*=} ;;
		cgo=*) CGO[$1]=${word#*=} ;;
		stamp=*) STAMP[$1]=${word#*=} ;;
		main=*) MAIN[$1]=${word#*=} ;;
		without=*) WITHOUT[$1]=${word#*=} ;;
		*) die "recipes: $word?" ;;
		esac
	done
}
program() {
	[[ -n ${PROGRAMS[$1]:-} ]] || ARTIFACTS+=("$1")
	PROGRAMS[$1]+="$2 "
	MODULE_OF[$1/$2]=$current PACKAGE[$1/$2]=$3 COMPILE[$1/$2]=go_build
}
old() {
	program "$@"
	COMPILE[$1/$2]=go_build_old
}
tests() {
	program "$@"
	COMPILE[$1/$2]=go_test
}
# shellcheck source=recipes
. "$HERE/recipes"

# version_of DIR: the version that a module's go.mod pins
declare -A VERSION
version_of() {
	if [[ -z ${VERSION[$1]:-} ]]; then
		VERSION[$1]=$(awk -v u="${UPSTREAM[$1]}" '{ sub(/^require /, ""); sub(/^\t/, "") }
			$2 ~ /^v/ && ($1 == u || index($1, u "/") == 1) { print $2; exit }' "$MODULES/$1/go.mod")
		[[ -n ${VERSION[$1]} ]] || die "modules/$1/go.mod does not require ${UPSTREAM[$1]}"
	fi
}

# ldflags DIR
ldflags() {
	local v=${VERSION[$1]} s=${STAMP[$1]} pkg flags='-s -w' minor
	case $s in
	kubernetes)
		minor=${v#v1.} minor=${minor%%.*}
		for pkg in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
			flags+=" -X $pkg.gitVersion=$v -X $pkg.gitMajor=1 -X $pkg.gitMinor=$minor"
			flags+=" -X $pkg.gitCommit=0000000000000000000000000000000000000000"
			flags+=" -X $pkg.gitTreeState=clean -X $pkg.buildDate=1970-01-01T00:00:00Z"
		done
		;;
	'') ;;
	*)
		s=${s//%v/$v}
		v=${v%+incompatible}
		flags+=" -X ${s//%n/${v#v}}"
		;;
	esac
	if ((CGO[$1])); then flags+=' -linkmode external -extldflags -static'; fi
	printf '%s' "$flags"
}

# module_key DIR: what all programs of a module depend on
declare -A MODULE_KEY
module_key() {
	[[ -z ${MODULE_KEY[$1]:-} ]] || return 0
	version_of "$1"
	MODULE_KEY[$1]=$({
		say "$GO_VERSION ${UPSTREAM[$1]} ${TAGS[$1]} ${CGO[$1]} $(ldflags "$1")${MAIN[$1]:+ ${MAIN[$1]} ${WITHOUT[$1]}}"
		cat "$MODULES/$1/go.mod" "$MODULES/$1/go.sum"
		declare -f go_build
		[[ -z ${MAIN[$1]} ]] || declare -f own_main
		if ((CGO[$1])); then
			gcc --version
			dpkg-query -W libc6-dev libseccomp-dev
		fi
	} | hash_text)
}

# upstream_dir DIR: where the sources of a module are; sources of another module of the same go.mod by a second argument
upstream_dir() {
	"$GO" -C "$MODULES/$1" mod download -json "${2:-${UPSTREAM[$1]}}" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p'
}

# own_main DIR: the main package that a recipe makes of upstream's files; prints the folder to build in, a module of ours
own_main() {
	local src file to=$TMP/main/$1
	src=$(upstream_dir "$1")
	mkdir -p "$to"
	cp "$MODULES/$1"/go.{mod,sum} "$to"
	for file in ${MAIN[$1]//,/ }; do
		sed -E "s/^package .*/package main/; \\;${WITHOUT[$1]};d" "$src/$file" >"$to/${file##*/}"
	done
	say "$to"
}

# go_build SOURCE-DIR PACKAGE DEST MODULE-DIR
go_build() {
	local -a tags=()
	[[ -z ${TAGS[$4]} ]] || tags=(-tags "${TAGS[$4]}")
	CGO_ENABLED=${CGO[$4]} GOOS=linux GOARCH=amd64 GOAMD64=v1 run nice -n 15 \
		"$GO" -C "$1" build -trimpath -buildvcs=false "${tags[@]}" -ldflags "$(ldflags "$4")" -o "$3" "$2"
}

# go_build_old: without a go.mod it would be compiled as of the first Go with modules
go_build_old() { GOFLAGS="-gcflags=${UPSTREAM[$4]}/...=-lang=go1.25" go_build "$@"; }

# go_test: the same of a package's tests
go_test() {
	CGO_ENABLED=${CGO[$4]} GOOS=linux GOARCH=amd64 GOAMD64=v1 run nice -n 15 \
		"$GO" -C "$1" test -c -trimpath -buildvcs=false -vet=off -ldflags "$(ldflags "$4")" -o "$3" "$2"
}

# path_of ARTIFACT PROGRAM: those of Kubernetes are served as they are, the others become part of something
path_of() {
	case $1 in
	v*) say "$MIRROR/dl.k8s.io/release/${1%/*}/bin/linux/amd64/$2" ;;
	*) say "$BUILT/$1/$2" ;;
	esac
}

# build_program ARTIFACT PROGRAM
build_program() {
	local name=$1/$2 dir=${MODULE_OF[$1/$2]} package key start source log dest
	module_key "$dir"
	key=$(say "${MODULE_KEY[$dir]} ${PACKAGE[$name]}" | hash_text)
	if fresh "built/$name" "$key"; then return; fi
	start=$(now) source=$MODULES/$dir log=$CACHE/artifacts/$2.log dest=$(path_of "$1" "$2")
	package=${UPSTREAM[$dir]}/${PACKAGE[$name]}
	package=${package%/.}
	if [[ -n ${MAIN[$dir]} ]]; then
		source=$(own_main "$dir")
		package=.
	fi
	# twice: a proxy may have dropped a connection
	"${COMPILE[$name]}" "$source" "$package" "$TMP/program" "$dir" 2>"$log" ||
		"${COMPILE[$name]}" "$source" "$package" "$TMP/program" "$dir" 2>>"$log" ||
		die "cannot build $name: see $log: $(tail -n 3 "$log")"
	rm -f "$log"
	publish "$TMP/program" "$dest"
	stamp "built/$name" "$key" "$dest"
	row built "$2 ${VERSION[$dir]}" "$(since "$start")" "$(human "$dest")"
}

# build_programs ARTIFACT
build_programs() {
	local p
	for p in ${PROGRAMS[$1]}; do build_program "$1" "$p"; done
}

# sums ARTIFACT: the recorded sums of its programs, for the key of what is made of them
sums() {
	local p
	for p in ${PROGRAMS[$1]}; do say "$p $(sum_of "built/$1/$p")"; done
}
