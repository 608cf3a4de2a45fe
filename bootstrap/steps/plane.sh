# etcd and the API server take seconds to start: they do while the other programs arrive.
plane_check() {
	units_select plane
	wanted='etcd kube-apiserver'
	artifacts_there && units_current
}

plane_do() {
	wanted='etcd kube-apiserver'
	artifacts_install
	units_select plane
	units_start
}
