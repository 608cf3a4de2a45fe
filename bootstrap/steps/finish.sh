# The run is complete: the next one has nothing to do as long as the checks pass and the archive stays the same.
finish() {
	first_line "$run/archive.sha256"
	if ! cp "$run/files" "$run/files.applied" || ! cp "$run/units" "$run/units.applied" ||
		! echo "$line" >"$run/done.new" || ! mv -f "$run/done.new" "$run/done"; then
		say "log finish cannot write in $run: is the disk full?"
		say "fail finish 1"
		say "end 1"
		exit 1
	fi
}

exec 3>&1
boot_marker
seconds
limit=$((uptime + ${DAVIT_SECONDS:-900}))
case ${1-} in
check)
	for step in $steps; do
		"${step}_check" >/dev/null 2>&1 || exit 1
	done
	exit 0
	;;
settle)
	artifacts_settle
	exit
	;;
from) from=$2 ;;
*) from=${steps%% *} ;;
esac
begun=
for name_ in $steps; do
	[ "$name_" != "$from" ] || begun=1
	[ -z "$begun" ] || run_step "$name_"
done
finish
if ! artifacts_settled; then
	systemd-run --quiet --collect --unit=davit-settle --on-active=30 sh "$run/install.sh" settle || :
fi
say "end 0"
