/* An API with an address of its own, against the cloud in memory: a shared address, and a load balancer of Octavia's. */
#include "core/base/alloc.h"
#include "provision/provision.h"
#include "tests/unit/cluster_fixture.h"
#include "tests/unit/fake_cloud.h"
#include "tests/unit/test.h"

#define FILE_OF(api, planes)                                                                                                      \
	"apiVersion: davit/v1\nkind: Cluster\nmetadata: {name: demo}\nspec:\n  platform: {version: 1.36.3}\n"                     \
	"  openstack: {image: debian-12}\n  controlPlane: {flavor: m1.small, count: " planes "}\n  registry: {volume: {size: 5}}\n"  \
	"  api: {" api "}\n  access: {bastion: none}\n"
#define VIP FILE_OF("endpoint: vip", "3")
#define OCTAVIA FILE_OF("endpoint: octavia", "3")
#define GOES ": served another way to the servers: goes when all were reached in that of the file\n"

static void assert_differences(struct cluster *c, const char *wanted)
{
	CLEANUP_FREE char *text = cluster_differences(c);

	assert_string_equal(text, wanted);
}

static void begin(struct cluster *c, const char *text)
{
	cluster_begin(c);
	cluster_use(c, text);
}

/* Nothing is left, of any kind. */
static void finish(struct cluster *c)
{
	struct removal_job job = {.cloud = fake_cloud(), .cluster = "demo", .uuid = state_uuid(c->state), .state = c->state};

	assert_success(provision_remove(&job, &test_error));
	for (int kind = 0; kind < KIND_COUNT; kind++)
		assert_int_equal(fake_count(kind), 0);
	cluster_end(c);
}

/* The state has each thing under one name, also the floating IP that had none before it pointed to something. */
static void assert_known_once(struct cluster *c)
{
	struct resource *rows = NULL;
	size_t n = 0;

	assert_success(state_resources(c->state, &rows, &n, &test_error));
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < i; k++)
			if (strcmp(rows[i].kind, rows[k].kind) == 0 && rows[i].id != NULL && rows[k].id != NULL && strcmp(rows[i].id, rows[k].id) == 0)
				fail_msg("the state has %s %s and %s: %s", rows[i].kind, rows[i].name, rows[k].name, rows[i].id);
	resource_list_free(rows, n);
}

/* Every call fails once, in every way; the next run completes it, and the one after that has nothing to do. */
static void torture(const char *text)
{
	static const enum fake_fault faults[] = {FAULT_LOST, FAULT_APPLIED, FAULT_REFUSED, FAULT_REPEATED};

	for (size_t f = 0; f < ARRAY_SIZE(faults); f++) {
		unsigned calls, n = 0;

		do { /* until that many calls are not made: one that failed is the last of its run */
			CLEANUP_ERROR struct error *err = NULL;
			struct cluster c = {0};

			begin(&c, text);
			fake_fail(++n, faults[f]);
			(void)!cluster_apply(&c, &err);
			calls = fake_calls();
			fake_fail(0, FAULT_NONE);
			cluster_use(&c, text); /* as another process: only the state is known */
			assert_success(cluster_apply(&c, &test_error));
			assert_differences(&c, "");
			assert_int_equal(fake_count(KIND_FLOATING_IP), 1);
			assert_known_once(&c);
			finish(&c);
		} while (n <= calls);
	}
}

static void test_torture_a_shared_address(void **state UNUSED)
{
	torture(VIP);
}

static void test_torture_a_load_balancer(void **state UNUSED)
{
	torture(OCTAVIA);
}

/* The floating IP's address is known before anything is made for certificates to hold. */
static void assert_known(struct cluster *c)
{
	CLEANUP_FREE char *known = state_get(c->state, STATE_API);

	assert_non_null(known);
	assert_string_equal(c->plan->api_outside, known);
	assert_string_equal(json_get_str(fake_nth(KIND_FLOATING_IP, 0), "floating_ip_address", ""), known);
}

static void test_a_shared_address(void **state UNUSED)
{
	struct cluster c = {0};
	struct json_object *port, *plane;

	begin(&c, VIP);
	assert_success(cluster_apply(&c, &test_error));
	assert_known(&c);
	port = fake_find(KIND_PORT, "demo-api");
	assert_string_equal(json_get_str(port, "fixed_ips[0].ip_address", ""), "10.6.0.7");
	assert_string_equal(json_get_str(fake_nth(KIND_FLOATING_IP, 0), "port_id", ""), json_get_str(port, "id", "?"));
	plane = fake_find(KIND_PORT, "demo-cp-2");
	assert_string_equal(json_get_str(plane, "allowed_address_pairs[0].ip_address", ""), "10.6.0.7");
	assert_int_equal(json_len(json_at(fake_find(KIND_PORT, "demo-registry"), "allowed_address_pairs")), 0);
	/* what others have added stays */
	json_object_object_add(plane, "allowed_address_pairs", json_tokener_parse("[{\"ip_address\":\"10.6.0.250\"}]"));
	json_add_str(fake_nth(KIND_FLOATING_IP, 0), "port_id", NULL);
	json_object_object_del(fake_nth(KIND_FLOATING_IP, 0), "port_id");
	cluster_use(&c, VIP);
	{
		CLEANUP_FREE char *text = cluster_differences(&c);

		assert_non_null(strstr(text, "points to no port, and will point to the API"));
		assert_non_null(strstr(text, "port demo-cp-2: does not let packets from 10.6.0.7 through"));
	}
	assert_success(cluster_apply(&c, &test_error));
	assert_differences(&c, "");
	assert_int_equal(json_len(json_at(fake_find(KIND_PORT, "demo-cp-2"), "allowed_address_pairs")), 2);
	assert_known(&c);
	finish(&c);
}

