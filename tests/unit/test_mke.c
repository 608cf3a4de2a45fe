/* Mirantis Kubernetes Engine: what of the file it takes, what it is made of, and how its managers are told to be. */
#include "bootstrap/mke.h"
#include "bootstrap/nodes.h"
#include "bootstrap/steps.h"
#include "bootstrap/swarm.h"
#include "core/base/alloc.h"
#include "core/base/path.h"
#include "core/cluster/frozen.h"
#include "core/cluster/mke.h"
#include "registry/catalogue.h"
#include "tests/unit/test.h"
#include <unistd.h>

#define SHA(c) c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c
#define HEAD(image)                                                                                                                                  \
	"apiVersion: davit/v1\nkind: Cluster\nmetadata: {name: orca}\nspec:\n  platform: {type: mke, version: 3.9.2}\n"                              \
	"  openstack: {image: " image "}\n"
#define REST(count, mke, more)                                                                                                                       \
	"  controlPlane: {count: " count ", flavor: m1.large}\n  workerPools:\n  - {name: w, count: 2, flavor: m1.medium}\n  mke:\n" mke more
#define IMAGES "    images: {file: ucp_images_3.9.2.tar.gz, sha256: " SHA("a") "}\n"
#define ENGINE "    engine: {version: 29.4.1, packages: [{file: p/docker-ee_29.4.1~3-0~ubuntu-noble_amd64.deb, sha256: " SHA("b") "}]}\n"
#define PASSWORD "    passwordFile: password\n"
#define MKE IMAGES ENGINE PASSWORD
#define FILE_OF(more) HEAD("ubuntu-24.04") REST("3", MKE, more)

static struct spec *spec_of(const char *path, const char *text)
{
	struct spec *s = NULL;

	assert_success(spec_parse(path, text, strlen(text), &s, &test_error));
	return s;
}

static void refused(const char *text, const char *expected)
{
	CLEANUP_SPEC struct spec *s = NULL;

	assert_failure(spec_parse("c.yaml", text, strlen(text), &s, &test_error), expected);
}

static void test_what_is_taken(void **state UNUSED)
{
	CLEANUP_SPEC struct spec *s = spec_of("there/c.yaml", FILE_OF("    license: mke.lic\n  api: {allowedCIDRs: [192.0.2.0/24]}\n"));

	assert_int_equal(s->platform, PLATFORM_MKE);
	assert_string_equal(s->mke.user, "admin");
	assert_string_equal(s->mke.images.path, "there/ucp_images_3.9.2.tar.gz");
	assert_string_equal(s->mke.engine.packages[0].path, "there/p/docker-ee_29.4.1~3-0~ubuntu-noble_amd64.deb");
	assert_string_equal(s->mke.license, "there/mke.lic");
	assert_string_equal(s->mke.password_file, "there/password");
	assert_string_equal(s->network.pod_cidr, "192.168.0.0/16");
	assert_int_equal(s->api.endpoint, API_FLOATING_IP);
}

static void test_what_is_refused(void **state UNUSED)
{
	refused(HEAD("ubuntu-24.04") REST("2", MKE, ""), "c.yaml:7:25: count: 2 control planes cannot agree better than 1; use an odd number");
	refused(HEAD("debian-12") REST("3", MKE, ""), "c.yaml:6:22: image: \"debian-12\": Mirantis Container Runtime is not made for Debian; davit installs it on Ubuntu 22.04 and 24.04");
	refused(HEAD("ubuntu-24.04") "  controlPlane: {flavor: m1.large, image: Debian 12}\n  mke:\n" MKE, "c.yaml:7:43: image: \"Debian 12\"");
	refused(HEAD("ubuntu-24.04") "  controlPlane: {flavor: m1.large}\n", "c.yaml:5:13: platform: \"type: mke\" needs \"mke\" beside it");
	refused(FILE_OF("  api: {endpoint: octavia}\n"), "endpoint: with MKE only floatingIP and internal are possible");
	refused(FILE_OF("  kubelet: {maxPods: 10}\n"), "kubelet: this is of \"platform: {type: kubernetes}\"; Mirantis Kubernetes Engine has no such thing");
	refused(FILE_OF("  swarm: {autolock: true}\n"), "autolock: this is of \"platform: {type: swarm}\"; Mirantis Kubernetes Engine has no such thing");
	refused(FILE_OF("    user: Admin\n"), "user: \"Admin\" is none of MKE's");
	refused("apiVersion: davit/v1\nkind: Cluster\nmetadata: {name: x}\nspec:\n  platform: {version: 1.36.3}\n  openstack: {image: i}\n  controlPlane: {flavor: f}\n"
		"  mke:\n" MKE,
		"c.yaml:9:5: mke: this is of \"platform: {type: mke}\"; Kubernetes has no such thing");
}

