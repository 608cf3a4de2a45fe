# artifacts.txt: NAME VERSION DIGEST SIZE FORMAT STRIP PROGRAM…, in the order of need
#
# lib/NAME/VERSION/.digest says "DIGEST BOOT" until the disk has surely got all of it, then "DIGEST settled": after a power cut
# files may have their size and nothing in them.  Nobody waits for the disk: that comes half a minute after the run (finish.sh).

artifact_have() {
	first_line "$davit/lib/$name/$version/.digest"
	[ "$line" = "$digest settled" ] || [ "$line" = "$digest $boot" ]
}

artifact_there() {
	artifact_have || return 1
	for program in $programs; do
		# shellcheck disable=SC3013 # dash, busybox and bash have -ef
		[ -x "$davit/bin/$program" ] && [ "$davit/bin/$program" -ef "$davit/lib/$name/$version/$program" ] || return 1
	done
	# shellcheck disable=SC3013
	[ "$name" != cni-plugins ] || [ "$davit/cni" -ef "$davit/lib/$name/$version" ]
}

# Whether it is among those that the step wants, or the step wants all.
artifact_wanted() {
	case " ${wanted:-$name} " in *" $name "*) return 0 ;; *) return 1 ;; esac
}

artifacts_there() {
	while read -r name version digest size format strip programs; do
		! artifact_wanted || artifact_there || return 1
	done <"$run/artifacts.txt"
}

# openssl knows the processor's SHA instructions, Debian's sha256sum does not: four times as fast
file_digest() {
	if command -v openssl >/dev/null; then
		hex=$(openssl dgst -sha256 -r "$1") || return 1
	else
		hex=$(sha256sum "$1") || return 1
	fi
	echo "sha256:${hex%% *}"
}

# The blob into $1.  Waits while the registry does not answer or has it not (yet): it may be filled at this very moment.
artifact_fetch() {
	while :; do
		status=0
		code=$(curl -K "$run/curl.conf" -C - -o "$1" -w '%{http_code}' "$blobs/$digest" 2>"$1.err") || status=$?
		case $status:$code in
		0:200 | 0:206) return 0 ;;
		22:401 | 22:403)
			echo "the registry refuses the credentials (HTTP $code) for $blobs/$digest"
			return 1
			;;
		33:* | 22:416) rm -f "$1" ;; # cannot be taken up where it broke off
		22:404 | 22:408 | 22:429 | 22:5??) ;;
		5:* | 6:* | 7:* | 16:* | 18:* | 28:* | 35:* | 52:* | 55:* | 56:* | 92:*) ;;
		*)
			cat "$1.err"
			return 1
			;;
		esac
		[ ! -e "$run/claims/.failed" ] || return 1
		if late; then
			cat "$1.err"
			echo "gave up waiting for $name $version from $blobs/$digest (HTTP $code, curl status $status)"
			return 1
		fi
		sleep 0.5
	done
}

# Leaves the verified blob in $blob.
artifact_blob() {
	blob=$davit/artifacts/$digest
	if [ ! -e "$blob" ]; then
		if [ ! -e "$run/curl.conf" ]; then
			echo "$blob was not pushed to this node, and no registry is known"
			return 1
		fi
		artifact_fetch "$blob.part" || return 1
		rm -f "$blob.part.err"
		mv -f "$blob.part" "$blob" || return 1
	fi
	have=$(file_digest "$blob") || return 1
	[ "$have" != "$digest" ] || return 0
	rm -f "$blob"
	echo "$name $version arrived damaged: $have instead of $digest"
	return 1
}

artifact_unpack() {
	rm -rf "$1"
	mkdir -p "$1" || return 1
	case $format in
	file) mv "$blob" "$1/$programs" && chmod 755 "$1/$programs" || return 1 ;;
	gz) gzip -dc "$blob" >"$1/$programs" && chmod 755 "$1/$programs" && rm -f "$blob" || return 1 ;;
	deb | images) mv "$blob" "$1/$name" || return 1 ;;
	tar.gz) tar -C "$1" --no-same-owner --strip-components="$strip" -xzf "$blob" && rm -f "$blob" || return 1 ;;
	esac
	for program in $programs; do
		if [ ! -x "$1/$program" ]; then
			echo "$name $version does not hold the program $program"
			return 1
		fi
	done
	echo "$digest $boot" >"$1/.digest"
}

# $1 becomes a link to $2 in one step
switch_link() {
	ln -sfn "$2" "$1.new" && mv -fT "$1.new" "$1"
}

artifact_install() {
	dir=$davit/lib/$name/$version
	if ! artifact_have; then
		artifact_blob || return 1
		artifact_unpack "$dir.new" || return 1
		rm -rf "$dir"
		mv "$dir.new" "$dir" || return 1
	fi
	for program in $programs; do
		switch_link "$davit/bin/$program" "../lib/$name/$version/$program" || return 1
	done
	[ "$name" != cni-plugins ] || switch_link "$davit/cni" "lib/$name/$version"
}

# Several of these run beside one another; each takes the next artifact that nobody has claimed.
artifacts_worker() {
	while read -r name version digest size format strip programs; do
		artifact_wanted || continue
		if ! mkdir "$run/claims/$name" 2>/dev/null; then
			[ ! -d "$run/claims/$name" ] || continue
			echo "cannot make $run/claims/$name: is the disk full?"
			return 1
		fi
		artifact_there || artifact_install || {
			: >"$run/claims/.failed"
			return 1
		}
	done <"$run/artifacts.txt"
}

artifacts_room() {
	need=102400
	while read -r name version digest size format strip programs; do
		if artifact_there || ! artifact_wanted; then
			continue
		fi
		case $format in file | deb | images) ;; *) size=$((size * 4)) ;; esac
		need=$((need + size / 1024))
	done <"$run/artifacts.txt"
	have=$(df -Pk "$davit" | { read -r _ && read -r _ _ _ free _ && echo "$free"; })
	[ "$have" -ge "$need" ] || {
		echo "the binaries need $((need / 1024)) MiB in $davit, and $((have / 1024)) MiB are free: use a larger root disk"
		return 1
	}
}

artifacts_install() {
	mkdir -p "$davit/bin" "$davit/lib" "$davit/artifacts"
	artifacts_room
	rm -rf "$run/claims"
	mkdir "$run/claims"
	workers=
	for _ in 1 2 3; do
		artifacts_worker &
		workers="$workers $!"
	done
	failed=0
	for worker in $workers; do
		wait "$worker" || failed=1
	done
	rm -rf "$run/claims"
	return "$failed"
}

artifacts_check() {
	wanted=
	artifacts_there
}

artifacts_do() {
	wanted=
	artifacts_install
}

artifacts_settled() {
	while read -r name version digest _; do
		first_line "$davit/lib/$name/$version/.digest"
		[ "$line" = "$digest settled" ] || return 1
	done <"$run/artifacts.txt"
}

artifacts_settle() {
	sync -f "$davit" || return 1
	while read -r name version digest _; do
		first_line "$davit/lib/$name/$version/.digest"
		if [ "$line" = "$digest $boot" ]; then
			echo "$digest settled" >"$davit/lib/$name/$version/.digest.new"
			mv -f "$davit/lib/$name/$version/.digest.new" "$davit/lib/$name/$version/.digest"
		fi
	done <"$run/artifacts.txt"
}
