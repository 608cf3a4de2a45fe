/* The checks before the first write: each on canned answers of the cloud, and asked for through a cloud in memory. */
#include "tests/unit/preflight_fixture.h"

static void test_nothing_is_found_where_all_is_right(void **state)
{
	struct fixture *f = *state;
	CLEANUP_FREE char *quota = NULL, *image = NULL;

	says(f, "");
	quota = passed(f, "quota");
	assert_string_equal(quota, "instances: 4 of 8 that are free (limit 10)\ncores: 4 of 16 that are free (limit 20)\n"
				   "memory: 4096 of 50200 that are free (limit 51200)\n"
				   "server groups: 2 of 10 that are free (limit 10)\n"
				   "keypairs of the user: 1 of 99 that are free (limit 100)\n"
				   "members of server group \"control-plane\": 1 of 10 that are free (limit 10)\n"
				   "members of server group \"w\": 2 of 10 that are free (limit 10)\n"
				   "networks: 1 of 10 that are free (limit 10)\nsubnets: 1 of 10 that are free (limit 10)\n"
				   "routers: 1 of 10 that are free (limit 10)\nports: 6 of 50 that are free (limit 50)\n"
				   "security groups: 3 of 9 that are free (limit 10)\n"
				   "security group rules: 17 of 96 that are free (limit 100)\n"
				   "floating IPs: 1 of 5 that are free (limit 5)\nvolumes: 2 of 10 that are free (limit 10)\n"
				   "volumes' size: 25 of 1000 that are free (limit 1000)\n"
				   "volumes of type \"ssd\": 1, without a limit\n"
				   "volumes' size of type \"ssd\": 20, without a limit\n");
	image = passed(f, "image");
	assert_string_equal(image, "image \"debian-12\" (i1, visible)\n");
}

/* ---- what the file names ---- */

static void test_all_names_are_told_at_once(void **state)
{
	struct fixture *f = *state;

	replace(&f->view->images, "[]");
	f->view->all_images =
		json_of("[{\"name\":\"debian-11\"},{\"name\":\"vmlinuz\",\"disk_format\":\"aki\"},{\"name\":\"cirros\"}]");
	replace(&f->view->flavors, "[{\"name\":\"m1.smal\",\"vcpus\":2,\"ram\":2048,\"disk\":8}]");
	replace(&f->view->externals, "[{\"id\":\"e1\",\"name\":\"a\"},{\"id\":\"e2\",\"name\":\"b\"}]");
	says(f, "error image: image \"debian-12\": the cloud has no such image; it has cirros, debian-11; did you mean "
		"\"debian-11\"?\n"
		"error external network: the cloud has several external networks: a, b\n"
		"error flavor: flavor \"m1.small\": the cloud has no such flavor; it has m1.smal (2 vCPU, 2048 MiB, 8 GiB disk); "
		"did you mean \"m1.smal\"?\n");
}

static void test_an_error_has_all_that_refuses(void **state)
{
	struct fixture *f = *state;
	CLEANUP_ERROR struct error *err = NULL;

	replace(&f->view->images, "[{\"id\":\"i1\",\"name\":\"debian-12\"},{\"id\":\"i2\",\"name\":\"debian-12\"}]");
	f->view->external_default = xstrdup("ext");
	assert_int_equal(provision_check(f->plan, f->view, &err), -1);
	assert_int_equal(error_exit_status(err), 3);
	assert_string_equal(error_message(err),
			    "some checks refuse before the first write; nothing was changed:\n"
			    "  image \"debian-12\": the cloud has 2 of that name: i1, i2\n"
			    "    do: write the id of the one that is meant as spec.openstack.image\n"
			    "  external network \"ext\": the cloud has no such external network; it has public\n"
			    "    do: write the name or id of one that is there as spec.openstack.externalNetwork");
}

static void test_what_does_not_fit_is_refused(void **state)
{
	struct fixture *f = *state;

	replace(&f->view->images, "[{\"id\":\"i1\",\"name\":\"debian-12\",\"min_disk\":30,\"min_ram\":2048}]");
	f->view->services[CLOUD_VOLUME] = false;
	says(f, "error service: the cloud's catalog has no volume (cinder) service, and the file wants volumes\n"
		"error flavor: flavor \"m1.small\": 1024 MiB of memory are too little for image \"debian-12\", which needs 2048 MiB\n"
		"error flavor: flavor \"m1.small\": its disk of 4 GiB is too small for image \"debian-12\", which needs 30 GiB\n"
		"error flavor: pool \"control-plane\": a root volume of 20 GiB is too small for image \"debian-12\", which needs 30 "
		"GiB\n");
}

