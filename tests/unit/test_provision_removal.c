/*
 * Removal where not all is as davit made it: what Kubernetes made beside it, what people changed by hand, what is found by marks
 * alone; against the cloud in memory.
 */
#include "core/base/alloc.h"
#include "core/base/path.h"
#include "provision/census.h"
#include "provision/credential.h"
#include "provision/provision.h"
#include "provision/workload.h"
#include "tests/unit/cluster_fixture.h"
#include "tests/unit/fake_cloud.h"
#include "tests/unit/test.h"

static const char file[] = "apiVersion: davit/v1\nkind: Cluster\nmetadata: {name: demo}\nspec:\n"
			   "  platform: {version: 1.36.3}\n"
			   "  openstack: {image: debian-12}\n"
			   "  controlPlane: {count: 1, flavor: m1.small}\n"
			   "  workerPools: [{name: w, count: 1, flavor: m1.small}]\n";

#define OTHER "ffffffff-0000-4000-8000-000000000000"

static int begin(void **state)
{
	cluster_setup(state, file);
	assert_success(cluster_apply(*state, &test_error));
	return 0;
}

static struct removal_job job_of(struct cluster *c)
{
	return (struct removal_job){
		.cloud = fake_cloud(), .cluster = "demo", .uuid = state_uuid(c->state), .state = c->state};
}

static void assert_only(int kind, const char *name)
{
	if (fake_count(kind) != (name != NULL ? 1 : 0))
		fail_msg("%zu things of kind %d are left", fake_count(kind), kind);
	if (name != NULL)
		assert_non_null(fake_find(kind, name));
}

static void assert_nothing_of_ours(void)
{
	for (int kind = 0; kind < FAKE_KINDS; kind++)
		assert_only(kind, NULL);
}

static const char *id_of(int kind, const char *name)
{
	return json_get_str(fake_find(kind, name), "id", "");
}

/* A load balancer in the cluster's network with floating IP and group, a volume that a server holds, and its snapshot. */
static void put_workload(const char *name)
{
	CLEANUP_FREE char *balancer =
		xasprintf("{\"id\":\"lb\",\"name\":\"kube_service_%s_default_web\",\"vip_network_id\":\"%s\","
			  "\"vip_port_id\":\"vip\",\"provisioning_status\":\"PENDING_UPDATE\"}",
			  name, id_of(KIND_NETWORK, "demo"));
	CLEANUP_FREE char *vip = xasprintf("{\"id\":\"vip\",\"name\":\"octavia-lb\",\"network_id\":\"%s\",\"device_owner\":\"Octavia\","
					   "\"device_id\":\"lb-lb\"}",
					   id_of(KIND_NETWORK, "demo"));
	CLEANUP_FREE char *ip =
		xasprintf("{\"id\":\"ip\",\"floating_ip_address\":\"172.24.4.200\",\"port_id\":\"vip\",\"description\":"
			  "\"Floating IP for Kubernetes external service default/web from cluster %s\"}",
			  name);
	CLEANUP_FREE char *group = xasprintf("{\"id\":\"sg\",\"name\":\"lb-sg-u1-default-web\",\"description\":"
					     "\"Security Group for default/web Service LoadBalancer in cluster %s\"}",
					     name);
	CLEANUP_FREE char *volume =
		xasprintf("{\"id\":\"pvc\",\"name\":\"pvc-1\",\"status\":\"in-use\",\"attachments\":[{\"server_id\":\"%s\"}],"
			  "\"metadata\":{\"cinder.csi.openstack.org/cluster\":\"%s\"}}",
			  id_of(KIND_SERVER, "demo-w-1"), name);
	CLEANUP_FREE char *snapshot = xasprintf("{\"id\":\"snap\",\"name\":\"snap-1\",\"volume_id\":\"pvc\",\"metadata\":"
						"{\"cinder.csi.openstack.org/cluster\":\"%s\"}}",
						name);

	fake_put(FAKE_BALANCER, balancer);
	fake_put(KIND_PORT, vip);
	fake_put(KIND_FLOATING_IP, ip);
	fake_put(KIND_GROUP, group);
	fake_put(KIND_VOLUME, volume);
	fake_put(FAKE_SNAPSHOT, snapshot);
}

