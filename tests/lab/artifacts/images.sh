# shellcheck shell=bash
# oci/HOST/REPOSITORY: OCI image layouts, made of the built programs and of files of Debian packages.

IMAGES=$MIRROR/oci
DEBS=$CACHE/artifacts/debs
TREE=$CACHE/artifacts/tree # what the packages unpack to, and other small files

# deb PACKAGE: of the machine's own package sources, unpacked at $TREE/PACKAGE
deb() {
	if fresh "debs/$1" "$1" && [[ -d $TREE/$1 ]]; then return; fi
	local start file
	start=$(now)
	rm -rf "$TMP/deb"
	mkdir -p "$TMP/deb/files"
	(cd "$TMP/deb" && apt-get download -qq "$1" 2>"$TMP/deb.log") ||
		{ apt-get update -qq && cd "$TMP/deb" && apt-get download -qq "$1" 2>"$TMP/deb.log"; } ||
		die "cannot download Debian's $1: $(tail -n 1 "$TMP/deb.log")"
	file=$(echo "$TMP/deb/$1"_*.deb)
	dpkg-deb -x "$file" "$TMP/deb/files"
	publish_dir "$TMP/deb/files" "$TREE/$1"
	publish "$file" "$DEBS/${file##*/}"
	stamp "debs/$1" "$1" "$DEBS/${file##*/}"
	file=${file##*/} file=${file#"$1"_}
	row fetched "deb $1 ${file%_*}" "$(since "$start")"
}

# tree_file NAME TEXT: a small file at $TREE/NAME, written only when it differs
tree_file() {
	mkdir -p "$(dirname "$TREE/$1")"
	if [[ -f $TREE/$1 && $(<"$TREE/$1") == "$2" ]]; then return; fi
	put "$2" "$TREE/$1"
}

# image ARTIFACT REPOSITORY TAG CONFIG ENTRY…: of registry.k8s.io where the repository begins with no host; see ocilayout.py
image() {
	local dest=$IMAGES/registry.k8s.io/$2 key start entry source built
	local -a files=() sums=()
	if [[ $2 == docker.io/* ]]; then dest=$IMAGES/$2; fi
	for entry in "${@:5}"; do
		[[ $entry == file:* ]] || continue
		source=${entry#file:} source=${source%:*}
		built=${source#"$BUILT"/}
		if [[ $built != "$source" ]]; then sums+=("$(sum_of "built/$built")"); else files+=("$source"); fi
	done
	key=$({
		printf '%s\n' "${@:2}" "${sums[@]}"
		sha256sum "$HERE/ocilayout.py" "${files[@]}"
	} | hash_text)
	if fresh "mirror/$1" "$key"; then return; fi
	start=$(now)
	rm -rf "$TMP/image"
	nice -n 15 "$HERE/ocilayout.py" "$TMP/image" "${@:3}" || die "cannot make the image $2:$3"
	publish_dir "$TMP/image" "$dest"
	mapfile -t files < <(find "$dest" -type f | sort)
	stamp "mirror/$1" "$key" "${files[@]}"
	row image "$2:$3" "$(since "$start")" "$(human "${files[@]}")"
}

# libraries PROGRAM: entries for the libraries that it loads
libraries() { ldd "$1" | grep -o '/[^ ]*' | sort -u | sed 's|.*|file:&:&|'; }

# distroless: (after `deb ca-certificates`) entries of what gcr.io/distroless/static has besides the program
distroless() {
	local etc=$TREE/distroless/etc
	tree_file distroless/etc/passwd "$(printf '%s\n' root:x:0:0:root:/root:/sbin/nologin \
		nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin)"
	tree_file distroless/etc/group "$(printf '%s\n' root:x:0: nobody:x:65534: nonroot:x:65532:)"
	tree_file distroless/etc/ssl/certs/ca-certificates.crt "$(cat "$TREE"/ca-certificates/usr/share/ca-certificates/mozilla/*.crt)"
	printf '%s\n' dir:1777:/tmp "file:$etc/passwd:/etc/passwd" "file:$etc/group:/etc/group" \
		"file:$etc/ssl/certs/ca-certificates.crt:/etc/ssl/certs/ca-certificates.crt" dir:700:/root dir:755:/home/nonroot
}

# after `deb busybox`; a dynamic one: a static one of glibc cannot resolve names
busybox_entries() {
	say "file:$TREE/busybox/bin/busybox:/bin/busybox"
	libraries "$TREE/busybox/bin/busybox"
}

image_pause() {
	local src key start flags='-Os -Wall -static -DVERSION=v3.10.2'
	module_key kubernetes-v1.36.3
	key=$({ say "$flags ${VERSION[kubernetes-v1.36.3]}"; gcc --version; } | hash_text)
	if ! fresh built/pause/pause "$key"; then
		start=$(now)
		src=$(upstream_dir kubernetes-v1.36.3)
		# shellcheck disable=SC2086 # several flags
		gcc $flags -s -o "$TMP/pause" "$src/build/pause/linux/pause.c" || die 'cannot build pause'
		publish "$TMP/pause" "$BUILT/pause/pause"
		stamp built/pause/pause "$key" "$BUILT/pause/pause"
		row built pause "$(since "$start")" "$(human "$BUILT/pause/pause")"
	fi
	image image-pause pause 3.10.2 '{"Entrypoint":["/pause"],"User":"65535:65535","WorkingDir":"/"}' \
		"file:$BUILT/pause/pause:/pause"
}

image_busybox() {
	local -a entries
	deb busybox
	mapfile -t entries < <(busybox_entries)
	mapfile -t -O "${#entries[@]}" entries < <("$TREE/busybox/bin/busybox" --list | grep -vx busybox | sed 's|.*|link:busybox:/bin/&|')
	tree_file busybox-etc/passwd 'root:x:0:0:root:/root:/bin/sh'
	tree_file busybox-etc/group 'root:x:0:'
	image image-busybox e2e-test-images/busybox 1.37.0-1 '{"Cmd":["sh"],"Env":["PATH=/bin:/sbin:/usr/bin:/usr/sbin"]}' \
		"${entries[@]}" "file:$TREE/busybox-etc/passwd:/etc/passwd" "file:$TREE/busybox-etc/group:/etc/group" \
		dir:1777:/tmp dir:700:/root
}

image_agnhost() {
	local -a entries
	deb busybox
	build_programs agnhost
	mapfile -t entries < <(busybox_entries)
	tree_file agnhost-etc/passwd "$(printf '%s\n' root:x:0:0:root:/root:/bin/sh user-defined-in-image:x:1000:1000::/:/bin/sh)"
	tree_file agnhost-etc/group "$(printf '%s\n' root:x:0: user-defined-in-image:x:1000: group-defined-in-image:x:50000:user-defined-in-image)"
	mapfile -t -O "${#entries[@]}" entries < <("$TREE/busybox/bin/busybox" --list | grep -vx busybox | sed 's|.*|link:busybox:/bin/&|')
	image image-agnhost e2e-test-images/agnhost 2.63.0 \
		'{"Entrypoint":["/agnhost"],"Cmd":["pause"],"Env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],"WorkingDir":"/"}' \
		"file:$BUILT/agnhost/agnhost:/agnhost" link:agnhost:/agnhost-2 "${entries[@]}" \
		"file:$TREE/agnhost-etc/passwd:/etc/passwd" "file:$TREE/agnhost-etc/group:/etc/group" \
		dir:1777:/tmp dir:700:/root dir:755:/uploads
}

# agnhost, which answers, behind the flags of Portainer
image_portainer() {
	local -a entries
	deb busybox
	build_programs agnhost
	mapfile -t entries < <(busybox_entries)
	mapfile -t -O "${#entries[@]}" entries < <("$TREE/busybox/bin/busybox" --list | grep -vx busybox | sed 's|.*|link:busybox:/bin/&|')
	image image-portainer docker.io/portainer/portainer-ce 2.33.3 '{"Entrypoint":["/portainer"],"Env":["PATH=/bin"],"WorkingDir":"/"}' \
		"file:$BUILT/agnhost/agnhost:/agnhost" "file:$HERE/portainer.sh:/portainer" "${entries[@]}" dir:1777:/tmp dir:700:/data
}

image_coredns() {
	local -a entries
	deb ca-certificates
	build_programs coredns
	mapfile -t entries < <(distroless)
	version_of coredns
	image image-coredns coredns/coredns "${VERSION[coredns]}" \
		'{"Entrypoint":["/coredns"],"User":"65532:65532","WorkingDir":"/","ExposedPorts":{"53/tcp":{},"53/udp":{}}}' \
		"file:$BUILT/coredns/coredns:/coredns" "${entries[@]}"
}

image_metrics-server() {
	local -a entries
	deb ca-certificates
	build_programs metrics-server
	mapfile -t entries < <(distroless)
	version_of metrics-server
	image image-metrics-server metrics-server/metrics-server "${VERSION[metrics-server]}" \
		'{"Entrypoint":["/metrics-server"],"User":"65534","WorkingDir":"/"}' \
		"file:$BUILT/metrics-server/metrics-server:/metrics-server" "${entries[@]}"
}

# Debian's haproxy, where the image of docker.io has its own
image_haproxy() {
	local p
	local -a entries
	for p in haproxy liblua5.3-0 libopentracing-c-wrapper0 libopentracing1; do deb "$p"; done
	mapfile -t entries < <(haproxy_libraries)
	tree_file haproxy-etc/passwd "$(printf '%s\n' root:x:0:0:root:/root:/sbin/nologin haproxy:x:99:99:haproxy:/var/lib/haproxy:/sbin/nologin)"
	tree_file haproxy-etc/group "$(printf '%s\n' root:x:0: haproxy:x:99:)"
	image image-haproxy docker.io/library/haproxy 3.2.23-alpine \
		'{"Cmd":["haproxy","-f","/usr/local/etc/haproxy/haproxy.cfg"],"Env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],"User":"haproxy","StopSignal":"SIGUSR1"}' \
		"file:$TREE/haproxy/usr/sbin/haproxy:/usr/local/sbin/haproxy" "${entries[@]}" \
		"file:$TREE/haproxy-etc/passwd:/etc/passwd" "file:$TREE/haproxy-etc/group:/etc/group" dir:1777:/tmp dir:755:/etc/haproxy \
		dir:755:/etc/kubernetes/pki
}

# of the packages above, and of the machine for the rest
haproxy_libraries() {
	local folders
	folders=$(printf '%s:' "$TREE"/{liblua5.3-0,libopentracing-c-wrapper0,libopentracing1}/usr/lib/x86_64-linux-gnu)
	LD_LIBRARY_PATH=$folders ldd "$TREE/haproxy/usr/sbin/haproxy" | grep -o '/[^ ]*' | sort -u | sed -E "s|^($TREE/[^/]*)?(/.*)|file:&:\\2|"
}