static struct json_object *listener(void)
{
	return json_at(fake_nth(KIND_BALANCER, 0), "listeners[0]");
}

static void test_a_load_balancer(void **state UNUSED)
{
	struct cluster c = {0};

	begin(&c, OCTAVIA);
	assert_success(cluster_apply(&c, &test_error));
	assert_known(&c);
	assert_string_equal(json_get_str(fake_nth(KIND_FLOATING_IP, 0), "port_id", ""), json_get_str(fake_nth(KIND_BALANCER, 0), "vip_port_id", "?"));
	assert_int_equal(json_len(json_at(listener(), "default_pool.members")), 3);
	assert_string_equal(json_get_str(listener(), "default_pool.members[2].address", ""), "10.6.0.12");
	assert_string_equal(json_get_str(listener(), "default_pool.healthmonitor.url_path", ""), "/readyz");
	assert_true(json_get_int(listener(), "timeout_client_data", 0) > 3600 * 1000);
	/* as control planes come and go, and who may come changes */
	cluster_use(&c, FILE_OF("endpoint: octavia, allowedCIDRs: [192.0.2.0/24]", "5"));
	{
		CLEANUP_FREE char *text = cluster_differences(&c);

		assert_non_null(strstr(text, "load balancer demo-api: lets others in than api.allowedCIDRs\n"));
	}
	assert_success(cluster_apply(&c, &test_error));
	assert_differences(&c, "");
	json_object_array_del_idx(json_at(listener(), "default_pool.members"), 0, 1);
	assert_differences(&c, "load balancer demo-api: leads to [10.6.0.11, 10.6.0.12, 10.6.0.13, 10.6.0.14], the control planes are [10.6.0.10, 10.6.0.11, "
			       "10.6.0.12, 10.6.0.13, 10.6.0.14]\n");
	assert_success(cluster_apply(&c, &test_error));
	assert_int_equal(json_len(json_at(listener(), "default_pool.members")), 5);
	assert_string_equal(json_object_get_string(json_object_array_get_idx(json_at(listener(), "allowed_cidrs"), 0)), "192.0.2.0/24");
	finish(&c);
}

/* A broken one is made anew, and keeps its floating IP; a part that is missing is made. */
static void test_a_broken_load_balancer(void **state UNUSED)
{
	static const char *const broken[] = {"ERROR", "gone", "no listener", "no pool", "no monitor"};

	for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
		struct cluster c = {0};
		CLEANUP_FREE char *had = NULL;

		begin(&c, OCTAVIA);
		assert_success(cluster_apply(&c, &test_error));
		had = xstrdup(json_get_str(fake_nth(KIND_BALANCER, 0), "id", ""));
		if (i == 0)
			json_add_str(fake_nth(KIND_BALANCER, 0), "provisioning_status", "ERROR");
		else if (i == 1)
			fake_drop(KIND_BALANCER, "demo-api");
		else if (i == 2)
			json_object_object_del(fake_nth(KIND_BALANCER, 0), "listeners");
		else if (i == 3)
			json_object_object_del(listener(), "default_pool");
		else
			json_object_object_del(json_at(listener(), "default_pool"), "healthmonitor");
		cluster_use(&c, OCTAVIA);
		assert_success(cluster_apply(&c, &test_error));
		assert_differences(&c, "");
		assert_int_equal(strcmp(json_get_str(fake_nth(KIND_BALANCER, 0), "id", ""), had) != 0, i < 2);
		assert_known(&c);
		if (i == 1) /* its port is nobody's now */
			fake_drop(KIND_PORT, "octavia-lb");
		finish(&c);
	}
}

static int retire(struct cluster *c)
{
	struct removal_job job = {.cloud = fake_cloud(), .cluster = "demo", .uuid = state_uuid(c->state), .state = c->state};

	return provision_retire(&job, c->plan, c->inventory, &test_error);
}

/* From one to the other in place, by the same floating IP; what served the first goes at the end. */
static void test_another_endpoint(void **state UNUSED)
{
	struct cluster c = {0};
	CLEANUP_FREE char *known = NULL;

	begin(&c, OCTAVIA);
	assert_success(cluster_apply(&c, &test_error));
	known = xstrdup(c.plan->api_outside);
	cluster_use(&c, VIP);
	assert_success(cluster_apply(&c, &test_error));
	assert_differences(&c, "load balancer demo-api" GOES);
	assert_string_equal(json_get_str(fake_nth(KIND_FLOATING_IP, 0), "port_id", ""), json_get_str(fake_find(KIND_PORT, "demo-api"), "id", "?"));
	assert_success(retire(&c));
	assert_differences(&c, "");
	assert_int_equal(fake_count(KIND_BALANCER), 0);
	assert_string_equal(c.plan->api_outside, known);
	cluster_use(&c, FILE_OF("endpoint: internal", "3"));
	assert_success(cluster_apply(&c, &test_error)); /* the pairs go before the port does */
	assert_int_equal(json_len(json_at(fake_find(KIND_PORT, "demo-cp-2"), "allowed_address_pairs")), 0);
	assert_differences(&c, "port demo-api" GOES "floating IP demo-api" GOES);
	assert_success(retire(&c));
	assert_differences(&c, "");
	assert_null(state_get(c.state, STATE_API));
	finish(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_shared_address),
		cmocka_unit_test(test_a_load_balancer),
		cmocka_unit_test(test_a_broken_load_balancer),
		cmocka_unit_test(test_another_endpoint),
		cmocka_unit_test(test_torture_a_shared_address),
		cmocka_unit_test(test_torture_a_load_balancer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
