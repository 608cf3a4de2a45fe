/* A swarm: what of the file it takes, what it is made of, and what its managers say in the shape that the rest judges by. */
#include "bootstrap/leave.h"
#include "bootstrap/nodes.h"
#include "bootstrap/steps.h"
#include "bootstrap/swarm.h"
#include "bootstrap/units.h"
#include "bootstrap/swarm_backup.h"
#include "bootstrap/swarm_restore.h"
#include "core/base/alloc.h"
#include "core/base/path.h"
#include "core/cluster/frozen.h"
#include "core/cluster/platform.h"
#include "registry/catalogue.h"
#include "tests/unit/test.h"
#include <unistd.h>

#define FILE_OF(version, more)                                                                                                                       \
	"apiVersion: davit/v1\nkind: Cluster\nmetadata: {name: whale}\nspec:\n"                                                                      \
	"  platform: {type: swarm, version: " version "}\n  openstack: {image: debian-12}\n"                                                           \
	"  controlPlane: {count: 3, flavor: m1.small}\n  workerPools:\n  - {name: workers, count: 2, flavor: m1.small, labels: {tier: web}}\n" more

static struct spec *spec_of(const char *text)
{
	struct spec *s = NULL;

	assert_success(spec_parse("c.yaml", text, strlen(text), &s, &test_error));
	return s;
}

static void refused(const char *more, const char *expected)
{
	CLEANUP_FREE char *text = xasprintf(FILE_OF("29.9.3", "%s\n"), more);
	CLEANUP_SPEC struct spec *s = NULL;

	assert_failure(spec_parse("c.yaml", text, strlen(text), &s, &test_error), expected);
}

static void test_what_does_not_fit(void **state UNUSED)
{
	static const char text[] = "apiVersion: davit/v1\nkind: Cluster\nmetadata: {name: demo}\nspec:\n  platform: {version: 1.36.3}\n"
				   "  openstack: {image: debian-12}\n  controlPlane: {flavor: m1.small}\n  daemon: {debug: true}\n";
	CLEANUP_SPEC struct spec *s = NULL;

	refused("  network: {podCIDR: 10.9.0.0/16}", "c.yaml:10:22: podCIDR: this is of \"platform: {type: kubernetes}\"");
	refused("  api: {endpoint: internal}", "c.yaml:10:8: api: this is of");
	refused("  kubelet: {maxPods: 1}", "c.yaml:10:12: kubelet: this is of");
	refused("  - {name: x, count: 1, flavor: f, taints: [\"a:NoSchedule\"]}", "c.yaml:10:44: taints: this is of");
	assert_failure(spec_parse("c.yaml", text, strlen(text), &s, &test_error),
		       "c.yaml:8:11: daemon: this is of \"platform: {type: swarm}\"; Kubernetes has no such thing");
}

static void test_address_pools(void **state UNUSED)
{
	CLEANUP_SPEC struct spec *s = NULL;

	refused("  swarm: {addressPools: [10.0.0.0/8]}", "c.yaml:10:26: addressPools: 10.0.0.0/8 overlaps network.cidr 10.6.0.0/24");
	refused("  network: {cidr: 10.244.3.0/24}", "addressPools: 10.244.0.0/16 overlaps network.cidr 10.244.3.0/24");
	refused("  swarm: {addressPools: [172.30.0.0/16, 172.30.8.0/24]}", "c.yaml:10:41: addressPools: 172.30.8.0/24 overlaps 172.30.0.0/16");
	refused("  swarm: {addressPools: [172.30.0.0/26]}", "172.30.0.0/26 is smaller than one network of maskLength 24");
	refused("  swarm: {addressPools: []}", "c.yaml:10:25: addressPools: name at least one network");
	refused("  swarm: {certExpiry: 10m}", "c.yaml:10:23: certExpiry: an hour");
	refused("  daemon: {hosts: [\"tcp://0.0.0.0:2375\"]}", "c.yaml:10:19: daemon: \"hosts\" cannot be set");
	refused("  daemon: {tlsverify: false}", "c.yaml:10:23: daemon: \"tlsverify\" cannot be set: swarm.api always verifies clients");
	refused("  daemon: {live-restore: true}", "c.yaml:10:26: daemon: \"live-restore\" cannot be set");
	s = spec_of(FILE_OF("29.9.3", "  swarm: {addressPools: [172.30.0.0/16], maskLength: 26, certExpiry: 720h}\n"));
	assert_string_equal(s->swarm.address_pools.v[0], "172.30.0.0/16");
	assert_int_equal(s->swarm.mask_length, 26);
	assert_int_equal(s->swarm.cert_expiry, 720LL * 3600 * 1000);
	assert_int_equal(s->api.endpoint, API_INTERNAL);
}