static void test_networks(void **state UNUSED)
{
	CLEANUP_SPEC struct spec *s = spec_of("c.yaml", FILE_OF("  swarm: {addressPools: [172.30.0.0/16]}\n  network: {podCIDR: 10.244.0.0/16}\n"));

	assert_string_equal(s->network.pod_cidr, "10.244.0.0/16");
	refused(FILE_OF("  swarm: {addressPools: [10.0.0.0/8]}\n"), "network.serviceCIDR 10.96.0.0/16 overlaps 10.0.0.0/8 of swarm.addressPools; they must be apart");
	refused(FILE_OF("  network: {podCIDR: 10.244.0.0/17}\n"), "c.yaml:14:22: network.podCIDR 10.244.0.0/17 overlaps 10.244.0.0/16 of swarm.addressPools");
	refused(FILE_OF("  network: {podCIDR: 10.96.0.0/12}\n"), "network.serviceCIDR 10.96.0.0/16 overlaps network.podCIDR 10.96.0.0/12");
	refused(FILE_OF("  network: {cidr: 192.168.7.0/24}\n"), "network.podCIDR 192.168.0.0/16 overlaps network.cidr 192.168.7.0/24");
}

static void engine_refused(const char *version, const char *packages, const char *expected)
{
	CLEANUP_FREE char *text = xasprintf(HEAD("ubuntu-24.04") REST("1", "%s    engine: {version: %s, packages: [%s]}\n%s", ""), IMAGES, version, packages, PASSWORD);

	refused(text, expected);
}

static void test_engine(void **state UNUSED)
{
#define PACKAGE(name) "{file: " name ", sha256: " SHA("b") "}"
	engine_refused("29.4.1", PACKAGE("containerd.io_2.1.4-1_amd64.deb"), "c.yaml:12:41: packages: none is the engine: docker-ee_29.4.1…_amd64.deb");
	engine_refused("29.4.1", PACKAGE("docker-ee_29.4.10~1_amd64.deb"), "c.yaml:12:49: file: \"docker-ee_29.4.10~1_amd64.deb\" is not of version 29.4.1");
	engine_refused("29.4.1", PACKAGE("docker-ee_29.4.1.1_amd64.deb"), "is not of version 29.4.1");
	engine_refused("24.0.1", PACKAGE("docker-ee_24.0.1_amd64.deb"), "c.yaml:12:23: version: Mirantis Container Runtime 24.0.1 is too old: 25.0 or later");
	engine_refused("29.4.1", PACKAGE("docker-ee-29.4.1.x86_64.rpm"), "is no package of Ubuntu's for amd64");
	engine_refused("29.4.1", PACKAGE("docker-ee_29.4.1_arm64.deb"), "is no package of Ubuntu's for amd64");
	engine_refused("29.4.1", "{file: docker-ee_29.4.1_amd64.deb, sha256: abc}", "sha256: \"abc\" is none: 64 hexadecimal digits, as \"sha256sum docker-ee_29.4.1_amd64.deb\"");
	engine_refused("29.4.1", PACKAGE("docker-ee_29.4.1_amd64.deb") ", " PACKAGE("docker-ee_29.4.1_amd64.deb"), "there are two packages \"docker-ee\"");
	engine_refused("29.4.1", PACKAGE("docker-ee_29.4.1_amd64.deb") ", " PACKAGE("containerd.io_2_amd64.deb"), "sha256: that of \"docker-ee_29.4.1_amd64.deb\" is the same");
	spec_free(spec_of("c.yaml", HEAD("ubuntu-24.04") REST("1",
							      IMAGES "    engine: {version: 29.4.1, packages: [" PACKAGE("docker-ee_5%3a29.4.1~3_amd64.deb") "]}\n" PASSWORD, "")));
}

