# shellcheck shell=bash
# Faults between davit and the cloud (tests/torture), and the simulation that most of them run on held against this cloud.

# the cases that were begun in so many seconds; they record themselves what became of each
faults_before_the_cloud() {
	"$LAB" exec "$TOP/tests/torture/run" --cloud lab --davit "$DAVIT" --seconds "${TORTURE_CLOUD_SECONDS:-60}"
	project_empty_as_before
}

simulation_is_alike() {
	"$LAB" exec "$TOP/tests/torture/conform" lab
	project_empty_as_before
}