static void settings(const char *swarm, const char *more, const char *expected)
{
	CLEANUP_JSON struct json_object *o = NULL;
	CLEANUP_FREE char *text = xasprintf(FILE_OF("29.9.3", "  swarm: {%s}\n"), more), *found = NULL;
	CLEANUP_SPEC struct spec *s = spec_of(text);
	CLEANUP_STRV struct strv list = STRV_INIT;

	assert_success(json_parse(swarm, strlen(swarm), "swarm", &o, &test_error));
	swarm_differs(o, s, &list);
	found = strv_join(&list, "; ");
	assert_string_equal(found, expected);
}

/* What of the file is the swarm's own, and may be changed while it runs. */
static void test_settings(void **state UNUSED)
{
	static const char as_ever[] = "{\"Spec\":{\"CAConfig\":{\"NodeCertExpiry\":7776000000000000},\"EncryptionConfig\":{\"AutoLockManagers\":false}}}";
	static const char locked[] = "{\"Spec\":{\"CAConfig\":{\"NodeCertExpiry\":3600000000000},\"EncryptionConfig\":{\"AutoLockManagers\":true}}}";

	settings(as_ever, "", "");
	settings(as_ever, "autolock: true", "autolock is off, and goes on");
	settings(locked, "autolock: true, certExpiry: 1h", "");
	settings(locked, "certExpiry: 2h", "autolock is on, and goes off; certExpiry is 1h, and becomes 2h");
	settings("{}", "autolock: false, certExpiry: 2h", "certExpiry is 0h, and becomes 2h");
	refused("  swarm: {autolock: often}", "c.yaml:10:21: autolock: ");
}

static bool has_port(const struct plan *p, const char *protocol, int port)
{
	for (size_t i = 0; i < p->n_rules; i++)
		if (strcmp(p->rules[i].protocol, protocol) == 0 && port >= p->rules[i].port_min && port <= p->rules[i].port_max)
			return true;
	return false;
}

static void test_ports(void **state UNUSED)
{
	CLEANUP_SPEC struct spec *s = spec_of(FILE_OF("29.9.3", ""));
	CLEANUP_PLAN struct plan *p = NULL;

	assert_success(plan_make(s, NULL, &p, &test_error));
	assert_true(has_port(p, "tcp", 2377) && has_port(p, "tcp", 7946) && has_port(p, "udp", 7946) && has_port(p, "udp", 4789) && has_port(p, "esp", 0));
	assert_true(has_port(p, "tcp", 22) && has_port(p, "tcp", REGISTRY_PORT));
	assert_false(has_port(p, "tcp", 6443) || has_port(p, "tcp", 2379) || has_port(p, "tcp", 10250) || has_port(p, "tcp", 30000) ||
		     has_port(p, "tcp", 2376));
}

/* Closed where the file does not ask for it, and never open to all by default. */
static void test_engine_port(void **state UNUSED)
{
	CLEANUP_SPEC struct spec *s = spec_of(FILE_OF("29.9.3", "  swarm: {api: {allowedCIDRs: [192.0.2.0/24, 198.51.100.7/32]}}\n")), *closed = spec_of(FILE_OF("29.9.3", ""));
	CLEANUP_PLAN struct plan *p = NULL;
	size_t n = 0;

	refused("  swarm: {api: {}}", "c.yaml:10:16: ");
	refused("  swarm: {api: {allowedCIDRs: [everyone]}}", "c.yaml:10:32: ");
	assert_success(plan_make(s, NULL, &p, &test_error));
	for (size_t i = 0; i < p->n_rules; i++)
		if (p->rules[i].port_min == ENGINE_PORT) {
			assert_string_equal(p->rules[i].group, "control-plane");
			assert_string_equal(p->rules[i].from_cidr, s->swarm.api_cidrs.v[n++]);
		}
	assert_int_equal(n, 2);
	assert_true(place_of(s, &(struct node){.role = NODE_CONTROL_PLANE}) & PLACE_ENGINE_API);
	assert_int_equal(place_of(s, &(struct node){.role = NODE_WORKER}), platform_place(PLATFORM_SWARM, NODE_WORKER));
	assert_int_equal(place_of(closed, &(struct node){.role = NODE_CONTROL_PLANE}), PLACE_MANAGER);
}