static void test_images_that_cannot_be_booted(void **state)
{
	struct fixture *f = *state;

	replace(&f->view->images, "[{\"id\":\"i1\",\"name\":\"debian-12\",\"status\":\"deactivated\"}]");
	says(f, "error image: image \"debian-12\": is deactivated, not active\n");
	replace(&f->view->images, "[{\"id\":\"i1\",\"name\":\"debian-12\",\"status\":\"active\",\"hw_architecture\":\"aarch64\"}]");
	says(f, "error image: image \"debian-12\": is for aarch64\n");
	replace(&f->view->images, "[{\"id\":\"i1\",\"name\":\"debian-12\",\"status\":\"active\",\"disk_format\":\"iso\"}]");
	says(f, "error image: image \"debian-12\": is of format iso\n");
}

static void test_zones(void **state)
{
	struct fixture *f = *state;

	fact(f, FACT_COMPUTE_ZONES, "{\"availabilityZoneInfo\":[" ZONE("az1", "false") "," ZONE("az3", "true") "]}");
	says(f, "error availability zone: availability zone \"az1\": nova says that it is not available\n"
		"error availability zone: availability zone \"az2\": the cloud has no such availability zone; it has az1, az3; did you "
		"mean \"az1\"?\n");
	fact(f, FACT_COMPUTE_ZONES, "{\"availabilityZoneInfo\":[" ZONE("az1", "true") "," ZONE("az2", "true") "]}");
	f->plan->nodes[2].root.size_gib = 10; /* demo-w-1, in az1 */
	says(f, "warning availability zone: availability zone \"az1\": nova has it, cinder has not (it has nova), and pool \"w\" wants "
		"volumes\n");
}

static void test_volume_types(void **state)
{
	struct fixture *f = *state;

	fact(f, FACT_VOLUME_TYPES, "{\"volume_types\":[{\"id\":\"t\",\"name\":\"sdd\"}]}");
	says(f, "error volume type: volume type \"ssd\": the cloud has no such volume type; it has sdd; did you mean \"sdd\"?\n");
}

/* ---- quotas ---- */

static void test_what_cannot_be_read_is_a_warning(void **state)
{
	struct fixture *f = *state;

	fact_clear(&f->view->facts[FACT_COMPUTE_LIMITS]);
	f->view->facts[FACT_COMPUTE_LIMITS].failure = xstrdup("GET /limits: Forbidden (HTTP 403)");
	says(f, "warning quota: quota of compute (nova) cannot be read: GET /limits: Forbidden (HTTP 403)\n");
}

/* ---- the network ---- */

static void test_free_addresses(void **state)
{
	struct fixture *f = *state;

	fact(f, FACT_SUBNETS,
	     "{\"subnets\":[{\"network_id\":\"e1\",\"cidr\":\"203.0.113.0/29\",\"ip_version\":4,\"allocation_pools\":[{\"start\":"
	     "\"203.0.113.2\",\"end\":\"203.0.113.2\"}]}]}");
	says(f, "error external network: external network \"public\": 2 addresses are needed, 1 of 1 are free\n");
	fact(f, FACT_FREE_ADDRESSES, "{\"network_ip_availabilities\":[{\"network_id\":\"e1\",\"total_ips\":10,\"used_ips\":9}]}");
	says(f, "error external network: external network \"public\": 2 addresses are needed, 1 of 10 are free\n");
	fact(f, FACT_FREE_ADDRESSES, "{\"network_ip_availabilities\":[{\"network_id\":\"e1\",\"total_ips\":10,\"used_ips\":8}]}");
	says(f, "");
}

