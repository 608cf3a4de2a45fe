# The table of volumes: lines "ID TYPE LABEL OPTIONS FOLDER".

# Sets device to the disk whose serial number is (virtio), or ends in (SCSI), what volume $1's id begins with.
volume_device() {
	set +f
	for device in /dev/disk/by-id/*"$1"*; do
		case $device in *-part[0-9]*) continue ;; esac
		if [ -b "$device" ]; then
			set -f
			return 0
		fi
	done
	set -f
	return 1
}

volume_label() {
	blkid -p -s LABEL -o value "$1" </dev/null
}

# A volume mounted over files would hide them: etcd would begin anew, without its data.
volume_hides() {
	! mountpoint -q "$1" && [ -n "$(ls -A "$1" 2>/dev/null)" ]
}

volume_check() {
	while read -r id _ label _ folder; do
		volume_device "$id" && [ "$(volume_label "$device")" = "$label" ] && ! volume_hides "$folder" || return 1
	done <"$volumes"
}

volume_wait() {
	seconds
	volume_limit=$((uptime + 60))
	until volume_device "$1"; do
		seconds
		if [ "$uptime" -ge "$volume_limit" ]; then
			echo "volume $1 did not appear within 60 s: is it attached to this server?"
			return 1
		fi
		sleep 0.2
	done
}

# Formats $device only where nothing at all is recognised on it.
volume_format() {
	# blkid says 2 also for what it cannot read
	dd if="$device" of=/dev/null bs=4096 count=1
	found=0
	blkid -p -o export "$device" || found=$?
	if [ "$found" -eq 0 ]; then
		echo "$device is not empty and does not bear the label $label: it is left as it is"
		return 1
	elif [ "$found" -ne 2 ]; then
		echo "blkid cannot tell what is on $device (status $found): it is left as it is"
		return 1
	fi
	case $type in
	ext4) mkfs.ext4 -q -m 0 -L "$label" "$device" ;;
	xfs) mkfs.xfs -q -L "$label" "$device" ;;
	esac
}

volume_do() {
	while read -r id type label _ folder; do
		volume_wait "$id"
		if volume_hides "$folder"; then
			echo "$folder is not empty: the volume would hide what is in it; move that away first"
			return 1
		fi
		[ "$(volume_label "$device")" = "$label" ] || volume_format </dev/null
	done <"$volumes"
}