#define PORTAINER "  swarm: {portainer: {version: 2.33.3, allowedCIDRs: [192.0.2.0/24], passwordFile: p}}\n"

/* Its image is one of the bundle, its page open to whom the file names, and managers alone have its certificate. */
static void test_portainer(void **state UNUSED)
{
	CLEANUP_SPEC struct spec *s = spec_of(FILE_OF("29.9.3", PORTAINER));
	CLEANUP_CATALOGUE struct catalogue c = {0};
	CLEANUP_PLAN struct plan *p = NULL;

	assert_success(catalogue_make(s, &c, &test_error));
	assert_int_equal(c.images.n, 1);
	assert_string_equal(c.images.v[0], "docker.io/portainer/portainer-ce:2.33.3");
	assert_success(plan_make(s, NULL, &p, &test_error));
	assert_true(has_port(p, "tcp", PORTAINER_PORT));
	assert_false(has_port(p, "tcp", ENGINE_PORT));
	assert_int_equal(place_of(s, &(struct node){.role = NODE_CONTROL_PLANE}), PLACE_MANAGER | PLACE_PORTAINER);
	assert_int_equal(place_of(s, &(struct node){.role = NODE_WORKER}), platform_place(PLATFORM_SWARM, NODE_WORKER));
}

static void test_catalogue(void **state UNUSED)
{
	CLEANUP_SPEC struct spec *s = spec_of(FILE_OF("29.9.3", "")), *unknown = spec_of(FILE_OF("28.1.1", ""));
	CLEANUP_CATALOGUE struct catalogue c = {0}, none = {0};

	assert_success(catalogue_make(s, &c, &test_error));
	assert_int_equal(c.n, 2);
	assert_string_equal(c.items[0].url, "https://download.docker.com/linux/static/stable/x86_64/docker-29.9.3.tgz");
	assert_null(c.items[0].checksum_url);
	assert_true(strv_has(&c.items[0].programs, "dockerd") && strv_has(&c.items[0].programs, "containerd-shim-runc-v2"));
	assert_string_equal(c.items[1].name, "registry");
	assert_int_equal(c.images.n, 0);
	assert_failure(catalogue_make(unknown, &none, &test_error),
		       "platform.version: Docker Swarm \"28.1.1\" is not supported; supported are 29.9.x (proven with 29.9.3)");
}

static void assert_steps(const char *daemon, const char *steps, const char *tools)
{
	CLEANUP_FILESET struct fileset files = FILESET_INIT;
	CLEANUP_STRV struct strv list = STRV_INIT;
	CLEANUP_BUF struct buf text = BUF_INIT;
	CLEANUP_FREE char *found = NULL;
	struct bootstrap_run run = {.node = "whale-cp-1", .platform = PLATFORM_SWARM, .role = NODE_CONTROL_PLANE, .files = &files};

	fileset_add(&files, "/etc/docker/daemon.json", 0644, daemon);
	steps_list(&run, &list);
	found = strv_join(&list, " ");
	assert_string_equal(found, steps);
	steps_render(&run, &text);
	assert_non_null(strstr(buf_str(&text), tools));
}

static void test_steps(void **state UNUSED)
{
	assert_steps("{}\n", "preflight artifacts links retire", "tools='curl gzip tar mount iptables'\n");
	assert_steps("{\n  \"firewall-backend\": \"nftables\"\n}\n", "preflight artifacts links retire", "tools='curl gzip tar mount nft'\n");
}

