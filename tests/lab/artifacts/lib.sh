# shellcheck shell=bash
# shellcheck disable=SC2034 # used by the other parts
# Used by all scripts here: places, messages, stamps, publishing of files.
#
# A stamp tells that a target has been made: $STAMPS/TARGET holds the hash of its recipe ("key"), then for each
# file its sha256 and what stat said of it. A target is fresh when the key is the same and every file is as it
# was: by stat, and when that differs by content. Anything else is made again.

CACHE=${DAVIT_CACHE:-/var/cache/davit}
MIRROR=$CACHE/mirror
BUILT=$CACHE/artifacts/built
STAMPS=$CACHE/artifacts/stamps
TMP=$CACHE/artifacts/tmp
MODULES=$HERE/modules
FULL_CHECK=0 # 1: believe no stat, read every file

say() { printf '%s\n' "$*"; }
die() {
	printf 'artifacts: %s\n' "$*" >&2
	exit 1
}

# row WHAT TARGET SECONDS SIZE: the progress line
row() { printf '%-8s %-36s %6.1f s  %s\n' "$1" "$2" "$3" "${4:-}"; }

hash_text() { sha256sum | cut -d ' ' -f 1; }
hash_of() { sha256sum -- "$1" | cut -d ' ' -f 1; }
human() { du -ch --apparent-size -- "$@" | tail -n 1 | cut -f 1; }

now() { printf '%s' "$EPOCHREALTIME"; }
since() { awk -v a="$1" -v b="$EPOCHREALTIME" 'BEGIN { print b - a }'; }

stat_lines() { stat --printf='stat %s %.9Y %.9Z %i %n\n' -- "$@" 2>/dev/null; }

# sum_of TARGET: the recorded sha256 of its (first) file
sum_of() { sed -n '/^sha256/ { s/^sha256 \([0-9a-f]*\) .*/\1/p; q }' "$STAMPS/$1"; }

# read_stamp TARGET: sets KEY, FILES, SUMS and STATS, the latter as stat_lines prints them
read_stamp() {
	local word rest
	KEY='' FILES=() SUMS=() STATS=''
	[[ -f $STAMPS/$1 ]] || return 1
	while read -r word rest; do
		case $word in
		key) KEY=$rest ;;
		sha256) SUMS+=("${rest%% *}") FILES+=("${rest#* }") ;;
		stat) STATS+="stat $rest"$'\n' ;;
		esac
	done <"$STAMPS/$1"
	((${#FILES[@]}))
}

# write_stamp TARGET: of KEY, FILES and SUMS
write_stamp() {
	local i
	mkdir -p "$(dirname "$STAMPS/$1")"
	{
		say "key $KEY"
		for i in "${!FILES[@]}"; do say "sha256 ${SUMS[i]} ${FILES[i]}"; done
		stat_lines "${FILES[@]}"
	} >"$TMP/stamp"
	publish "$TMP/stamp" "$STAMPS/$1"
}

# stamp TARGET KEY FILE…: the files are in place and complete
stamp() {
	KEY=$2 FILES=("${@:3}")
	mapfile -t SUMS < <(sha256sum -- "${FILES[@]}" | cut -d ' ' -f 1)
	((${#SUMS[@]} == ${#FILES[@]})) || die "$1: a file that was just made cannot be read"
	write_stamp "$1"
}

# fresh TARGET KEY: nothing is to be done
fresh() {
	local want=$2
	read_stamp "$1" && [[ $KEY == "$want" ]] || return 1
	if ((!FULL_CHECK)) && [[ $(stat_lines "${FILES[@]}") == "${STATS%$'\n'}" ]]; then return 0; fi
	if [[ $(sha256sum -- "${FILES[@]}" 2>/dev/null | cut -d ' ' -f 1) != "$(printf '%s\n' "${SUMS[@]}")" ]]; then
		say "$1: damaged or missing, made again"
		return 1
	fi
	write_stamp "$1"
}

# publish TMPFILE DEST: by rename, after the content is on the disk
publish() {
	mkdir -p "$(dirname "$2")"
	sync "$1"
	mv -T -- "$1" "$2"
}

# publish_dir TMPDIR DEST: the same for a directory that replaces another
publish_dir() {
	mkdir -p "$(dirname "$2")"
	find "$1" -type f -exec sync {} +
	rm -rf "$TMP/replaced"
	if [[ -e $2 ]]; then mv -T -- "$2" "$TMP/replaced"; fi
	mv -T -- "$1" "$2"
	rm -rf "$TMP/replaced"
}

# put TEXT FILE: a small file of the mirror
put() {
	printf '%s\n' "$1" >"$TMP/put"
	publish "$TMP/put" "$2"
}

# run COMMAND…: in the background, so that a signal to us ends it at once
run() {
	"$@" &
	child=$!
	wait "$child"
}

stop() {
	if [[ -n ${child:-} ]]; then kill "$child" 2>/dev/null || true; fi
	exit 130
}

# begin: one run at a time; what a killed run left is thrown away
begin() {
	mkdir -p "$CACHE/artifacts" "$MIRROR"
	exec 9>"$CACHE/artifacts/lock"
	if ! flock -n 9; then
		say "another run holds $CACHE/artifacts/lock, waiting for it"
		flock 9
	fi
	rm -rf "$TMP"
	mkdir -p "$TMP" "$BUILT" "$STAMPS"
	trap 'rm -rf "$TMP"' EXIT
	trap 'stop' INT TERM HUP
}
