/* Quotas of nova, neutron, cinder and octavia, and how much of them a cluster takes. */
#include "tests/unit/preflight_fixture.h"

static void test_quotas_of_nova(void **state)
{
	struct fixture *f = *state;

	fact(f, FACT_COMPUTE_LIMITS, ABSOLUTE("5", "7", "5000", "1", "1", "1"));
	says(f, "error quota: quota of instances: 4 are needed, 3 of 5 are free\n"
		"error quota: quota of cores: 4 are needed, 3 of 7 are free\n"
		"error quota: quota of memory: 4096 MiB are needed, 4000 of 5000 MiB are free\n"
		"error quota: quota of server groups: 2 are needed, 1 of 1 are free\n"
		"error quota: quota of keypairs of the user: 1 are needed, 0 of 1 are free\n"
		"error quota: quota of members of server group \"w\": 2 servers are to be in it, the cloud allows 1\n");
	fact(f, FACT_COMPUTE_LIMITS, ABSOLUTE("-1", "-1", "-1", "-1", "-1", "-1"));
	says(f, "");
}

static void test_quotas_of_neutron(void **state)
{
	struct fixture *f = *state;

	fact(f, FACT_NETWORK_QUOTA,
	     "{\"quota\":{\"network\":" OF("1", "1") ",\"subnet\":" OF("0", "0") ",\"router\":" OF("-1", "7") ",\"port\":" OF(
		     "6", "1") ",\"security_group\":" OF("3", "0") ",\"security_group_rule\":" OF("20",
												    "0") ",\"floatingip\":" OF(
		     "1", "1") "}}");
	/* none used: neutron adds the project's default group, with four rules */
	says(f, "error quota: quota of networks: 1 are needed, 0 of 1 are free\n"
		"error quota: quota of subnets: 1 are needed, 0 of 0 are free\n"
		"error quota: quota of ports: 6 are needed, 5 of 6 are free\n"
		"error quota: quota of security groups: 4 are needed, 3 of 3 are free\n"
		"error quota: quota of security group rules: 21 are needed, 20 of 20 are free\n"
		"error quota: quota of floating IPs: 1 are needed, 0 of 1 are free\n");
}

/* Numbers that no sum of has room are kept small enough. */
static void test_numbers_without_measure(void **state)
{
	struct fixture *f = *state;

	fact(f, FACT_NETWORK_QUOTA,
	     "{\"quota\":{\"network\":{\"limit\":9223372036854775807,\"used\":9223372036854775807,\"reserved\":9223372036854775807},"
	     "\"port\":{\"limit\":-9223372036854775807,\"used\":-9223372036854775807,\"reserved\":-9223372036854775807}}}");
	replace(&f->view->flavors,
		"[{\"id\":\"f1\",\"name\":\"m1.small\",\"vcpus\":9223372036854775807,\"ram\":9223372036854775807,\"disk\":4}]");
	says(f, "error quota: quota of cores: 4000000000000000 are needed, 16 of 20 are free\n"
		"error quota: quota of memory: 4000000000000000 MiB are needed, 50200 of 51200 MiB are free\n"
		"error quota: quota of networks: 1 are needed, 0 of 1000000000000000 are free\n");
}

static void test_quotas_without_details(void **state)
{
	struct fixture *f = *state;
	CLEANUP_FREE char *quota = NULL;

	fact(f, FACT_NETWORK_QUOTA, "{\"quota\":{\"network\":10,\"port\":5,\"floatingip\":-1}}");
	says(f, "error quota: quota of ports: 6 are needed, 5 of 5 are free\n");
	quota = passed(f, "quota");
	assert_non_null(strstr(quota, "networks: 1, the limit is 10\n"));
	assert_non_null(strstr(quota, "floating IPs: 1, without a limit\n"));
}

