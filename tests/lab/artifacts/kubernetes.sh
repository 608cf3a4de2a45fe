# shellcheck shell=bash
# dl.k8s.io: each program beside NAME.sha256, which holds the bare digest.

# pack_kubernetes MINOR/PROGRAM
pack_kubernetes() {
	local file sum key
	file=$(path_of "$1" "${1#*/}") sum=$(sum_of "built/$1/${1#*/}")
	key=$(say "$file $sum" | hash_text)
	if fresh "mirror/$1" "$key"; then return; fi
	put "$sum" "$file.sha256"
	stamp "mirror/$1" "$key" "$file.sha256"
}