/* An engine reads its certificate, and who is above its clients, at its start alone. */
static void test_what_begins_an_engine_anew(void **state UNUSED)
{
	static const char *const paths[] = {"/etc/docker/daemon.json", "/etc/docker/engine.crt", "/etc/docker/engine.key", "/etc/kubernetes/pki/engine-ca.crt"};
	CLEANUP_FILESET struct fileset files = FILESET_INIT;
	struct bootstrap_run run = {.node = "whale-cp-1", .platform = PLATFORM_SWARM, .role = NODE_CONTROL_PLANE, .files = &files};

	fileset_add(&files, "/etc/systemd/system/docker.service", 0644, "ExecStart=/opt/davit/bin/dockerd --config-file=/etc/docker/daemon.json\n");
	fileset_add(&files, paths[0], 0644,
		    "{\"tlscacert\": \"/etc/kubernetes/pki/engine-ca.crt\", \"tlscert\": \"/etc/docker/engine.crt\", \"tlskey\": \"/etc/docker/engine.key\"}\n");
	for (size_t i = 1; i < ARRAY_SIZE(paths); i++)
		fileset_add(&files, paths[i], 0600, "PEM");
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		assert_true(unit_uses(&run, "docker.service", paths[i]));
}

/* ---- what managers say */

#define MANAGER(id, name, state, reach)                                                                                                               \
	"{\"ID\":\"" id "\",\"CreatedAt\":\"2026-11-26T10:00:00.123456789Z\",\"UpdatedAt\":\"2026-11-26T11:00:00.5Z\",\"Spec\":{\"Labels\":{\"a\":\"b\"}," \
	"\"Role\":\"manager\",\"Availability\":\"active\"},\"Description\":{\"Hostname\":\"" name                                                     \
	"\",\"Engine\":{\"EngineVersion\":\"29.9.3\"}},\"Status\":{\"State\":\"" state "\"},\"ManagerStatus\":{\"Reachability\":\"" reach "\"}}"
#define WORKER(id, name, state, availability)                                                                                                         \
	"{\"ID\":\"" id "\",\"Spec\":{\"Role\":\"worker\",\"Availability\":\"" availability "\"},\"Description\":{\"Hostname\":\"" name                  \
	"\"},\"Status\":{\"State\":\"" state "\",\"Message\":\"heartbeat failure\"}}"
#define TASK(service, slot, node, state) "{\"ServiceID\":\"" service "\",\"Slot\":" slot ",\"NodeID\":\"" node "\",\"Status\":{\"State\":\"" state "\"}}"

static struct json_object *json_of(const char *text)
{
	struct json_object *o = NULL;

	assert_success(json_parse(text, strlen(text), "text", &o, &test_error));
	return o;
}

static void test_shape(void **state UNUSED)
{
	CLEANUP_JSON struct json_object *nodes = json_of("[" MANAGER("m1", "whale-cp-1", "ready", "reachable") "," WORKER("w1", "whale-w-1", "down", "active") "," WORKER(
		"w1b", "whale-w-1", "ready", "drain") "," WORKER("w2", "whale-w-2", "down", "active") "]");
	CLEANUP_JSON struct json_object *tasks =
		json_of("[" TASK("s1", "1", "w1b", "running") "," TASK("s1", "2", "w2", "failed") "," TASK("s2", "0", "m1", "starting") "," TASK("s1", "3", "", "pending") "]");
	CLEANUP_JSON struct json_object *services =
		json_of("[{\"ID\":\"s1\",\"Spec\":{\"Name\":\"web\",\"Mode\":{\"Replicated\":{}}}},{\"ID\":\"s2\",\"Spec\":{\"Name\":\"agent\",\"Mode\":{\"Global\":{}}}}]");
	CLEANUP_JSON struct json_object *shape = swarm_shape(nodes, tasks, services);
	CLEANUP_STRV struct strv pods = STRV_INIT, others = STRV_INIT;

	assert_int_equal(json_len(json_at(shape, "items")), 5);
	assert_string_equal(node_standing(leave_node(shape, "whale-cp-1")), "Ready");
	assert_string_equal(json_get_str(leave_node(shape, "whale-cp-1"), "metadata.creationTimestamp", ""), "2026-11-26T10:00:00Z");
	assert_string_equal(json_get_str(leave_node(shape, "whale-cp-1"), "status.nodeInfo.kubeletVersion", ""), "29.9.3");
	assert_string_equal(json_get_str(leave_node(shape, "whale-w-1"), "metadata.uid", ""), "w1b"); /* what its place has taken is not asked any more */
	assert_string_equal(node_standing(leave_node(shape, "whale-w-1")), "Ready,cordoned");
	assert_string_equal(node_standing(leave_node(shape, "whale-w-2")), "NotReady");
	assert_string_equal(json_get_str(node_condition(leave_node(shape, "whale-w-2"), "Ready"), "message", ""), "heartbeat failure");
	leave_pods(shape, "whale-w-1", &pods);
	assert_int_equal(pods.n, 1);
	assert_string_equal(pods.v[0], "service/web.1");
	leave_pods(shape, "whale-cp-1", &pods); /* one that runs everywhere does not count */
	leave_pods(shape, "whale-w-2", &pods);	/* one that has ended neither */
	assert_int_equal(pods.n, 1);
	assert_int_equal(leave_others(shape, &others), 1); /* managers take tasks, too */
}

