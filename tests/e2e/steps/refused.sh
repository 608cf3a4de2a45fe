# shellcheck shell=bash
# What the cloud's state makes impossible: one clear error, the documented exit status, nothing created.

# refused STATUS TEXT… -- SED-EXPRESSION: apply of the example so changed
refused() {
	local want=$1 texts=() changed
	shift
	while [[ $1 != -- ]]; do
		texts+=("$1")
		shift
	done
	changed=$WORK/refused.yaml
	sed "$2" "$FILE" >"$changed"
	! diff -q "$FILE" "$changed" >/dev/null || { say "the change does nothing: $2"; return 1; }
	status davit apply -f "$changed" --mirror "$MIRROR"
	expect_status "$want"
	for text in "${texts[@]}"; do expect_text "$text"; done
	project_empty_as_before
	status davit delete -f "$changed" --yes # of the state only: there is nothing else
	expect_status 0
}

refused_image() { refused 3 'image "debian-13"' debian-12 -- 's/image: debian-12/image: debian-13/'; }
refused_flavor() { refused 3 'flavor "m1.huge"' m1.medium m1.large -- 's/count: 2, flavor: m1.medium/count: 2, flavor: m1.huge/'; }
refused_network() { refused 3 'external network "publik"' public -- 's/externalNetwork: public/externalNetwork: publik/'; }
# all that is wrong is told at once
refused_all() { refused 3 'image "debian-13"' 'flavor "m1.huge"' -- 's/image: debian-12/image: debian-13/; s/count: 2, flavor: m1.medium/count: 2, flavor: m1.huge/'; }
refused_disk() { refused 3 'too small' -- 's/controlPlane: {count: 1,/controlPlane: {count: 1, volume: {size: 1},/'; }

refused_zone() { refused 3 'availability zone "nowhere"' nova -- 's/count: 2, flavor: m1.medium/count: 2, flavor: m1.medium, zones: [nowhere]/'; }

# quotas that are too small for the example: all of them are told at once, before anything is made
refused_quota() {
	in_tree quota.py set instances=2 gigabytes=1 floatingip=0 security_group_rule=8
	refused 3 'quota of instances: 4 are needed, 2 of 2 are free' 'quota of floating IPs' 'quota of security group rules' \
		"quota of volumes' size" -- 's/name: demo/name: quota/' || { in_tree quota.py reset; return 1; }
	in_tree quota.py reset
}

refused_twins() {
	local ids id
	ids=$(in_tree twins.py make)
	list_project >"$WORK/before"
	# shellcheck disable=SC2086 # two words
	refused 3 'image "twin"' $ids -- 's/image: debian-12/image: twin/' || { in_tree twins.py remove; return 1; }
	in_tree twins.py remove
	list_project >"$WORK/before"
}

refused_password() {
	sed 's/password: .*/password: wrong/' "$DAVIT_LAB/clouds.yaml" >"$WORK/clouds.yaml"
	status "$LAB" exec env OS_CLIENT_CONFIG_FILE="$WORK/clouds.yaml" "$DAVIT" apply -f "$FILE" --mirror "$MIRROR"
	expect_status 4
	expect_text 'log in'
	lacks "$WORK/out" 'password: wrong'
	project_empty_as_before
}