static const char *reason_of(const struct changes *changes, const char *name, enum change_action action)
{
	for (size_t i = 0; i < changes->n; i++)
		if (strcmp(changes->items[i].name, name) == 0 && changes->items[i].action == action)
			return changes->items[i].reason;
	return NULL;
}

static void test_takes_what_kubernetes_made(void **state)
{
	struct removal_job job = job_of(*state);
	CLEANUP(changes_free) struct changes changes = {0};

	put_workload("demo");
	assert_success(provision_removal(&job, &changes, &test_error));
	assert_string_equal(reason_of(&changes, "kube_service_demo_default_web", CHANGE_DELETE), "made by Kubernetes");
	assert_non_null(reason_of(&changes, "172.24.4.200", CHANGE_DELETE));
	assert_non_null(reason_of(&changes, "lb-sg-u1-default-web", CHANGE_DELETE));
	assert_non_null(reason_of(&changes, "pvc-1", CHANGE_DELETE));
	assert_non_null(reason_of(&changes, "snap-1", CHANGE_DELETE));
	assert_success(provision_remove(&job, &test_error));
	assert_nothing_of_ours();
}

static void test_whatever_call_fails_it_goes_on(void **state UNUSED)
{
	for (unsigned n = 1; n < 90; n++) {
		void *fresh = NULL;
		struct removal_job job;
		CLEANUP_ERROR struct error *err = NULL;

		begin(&fresh);
		put_workload("demo");
		job = job_of(fresh);
		fake_fail(n, n % 2 == 0 ? FAULT_LOST : FAULT_APPLIED);
		if (provision_remove(&job, &err) < 0) {
			fake_fail(0, FAULT_NONE);
			assert_success(provision_remove(&job, &test_error));
		}
		assert_nothing_of_ours();
		cluster_teardown(&fresh);
	}
}

static void test_keeps_volumes_when_asked(void **state)
{
	struct removal_job job = job_of(*state);

	put_workload("demo");
	job.keep_volumes = true;
	assert_success(provision_remove(&job, &test_error));
	assert_only(FAKE_BALANCER, NULL);
	assert_only(KIND_NETWORK, NULL);
	assert_only(KIND_VOLUME, "pvc-1");
	assert_only(FAKE_SNAPSHOT, "snap-1");
}

/* A controller that was given no name: what is in the network is ours all the same, what the cluster names too. */
static void test_takes_what_has_the_default_name(void **state)
{
	struct removal_job job = job_of(*state);
	CLEANUP_STRV struct strv volumes = STRV_INIT, services = STRV_INIT;

	put_workload("kubernetes");
	strv_add(&volumes, "pvc");
	strv_add(&services, "u1");
	fake_drop(FAKE_SNAPSHOT, "snap-1");
	job.volumes = &volumes;
	job.services = &services;
	assert_success(provision_remove(&job, &test_error));
	assert_nothing_of_ours();
}

static void test_leaves_what_is_of_others(void **state)
{
	struct removal_job job = job_of(*state);

	fake_put(FAKE_BALANCER, "{\"id\":\"lb1\",\"name\":\"kube_service_demo_default_web\",\"vip_network_id\":\"elsewhere\"}");
	fake_put(KIND_FLOATING_IP, "{\"id\":\"ip1\",\"floating_ip_address\":\"172.24.4.201\",\"port_id\":\"\",\"description\":"
				   "\"Floating IP for Kubernetes external service a/b from cluster demo-2\"}");
	fake_put(KIND_GROUP, "{\"id\":\"sg1\",\"name\":\"lb-sg-u9-a-b\",\"description\":"
			     "\"Security Group for a/b Service LoadBalancer in cluster not-demo\"}");
	fake_put(KIND_VOLUME, "{\"id\":\"v1\",\"name\":\"pvc-2\",\"status\":\"available\","
			      "\"metadata\":{\"cinder.csi.openstack.org/cluster\":\"demo2\"}}");
	assert_success(provision_remove(&job, &test_error));
	assert_only(FAKE_BALANCER, "kube_service_demo_default_web");
	assert_only(KIND_FLOATING_IP, "172.24.4.201");
	assert_only(KIND_GROUP, "lb-sg-u9-a-b");
	assert_only(KIND_VOLUME, "pvc-2");
	assert_only(KIND_NETWORK, NULL);
}