static void is_short(const char *tasks, const char *expected)
{
	CLEANUP_JSON struct json_object *nodes = json_of("[" MANAGER("m1", "whale-cp-1", "ready", "reachable") "," WORKER("w1", "whale-w-1", "ready", "active") "," WORKER(
		"w2", "whale-w-2", "ready", "active") "," WORKER("w3", "whale-w-3", "ready", "drain") "]");
	CLEANUP_JSON struct json_object *services = json_of("[{\"ID\":\"s1\",\"Spec\":{\"Name\":\"web\",\"Mode\":{\"Replicated\":{\"Replicas\":2}}}},"
							    "{\"ID\":\"s2\",\"Spec\":{\"Name\":\"agent\",\"Mode\":{\"Global\":{}}}},"
							    "{\"ID\":\"s3\",\"Spec\":{\"Name\":\"job\",\"Mode\":{\"ReplicatedJob\":{}}}}]");
	CLEANUP_JSON struct json_object *list = json_of(tasks);
	CLEANUP_STRV struct strv found = STRV_INIT;
	CLEANUP_FREE char *text = NULL;

	swarm_short(&(struct swarm_lists){nodes, list, services}, "whale-w-1", &found);
	text = strv_join(&found, "; ");
	assert_string_equal(text, expected);
}

/* What a node may not be drained for yet. */
static void test_what_is_short_of_tasks(void **state UNUSED)
{
	is_short("[]", "");
	is_short("[" TASK("s1", "1", "w1", "running") "," TASK("s1", "2", "w2", "running") "]", "");
	is_short("[" TASK("s1", "1", "w1", "running") "," TASK("s1", "2", "w2", "preparing") "," TASK("s1", "2", "w2", "failed") "]", "web has 1 of 2 tasks");
	is_short("[" TASK("s1", "1", "m1", "running") "]", ""); /* nothing of it is there */
	is_short("[" TASK("s1", "1", "w1", "shutdown") "]", "");
	is_short("[" TASK("s2", "0", "w1", "running") "," TASK("s2", "0", "w2", "running") "]", ""); /* a constraint keeps it off the manager */
	is_short("[" TASK("s2", "0", "w1", "running") "," TASK("s2", "0", "w2", "shutdown") "]", "agent on whale-w-2"); /* it was drained before */
	is_short("[" TASK("s2", "0", "w1", "running") "," TASK("s2", "0", "w2", "shutdown") "," TASK("s2", "0", "w2", "running") "]", "");
	is_short("[" TASK("s2", "0", "w1", "running") "," TASK("s2", "0", "w3", "shutdown") "]", ""); /* that one takes none */
	is_short("[" TASK("s3", "1", "w1", "running") "," TASK("s3", "1", "w2", "complete") "]", "");
}

static void spares(const char *list, const char *name, const char *expected)
{
	CLEANUP_JSON struct json_object *nodes = json_of(list);

	if (expected == NULL) {
		assert_success(swarm_spares(nodes, name, &test_error));
		return;
	}
	assert_failure(swarm_spares(nodes, name, &test_error), expected);
}