/* How many addresses are taken is told to administrators; that more are needed than there are, everybody sees. */
static void test_networks_of_a_pool(void **state)
{
	struct fixture *f = *state;
	CLEANUP_FREE char *ports = NULL;

	strv_add(&f->spec->pools[0].networks, "storage");
	f->view->nics.networks = json_of("[{\"id\":\"n1\",\"name\":\"storage\"}]");
	f->view->nics.subnets = json_of("[{\"id\":\"s1\",\"name\":\"flat\",\"network_id\":\"n1\",\"gateway_ip\":null,"
				     "\"allocation_pools\":[{\"start\":\"10.9.0.2\",\"end\":\"10.9.0.3\"}]}]");
	says(f, "");
	ports = passed(f, "quota");
	assert_non_null(strstr(ports, "ports: 8 of 50 that are free"));
	fact(f, FACT_FREE_ADDRESSES, "{\"network_ip_availabilities\":[{\"network_id\":\"n1\",\"total_ips\":2,\"used_ips\":1}]}");
	says(f, "error network: network \"storage\": 2 addresses are needed, 1 of 2 are free\n");
	fact(f, FACT_FREE_ADDRESSES, "{}");
	replace(&f->view->nics.subnets, "[{\"id\":\"s1\",\"name\":\"flat\",\"network_id\":\"n1\",\"gateway_ip\":\"10.9.0.1\","
					"\"allocation_pools\":[{\"start\":\"10.9.0.2\",\"end\":\"10.9.0.2\"}]}]");
	says(f, "warning network: network \"storage\": servers may take a second default route, by the gateway of subnet \"flat\"\n"
		"error network: network \"storage\": 2 addresses are needed, 1 of 1 are free\n");
}

static void test_ranges_that_overlap(void **state)
{
	struct fixture *f = *state;

	fact(f, FACT_SUBNETS,
	     "{\"subnets\":[{\"network_id\":\"e1\",\"cidr\":\"10.0.0.0/8\",\"allocation_pools\":[{\"start\":\"10.0.0.2\",\"end\":\"10.255.255.254\"}]},{\"network_id\":\"other\",\"cidr\":\"10.6.0.0/24\"}]}");
	says(f, "error addresses: spec.network.cidr 10.6.0.0/24 overlaps 10.0.0.0/8, which network \"public\" uses\n"
		"warning addresses: spec.network.podCIDR 10.244.0.0/16 overlaps 10.0.0.0/8, which network \"public\" uses\n"
		"warning addresses: spec.network.serviceCIDR 10.96.0.0/16 overlaps 10.0.0.0/8, which network \"public\" uses\n");
}

static void test_the_subnet_has_another_range(void **state)
{
	struct fixture *f = *state;

	add(f, KIND_SUBNET, "[{\"id\":\"S\",\"name\":\"demo\",\"cidr\":\"10.7.0.0/24\"," MARKED "}]");
	says(f, "error addresses: spec.network.cidr is 10.6.0.0/24, the cluster's subnet is 10.7.0.0/24\n");
}

static void test_packets(void **state)
{
	struct fixture *f = *state;

	replace(&f->view->externals, "[{\"id\":\"e1\",\"name\":\"public\",\"mtu\":1400}]");
	says(f, "warning mtu: external network \"public\" takes packets of 1400 bytes, fewer than the cluster's network\n");
	add(f, KIND_NETWORK, "[{\"id\":\"N\",\"name\":\"demo\",\"mtu\":1300," MARKED "}]");
	says(f, "warning mtu: the cluster's network takes packets of 1300 bytes: pods have 1250\n");
}

/* ---- the cloud ---- */

static void test_roles(void **state)
{
	struct fixture *f = *state;

	strv_add(&f->view->roles, "reader");
	says(f, "error role: the login has no role that may write: it has reader\n");
	strv_add(&f->view->roles, "member");
	says(f, "");
}

static void test_a_credential_that_the_login_may_make(void **state)
{
	struct fixture *f = *state;
	struct strv *wanted = &f->spec->openstack.application_credential.roles;
	struct fact_answer *a = &f->view->facts[FACT_CREDENTIALS];
	CLEANUP_FREE char *right = NULL;

	f->view->restricted = true;
	says(f, ""); /* the file wants none */
	strv_add(wanted, "Member");
	strv_add(wanted, "load-balancer_member");
	strv_add(&f->view->roles, "member");
	fact(f, FACT_CREDENTIALS, "{\"application_credentials\":[{\"name\":\"mine\",\"description\":\"davit:x\"}]}");
	says(f, "error application credential: this login is a restricted application credential itself, which can make no others\n");
	f->view->restricted = false;
	says(f, "error application credential: openstack.applicationCredential: the login has no role load-balancer_member in the project; "
		"it has member\n");
	f->view->by_credential = true; /* an unrestricted one, which has not all roles of its user */
	says(f, "");
	f->view->by_credential = false;
	strv_add(&f->view->roles, "load-balancer_member");
	says(f, "");
	right = passed(f, "application credential");
	assert_string_equal(right, "this login may make an application credential for the cluster\n");
	f->view->restricted = true;
	fact(f, FACT_CREDENTIALS, "{\"application_credentials\":[{" MARKED "}]}");
	says(f, ""); /* it is there already */
	fact_clear(a);
	*a = (struct fact_answer){.failure = xstrdup("GET x: forbidden (HTTP 403)"), .status = 403};
	f->view->restricted = false;
	says(f, "warning application credential: application credentials cannot be read: GET x: forbidden (HTTP 403)\n");
	a->status = 404;
	says(f, "error application credential: this cloud's keystone makes no application credentials for this login: GET x: forbidden (HTTP "
		"403)\n");
}

