#include "tests/unit/layout_fixture.h"
#include "core/base/alloc.h"
#include "tests/unit/fake_cloud.h"
#include "tests/unit/test.h"

static char *before[KIND_COUNT]; /* what others have, as JSON */

static char *text_of(enum kind kind)
{
	CLEANUP_BUF struct buf b = BUF_INIT;

	for (size_t i = 0; i < fake_count(kind); i++)
		buf_addf(&b, "%s\n", json_object_to_json_string(fake_nth(kind, i)));
	return buf_steal(&b);
}

void layout_begin(struct cluster *c, const char *text, void (*others)(void))
{
	cluster_begin(c);
	if (others != NULL)
		others();
	for (int kind = 0; kind < KIND_COUNT; kind++)
		before[kind] = text_of((enum kind)kind);
	cluster_use(c, text);
}

void layout_end(struct cluster *c)
{
	cluster_end(c);
	for (int kind = 0; kind < KIND_COUNT; kind++)
		free(before[kind]);
}

void layout_assert_complete(struct cluster *c)
{
	CLEANUP_FREE char *text = cluster_differences(c);

	assert_string_equal(text, "");
}

void layout_assert_removed(struct cluster *c)
{
	struct removal_job job = {.cloud = fake_cloud(), .cluster = "demo", .uuid = state_uuid(c->state), .state = c->state};

	assert_success(provision_remove(&job, &test_error));
	for (int kind = 0; kind < KIND_COUNT; kind++) { /* what others have is not touched, not even changed */
		CLEANUP_FREE char *after = text_of((enum kind)kind);

		assert_string_equal(after, before[kind]);
	}
}

void layout_torture(const char *text, void (*others)(void))
{
	static const enum fake_fault faults[] = {FAULT_LOST, FAULT_APPLIED, FAULT_REFUSED};

	for (size_t f = 0; f < ARRAY_SIZE(faults); f++) {
		unsigned calls, n = 0;

		do { /* until that many calls are not made: one that failed is the last of its run */
			CLEANUP_ERROR struct error *err = NULL;
			struct cluster c = {0};

			layout_begin(&c, text, others);
			fake_fail(++n, faults[f]);
			(void)!cluster_apply(&c, &err);
			calls = fake_calls();
			fake_fail(0, FAULT_NONE);
			assert_success(cluster_apply(&c, &test_error));
			layout_assert_complete(&c);
			layout_assert_removed(&c);
			layout_end(&c);
		} while (n <= calls);
	}
}
