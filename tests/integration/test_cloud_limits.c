#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/parallel.h"
#include "tests/integration/cloud_fixture.h"

/* ---- services behind one port have rooms of their own ---- */

static int slow_compute(size_t i UNUSED, void *context, struct error **err)
{
	return get(context, CLOUD_COMPUTE, "/slow", err);
}

static int slow_both(size_t i, void *context, struct error **err)
{
	return get(context, i % 2 == 0 ? CLOUD_COMPUTE : CLOUD_NETWORK, "/slow", err);
}

static int slow_network(size_t i UNUSED, void *context, struct error **err)
{
	return get(context, CLOUD_NETWORK, "/slow", err);
}

static void test_nova_gets_eight_at_a_time(void **state UNUSED)
{
	CLEANUP_CLOUD struct cloud *c = open_cloud();

	assert_success(parallel_for(24, 0, slow_compute, c, NULL, &test_error));
	assert_int_equal(server_most_at_once(server), 8);
}

static void test_neutron_gets_four(void **state UNUSED)
{
	CLEANUP_CLOUD struct cloud *c = open_cloud();

	assert_success(parallel_for(6, 0, slow_network, c, NULL, &test_error));
	assert_int_equal(server_most_at_once(server), 4);
}

static void test_one_does_not_wait_for_the_other(void **state UNUSED)
{
	CLEANUP_CLOUD struct cloud *c = open_cloud();

	assert_success(parallel_for(16, 0, slow_both, c, NULL, &test_error));
	assert_in_range(server_most_at_once(server), 9, 12);
}

/* ---- rate limits ---- */

static int in_the_storm(size_t i UNUSED, void *context, struct error **err)
{
	return get(context, CLOUD_COMPUTE, "/storm", err);
}

/* 60 requests at 20 a second: what is refused meanwhile is a few requests of each second, not all that wait. */
static void storm(int status, const char *headers)
{
	CLEANUP_CLOUD struct cloud *c = open_cloud();
	int64_t start = clock_ms();

	fake.limit_headers = headers;
	atomic_store(&fake.limit_status, status);
	assert_success(parallel_for(60, 0, in_the_storm, c, NULL, &test_error));
	assert_in_range(server_count(server, "GET", "/compute/v2.1/storm"), 60, 90);
	assert_true(clock_ms() - start < 30000);
}

static void test_storms_of_429(void **state UNUSED)
{
	storm(429, "Retry-After: 1\r\n");
}

static void test_storms_of_429_that_do_not_say_when(void **state UNUSED)
{
	storm(429, "");
}

static void test_storms_of_nova_s_413(void **state UNUSED)
{
	storm(413, "Retry-After: 1\r\n");
}

/* Its quota: said once, and final. */
static void test_cinder_s_413_is_not_repeated(void **state UNUSED)
{
	CLEANUP_CLOUD struct cloud *c = open_cloud();
	struct cloud_call call = {.service = CLOUD_VOLUME, .method = "POST", .path = "/over-limit", .retry = RETRY_C};

	assert_int_equal(cloud_call(c, &call, NULL, NULL, NULL, &test_error), -1);
	assert_int_equal(error_kind(test_error), ERROR_QUOTA);
	assert_failure(-1, "VolumeSizeExceedsAvailableQuota");
	assert_int_equal(server_count(server, "POST", "/volume/v3/p/over-limit"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLOUD_TEST(test_nova_gets_eight_at_a_time),
		CLOUD_TEST(test_neutron_gets_four),
		CLOUD_TEST(test_one_does_not_wait_for_the_other),
		CLOUD_TEST(test_storms_of_429),
		CLOUD_TEST(test_storms_of_429_that_do_not_say_when),
		CLOUD_TEST(test_storms_of_nova_s_413),
		CLOUD_TEST(test_cinder_s_413_is_not_repeated),
	};

	return cmocka_run_group_tests(tests, cloud_make_folder, cloud_remove_folder);
}