static void test_the_clock(void **state)
{
	struct fixture *f = *state;

	f->view->clock_skew_ms = -90 * 1000;
	says(f, ""); /* not known */
	f->view->clock_known = true;
	says(f, "warning clock: this machine's clock is 90 s ahead of the cloud's\n");
	f->view->clock_skew_ms = 400 * 1000;
	says(f, "error clock: this machine's clock is 400 s behind the cloud's\n");
}

static void test_microversions(void **state)
{
	struct fixture *f = *state;

	fact(f, FACT_COMPUTE_VERSIONS,
	     "{\"versions\":[{\"id\":\"v2.0\",\"version\":\"\"},{\"id\":\"v2.1\",\"version\":\"2.12\",\"min_version\":\"2.1\"}]}");
	says(f, "error microversion: server groups are made by microversion 2.15 of the API, and the cloud knows 2.1 to 2.12\n");
	fact(f, FACT_COMPUTE_VERSIONS, "{\"versions\":[{\"id\":\"v2.1\",\"version\":\"2.93\",\"min_version\":\"2.1\"}]}");
	says(f, "");
}

static void test_extensions(void **state)
{
	struct fixture *f = *state;

	fact(f, FACT_EXTENSIONS, "{\"extensions\":[{\"alias\":\"router\"},{\"alias\":\"security-group\"},{\"alias\":\"external-net\"}]}");
	says(f, "error extension: network (neutron) lacks the extension \"standard-attr-description\"\n");
	free(f->spec->network.plugin);
	f->spec->network.plugin = xstrdup("none");
	says(f, "error extension: network (neutron) lacks the extension \"standard-attr-description\"\n"
		"error extension: network (neutron) lacks the extension \"allowed-address-pairs\"\n");
}

/* In a network that is there, without floating IPs: nothing of routers and external networks is needed. */
static void test_what_is_there_counts_for_nothing(void **state)
{
	static const char text[] = "apiVersion: davit/v1\nkind: Cluster\nmetadata: {name: demo}\nspec:\n"
				   "  platform: {version: 1.36.3}\n"
				   "  openstack: {image: debian-12}\n"
				   "  network: {cidr: 192.168.5.0/24, existing: {network: corp}}\n"
				   "  api: {endpoint: internal}\n"
				   "  access: {bastion: none}\n"
				   "  controlPlane: {count: 1, flavor: m1.small, volume: {size: 20, type: ssd}}\n"
				   "  workerPools: [{name: w, count: 2, flavor: m1.small, zones: [az1, az2]}]\n"
				   "  registry: {volume: {size: 5}}\n";
	struct fixture *f = *state;
	CLEANUP_FREE char *quota = NULL;

	plan_free(f->plan);
	spec_free(f->spec);
	assert_success(spec_parse("c.yaml", text, strlen(text), &f->spec, &test_error));
	assert_success(plan_make(f->spec, NULL, &f->plan, &test_error));
	f->view->existing.networks = json_of("[{\"id\":\"N\",\"name\":\"corp\"}]");
	says(f, "error existing network: network \"corp\": has no IPv4 subnet that the project may see\n");
	f->view->existing.subnets = json_of("[{\"id\":\"S\",\"name\":\"a\",\"network_id\":\"N\",\"cidr\":\"192.168.5.0/24\"}]");
	fact(f, FACT_NETWORK_QUOTA,
	     "{\"quota\":{\"network\":" OF("0", "0") ",\"subnet\":" OF("0", "0") ",\"router\":" OF("0", "0") ",\"port\":" OF(
		     "4", "0") ",\"floatingip\":" OF("0", "0") "}}");
	fact(f, FACT_EXTENSIONS, "{\"extensions\":[{\"alias\":\"security-group\"},{\"alias\":\"standard-attr-description\"}]}");
	says(f, "");
	quota = passed(f, "quota");
	assert_non_null(strstr(quota, "ports: 4 of 4 that are free (limit 4)\n"));
	assert_null(strstr(quota, "networks"));
	assert_null(strstr(quota, "routers"));
}