static void test_quotas_of_cinder(void **state)
{
	struct fixture *f = *state;

	fact(f, FACT_VOLUME_QUOTA,
	     "{\"quota_set\":{\"volumes\":" SET("10", "9") ",\"gigabytes\":" SET("100", "80") ",\"volumes_ssd\":" SET(
		     "0", "0") ",\"gigabytes_ssd\":" SET("10", "0") ",\"per_volume_gigabytes\":" SET("19", "0") "}}");
	says(f, "error quota: quota of volumes: 2 are needed, 1 of 10 are free\n"
		"error quota: quota of volumes' size: 25 GiB are needed, 20 of 100 GiB are free\n"
		"error quota: quota of volumes of type \"ssd\": 1 are needed, 0 of 0 are free\n"
		"error quota: quota of volumes' size of type \"ssd\": 20 GiB are needed, 10 of 10 GiB are free\n"
		"error quota: quota of one volume's size: demo-cp-1 gets one of 20 GiB, the cloud allows 19 GiB\n");
}

/* As if the file had an API of its own address in Octavia. */
static void with_balancer(struct fixture *f)
{
	f->spec->api.endpoint = API_OCTAVIA;
	fact(f, FACT_BALANCER_QUOTA, "{\"quota\":{\"load_balancer\":3,\"listener\":-1,\"pool\":5,\"health_monitor\":5,\"member\":50}}");
	fact(f, FACT_BALANCERS, "{\"loadbalancers\":[{\"listeners\":[{\"id\":\"a\"},{\"id\":\"b\"}],\"pools\":[{\"id\":\"c\"}]},{}]}");
}

static void test_quotas_of_octavia(void **state)
{
	struct fixture *f = *state;
	struct needs n = {0};
	CLEANUP_FREE char *right = NULL;

	with_balancer(f);
	says(f, "");
	right = passed(f, "quota");
	assert_non_null(strstr(right, "\nload balancers: 1 of 1 that are free (limit 3)\nlisteners of load balancers: 1"));
	assert_non_null(strstr(right, "\npools of load balancers: 1 of 4 that are free (limit 5)\n"));
	assert_success(needs_count(f->plan, f->view, &n, &test_error));
	assert_int_equal(n.ports, n.kinds[KIND_PORT] + 2); /* of DHCP and of the load balancer */
	needs_free(&n);
	fact(f, FACT_BALANCER_QUOTA, "{\"quota\":{\"loadbalancer\":2,\"listener\":2,\"pool\":1,\"healthmonitor\":0,\"member\":0}}");
	says(f, "error quota: quota of load balancers: 1 are needed, 0 of 2 are free\n"
		"error quota: quota of listeners of load balancers: 1 are needed, 0 of 2 are free\n"
		"error quota: quota of pools of load balancers: 1 are needed, 0 of 1 are free\n"
		"error quota: quota of health monitors of load balancers: 1 are needed, 0 of 0 are free\n"
		"error quota: quota of members of load balancers: 1 are needed, 0 of 0 are free\n");
	fact_clear(&f->view->facts[FACT_BALANCERS]); /* nobody may list them: limits alone count */
	fact(f, FACT_BALANCER_QUOTA, "{\"quota\":{\"load_balancer\":1,\"listener\":1,\"pool\":1,\"health_monitor\":1,\"member\":1}}");
	says(f, "");
	fact(f, FACT_BALANCER_QUOTA, "{\"quota\":{\"load_balancer\":0}}");
	says(f, "error quota: quota of load balancers: 1 are needed, 0 of 0 are free\n");
}

static void test_providers_of_octavia(void **state)
{
	struct fixture *f = *state;
	char ovn[] = "ovn";

	with_balancer(f);
	f->spec->api.provider = ovn;
	fact(f, FACT_BALANCER_PROVIDERS, "{\"providers\":[{\"name\":\"amphora\"},{\"name\":\"octavia\"}]}");
	says(f, "error load balancer: octavia has no provider \"ovn\"; it has amphora, octavia\n");
	fact(f, FACT_BALANCER_PROVIDERS, "{\"providers\":[{\"name\":\"ovn\"}]}");
	says(f, "");
	f->view->services[CLOUD_LOAD_BALANCER] = false;
	says(f, "error service: the cloud's catalog has no load-balancer (octavia) service, and the file has api.endpoint: octavia\n");
	f->spec->api.provider = NULL;
}

#define SERVER(name) "{\"id\":\"" name "\",\"name\":\"" name "\",\"status\":\"ACTIVE\",\"metadata\":{\"davit\":\"" UUID "\"}}"

