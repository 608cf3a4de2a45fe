join_check() {
	units_select late
	units_up
}

join_do() {
	units_select late
	units_start
}