/* ---- asking ---- */

static void test_a_survey_asks_for_all_of_it(void **state)
{
	struct fixture *f = *state;
	CLEANUP_VIEW struct view *view = NULL;
	CLEANUP_FINDINGS struct findings findings = {0};
	unsigned calls;

	fake_answer("/limits", ABSOLUTE("3", "20", "51200", "10", "10", "100"));
	fake_answer("/quotas/project/details", NULL);
	fake_answer("/quotas/project", "{\"quota\":{\"network\":0}}");
	fake_answer("/os-quota-sets/project?usage=true", NULL);
	fake_answer("/os-availability-zone", "{\"availabilityZoneInfo\":[" ZONE("az1", "true") "," ZONE("az2", "true") "]}");
	fake_answer("/types", "{\"volume_types\":[{\"name\":\"ssd\"}]}");
	assert_success(provision_survey(fake_cloud(), f->plan, UUID, &view, &test_error));
	calls = fake_calls();
	assert_success(provision_preflight(fake_cloud(), f->plan, view, &findings, &test_error));
	assert_int_equal(fake_calls(), calls); /* nothing is asked twice */
	assert_int_equal(findings_count(&findings, SEVERITY_ERROR), 2);
	assert_string_equal(findings.items[0].what, "quota of instances: 4 are needed, 1 of 3 are free");
	assert_string_equal(findings.items[1].what, "quota of networks: 1 are needed, 0 of 0 are free");
	assert_int_equal(findings_count(&findings, SEVERITY_WARNING), 1);
	assert_string_equal(findings.items[2].what, "quota of volume (cinder) cannot be read: forbidden (HTTP 403)");
}

static void test_a_look_asks_for_the_rest_later(void **state)
{
	struct fixture *f = *state;
	CLEANUP_VIEW struct view *view = NULL;
	CLEANUP_FINDINGS struct findings findings = {0};

	fake_answer("/limits", ABSOLUTE("3", "20", "51200", "10", "10", "100"));
	assert_success(provision_look(fake_cloud(), f->plan, UUID, &view, &test_error));
	assert_int_equal(fake_calls(), KIND_COUNT + 3);
	assert_success(provision_preflight(fake_cloud(), f->plan, view, &findings, &test_error));
	assert_int_equal(findings_count(&findings, SEVERITY_ERROR), 1);
}

static void test_findings_as_json(void **state UNUSED)
{
	CLEANUP_FINDINGS struct findings f = {0}, more = {0};
	CLEANUP_JSON struct json_object *o = NULL;

	findings_add(&f, SEVERITY_ERROR, "image", xstrdup("no image"), NULL, xstrdup("name one"));
	findings_pass_count(&more, "quota", "instances", 4, 2, 10);
	findings_pass(&more, "clock", xstrdup("0 s apart"));
	findings_move(&f, &more);
	o = findings_json(&f);
	assert_string_equal(
		json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN),
		"{\"findings\":[{\"severity\":\"error\",\"check\":\"image\",\"what\":\"no image\",\"do\":\"name one\"}],\"checked\":["
		"{\"check\":\"quota\",\"what\":\"instances\",\"needed\":4,\"used\":2,\"limit\":10},"
		"{\"check\":\"clock\",\"what\":\"0 s apart\"}]}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(test_nothing_is_found_where_all_is_right),
		WITH(test_all_names_are_told_at_once),
		WITH(test_an_error_has_all_that_refuses),
		WITH(test_what_does_not_fit_is_refused),
		WITH(test_images_that_cannot_be_booted),
		WITH(test_zones),
		WITH(test_volume_types),
		WITH(test_what_cannot_be_read_is_a_warning),
		WITH(test_free_addresses),
		WITH(test_networks_of_a_pool),
		WITH(test_ranges_that_overlap),
		WITH(test_the_subnet_has_another_range),
		WITH(test_packets),
		WITH(test_roles),
		WITH(test_a_credential_that_the_login_may_make),
		WITH(test_the_clock),
		WITH(test_microversions),
		WITH(test_extensions),
		WITH(test_what_is_there_counts_for_nothing),
		WITH(test_a_survey_asks_for_all_of_it),
		WITH(test_a_look_asks_for_the_rest_later),
		cmocka_unit_test(test_findings_as_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