static void test_only_what_will_be_made_is_counted(void **state)
{
	struct fixture *f = *state;
	struct needs n = {0};

	fact(f, FACT_COMPUTE_LIMITS, ABSOLUTE("3", "20", "51200", "10", "10", "100"));
	add(f, KIND_SERVER, "[" SERVER("demo-cp-1") "," SERVER("demo-registry") "," SERVER("demo-w-1") "]");
	add(f, KIND_NETWORK, "[{\"id\":\"N\",\"name\":\"demo\"," MARKED "}]");
	add(f, KIND_GROUP,
	    "[{\"id\":\"g\",\"name\":\"demo-registry\"," MARKED ",\"security_group_rules\":[{\"direction\":\"ingress\",\"ethertype\":"
	    "\"IPv4\",\"protocol\":\"tcp\",\"port_range_min\":5000,\"port_range_max\":5000,\"remote_group_id\":\"h\"}]},"
	    "{\"id\":\"h\",\"name\":\"demo-node\"," MARKED ",\"security_group_rules\":[]}]");
	says(f, "");
	assert_success(needs_count(f->plan, f->view, &n, &test_error));
	assert_int_equal(n.kinds[KIND_SERVER], 1);
	assert_int_equal(n.cores, 1);
	assert_int_equal(n.ram_mib, 1024);
	assert_int_equal(n.kinds[KIND_NETWORK], 0);
	assert_int_equal(n.ports, 5); /* no DHCP port: the network is there */
	assert_int_equal(n.kinds[KIND_GROUP], 1);
	assert_int_equal(n.rules, 2 + 10); /* of the one new group, and all but the rule that is there */
	needs_free(&n);
}

/* Of a server that is gone before anything is made: with its flavor, as nova tells it from 2.47 on, its port and its volume. */
static void test_what_goes_first_gives_its_place(void **state)
{
	struct fixture *f = *state;
	struct needs n = {0}, less = {0};

	assert_success(needs_count(f->plan, f->view, &n, &test_error));
	add(f, KIND_SERVER, "[{\"id\":\"s\",\"name\":\"demo-w-9\",\"metadata\":{\"davit\":\"" UUID "\"},\"flavor\":{\"vcpus\":2,\"ram\":512}}]");
	add(f, KIND_PORT, "[{\"id\":\"p\",\"name\":\"demo-w-9\"," MARKED "}]");
	add(f, KIND_VOLUME, "[{\"id\":\"v\",\"name\":\"demo-w-9-root\",\"size\":8,\"volume_type\":\"ssd\",\"metadata\":{\"davit\":\"" UUID "\"}}]");
	strv_add(&f->plan->leaving, "demo-w-9");
	strv_add(&f->plan->first, "demo-w-9");
	assert_success(needs_count(f->plan, f->view, &less, &test_error));
	assert_int_equal(less.kinds[KIND_SERVER], n.kinds[KIND_SERVER] - 1);
	assert_int_equal(less.kinds[KIND_VOLUME], n.kinds[KIND_VOLUME] - 1);
	assert_int_equal(less.ports, n.ports - 1);
	assert_int_equal(less.cores, n.cores - 2);
	assert_int_equal(less.ram_mib, n.ram_mib - 512);
	assert_int_equal(less.gib, n.gib - 8);
	fact(f, FACT_VOLUME_QUOTA, "{\"quota_set\":{\"volumes\":" SET("10", "9") ",\"gigabytes\":" SET("100", "80") ",\"volumes_ssd\":" SET(
					   "0", "0") ",\"gigabytes_ssd\":" SET("10", "0") "}}");
	says(f, "error quota: quota of volumes' size of type \"ssd\": 12 GiB are needed, 10 of 10 GiB are free\n");
	needs_free(&n);
	needs_free(&less);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(test_quotas_of_nova),
		WITH(test_quotas_of_neutron),
		WITH(test_numbers_without_measure),
		WITH(test_quotas_without_details),
		WITH(test_quotas_of_cinder),
		WITH(test_quotas_of_octavia),
		WITH(test_providers_of_octavia),
		WITH(test_only_what_will_be_made_is_counted), WITH(test_what_goes_first_gives_its_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
