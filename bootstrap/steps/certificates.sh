# Prints of each of the files $@ that is there a line with its path and what certificates it holds; never a key.
for path; do
	[ -e "$path" ] || continue
	echo "davit file $path"
	head -c 65536 "$path" | sed -n '/^-----BEGIN CERTIFICATE-----/,/^-----END CERTIFICATE-----/p'
done