static void test_catalogue(void **state UNUSED)
{
	CLEANUP_SPEC struct spec *s = spec_of("/there/c.yaml", FILE_OF("")), *unknown = NULL;
	CLEANUP_CATALOGUE struct catalogue c = {0}, none = {0};

	assert_success(catalogue_make(s, &c, &test_error));
	assert_int_equal(c.n, 3);
	assert_string_equal(c.items[0].name, "docker-ee");
	assert_string_equal(c.items[0].version, "bbbbbbbbbbbb");
	assert_string_equal(c.items[0].url, "file:///there/p/docker-ee_29.4.1~3-0~ubuntu-noble_amd64.deb");
	assert_int_equal(c.items[0].format, ARTIFACT_DEB);
	assert_string_equal(c.items[1].name, "mke-images");
	assert_string_equal(c.items[1].version, "3.9.2");
	assert_string_equal(c.items[1].digest, "sha256:" SHA("a"));
	assert_string_equal(c.items[1].place, "/there/c.yaml:11:13");
	assert_string_equal(c.items[2].name, "registry");
	assert_null(c.items[2].digest);
	s->version[2] = '1';
	unknown = s;
	assert_failure(catalogue_make(unknown, &none, &test_error),
		       "Mirantis Kubernetes Engine \"3.1.2\" is not supported; supported are 3.9.x (by the documentation, untested), 3.8.x (by the documentation, untested)");
	unknown = NULL;
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
	CLEANUP_SPEC struct spec *s = spec_of("c.yaml", FILE_OF(""));
	CLEANUP_PLAN struct plan *p = NULL;

	assert_success(plan_make(s, NULL, &p, &test_error));
	assert_true(has_port(p, "tcp", 443) && has_port(p, "tcp", 6443) && has_port(p, "tcp", 2377) && has_port(p, "udp", 4789) && has_port(p, "ipip", 0));
	assert_true(has_port(p, "tcp", 12379) && has_port(p, "tcp", 12388) && has_port(p, "tcp", 179) && has_port(p, "tcp", 12376));
	assert_false(has_port(p, "tcp", 2375) || has_port(p, "tcp", 2379) || has_port(p, "udp", 8472));
}

static void assert_steps(enum node_role role, const char *steps)
{
	CLEANUP_FILESET struct fileset files = FILESET_INIT;
	CLEANUP_STRV struct strv list = STRV_INIT;
	CLEANUP_FREE char *found = NULL;
	struct bootstrap_run run = {.node = "orca-cp-1", .platform = PLATFORM_MKE, .role = role, .files = &files};

	steps_list(&run, &list);
	found = strv_join(&list, " ");
	assert_string_equal(found, steps);
}

static void test_steps(void **state UNUSED)
{
	assert_steps(NODE_CONTROL_PLANE, "preflight system artifacts packages links retire images controller");
	assert_steps(NODE_WORKER, "preflight system artifacts packages links retire images");
	assert_steps(NODE_REGISTRY, "preflight artifacts retire");
}

/* ---- what the installer is given */

static char *work_folder(void)
{
	return xasprintf("%s/davit-mke-%d", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp", (int)getpid());
}

static void write_file(const char *folder, const char *name, const char *text)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", folder, name);

	assert_success(path_write(path, text, strlen(text), 0600, &test_error));
}