static void test_a_name_that_two_clusters_bear_proves_nothing(void **state)
{
	struct removal_job job = job_of(*state);
	CLEANUP(changes_free) struct changes changes = {0};

	fake_put(KIND_NETWORK, "{\"id\":\"n2\",\"name\":\"demo\",\"description\":\"davit:" OTHER "\"}");
	put_workload("demo");
	assert_success(provision_removal(&job, &changes, &test_error));
	assert_string_equal(reason_of(&changes, "pvc-1", CHANGE_NONE), "left: it may be of the other cluster \"demo\", " OTHER);
	assert_success(provision_remove(&job, &test_error));
	assert_only(FAKE_BALANCER, NULL); /* it was in this one's network */
	assert_only(KIND_VOLUME, "pvc-1");
	assert_only(KIND_NETWORK, "demo");
}

static void test_a_claim_that_another_server_holds_is_told(void **state)
{
	struct cluster *c = *state;
	struct removal_job job = job_of(c);

	fake_put(KIND_SERVER, "{\"id\":\"foreign\",\"name\":\"theirs\",\"status\":\"ACTIVE\",\"metadata\":{}}");
	fake_put(KIND_VOLUME, "{\"id\":\"v1\",\"name\":\"pvc-2\",\"status\":\"in-use\",\"attachments\":[{\"server_id\":\"foreign\"}],"
			      "\"metadata\":{\"cinder.csi.openstack.org/cluster\":\"demo\"}}");
	assert_failure(provision_remove(&job, &test_error), "server foreign, which is not the cluster's, still holds it");
	json_add_str(fake_find(KIND_VOLUME, "pvc-2"), "status", "available");
	json_object_object_del(fake_find(KIND_VOLUME, "pvc-2"), "attachments");
	assert_only(KIND_SERVER, "theirs");
	fake_drop(KIND_SERVER, "theirs");
	assert_success(provision_remove(&job, &test_error));
	assert_nothing_of_ours();
}

/* The router got an interface into somebody's network and routes of theirs: both stay, with the router, and are told. */
static void test_a_router_that_others_use_stays(void **state)
{
	struct removal_job job = job_of(*state);
	struct json_object *router = fake_find(KIND_ROUTER, "demo");
	CLEANUP_FREE char *port = xasprintf("{\"id\":\"fp\",\"name\":\"theirs\",\"network_id\":\"fn\",\"device_id\":\"%s\","
					    "\"device_owner\":\"network:router_interface\"}",
					    json_get_str(router, "id", ""));

	fake_put(KIND_PORT, port);
	assert_failure(provision_remove(&job, &test_error),
		       "delete router \"demo\": still in use by port fp of network:router_interface");
	assert_only(KIND_PORT, "theirs");
	assert_only(KIND_ROUTER, "demo");
	assert_only(KIND_NETWORK, NULL);
	fake_drop(KIND_PORT, "theirs");
	assert_success(provision_remove(&job, &test_error));
	assert_nothing_of_ours();
}

static void test_routes_into_the_network_go_first(void **state)
{
	struct removal_job job = job_of(*state);

	json_add(fake_find(KIND_ROUTER, "demo"), "routes",
		 json_tokener_parse("[{\"destination\":\"10.9.0.0/16\",\"nexthop\":\"10.6.0.10\"}]"));
	assert_success(provision_remove(&job, &test_error));
	assert_nothing_of_ours();
}

/* Renamed, without its mark, on another router, pointing elsewhere: what we have an id of, or a mark on, is ours. */
static void test_what_was_changed_by_hand_goes(void **state)
{
	struct removal_job job = job_of(*state);
	struct json_object *gateway = fake_find(KIND_PORT, "demo-gateway");

	json_add_str(fake_find(KIND_NETWORK, "demo"), "name", "renamed");
	json_add_str(fake_find(KIND_ROUTER, "demo"), "description", "mine");
	json_add_str(fake_find(KIND_GROUP, "demo-node"), "description", "mine");
	json_add_str(json_at(fake_find(KIND_SERVER, "demo-w-1"), "metadata"), "davit", "");
	json_add_str(fake_find(KIND_SERVER, "demo-cp-1"), "name", "other");
	json_add_str(gateway, "device_id", "foreign-router");
	assert_success(provision_remove(&job, &test_error));
	assert_nothing_of_ours();
}

