volume_label() {
	blkid -p -s LABEL -o value "$data_device"
}

volume_check() {
	[ -b "$data_device" ] && [ "$(volume_label)" = "$data_label" ]
}

# Formats the volume only where nothing at all is recognised on it.
volume_do() {
	seconds
	volume_limit=$((uptime + 60))
	until [ -b "$data_device" ]; do
		seconds
		if [ "$uptime" -ge "$volume_limit" ]; then
			echo "$data_device did not appear within 60 s: is the volume attached to this server?"
			return 1
		fi
		sleep 0.2
	done
	# blkid says 2 also for what it cannot read
	dd if="$data_device" of=/dev/null bs=4096 count=1
	found=0
	blkid -p -o export "$data_device" || found=$?
	if [ "$found" -eq 0 ]; then
		echo "$data_device is not empty and does not bear the label $data_label: it is left as it is"
		return 1
	elif [ "$found" -ne 2 ]; then
		echo "blkid cannot tell what is on $data_device (status $found): it is left as it is"
		return 1
	fi
	mkfs.ext4 -q -m 0 -L "$data_label" "$data_device"
}
