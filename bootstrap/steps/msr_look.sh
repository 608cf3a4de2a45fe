# msr_look.sh: "ID whole VERSION" for MSR's replica on this node, "ID partial" where its installer has not come to its end, an empty line where there is none.
# Its containers are called COMPONENT-ID: https://docs.mirantis.com/msr/2.9/ops/disaster-recovery/repair-a-single-replica.html
set -eu
name=$(docker container ls --all --filter name='^dtr-rethinkdb-' --format '{{.Names}}')
installer=$(docker container ls --all --quiet --filter name='^davit-msr$')
name=${name%%
*}
id=${name##*-}
if [ -n "$id" ] && [ -z "$installer" ]; then
	echo "$id whole $(docker container inspect --format '{{index .Config.Labels "com.docker.dtr.version"}}' "$name")"
elif [ -n "$id$installer" ]; then
	echo "$id partial"
else
	echo
fi