static void test_what_another_cluster_has_marked_stays(void **state)
{
	struct removal_job job = job_of(*state);

	json_add_str(fake_find(KIND_GROUP, "demo-registry"), "description", "davit:" OTHER);
	assert_success(provision_remove(&job, &test_error));
	assert_only(KIND_GROUP, "demo-registry");
}

static void test_marks_alone_are_enough(void **state)
{
	struct removal_job job = job_of(*state);

	job.state = NULL;
	assert_success(provision_remove(&job, &test_error));
	assert_nothing_of_ours();
}

/* A lost state, made again from the marks: every resource has its id, every server is the node that it was. */
static void test_adoption(void **state)
{
	struct cluster *c = *state;
	CLEANUP_FREE char *folder = xasprintf("%s-again", c->folder);
	CLEANUP_VIEW struct view *view = NULL;
	CLEANUP_STATE struct state *again = NULL;
	struct inventory *nodes = inventory_new();
	struct resource *before = NULL, *after = NULL;
	size_t n = 0, m = 0;
	struct node was = {0}, is = {0};

	assert_success(state_create(folder, "demo", state_uuid(c->state), &again, &test_error));
	assert_success(provision_look(fake_cloud(), NULL, state_uuid(c->state), &view, &test_error));
	assert_success(provision_adopt(view, again, nodes, &test_error));
	assert_success(state_resources(c->state, &before, &n, &test_error));
	assert_success(state_resources(again, &after, &m, &test_error));
	assert_int_equal(n, m);
	for (size_t i = 0; i < n; i++) {
		assert_string_equal(before[i].name, after[i].name);
		assert_string_equal(before[i].id, after[i].id);
	}
	resource_list_free(before, n);
	resource_list_free(after, m);
	assert_int_equal(inventory_len(nodes), 3);
	assert_true(inventory_get(c->inventory, "demo-cp-1", &was) && inventory_get(nodes, "demo-cp-1", &is));
	assert_string_equal(was.address, is.address);
	assert_string_equal(was.floating_ip, is.floating_ip);
	assert_string_equal(was.server_id, is.server_id);
	assert_string_equal(was.pool, is.pool);
	node_clear(&was);
	node_clear(&is);
	assert_true(inventory_get(nodes, "demo-w-1", &is));
	assert_string_equal(is.pool, "w");
	assert_int_equal(is.role, NODE_WORKER);
	node_clear(&is);
	inventory_free(nodes);
	assert_success(path_remove_tree(folder, &test_error));
}

static void test_census(void **state)
{
	struct cluster *c = *state;
	CLEANUP_CENSUS struct census census = {0};
	const struct census_cluster *found[2] = {NULL};
	CLEANUP_FREE char *kinds = NULL;

	fake_put(KIND_GROUP, "{\"id\":\"g2\",\"name\":\"demo-x-node\",\"description\":\"davit:" OTHER "\",\"created_at\":\"2026-01-02\"}");
	fake_put(KIND_PORT, "{\"id\":\"p2\",\"name\":\"demo-x-cp-1\",\"description\":\"davit:" OTHER "\",\"created_at\":\"2026-01-01\"}");
	fake_put(KIND_PORT, "{\"id\":\"p3\",\"name\":\"demo-cp-1\",\"description\":\"davit:no-uuid\"}");
	fake_put(KIND_KEYPAIR, "{\"name\":\"demo-x-ffffffff\",\"public_key\":\"ssh-ed25519 AAAA demo-x\"}");
	fake_put(KIND_KEYPAIR, "{\"name\":\"gone-12345678\",\"public_key\":\"ssh-ed25519 AAAA gone\"}");
	fake_put(KIND_KEYPAIR, "{\"name\":\"mine-12345678\",\"public_key\":\"ssh-ed25519 AAAA me@home\"}");
	assert_success(census_take(fake_cloud(), &census, &test_error));
	assert_int_equal(census.n, 2);
	assert_int_equal(census_named(&census, "demo", found, 2), 1);
	assert_string_equal(found[0]->uuid, state_uuid(c->state));
	assert_int_equal(found[0]->counts[KIND_SERVER], 3);
	assert_int_equal(found[0]->counts[KIND_KEYPAIR], 1);
	assert_int_equal(found[0]->counts[KIND_SERVER_GROUP], 2);
	assert_int_equal(census_named(&census, "demo-x", found, 2), 1);
	assert_string_equal(found[0]->uuid, OTHER);
	assert_string_equal(found[0]->created, "2026-01-01");
	kinds = census_kinds(found[0]);
	assert_string_equal(kinds, "1 port, 1 security group, 1 keypair");
	assert_int_equal(census.unsure.n, 1);
	assert_string_equal(census.unsure.v[0], "keypair gone-12345678");
}

