/* The pure parts of provision: bodies against golden files, what differs, what is wrong; all on made-up views. */
#include "core/base/alloc.h"
#include "core/base/path.h"
#include "provision/body.h"
#include "provision/drift.h"
#include "provision/rules.h"
#include "tests/unit/test.h"

#define UUID "1a2b3c4d-0000-4000-8000-000000000000"
#define MARK "davit:" UUID

static const char file[] = "apiVersion: davit/v1\nkind: Cluster\nmetadata: {name: demo}\nspec:\n"
			   "  platform: {version: 1.36.3}\n"
			   "  openstack: {image: debian-12}\n"
			   "  network: {dns: [9.9.9.9]}\n"
			   "  controlPlane: {count: 1, flavor: m1.small, volume: {size: 20, type: ssd}}\n"
			   "  workerPools: [{name: w, count: 2, flavor: m1.small, zones: [az1, az2]}]\n"
			   "  registry: {volume: {size: 5}}\n";

struct fixture {
	struct spec *spec;
	struct plan *plan;
	struct view *view;
};

static struct json_object *json(const char *text)
{
	struct json_object *o = NULL;

	assert_success(json_parse(text, strlen(text), "test", &o, &test_error));
	return o;
}

static void add_list(struct view *v, enum kind kind, const char *text)
{
	CLEANUP_JSON struct json_object *list = json(text);

	view_add_list(v, kind, list);
}

/* A cloud that has all that the file names, and nothing of the cluster. */
static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);

	assert_success(spec_parse("c.yaml", file, strlen(file), &f->spec, &test_error));
	assert_success(plan_make(f->spec, NULL, &f->plan, &test_error));
	f->view = view_new(UUID);
	for (int i = 0; i < CLOUD_SERVICES; i++)
		f->view->services[i] = true;
	f->view->images =
		json("[{\"id\":\"i1\",\"name\":\"debian-12\",\"status\":\"active\",\"size\":1000000000,\"min_ram\":512}]");
	f->view->flavors = json("[{\"id\":\"f1\",\"name\":\"m1.small\",\"vcpus\":1,\"ram\":1024,\"disk\":4}]");
	f->view->externals = json("[{\"id\":\"e1\",\"name\":\"public\"}]");
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	view_free(f->view);
	plan_free(f->plan);
	spec_free(f->spec);
	free(f);
	return 0;
}