static void test_quorum(void **state UNUSED)
{
	spares("[" MANAGER("1", "a", "ready", "reachable") "," MANAGER("2", "b", "ready", "reachable") "," MANAGER("3", "c", "ready", "reachable") "]", "a", NULL);
	spares("[" MANAGER("1", "a", "down", "unreachable") "," MANAGER("2", "b", "ready", "reachable") "," MANAGER("3", "c", "ready", "reachable") "]", "a", NULL);
	spares("[" MANAGER("1", "a", "down", "unreachable") "," MANAGER("2", "b", "ready", "reachable") "," MANAGER("3", "c", "ready", "reachable") "]", "b",
	       "without b the managers would have no majority: a cannot be reached");
	spares("[" MANAGER("1", "a", "ready", "reachable") "," WORKER("2", "b", "ready", "active") "]", "a", "a is the only manager");
}

/* For all of these a change of authority waits, also for one that another one of its name has replaced. */
static void test_down(void **state UNUSED)
{
	CLEANUP_JSON struct json_object *nodes = json_of("[" MANAGER("m1", "whale-cp-1", "ready", "reachable") "," WORKER("w1", "whale-w-1", "down", "active") "," WORKER(
		"w1b", "whale-w-1", "ready", "active") "," WORKER("w2", "", "unknown", "active") "]");
	CLEANUP_STRV struct strv down = STRV_INIT;

	swarm_down(nodes, &down);
	assert_int_equal(down.n, 2);
	assert_string_equal(down.v[0], "whale-w-1");
	assert_string_equal(down.v[1], "w2");
}

/* Labels are wanted; marks of Kubernetes and taints are not. */
static void test_labels(void **state UNUSED)
{
	CLEANUP_SPEC struct spec *s = spec_of(FILE_OF("29.9.3", ""));
	CLEANUP_PLAN struct plan *p = NULL;
	CLEANUP_JSON struct json_object *nodes = json_of("[" MANAGER("m1", "whale-cp-1", "ready", "reachable") "]"), *shape = swarm_shape(nodes, NULL, NULL);
	CLEANUP(node_states_free) struct node_states states = {0};

	assert_success(plan_make(s, NULL, &p, &test_error));
	assert_success(node_states_read(p, NULL, shape, &states, &test_error));
	assert_int_equal(states.n, 5);
	assert_int_equal(states.items[0].labels.n, 1);
	assert_string_equal(states.items[0].labels.v[0], "davit.dev/pool=control-plane");
	assert_int_equal(states.items[0].taints.n, 0);
	assert_string_equal(states.items[3].labels.v[1], "tier=web");
}

/* ---- an upgrade */

#define LEADER(id, name, version)                                                                                                                    \
	"{\"ID\":\"" id "\",\"Spec\":{\"Role\":\"manager\",\"Availability\":\"pause\"},\"Description\":{\"Hostname\":\"" name                                \
	"\",\"Engine\":{\"EngineVersion\":\"" version "\"}},\"Status\":{\"State\":\"ready\"},\"ManagerStatus\":{\"Reachability\":\"reachable\",\"Leader\":true}}"

static void assert_view(const char *list, const char *version, const char *last, const char *ailing)
{
	CLEANUP_JSON struct json_object *nodes = json_of(list);
	struct upgrade_view view = {0};
	CLEANUP_FREE char *found = NULL;

	swarm_upgrade_view(nodes, &view);
	found = strv_join(&view.ailing, "|");
	assert_string_equal(view.version, version);
	assert_string_equal(view.last != NULL ? view.last : "-", last);
	assert_string_equal(found, ailing);
	assert_non_null(view.well);
	upgrade_view_clear(&view);
}

static void test_what_an_upgrade_begins_with(void **state UNUSED)
{
	CLEANUP_JSON struct json_object *nodes = json_of("[" LEADER("2", "b", "29.9.2") "," WORKER("3", "w", "ready", "active") "]"), *shape = swarm_shape(nodes, NULL, NULL);

	assert_view("[" MANAGER("1", "a", "ready", "reachable") "," LEADER("2", "b", "29.9.2") "," WORKER("3", "w", "ready", "active") "]", "29.9.2", "b", "");
	assert_view("[" MANAGER("1", "a", "down", "unreachable") "," LEADER("2", "b", "29.9.2") "]", "29.9.2", "b", "the other managers do not reach a");
	assert_view("[" MANAGER("1", "a", "ready", "reachable") "]", "an engine of no version that is known", "-", "the managers have no leader");
	assert_string_equal(json_get_str(node_find(shape, "b"), "spec.availability", ""), "pause");
	assert_true(json_get_bool(node_find(shape, "b"), "spec.unschedulable", false));
	assert_string_equal(node_version(node_find(shape, "b")), "29.9.2");
	assert_string_equal(node_version(NULL), "");
}