static void test_a_credential_of_the_cluster(void **state)
{
	struct cluster *c = *state;
	struct removal_job job = job_of(c);
	CLEANUP_STRV struct strv roles = STRV_INIT;
	CLEANUP_CREDENTIAL struct credential first = {0}, second = {0};
	CLEANUP_FREE char *mark = mark_text(state_uuid(c->state));
	CLEANUP(buf_wipe) struct buf conf = BUF_INIT;
	CLEANUP_JSON struct json_object *body = NULL;

	fake_put(FAKE_CREDENTIAL, "{\"id\":\"theirs\",\"name\":\"theirs\",\"description\":\"\"}");
	strv_add(&roles, "member");
	body = credential_body("demo", state_uuid(c->state), &roles);
	assert_false(json_get_bool(body, "application_credential.unrestricted", true));
	assert_string_equal(json_get_str(body, "application_credential.description", ""), mark);
	assert_string_equal(json_get_str(body, "application_credential.roles[0].name", ""), "member");
	assert_success(credential_make(fake_cloud(), "demo", state_uuid(c->state), &roles, &first, &test_error));
	/* its secret was lost: another one takes its place */
	assert_success(credential_make(fake_cloud(), "demo", state_uuid(c->state), &roles, &second, &test_error));
	assert_int_equal(fake_count(FAKE_CREDENTIAL), 2);
	assert_string_not_equal(first.id, second.id);
	credential_conf(fake_cloud(), &second, "/etc/ca.pem", &conf);
	assert_non_null(strstr(buf_str(&conf), "[Global]\nauth-url=\"https://keystone:5000/v3\"\n"));
	assert_non_null(strstr(buf_str(&conf), "application-credential-secret=\"s3cr3t\"\nregion=\"R1\"\nca-file="));
	assert_success(provision_remove(&job, &test_error));
	assert_only(FAKE_CREDENTIAL, "theirs");
}

/* A login by a restricted one can neither make nor revoke any; that is told, and what is left too. */
static void test_a_restricted_login(void **state)
{
	struct cluster *c = *state;
	struct removal_job job = job_of(c);
	CLEANUP_STRV struct strv roles = STRV_INIT;
	CLEANUP_CREDENTIAL struct credential made = {0};

	strv_add(&roles, "member");
	fake_log_in_by_credential("mine");
	assert_failure(credential_make(fake_cloud(), "demo", state_uuid(c->state), &roles, &made, &test_error),
		       "a restricted one can make no others");
	fake_log_in_by_credential(NULL);
	assert_success(credential_make(fake_cloud(), "demo", state_uuid(c->state), &roles, &made, &test_error));
	fake_log_in_by_credential(made.id);
	assert_failure(provision_remove(&job, &test_error), "this login is made with it");
	fake_log_in_by_credential(NULL);
	assert_success(provision_remove(&job, &test_error));
	assert_nothing_of_ours();
}