static void golden(const char *name, struct json_object *found)
{
	CLEANUP_FREE char *path = xasprintf("%s/tests/golden/provision/%s.json", getenv("DAVIT_SOURCE_ROOT"), name);
	CLEANUP_FREE char *text = xasprintf(
		"%s\n", json_object_to_json_string_ext(found, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
	CLEANUP_BUF struct buf wanted = BUF_INIT;

	json_object_put(found);
	if (getenv("DAVIT_REGENERATE") != NULL)
		assert_success(path_write(path, text, strlen(text), 0644, &test_error));
	assert_success(path_read(path, &wanted, &test_error));
	assert_string_equal(text, buf_str(&wanted));
}

static struct json_object *all_rules(const struct plan *p)
{
	struct json_object *all = json_object_new_array();

	for (size_t i = 0; i < p->n_rules; i++)
		json_object_array_add(all, body_rule(&p->rules[i], "G", p->rules[i].from_group != NULL ? "FROM" : NULL));
	return all;
}

static void test_bodies_of_the_network(void **state)
{
	struct fixture *f = *state;
	CLEANUP_STRV struct strv groups = STRV_INIT;

	strv_add(&groups, "G1");
	strv_add(&groups, "G2");
	golden("network", body_network(f->plan, MARK));
	golden("subnet", body_subnet(f->plan, MARK, "N"));
	golden("router", body_router(f->plan, MARK, "EXT"));
	golden("group", body_group(f->plan, MARK, "node"));
	golden("rules", all_rules(f->plan));
	golden("gateway", body_gateway(f->plan, MARK, "N", "S"));
	golden("port", body_port(f->plan, plan_find(f->plan, "demo-cp-1"), MARK, "N", "S", &groups));
	free(f->spec->network.plugin);
	f->spec->network.plugin = xstrdup("none");
	golden("port-other-plugin", body_port(f->plan, plan_find(f->plan, "demo-w-1"), MARK, "N", "S", &groups));
	golden("nic", body_nic("demo-w-1.1a2b3c4d", MARK, "N", &groups, false));
	golden("nic-plain", body_nic("demo-w-1.1a2b3c4d", MARK, "N", NULL, true));
	golden("floating-ip", body_floating_ip(MARK, "EXT", "P"));
	golden("keypair", body_keypair("demo-1a2b3c4d", "ssh-ed25519 AAAA demo"));
	golden("server-group", body_server_group("demo-w-1a2b3c4d", SERVER_GROUP_SOFT_APART));
	golden("server-group-hard", body_server_group("demo-w.2-1a2b3c4d", SERVER_GROUP_APART));
}

static struct json_object *server(const struct fixture *f, const char *node, const char *root, const char *data,
				  const char *group)
{
	struct json_object *o = NULL;
	struct body_server s = {.node = plan_find(f->plan, node),
				.uuid = UUID,
				.flavor_id = "F",
				.image_id = "I",
				.keypair = "demo-1a2b3c4d",
				.port_id = "P",
				.root_id = root,
				.server_group_id = group,
				.user_data = "#cloud-config\n"};

	if (data != NULL)
		strv_split(&s.data_ids, data, " ");
	s.tagged = strcmp(node, "demo-w-1") == 0;
	if (s.tagged)
		strv_split(&s.nic_ids, "P2 P3", " ");
	assert_success(body_server(f->plan, &s, &o, &test_error));
	strv_free(&s.nic_ids);
	strv_free(&s.data_ids);
	return o;
}

static struct json_object *volume(const struct fixture *f, const char *name, const struct volume_spec *spec, const char *image,
				  const char *zone)
{
	struct body_volume v = {.name = name, .uuid = UUID, .spec = spec, .image_id = image, .zone = zone};

	return body_volume(f->plan, &v);
}

static void test_bodies_of_servers(void **state)
{
	struct fixture *f = *state;
	const struct plan_node *cp = plan_find(f->plan, "demo-cp-1"), *registry = plan_find(f->plan, "demo-registry");

	golden("server-plain", server(f, "demo-w-2", NULL, NULL, "SG"));
	golden("server-nics", server(f, "demo-w-1", NULL, NULL, NULL));
	golden("server-root-volume", server(f, "demo-cp-1", "R", NULL, "SG"));
	golden("server-data-volume", server(f, "demo-registry", NULL, "D", NULL));
	golden("server-all-volumes", server(f, "demo-cp-1", "R", "D1 D2", "SG"));
	golden("volume-root", volume(f, "demo-cp-1-root", &cp->root, "I", NULL));
	golden("volume-data", volume(f, "demo-registry-data", &registry->volumes[0].spec, NULL, NULL));
	f->spec->openstack.config_drive = true;
	strv_add(&f->spec->openstack.metadata, "cost-centre=4711");
	strv_add(&f->spec->openstack.metadata, "owner=a=b");
	golden("server-config-drive", server(f, "demo-w-2", NULL, NULL, NULL));
	golden("volume-zone", volume(f, "demo-w-2-srv", &cp->root, NULL, "az2"));
}

static void test_user_data_has_a_limit(void **state)
{
	struct fixture *f = *state;
	CLEANUP_BUF struct buf text = BUF_INIT;
	struct json_object *o = NULL;
	struct body_server s = {.node = plan_find(f->plan, "demo-w-1"), .uuid = UUID};

	for (int i = 0; i < 49152; i++)
		buf_add_char(&text, 'x');
	s.user_data = buf_str(&text);
	assert_failure(body_server(f->plan, &s, &o, &test_error),
		       "server \"demo-w-1\": its user-data has 65536 bytes in base64, nova takes 65535");
}

static void test_marks(void **state UNUSED)
{
	CLEANUP_JSON struct json_object *ours =
		json("{\"name\":\"demo-1a2b3c4d\",\"description\":\"" MARK "\",\"metadata\":{\"davit\":\"" UUID "\"}}");
	CLEANUP_JSON struct json_object *other =
		json("{\"name\":\"demo-1a2b3c4e\",\"description\":\"davit:other\",\"metadata\":{}}");
	CLEANUP_JSON struct json_object *none = json("{\"name\":\"-1a2b3c4d\",\"description\":null}");

	for (int kind = 0; kind < KIND_COUNT; kind++) {
		assert_true(mark_is_on((enum kind)kind, ours, UUID));
		assert_false(mark_is_on((enum kind)kind, other, UUID));
		assert_false(mark_is_on((enum kind)kind, none, UUID));
	}
}

static char *compare_text(struct fixture *f)
{
	static const char *const actions[] = {"none", "create", "update", "replace", "delete", "leave"};
	struct changes changes = {0};
	CLEANUP_BUF struct buf b = BUF_INIT;

	assert_success(provision_compare(f->plan, f->view, &changes, &test_error));
	for (size_t i = 0; i < changes.n; i++) {
		const struct change *c = &changes.items[i];

		buf_addf(&b, "%s %s %s%s%s\n", actions[c->action], c->kind, c->name, c->reason != NULL ? ": " : "",
			 c->reason != NULL ? c->reason : "");
	}
	changes_free(&changes);
	return buf_steal(&b);
}

static void test_compare_with_nothing(void **state)
{
	struct fixture *f = *state;
	CLEANUP_FREE char *text = compare_text(f);

	assert_string_equal(
		text,
		"create keypair demo-1a2b3c4d\ncreate network demo\ncreate subnet demo\ncreate router demo\n"
		"create security group demo-control-plane\ncreate security group demo-node\ncreate security group demo-registry\n"
		"create server group demo-control-plane-1a2b3c4d\ncreate server group demo-w-1a2b3c4d\n"
		"create port demo-gateway\n"
		"create port demo-registry\ncreate server demo-registry\ncreate volume demo-registry-data\n"
		"create port demo-cp-1\ncreate floating IP demo-cp-1\ncreate volume demo-cp-1-root\ncreate server demo-cp-1\n"
		"create port demo-w-1\ncreate server demo-w-1\ncreate port demo-w-2\ncreate server demo-w-2\n");
}

/* The groups as neutron would list them: with the egress rules that it adds, protocols as it keeps them. */
static void add_groups(struct fixture *f)
{
	CLEANUP_JSON struct json_object *list = json_object_new_array();
	const char *names[] = {"control-plane", "node", "registry"};

	for (size_t g = 0; g < 3; g++) {
		struct json_object *o = body_group(f->plan, MARK, names[g]),
				   *rules = json("[{\"direction\":\"egress\",\"ethertype\":\"IPv4\"}]");

		json_add_str(o, "id", names[g]);
		for (size_t i = 0; i < f->plan->n_rules; i++)
			if (strcmp(f->plan->rules[i].group, names[g]) == 0)
				json_object_array_add(rules,
						      body_rule(&f->plan->rules[i], names[g], f->plan->rules[i].from_group));
		json_add(o, "security_group_rules", rules);
		json_object_array_add(list, o);
	}
	view_add_list(f->view, KIND_GROUP, list);
}

#define MARKED "\"description\":\"" MARK "\""
#define META "\"metadata\":{\"davit\":\"" UUID "\"}"
#define PORT(id, name, groups) "{\"id\":\"" id "\",\"name\":\"" name "\"," MARKED ",\"security_groups\":[" groups "]}"
#define SERVER(id, name, rest) "{\"id\":\"" id "\",\"name\":\"" name "\"," META "," rest "}"

static void add_all(struct fixture *f)
{
	add_groups(f);
	add_list(f->view, KIND_KEYPAIR, "[{\"name\":\"demo-1a2b3c4d\"},{\"name\":\"mine\"}]");
	add_list(f->view, KIND_NETWORK,
		 "[{\"id\":\"N\",\"name\":\"demo\"," MARKED "},{\"id\":\"N2\",\"name\":\"demo\",\"description\":\"\"}]");
	add_list(f->view, KIND_SUBNET, "[{\"id\":\"S\",\"name\":\"demo\"," MARKED ",\"dns_nameservers\":[\"9.9.9.9\"]}]");
	add_list(f->view, KIND_ROUTER,
		 "[{\"id\":\"R\",\"name\":\"demo\"," MARKED ",\"external_gateway_info\":{\"network_id\":\"e1\"}}]");
	add_list(f->view, KIND_SERVER_GROUP,
		 "[{\"id\":\"a\",\"name\":\"demo-control-plane-1a2b3c4d\",\"policies\":[\"soft-anti-affinity\"],\"members\":[\"s2\"]},"
		 "{\"id\":\"b\",\"name\":\"demo-w-1a2b3c4d\",\"policies\":[\"soft-anti-affinity\"],\"members\":[\"s3\",\"s4\"]}]");
	add_list(f->view, KIND_PORT,
		 "[{\"id\":\"pg\",\"name\":\"demo-gateway\",\"device_id\":\"R\"," MARKED
		 "}," PORT("pr", "demo-registry", "\"registry\"") "," PORT(
			 "pc", "demo-cp-1", "\"node\",\"control-plane\"") "," PORT("p1", "demo-w-1",
										   "\"node\"") "," PORT("p2", "demo-w-2",
													"\"node\"") "]");
	add_list(f->view, KIND_FLOATING_IP,
		 "[{\"id\":\"f\",\"port_id\":\"pc\",\"floating_ip_address\":\"172.24.4.9\"," MARKED "}]");
	add_list(f->view, KIND_VOLUME,
		 "[{\"id\":\"vr\",\"name\":\"demo-registry-data\",\"status\":\"in-use\"," META "},"
		 "{\"id\":\"vc\",\"name\":\"demo-cp-1-root\",\"status\":\"in-use\"," META "}]");
	add_list(f->view, KIND_SERVER,
		 "[" SERVER("s1", "demo-registry", "\"status\":\"ACTIVE\"") "," SERVER(
			 "s2", "demo-cp-1",
			 "\"status\":\"ACTIVE\"") "," SERVER("s3", "demo-w-1",
							     "\"status\":\"ACTIVE\"") "," SERVER("s4", "demo-w-2",
												 "\"status\":\"ACTIVE\"") "]");
}

static void test_compare_with_all(void **state)
{
	struct fixture *f = *state;
	CLEANUP_FREE char *text = NULL;

	add_all(f);
	text = compare_text(f);
	assert_string_equal(text, "");
}

static void drop(struct fixture *f, enum kind kind, const char *name)
{
	view_drop(f->view, view_find(f->view, kind, name));
}

static void test_compare_tells_drift(void **state)
{
	struct fixture *f = *state;
	CLEANUP_FREE char *text = NULL;

	add_all(f);
	drop(f, KIND_SERVER, "demo-w-2");
	add_list(f->view, KIND_SERVER,
		 "[" SERVER("s1", "demo-registry", "\"status\":\"SHUTOFF\"") "," SERVER(
			 "s2", "demo-cp-1",
			 "\"status\":\"ERROR\",\"OS-SRV-USG:launched_at\":"
			 "\"2026\"") "," SERVER("s3", "demo-w-1",
						"\"status\":\"ERROR\","
						"\"fault\":{\"message\":"
						"\"No valid host\"}") "," SERVER("s9", "demo-w-9",
										 "\"status"
										 "\":"
										 "\"ACTIVE"
										 "\"") "]");
	add_list(f->view, KIND_SUBNET, "[{\"id\":\"S\",\"name\":\"demo\"," MARKED ",\"dns_nameservers\":[]}]");
	add_list(f->view, KIND_ROUTER, "[{\"id\":\"R\",\"name\":\"demo\"," MARKED ",\"external_gateway_info\":null}]");
	add_list(f->view, KIND_PORT, "[" PORT("p2", "demo-w-2", "\"node\",\"control-plane\"") "]");
	add_list(f->view, KIND_VOLUME, "[{\"id\":\"vr\",\"name\":\"demo-registry-data\",\"status\":\"available\"," META "}]");
	text = compare_text(f);
	assert_string_equal(text, "update subnet demo: name servers are [], the file wants [9.9.9.9]\n"
				  "update router demo: has no external gateway\n"
				  "update server demo-registry: is SHUTOFF; will be started\n"
				  "update volume demo-registry-data: is not attached to demo-registry\n"
				  "replace server demo-cp-1: is ERROR and ran before; apply leaves it: look at it in the cloud\n"
				  "replace server demo-w-1: ERROR: No valid host; it never ran and will be made again\n"
				  "update port demo-w-2: is not in the security groups that it should be in\n"
				  "create server demo-w-2\n"
				  "leave server demo-w-9: the file no longer wants it: drain it (kubectl drain), then delete server, "
				  "port and volumes in the cloud\n");
}

static void test_pods_of_other_plugins_are_let_through(void **state)
{
	struct fixture *f = *state;
	CLEANUP_JSON struct json_object *port = json("{\"security_groups\":[\"node\"],\"allowed_address_pairs\":[]}");
	CLEANUP_FREE char *reason = NULL;
	struct json_object *fields;

	add_all(f);
	assert_null(drift_port(f->plan, f->view, plan_find(f->plan, "demo-w-1"), port, &reason));
	free(f->spec->network.plugin);
	f->spec->network.plugin = xstrdup("none");
	fields = drift_port(f->plan, f->view, plan_find(f->plan, "demo-w-1"), port, &reason);
	assert_string_equal(json_object_to_json_string_ext(fields, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE),
			    "{\"allowed_address_pairs\":[{\"ip_address\":\"10.244.0.0/16\"}]}");
	json_object_put(fields);
}

static void test_compare_tells_rules(void **state)
{
	struct fixture *f = *state;
	CLEANUP_FREE char *text = NULL;

	add_all(f);
	add_list(f->view, KIND_GROUP,
		 "[{\"id\":\"registry\",\"name\":\"demo-registry\"," MARKED ",\"security_group_rules\":["
		 "{\"direction\":\"ingress\",\"ethertype\":\"IPv4\",\"protocol\":\"6\",\"port_range_min\":22,\"port_range_max\":"
		 "22,\"remote_group_id\":\"control-plane\"},"
		 "{\"direction\":\"ingress\",\"ethertype\":\"IPv4\",\"protocol\":\"udp\",\"port_range_min\":1,\"port_range_max\":"
		 "9,\"remote_ip_prefix\":\"10.0.0.0/8\"},"
		 "{\"direction\":\"egress\",\"ethertype\":\"IPv4\"}]}]");
	text = compare_text(f);
	assert_string_equal(
		text,
		"update security group demo-registry: lacks the rule \"tcp 5000 from node\"\n"
		"update security group demo-registry: has the rule \"udp 1-9 from 10.0.0.0/8\", which the file does not want\n");
}

static void test_twins_the_older_counts(void **state)
{
	struct fixture *f = *state;
	CLEANUP_FREE char *text = NULL;

	add_all(f);
	drop(f, KIND_NETWORK, "demo");
	add_list(f->view, KIND_NETWORK,
		 "[{\"id\":\"young\",\"name\":\"demo\",\"created_at\":\"2026-02-02T00:00:00Z\"," MARKED "},"
		 "{\"id\":\"old\",\"name\":\"demo\",\"created_at\":\"2026-01-02T00:00:00Z\"," MARKED "}]");
	assert_string_equal(view_id(f->view, KIND_NETWORK, "demo"), "old");
	text = compare_text(f);
	assert_string_equal(text, "delete network demo: young is a second one of that name\n");
}

static void test_list_paths_carry_the_mark(void **state UNUSED)
{
	CLEANUP_FREE char *ports = kind_list_path(KIND_PORT, "PROJ", UUID, "demo");
	CLEANUP_FREE char *volumes = kind_list_path(KIND_VOLUME, "PROJ", UUID, "demo");
	CLEANUP_FREE char *servers = kind_list_path(KIND_SERVER, "PROJ", UUID, "demo");
	CLEANUP_FREE char *all = kind_list_path(KIND_SERVER, "PROJ", UUID, NULL);

	assert_string_equal(ports, "/ports?description=davit%3A" UUID "&project_id=PROJ");
	assert_string_equal(volumes, "/volumes/detail?metadata=%7B%22davit%22%3A%22" UUID "%22%7D");
	assert_string_equal(servers, "/servers/detail?name=%5Edemo-");
	assert_string_equal(all, "/servers/detail");
}

int main(void)
{
#define WITH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	static const struct CMUnitTest tests[] = {
		WITH(test_bodies_of_the_network),
		WITH(test_bodies_of_servers),
		WITH(test_user_data_has_a_limit),
		cmocka_unit_test(test_marks),
		WITH(test_compare_with_nothing),
		WITH(test_compare_with_all),
		WITH(test_compare_tells_drift),
		WITH(test_pods_of_other_plugins_are_let_through),
		WITH(test_compare_tells_rules),
		WITH(test_twins_the_older_counts),
		cmocka_unit_test(test_list_paths_carry_the_mark),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
