join_check() {
	units_select join
	units_current && units_up
}

join_do() {
	units_select join
	units_start
	units_wait
}