static void test_license(void **state UNUSED)
{
	CLEANUP_FREE char *folder = work_folder(), *path = xasprintf("%s/c.yaml", folder);
	CLEANUP_SPEC struct spec *s = spec_of(path, FILE_OF("    license: mke.lic\n")), *without = spec_of(path, FILE_OF(""));
	char *text = NULL;

	assert_success(path_mkdirs(folder, 0700, &test_error));
	assert_failure(mke_license(s, &text, &test_error), "c.yaml:14:14: license: ");
	write_file(folder, "mke.lic", "<html>please log in</html>");
	assert_failure(mke_license(s, &text, &test_error), "mke.lic is no licence: it is neither JSON with key_id and authorization nor a token");
	write_file(folder, "mke.lic", "{\"key_id\": \"x\"}");
	assert_failure(mke_license(s, &text, &test_error), "is no licence");
	write_file(folder, "mke.lic", "");
	assert_failure(mke_license(s, &text, &test_error), "is no licence");
	write_file(folder, "mke.lic", "{\"key_id\": \"x\", \"private_key\": \"y\", \"authorization\": \"z\"}\n");
	assert_success(mke_license(s, &text, &test_error));
	assert_non_null(strstr(text, "key_id"));
	free(text);
	write_file(folder, "mke.lic", "eyJhbGciOi.eyJpc3Mi.c2lnbg-_\n");
	assert_success(mke_license(s, &text, &test_error));
	free(text);
	assert_success(mke_license(without, &text, &test_error));
	assert_null(text);
	assert_success(path_remove_tree(folder, &test_error));
}

static void test_password(void **state UNUSED)
{
	CLEANUP_FREE char *folder = work_folder(), *path = xasprintf("%s/c.yaml", folder);
	CLEANUP_SPEC struct spec *s = spec_of(path, FILE_OF(""));
	char *text = NULL;

	assert_success(path_mkdirs(folder, 0700, &test_error));
	assert_failure(mke_password(s, &text, &test_error), "c.yaml:13:19: passwordFile: ");
	write_file(folder, "password", "short\nlonger than eight");
	assert_failure(mke_password(s, &text, &test_error), "has 5 characters; MKE takes a password of 8 to 128");
	write_file(folder, "password", "with\ta tab in it\n");
	assert_failure(mke_password(s, &text, &test_error), "has a control character in it");
	write_file(folder, "password", " $pa ss'word\"\r\n");
	assert_success(mke_password(s, &text, &test_error));
	assert_string_equal(text, " $pa ss'word\"");
	free(text);
	assert_success(path_remove_tree(folder, &test_error));
}

/* ---- the cluster */

#define NODE(id, name, state, manager)                                                                                                              \
	"{\"ID\":\"" id "\",\"Spec\":{\"Role\":\"worker\",\"Availability\":\"active\"},\"Description\":{\"Hostname\":\"" name "\"},\"Status\":{\"State\":\"" state "\"}" manager "}"
#define MANAGER(address) ",\"ManagerStatus\":{\"Reachability\":\"reachable\",\"Addr\":\"" address ":2377\"}"

static void test_health(void **state UNUSED)
{
	static const char text[] = "[" NODE("1", "orca-cp-1", "ready", MANAGER("10.6.0.10")) "," NODE("2", "orca-cp-2", "ready", MANAGER("10.6.0.11")) "," NODE(
		"3", "orca-cp-3", "down", MANAGER("10.6.0.1")) "," NODE("4", "orca-w-1", "ready", "") "]";
	CLEANUP_JSON struct json_object *nodes = NULL, *shape = NULL;

	assert_success(json_parse(text, strlen(text), "text", &nodes, &test_error));
	shape = swarm_shape(nodes, NULL, NULL);
	mke_mark(shape, nodes, "10.6.0.11 503\n10.6.0.10 200\n10.6.0.1 000\n");
	assert_true(node_is_ready(node_find(shape, "orca-cp-1")) && node_is_ready(node_find(shape, "orca-w-1")));
	assert_false(node_is_ready(node_find(shape, "orca-cp-2")));
	assert_string_equal(json_get_str(node_condition(node_find(shape, "orca-cp-2"), "Ready"), "message", ""), "its MKE is not well: https://10.6.0.11/_ping");
	assert_string_equal(json_get_str(node_condition(node_find(shape, "orca-cp-3"), "Ready"), "message", ""), "its engine is not heard of");
	mke_mark(shape, nodes, ""); /* nobody was asked */
	assert_false(node_is_ready(node_find(shape, "orca-cp-1")));
}