/* What the preview says of the credential that nobody could look for. */
static void check_unseen(struct removal_job *job, const char *says)
{
	CLEANUP(changes_free) struct changes changes = {0};
	const char *found = NULL;

	assert_success(provision_removal(job, &changes, &test_error));
	for (size_t i = 0; i < changes.n; i++)
		if (strcmp(changes.items[i].kind, "application credential") == 0 && changes.items[i].action == CHANGE_NONE)
			found = changes.items[i].reason;
	assert_non_null(found);
	assert_non_null(strstr(found, says));
}

/* Keystone's policy lets this login list none: the rest goes, and the end is what is true. */
static void test_credentials_that_nobody_may_list(void **state)
{
	struct cluster *c = *state;
	struct removal_job job = job_of(c), unknown = job_of(c);

	fake_answer("/users/u/application_credentials", NULL);
	check_unseen(&job, "none was made for this cluster");
	assert_success(provision_remove(&job, &test_error));
	assert_nothing_of_ours();
	assert_success(provision_remove(&job, &test_error));
	unknown.state = NULL;
	check_unseen(&unknown, "nobody could look for it");
	assert_failure(provision_remove(&unknown, &test_error), "but it may have an application credential \"demo-");
	/* a run that was cut off while it made one */
	assert_success(state_set(c->state, CREDENTIAL_ID, "", &test_error));
	assert_int_equal(provision_remove(&job, &test_error), -1);
	assert_true(error_is(test_error, ERROR_LEFTOVERS));
	error_clear(&test_error);
}

/* It has no such things at all, and answers 404 where they are asked for.  The floating IP is known by its id. */
static void test_a_cloud_of_few_services(void **state)
{
	static const char *const optional[] = {"/snapshots/detail", "/loadbalancers", "/users/u/application_credentials",
					       "/floatingips"};
	struct cluster *c = *state;
	struct removal_job job = job_of(c);
	CLEANUP(changes_free) struct changes changes = {0};
	CLEANUP_CENSUS struct census census = {0};

	for (size_t i = 0; i < ARRAY_SIZE(optional); i++)
		fake_without(optional[i]);
	assert_success(census_take(fake_cloud(), &census, &test_error));
	assert_int_equal(census.n, 1);
	assert_success(provision_removal(&job, &changes, &test_error));
	assert_success(provision_remove(&job, &test_error));
	assert_nothing_of_ours();
}

/* What every cloud has is there: a 404 tells of a wrong endpoint, and nothing of what is in it. */
static void test_a_list_that_must_be_there(void **state)
{
	static const char *const required[] = {"/servers/detail", "/volumes/detail", "/networks", "/os-keypairs"};
	struct cluster *c = *state;
	struct removal_job job = job_of(c);

	for (size_t i = 0; i < ARRAY_SIZE(required); i++) {
		CLEANUP_CENSUS struct census census = {0};

		fake_without(NULL);
		fake_without(required[i]);
		assert_failure(provision_remove(&job, &test_error), "could not be found (HTTP 404)");
		assert_failure(census_take(fake_cloud(), &census, &test_error), "could not be found (HTTP 404)");
	}
	fake_without(NULL);
	assert_int_equal(fake_count(KIND_SERVER), 3);
}

int main(void)
{
#define WITH(test) cmocka_unit_test_setup_teardown(test, begin, cluster_teardown)
	static const struct CMUnitTest tests[] = {
		WITH(test_takes_what_kubernetes_made),
		cmocka_unit_test(test_whatever_call_fails_it_goes_on),
		WITH(test_keeps_volumes_when_asked),
		WITH(test_takes_what_has_the_default_name),
		WITH(test_leaves_what_is_of_others),
		WITH(test_a_name_that_two_clusters_bear_proves_nothing),
		WITH(test_a_claim_that_another_server_holds_is_told),
		WITH(test_a_router_that_others_use_stays),
		WITH(test_routes_into_the_network_go_first),
		WITH(test_what_was_changed_by_hand_goes),
		WITH(test_what_another_cluster_has_marked_stays),
		WITH(test_marks_alone_are_enough),
		WITH(test_a_credential_of_the_cluster),
		WITH(test_credentials_that_nobody_may_list),
		WITH(test_a_restricted_login),
		WITH(test_a_cloud_of_few_services),
		WITH(test_a_list_that_must_be_there),
		WITH(test_adoption),
		WITH(test_census),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