static void assert_unwell(const char *list, enum node_role role, const char *version, const char *expected)
{
	CLEANUP_JSON struct json_object *nodes = json_of(list);
	CLEANUP_FREE char *why = swarm_unwell(nodes, &(struct swarm_wanted){"a", role == NODE_CONTROL_PLANE, version});

	assert_string_equal(why != NULL ? why : "", expected);
}

static void test_what_is_not_well_after_it(void **state UNUSED)
{
	static const char away[] = "[" MANAGER("1", "a", "down", "unreachable") "]", cut[] = "[" MANAGER("1", "a", "ready", "unreachable") "]";
	static const char well[] = "[" MANAGER("0", "a", "down", "unreachable") "," MANAGER("1", "a", "ready", "reachable") "]"; /* what its place has taken */
	static const char worker[] = "[" WORKER("1", "a", "ready", "drain") "]";
	static const char late[] = "[" WORKER("1", "a", "ready", "active") "," MANAGER("2", "b", "unknown", "reachable") "," WORKER("3", "c", "disconnected", "active") "," WORKER("4", "d", "down", "active") "]";

	assert_unwell(well, NODE_CONTROL_PLANE, "29.9.3", "");
	assert_unwell(well, NODE_CONTROL_PLANE, NULL, "");
	assert_unwell(well, NODE_CONTROL_PLANE, "29.9.4", "its engine is 29.9.3, not 29.9.4");
	assert_unwell(away, NODE_CONTROL_PLANE, "29.9.3", "the managers do not hear of its engine");
	assert_unwell(cut, NODE_CONTROL_PLANE, "29.9.3", "the other managers do not reach it");
	assert_unwell(worker, NODE_CONTROL_PLANE, NULL, "it is no manager any more");
	assert_unwell(worker, NODE_WORKER, NULL, "");
	assert_unwell(cut, NODE_WORKER, NULL, "the other managers do not reach it");
	assert_unwell("[]", NODE_WORKER, NULL, "the managers do not hear of its engine");
	assert_unwell(late, NODE_WORKER, NULL, "the managers have a new leader, which has not heard of b yet");
}

