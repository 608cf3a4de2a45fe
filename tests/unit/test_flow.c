/* The order of steps that need each other, and the gate that lets few through at once. */
#include "core/base/parallel.h"
#include "provision/flow.h"
#include "provision/gate.h"
#include "tests/unit/test.h"
#include <sched.h>
#include <stdatomic.h>

static atomic_uint flow_ran, flow_stopped;

static int flow_ok(void *context, struct error **err UNUSED)
{
	unsigned needed = *(unsigned *)context;

	assert_int_equal(flow_ran & needed, needed);
	return 0;
}

static int flow_first(void *context UNUSED, struct error **err UNUSED)
{
	flow_ran |= 1;
	return 0;
}

static int flow_second(void *context, struct error **err)
{
	flow_ran |= 2;
	return flow_ok(context, err);
}

static int flow_fails(void *context UNUSED, struct error **err)
{
	return error_set(err, ERROR_REMOTE, "no");
}

static void flow_stop(void *context UNUSED)
{
	flow_stopped++;
}

static void test_flow_keeps_the_order(void **state UNUSED)
{
	static const struct flow_step steps[] = {{"first", flow_first, 0}, {"second", flow_second, 1}, {"third", flow_ok, 3}};
	static const struct flow_hooks hooks = {0};
	unsigned needed = 1;

	flow_ran = 0;
	assert_success(flow_run(steps, 3, &hooks, &needed, &test_error));
	assert_int_equal(flow_ran, 3);
}

static void test_flow_tells_the_first_failure(void **state UNUSED)
{
	static const struct flow_step steps[] = {{"fails", flow_fails, 0}, {"never", flow_second, 1}, {"beside", flow_first, 0}};
	static const struct flow_hooks hooks = {.stop = flow_stop};
	unsigned needed = 0;

	flow_ran = flow_stopped = 0;
	assert_failure(flow_run(steps, 3, &hooks, &needed, &test_error), "no");
	assert_int_equal(flow_ran & 2, 0);
	assert_int_equal(flow_stopped, 1);
}

struct gate_test {
	struct gate *gate;
	atomic_int inside, most, passed;
};

static int through_gate(size_t i, void *context, struct error **err UNUSED)
{
	struct gate_test *t = context;
	int now;

	gate_enter(t->gate, i);
	now = ++t->inside;
	if (now > t->most)
		t->most = now;
	sched_yield();
	t->inside--;
	t->passed++;
	gate_leave(t->gate);
	return 0;
}

static void test_gate_lets_few_through_at_once(void **state UNUSED)
{
	struct gate_test t = {.gate = gate_new(200, 3)};

	assert_success(parallel_for(200, 0, through_gate, &t, NULL, &test_error));
	assert_int_equal(t.passed, 200);
	assert_in_range(t.most, 1, 3);
	gate_free(t.gate);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flow_keeps_the_order),
		cmocka_unit_test(test_flow_tells_the_first_failure),
		cmocka_unit_test(test_gate_lets_few_through_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
