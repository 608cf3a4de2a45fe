#include "cmd/turn.h"
#include "core/base/cancel.h"
#include "core/base/parallel.h"
#include "tests/unit/test.h"
#include <sched.h>
#include <stdatomic.h>

enum { MINUTE = 60 * 1000 };

struct crowd {
	struct turn *turn;
	atomic_int now, together;
};

static int go_through(size_t i UNUSED, void *context, struct error **err)
{
	struct crowd *c = context;

	if (turn_take(c->turn, MINUTE, err) < 0)
		return -1;
	if (atomic_fetch_add(&c->now, 1) > 0)
		atomic_store(&c->together, 1);
	for (int yields = 0; yields < 20; yields++)
		sched_yield();
	atomic_fetch_sub(&c->now, 1);
	turn_give(c->turn);
	return 0;
}

static void test_one_after_the_other(void **state UNUSED)
{
	struct crowd c = {.turn = turn_new()};

	assert_success(parallel_for(50, 0, go_through, &c, NULL, &test_error));
	assert_int_equal(c.together, 0);
	turn_free(c.turn);
}

/* The one before waits for the next one itself. */
static void test_patience_ends(void **state UNUSED)
{
	struct turn *t = turn_new();

	assert_success(turn_take(t, MINUTE, &test_error));
	assert_success(turn_take(t, 10, &test_error));
	turn_give(t);
	turn_give(t);
	assert_success(turn_take(t, MINUTE, &test_error));
	turn_give(t);
	turn_free(t);
}

static void test_a_cancelled_run_waits_for_nobody(void **state UNUSED)
{
	struct turn *t = turn_new();

	assert_success(turn_take(t, MINUTE, &test_error));
	cancel_stop();
	assert_failure(turn_take(t, MINUTE, &test_error), "interrupted");
	turn_give(t);
	turn_free(t);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_after_the_other),
		cmocka_unit_test(test_patience_ends),
		cmocka_unit_test(test_a_cancelled_run_waits_for_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