static void test_frozen(void **state UNUSED)
{
	CLEANUP_SPEC struct spec *s = spec_of(FILE_OF("29.9.3", "")), *other = spec_of(FILE_OF("29.9.4", "  swarm: {addressPools: [172.30.0.0/16]}\n"));
	CLEANUP_SPEC struct spec *newer = spec_of(FILE_OF("29.9.10", "")), *older = spec_of(FILE_OF("29.9.2", ""));
	CLEANUP_FREE char *folder = xasprintf("%s/davit-swarm-%d", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp", (int)getpid());
	struct state *st = NULL;

	assert_success(state_open(folder, "whale", STATE_WRITE, &st, &test_error));
	assert_success(frozen_keep(s, st, &test_error));
	assert_success(frozen_check(s, st, FROZEN_ALLOW_NOTHING, &test_error));
	assert_int_equal(frozen_check(other, st, FROZEN_ALLOW_NOTHING, &test_error), -1);
	assert_non_null(strstr(error_message(test_error), "platform.version: the cluster has 29.9.3, the file says 29.9.4"));
	assert_non_null(strstr(error_message(test_error), "swarm.addressPools: the cluster has 10.244.0.0/16, the file says 172.30.0.0/16"));
	error_clear(&test_error);
	assert_failure(frozen_check(newer, st, FROZEN_ALLOW_NOTHING, &test_error), "\"davit upgrade\" goes there, node by node");
	assert_success(frozen_check(newer, st, FROZEN_ALLOW_UPGRADE, &test_error));
	assert_failure(frozen_check(older, st, FROZEN_ALLOW_UPGRADE, &test_error), "engines do not go back");
	state_close(st);
	assert_success(path_remove_tree(folder, &test_error));
}

/* Whose engine is stopped for a backup; refused where the others would have no majority. */
static void assert_source(const char *list, const char *node, bool alone)
{
	CLEANUP_JSON struct json_object *nodes = json_of(list);
	CLEANUP(swarm_source_clear) struct swarm_source source = {0};

	if (node == NULL) {
		assert_failure(swarm_backup_choose(nodes, &source, &test_error), "would have no majority");
		assert_null(source.node);
		return;
	}
	assert_success(swarm_backup_choose(nodes, &source, &test_error));
	assert_string_equal(source.node, node);
	assert_int_equal(source.alone, alone);
}

static void test_what_a_backup_is_taken_of(void **state UNUSED)
{
	assert_source("[" WORKER("0", "w", "ready", "active") "," LEADER("1", "a", "29.9.3") "," MANAGER("2", "b", "ready", "reachable") "," MANAGER("3", "c", "ready", "reachable") "]",
		      "b", false);
	assert_source("[" MANAGER("1", "a", "down", "unreachable") "," LEADER("2", "b", "29.9.3") "," MANAGER("3", "c", "ready", "reachable") "]", NULL, false);
	assert_source("[" LEADER("1", "a", "29.9.3") "," MANAGER("2", "b", "ready", "reachable") "]", NULL, false);
	assert_source("[" MANAGER("1", "a", "down", "unreachable") "," LEADER("2", "b", "29.9.3") "," MANAGER("3", "c", "ready", "reachable") "," MANAGER(
			      "4", "d", "ready", "reachable") "," MANAGER("5", "e", "ready", "reachable") "]",
		      "c", false);
	assert_source("[" LEADER("1", "a", "29.9.3") "," WORKER("2", "w", "ready", "active") "]", "a", true);
	assert_source("[" MANAGER("1", "a", "ready", "reachable") "]", NULL, false); /* nobody leads */
	assert_source("[]", NULL, false);
}

static void test_where_a_restoration_has_come_to(void **state UNUSED)
{
	CLEANUP(swarm_place_clear) struct swarm_place p = {0}, q = {0};

	assert_success(swarm_read_place("29.9.3 open data /var/lib/docker/swarm.before-2026-11-27T04-22-25Z none\n", &p, &test_error));
	assert_string_equal(p.engine, "29.9.3");
	assert_true(p.has_data && !p.done);
	assert_string_equal(p.before, "/var/lib/docker/swarm.before-2026-11-27T04-22-25Z");
	assert_true(swarm_place_had_data(&p));
	swarm_place_clear(&p);
	assert_success(swarm_read_place("29.9.3 done empty /x none\n", &p, &test_error));
	assert_true(p.done && !p.has_data);
	assert_false(swarm_place_had_data(&p));
	swarm_place_clear(&p);
	assert_success(swarm_read_place("29.9.3 done data /x none\n", &p, &test_error)); /* those of the new swarm */
	assert_false(swarm_place_had_data(&p));
	swarm_place_clear(&p);
	assert_success(swarm_read_place("29.9.3 open empty /x kept\n", &p, &test_error));
	assert_true(swarm_place_had_data(&p));
	assert_failure(swarm_read_place("29.9.3 done\n", &q, &test_error), "cannot be understood");
	assert_null(q.engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_does_not_fit), cmocka_unit_test(test_address_pools), cmocka_unit_test(test_ports), cmocka_unit_test(test_engine_port), cmocka_unit_test(test_settings),
		cmocka_unit_test(test_portainer), cmocka_unit_test(test_catalogue),	  cmocka_unit_test(test_steps), cmocka_unit_test(test_what_begins_an_engine_anew),		cmocka_unit_test(test_shape),
		cmocka_unit_test(test_what_is_short_of_tasks), cmocka_unit_test(test_quorum),	  cmocka_unit_test(test_down),		  cmocka_unit_test(test_labels),	cmocka_unit_test(test_frozen),
		cmocka_unit_test(test_what_an_upgrade_begins_with), cmocka_unit_test(test_what_is_not_well_after_it),
		cmocka_unit_test(test_what_a_backup_is_taken_of), cmocka_unit_test(test_where_a_restoration_has_come_to),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