static void assert_moves(const struct spec *s, struct state *st, bool nodes, bool whole)
{
	assert_int_equal(frozen_moves(s, st, FROZEN_NODES), nodes);
	assert_int_equal(frozen_moves(s, st, FROZEN_WHOLE), whole);
	assert_int_equal(frozen_moves(s, st, FROZEN_ANY), nodes || whole);
}

static void test_frozen(void **state UNUSED)
{
	CLEANUP_SPEC struct spec *s = spec_of("c.yaml", FILE_OF("")), *other = spec_of("c.yaml", FILE_OF("  network: {podCIDR: 192.168.0.0/17}\n"));
	CLEANUP_FREE char *folder = work_folder();
	struct state *st = NULL;
	CLEANUP_FREE char *has = NULL;

	assert_success(state_open(folder, "orca", STATE_WRITE, &st, &test_error));
	assert_success(frozen_keep(s, st, &test_error));
	assert_moves(s, st, false, false);
	assert_moves(s, NULL, false, false);
	assert_success(frozen_check(s, st, FROZEN_ALLOW_NOTHING, &test_error));
	other->mke.engine.version[5] = '2';
	assert_int_equal(frozen_check(other, st, FROZEN_ALLOW_NOTHING, &test_error), -1);
	assert_non_null(strstr(error_message(test_error), "mke.engine.version: the cluster has 29.4.1, the file says 29.4.2"));
	assert_non_null(strstr(error_message(test_error), "network.podCIDR: the cluster has 192.168.0.0/16, the file says 192.168.0.0/17"));
	error_clear(&test_error);
	free(other->network.pod_cidr);
	other->network.pod_cidr = xstrdup("192.168.0.0/16");
	assert_failure(frozen_check(other, st, FROZEN_ALLOW_NOTHING, &test_error), "\"davit upgrade\" goes there, node by node");
	assert_success(frozen_check(other, st, FROZEN_ALLOW_UPGRADE, &test_error));
	assert_moves(other, st, true, false);
	other->version[4]++;
	assert_moves(other, st, true, true);
	other->mke.engine.version[5] = '1';
	assert_moves(other, st, false, true);
	other->mke.engine.packages[0].sha256[0] ^= 1; /* other packages of the same version */
	assert_false(frozen_moves(other, st, FROZEN_TOLD));
	assert_failure(frozen_check(other, st, FROZEN_ALLOW_NOTHING, &test_error), "mke.engine.packages: the cluster has");
	assert_success(frozen_check(other, st, FROZEN_ALLOW_UPGRADE, &test_error));
	assert_moves(other, st, true, true);
	other->version[2]--;
	assert_failure(frozen_check(other, st, FROZEN_ALLOW_UPGRADE, &test_error), "MKE does not go back");
	other->version[2]++;
	other->mke.engine.version[5] = '0';
	assert_failure(frozen_check(other, st, FROZEN_ALLOW_UPGRADE, &test_error), "engines do not go back");
	assert_success(frozen_keep(other, st, &test_error));
	assert_moves(other, st, false, false);
	has = frozen_release(other, st);
	assert_string_equal(has, "3.9.3 with engine 29.4.0");
	assert_null(frozen_release(other, NULL));
	state_close(st);
	assert_success(path_remove_tree(folder, &test_error));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_taken), cmocka_unit_test(test_what_is_refused), cmocka_unit_test(test_networks), cmocka_unit_test(test_engine),
		cmocka_unit_test(test_catalogue),     cmocka_unit_test(test_ports),	      cmocka_unit_test(test_steps),    cmocka_unit_test(test_license),
		cmocka_unit_test(test_password),      cmocka_unit_test(test_health),	      cmocka_unit_test(test_frozen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
