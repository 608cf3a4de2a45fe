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

# recorded TARGET: the files of a stamp
recorded() { sed -n 's/^sha256 [0-9a-f]* //p' "$STAMPS/$1"; }

# sum_of TARGET: the recorded sha256 of its (first) file
sum_of() { sed -n '/^sha256/ { s/^sha256 \([0-9a-f]*\) .*/\1/p; q }' "$STAMPS/$1"; }

# stamp TARGET KEY FILE…: the files are in place and complete
stamp() {
	local target=$1 key=$2
	shift 2
	mkdir -p "$(dirname "$STAMPS/$target")"
	{
		say "key $key"
		sha256sum -- "$@" | sed 's/^\([0-9a-f]*\)  /sha256 \1 /'
		stat_lines "$@"
	} >"$TMP/stamp"
	publish "$TMP/stamp" "$STAMPS/$target"
}

# fresh TARGET KEY: nothing is to be done
fresh() {
	local file=$STAMPS/$1 key
	[[ -f $file ]] || return 1
	read -r _ key <"$file"
	[[ $key == "$2" ]] || return 1
	local -a files
	mapfile -t files < <(recorded "$1")
	((${#files[@]})) || return 1
	if ((!FULL_CHECK)) && [[ $(stat_lines "${files[@]}") == "$(grep '^stat ' "$file")" ]]; then
		return 0
	fi
	if ! sed -n 's/^sha256 \([0-9a-f]*\) /\1  /p' "$file" | sha256sum --check --quiet --status 2>/dev/null; then
		say "$1: damaged or missing, made again"
		return 1
	fi
	stamp "$1" "$2" "${files[@]}"
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
