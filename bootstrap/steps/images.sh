# MKE's images into the engine: nothing is pulled.  .loaded says which archive was.
images_check() {
	while read -r name version digest _ format _; do
		[ "$format" = images ] || continue
		first_line "$davit/lib/$name/$version/.loaded"
		[ "$line" = "$digest" ] || return 1
		docker image inspect "mirantis/ucp:$version" >/dev/null || return 1
	done <"$run/artifacts.txt"
}

images_do() {
	while read -r name version digest _ format _; do
		[ "$format" = images ] || continue
		docker image load --quiet --input "$davit/lib/$name/$version/$name"
		if ! docker image inspect "mirantis/ucp:$version" >/dev/null 2>&1; then
			echo "the archive that mke.images names holds no mirantis/ucp:$version: is it that of version $version?"
			return 1
		fi
		echo "$digest" >"$davit/lib/$name/$version/.loaded"
	done <"$run/artifacts.txt"
}
