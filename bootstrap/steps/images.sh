# MKE's images, and MSR's, into the engine: nothing is pulled.  .loaded says which archive was.
# NAME VERSION: sets the image of that version's installer, and the key of the file that names the archive
images_main() {
	case $1-$2 in
	msr-images-2.9.*) image=mirantis/dtr:$2 key=mke.msr.images ;;
	msr-images-*) image=registry.mirantis.com/msr/dtr:$2 key=mke.msr.images ;;
	*) image=mirantis/ucp:$2 key=mke.images ;;
	esac
}

images_check() {
	while read -r name version digest _ format _; do
		[ "$format" = images ] || continue
		first_line "$davit/lib/$name/$version/.loaded"
		[ "$line" = "$digest" ] || return 1
		images_main "$name" "$version"
		docker image inspect "$image" >/dev/null || return 1
	done <"$run/artifacts.txt"
}

images_do() {
	while read -r name version digest _ format _; do
		[ "$format" = images ] || continue
		docker image load --quiet --input "$davit/lib/$name/$version/$name"
		images_main "$name" "$version"
		if ! docker image inspect "$image" >/dev/null 2>&1; then
			echo "the archive that $key names holds no $image: is it that of version $version?"
			return 1
		fi
		echo "$digest" >"$davit/lib/$name/$version/.loaded"
	done <"$run/artifacts.txt"
}
