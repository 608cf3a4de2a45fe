# shellcheck shell=bash
# github.com: archives with the members and checksum files that the upstream releases have.
# Names, members and checksum formats follow the release scripts of these versions: see README.md.

GITHUB=$MIRROR/github.com

# release REPOSITORY TAG: the folder of a release
release() { say "$GITHUB/$1/releases/download/$2"; }

# tarball DIR DEST MEMBER…: the same bytes for the same members
tarball() {
	tar -C "$1" --sort=name --format=gnu --mtime=@0 --owner=0 --group=0 --numeric-owner -cf - "${@:3}" |
		gzip -n -6 >"$TMP/tarball"
	publish "$TMP/tarball" "$2"
}

# decoy NAME: a line for a file that upstream has and we do not, so that a reader must look for its own
decoy() { say "$(say "$1" | hash_text)  $1"; }

# collect ARTIFACT DIR: its programs side by side
collect() {
	local p
	mkdir -p "$2"
	for p in ${PROGRAMS[$1]}; do install -m 755 "$(path_of "$1" "$p")" "$2/$p"; done
}

# with_docs ARTIFACT-MODULE DIR FILE…: files of the upstream's tree that its archive has too
with_docs() {
	local src
	src=$(upstream_dir "$1")
	(cd "$src" && install -m 644 -t "$2" "${@:3}")
}

pack_runc() { # runc.sha256sum is clear-signed upstream: lines stand inside an OpenPGP message
	local dir name
	dir=$(release opencontainers/runc "$1")
	install -m 755 "$BUILT/runc/runc" "$TMP/runc.amd64"
	publish "$TMP/runc.amd64" "$dir/runc.amd64"
	{
		say '-----BEGIN PGP SIGNED MESSAGE-----'
		say 'Hash: SHA512'
		say
		for name in runc.386 runc.amd64 runc.arm64 runc.tar.xz; do
			if [[ $name == runc.amd64 ]]; then (cd "$dir" && sha256sum "$name"); else decoy "$name"; fi
		done
		say '-----BEGIN PGP SIGNATURE-----'
		say 'Comment: made by the test lab, signs nothing'
		say
		say 'bm90IGEgc2lnbmF0dXJl'
		say '-----END PGP SIGNATURE-----'
	} >"$TMP/sums"
	publish "$TMP/sums" "$dir/runc.sha256sum"
	OUT=("$dir"/runc.{amd64,sha256sum})
}

pack_cni-plugins() {
	local dir name=cni-plugins-linux-amd64-$1.tgz
	dir=$(release containernetworking/plugins "$1")
	collect cni-plugins "$TMP/pack"
	with_docs cni-plugins "$TMP/pack" LICENSE README.md
	tarball "$TMP/pack" "$dir/$name" .
	put "$(cd "$dir" && sha256sum "$name")" "$dir/$name.sha256"
	OUT=("$dir/$name"{,.sha256})
}

pack_containerd() {
	local dir name=containerd-${1#v}-linux-amd64.tar.gz
	dir=$(release containerd/containerd "$1")
	collect containerd "$TMP/pack/bin"
	tarball "$TMP/pack" "$dir/$name" bin
	put "$(cd "$dir" && sha256sum "$name")" "$dir/$name.sha256sum"
	OUT=("$dir/$name"{,.sha256sum})
}

pack_etcd() {
	local dir name=etcd-$1-linux-amd64
	dir=$(release etcd-io/etcd "$1")
	collect etcd "$TMP/pack/$name"
	tarball "$TMP/pack" "$dir/$name.tar.gz" "$name"
	put "$(decoy "etcd-$1-darwin-amd64.zip"
		cd "$dir" && sha256sum "$name.tar.gz"
		decoy "etcd-$1-linux-arm64.tar.gz")" "$dir/SHA256SUMS"
	OUT=("$dir/$name.tar.gz" "$dir/SHA256SUMS")
}

pack_crictl() {
	local dir name=crictl-$1-linux-amd64.tar.gz
	dir=$(release kubernetes-sigs/cri-tools "$1")
	collect crictl "$TMP/pack"
	tarball "$TMP/pack" "$dir/$name" crictl
	put "$(hash_of "$dir/$name")" "$dir/$name.sha256"
	OUT=("$dir/$name"{,.sha256})
}

pack_flannel() { # upstream publishes no checksums
	local dir name=flannel-$1-linux-amd64.tar.gz
	dir=$(release flannel-io/flannel "$1")
	collect flannel "$TMP/pack"
	with_docs flanneld "$TMP/pack" dist/mk-docker-opts.sh README.md
	chmod 755 "$TMP/pack/mk-docker-opts.sh"
	tarball "$TMP/pack" "$dir/$name" flanneld mk-docker-opts.sh README.md
	OUT=("$dir/$name")
}

pack_registry() {
	local dir name=registry_${1#v}_linux_amd64.tar.gz
	dir=$(release distribution/distribution "$1")
	collect registry "$TMP/pack"
	with_docs registry "$TMP/pack" LICENSE README.md
	tarball "$TMP/pack" "$dir/$name" LICENSE README.md registry
	put "$(hash_of "$dir/$name")" "$dir/$name.sha256"
	OUT=("$dir/$name"{,.sha256})
}

# Upstream publishes no checksums.  The archive holds containerd's and runc's programs, too; docker-init, which is written in C, is left out.
pack_docker() {
	local dir=$MIRROR/download.docker.com/linux/static/stable/x86_64 v=${1#v} other p
	v=${v%+incompatible}
	collect docker "$TMP/pack/docker"
	for other in containerd runc; do
		build_programs "$other"
		for p in ${PROGRAMS[$other]}; do install -m 755 "$(path_of "$other" "$p")" "$TMP/pack/docker/$p"; done
	done
	tarball "$TMP/pack" "$dir/docker-$v.tgz" docker
	OUT=("$dir/docker-$v.tgz")
}

pack_conformance() { OUT=("$BUILT/conformance/e2e.test"); } # upstream has it in an archive of all its tests

# pack ARTIFACT
pack() {
	local first=${PROGRAMS[$1]%% *} key start
	version_of "${MODULE_OF[$1/$first]}"
	key=$({
		say "${VERSION[${MODULE_OF[$1/$first]}]}"
		sums "$1"
		declare -f "pack_$1" tarball decoy collect with_docs
	} | hash_text)
	if fresh "mirror/$1" "$key"; then return; fi
	start=$(now)
	rm -rf "$TMP/pack"
	mkdir -p "$TMP/pack"
	"pack_$1" "${VERSION[${MODULE_OF[$1/$first]}]}"
	stamp "mirror/$1" "$key" "${OUT[@]}"
	row packed "${OUT[0]##*/}" "$(since "$start")" "$(human "${OUT[0]}")"
}
