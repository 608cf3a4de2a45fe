#include "bootstrap/artifacts.h"
#include "bootstrap/paths.h"
#include "bootstrap/progress.h"
#include "bootstrap/steps.h"
#include "bootstrap/tarball.h"
#include "bootstrap/units.h"
#include "core/base/alloc.h"
#include "core/base/path.h"
#include "core/cluster/etcd.h"
#include "pki/pki.h"
#include "tests/unit/test.h"
#include <stdio.h>
#include <unistd.h>

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define ROLE(r) ARTIFACT_ROLES(r)

/* ---- a node as the other stages would describe it, in small */

static void add_artifact(struct artifacts *a, const char *name, const char *version, enum artifact_format format,
			 const char *programs, unsigned roles)
{
	struct artifact *item = NULL;

	array_grow(a->items, a->n, a->cap);
	item = &a->items[a->n++];
	*item = (struct artifact){
		.name = xstrdup(name), .version = xstrdup(version), .format = format, .size = 1234, .roles = roles};
	item->digest = xasprintf("sha256:%02x%s", (unsigned)a->n, &HEX[2]);
	item->strip = format == ARTIFACT_TAR_GZ ? 1 : 0;
	strv_split(&item->programs, programs, " ");
}

static void add_artifacts(struct artifacts *a)
{
	unsigned cp = ROLE(NODE_CONTROL_PLANE), both = cp | ROLE(NODE_WORKER);

	add_artifact(a, "containerd", "2.3.7", ARTIFACT_TAR_GZ, "containerd containerd-shim-runc-v2 ctr", both);
	add_artifact(a, "cni-plugins", "1.9.1", ARTIFACT_TAR_GZ, "", both);
	add_artifact(a, "kubelet", "1.36.3", ARTIFACT_FILE, "kubelet", both);
	add_artifact(a, "kube-apiserver", "1.36.3", ARTIFACT_FILE, "kube-apiserver", cp);
	add_artifact(a, "registry", "3.1.2", ARTIFACT_TAR_GZ, "registry", ROLE(NODE_REGISTRY));
}

struct example {
	struct fileset files;
	struct strv units;
	struct artifacts artifacts;
	struct bootstrap_run run;
};

static void add_kubernetes(struct fileset *f, bool plane)
{
	fileset_add(f, "/etc/modules-load.d/davit.conf", 0644, "overlay\n# why\nbr_netfilter\n");
	fileset_add(f, SYSCTL_FILE, 0644, "net.ipv4.ip_forward=1\n");
	fileset_add(f, "/etc/systemd/system/containerd.service", 0644, "ExecStart=/opt/davit/bin/containerd\n");
	fileset_add(f, "/etc/systemd/system/kubelet.service", 0644,
		    "After=containerd.service\nExecStart=/opt/davit/bin/kubelet --config=/var/lib/kubelet/config.yaml "
		    "--kubeconfig=/etc/kubernetes/kubelet.conf\n");
	fileset_add(f, "/etc/systemd/system/kubelet.service.d/10-x.conf", 0644, "EnvironmentFile=/etc/davit/kubelet.env\n");
	fileset_add(f, "/etc/davit/kubelet.env", 0644, "A=b\n");
	fileset_add(f, "/etc/containerd/config.toml", 0644, "config_path = '/etc/containerd/certs.d'\n");
	fileset_add(f, "/var/lib/kubelet/config.yaml", 0644, "clientCAFile: /etc/kubernetes/pki/ca.crt\n");
	fileset_add(f, "/var/lib/kubelet/config.yaml.old", 0644, "no business of the unit\n");
	fileset_add_secret(f, "/etc/kubernetes/kubelet.conf", 0600, "client-key: /var/lib/kubelet/pki/kubelet-client.key\n");
	fileset_add_secret(f, "/var/lib/kubelet/pki/kubelet-client.key", 0600, "KEY");
	fileset_add(f, "/etc/kubernetes/pki/ca.crt", 0644, "CA");
	if (!plane)
		return;
	fileset_add(f, ETCD_START_FILE, 0644, "new demo-cp-1 10.6.0.10\ndemo-cp-1 10.6.0.10\n");
	fileset_add(f, "/etc/systemd/system/kube-apiserver.service", 0644, "ExecStart=/opt/davit/bin/kube-apiserver\n");
}

static void example_make(struct example *e, enum node_role role)
{
	*e = (struct example){0};
	add_artifacts(&e->artifacts);
	if (role == NODE_REGISTRY) {
		fileset_add(&e->files, "/etc/systemd/system/registry.service", 0644, "ExecStart=/opt/davit/bin/registry\n");
		fileset_add(&e->files, REGISTRY_CA, 0644, "CA");
		fileset_add(&e->files, "/etc/sysusers.d/davit.conf", 0644, "u registry - \"registry\"\n");
		strv_split(&e->units, "var-lib-registry.mount registry", " ");
	} else {
		add_kubernetes(&e->files, role == NODE_CONTROL_PLANE);
		strv_split(&e->units, role == NODE_CONTROL_PLANE ? "kube-apiserver containerd kubelet" : "containerd kubelet",
			   " ");
	}
	fileset_add(&e->files, RESOLVED_FILE, 0644, "[Resolve]\nLLMNR=no\n");
	fileset_add(&e->files, SSHD_FILE, 0644, "X11Forwarding no\n");
	e->run = (struct bootstrap_run){
		.node = "demo-1", .role = role, .files = &e->files, .units = &e->units, .artifacts = &e->artifacts};
	if (role == NODE_REGISTRY) {
		fileset_add(&e->files, VOLUMES_FILE, 0644, "0123 ext4 davit-registry noatime /var/lib/registry\n");
	} else {
		e->run.registry_address = "10.6.0.4";
		e->run.registry_password = "se\"cr\\et";
	}
}

static void example_clear(struct example *e)
{
	fileset_free(&e->files);
	strv_free(&e->units);
	artifacts_free(&e->artifacts);
}

static const char *content(const struct example *e, const char *path)
{
	const struct file *f = fileset_find(&e->files, path);

	if (f == NULL)
		fail_msg("%s is not in the set", path);
	return f != NULL ? buf_str(&f->content) : "";
}

/* ---- install.sh */

static void golden(const char *name, const char *found)
{
	CLEANUP_FREE char *path = xasprintf("%s/tests/golden/bootstrap/%s", getenv("DAVIT_SOURCE_ROOT"), name);
	CLEANUP_BUF struct buf expected = BUF_INIT;

	if (getenv("DAVIT_REGENERATE") != NULL)
		assert_success(path_write(path, found, strlen(found), 0644, &test_error));
	assert_success(path_read(path, &expected, &test_error));
	assert_string_equal(found, buf_str(&expected));
}

static void check_role(enum node_role role, const char *script, const char *artifacts, const char *units)
{
	struct example e = {0};

	example_make(&e, role);
	assert_success(bootstrap_prepare(&e.run, &test_error));
	golden(script, content(&e, RUN_FOLDER "install.sh"));
	golden(artifacts, content(&e, RUN_FOLDER "artifacts.txt"));
	golden(units, content(&e, RUN_FOLDER "units.txt"));
	assert_int_equal(fileset_find(&e.files, RUN_FOLDER "install.sh")->mode, 0700);
	example_clear(&e);
}

static void test_goldens(void **state UNUSED)
{
	check_role(NODE_CONTROL_PLANE, "control-plane.sh", "control-plane.artifacts", "control-plane.units");
	check_role(NODE_WORKER, "worker.sh", "worker.artifacts", "worker.units");
	check_role(NODE_REGISTRY, "registry.sh", "registry.artifacts", "registry.units");
}

static void test_shellcheck(void **state UNUSED)
{
	CLEANUP_FREE char *command =
		xasprintf("cd '%s' && shellcheck -s dash tests/golden/bootstrap/*.sh bootstrap/steps/addons.sh "
			  "bootstrap/steps/enter.sh bootstrap/steps/key_*.sh bootstrap/embed.sh",
			  getenv("DAVIT_SOURCE_ROOT"));

	if (system("command -v shellcheck >/dev/null") != 0)
		skip();
	assert_int_equal(system(command), 0);
}

static void test_openssl_is_needed_where_nodes_renew(void **state UNUSED)
{
	struct example e = {0};

	example_make(&e, NODE_WORKER);
	assert_success(bootstrap_prepare(&e.run, &test_error));
	assert_non_null(strstr(content(&e, RUN_FOLDER "install.sh"), "tools='curl gzip tar mount nft'"));
	fileset_add(&e.files, PKI_RENEWED_FILE, 0644, "kubelet /var/lib/kubelet/pki/kubelet.crt\n");
	assert_success(bootstrap_prepare(&e.run, &test_error));
	assert_non_null(strstr(content(&e, RUN_FOLDER "install.sh"), "tools='curl gzip tar mount nft openssl'"));
	example_clear(&e);
}

static void test_prepare_is_repeatable(void **state UNUSED)
{
	struct example e = {0};
	char first[DIGEST_HEX_LEN + 1] = "", second[DIGEST_HEX_LEN + 1] = "";

	example_make(&e, NODE_WORKER);
	assert_success(bootstrap_prepare(&e.run, &test_error));
	assert_success(tarball_digest(&e.files, first, &test_error));
	assert_success(bootstrap_prepare(&e.run, &test_error));
	assert_success(tarball_digest(&e.files, second, &test_error));
	assert_string_equal(first, second);
	assert_true(fileset_find(&e.files, RUN_FOLDER "curl.conf")->secret);
	assert_non_null(strstr(content(&e, RUN_FOLDER "curl.conf"), "user = \"davit:se\\\"cr\\\\et\"\n"));
	assert_null(strstr(content(&e, RUN_FOLDER "files"), RUN_FOLDER));
	assert_string_equal(fileset_find(&e.files, RUN_FOLDER "files.sha256")->identity, ""); /* or certificates that a node has renewed would be a difference */
	e.run.only = "serve";
	assert_failure(bootstrap_prepare(&e.run, &test_error),
		       "there is no step \"serve\" for demo-1: its steps are preflight, swap,");
	example_clear(&e);
}

static void test_artifacts_are_checked(void **state UNUSED)
{
	static const char *const bad[] = {"", "a b", "$(x)", "../x", "-n", "x;y"};
	struct example e = {0};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		example_make(&e, NODE_WORKER);
		free(e.artifacts.items[0].version);
		e.artifacts.items[0].version = xstrdup(bad[i]);
		assert_failure(bootstrap_prepare(&e.run, &test_error),
			       "artifact \"containerd\" of the bundle cannot be installed");
		example_clear(&e);
	}
	example_make(&e, NODE_WORKER);
	e.artifacts.items[2].digest[9] = 'g';
	assert_failure(bootstrap_prepare(&e.run, &test_error), "artifact \"kubelet\"");
	example_clear(&e);
}

/* ---- when units are restarted */

static void digest_of(struct example *e, const char *unit, char ret[DIGEST_HEX_LEN + 1])
{
	assert_success(unit_digest(&e->run, unit, ret, &test_error));
}

/* Whether a change of that file restarts kubelet. */
static bool matters(const char *path)
{
	struct example e = {0};
	char before[DIGEST_HEX_LEN + 1] = "", after[DIGEST_HEX_LEN + 1] = "";

	example_make(&e, NODE_WORKER);
	digest_of(&e, "kubelet.service", before);
	assert_non_null(fileset_find(&e.files, path));
	fileset_add(&e.files, path, 0644,
		    "something else, /etc/kubernetes/kubelet.conf /var/lib/kubelet/config.yaml /opt/davit/bin/kubelet");
	digest_of(&e, "kubelet.service", after);
	assert_int_equal(unit_uses(&e.run, "kubelet.service", path), strcmp(before, after) != 0);
	example_clear(&e);
	return strcmp(before, after) != 0;
}

/* One control plane becomes one of several: its API server goes on as it is. */
static void test_units_wait_for_what_has_time(void **state UNUSED)
{
	static const char *const texts[] = {"[Service]\nExecStart=/x \\\n  --b=2\n", "[Service]\nExecStart=/x \\\n  --goaway-chance=0.001 \\\n  --shutdown-delay-duration=4s \\\n  --b=2\n",
					    "[Service]\nExecStart=/x \\\n  --goaway=0.001 \\\n  --b=2\n"};
	char digests[ARRAY_SIZE(texts)][DIGEST_HEX_LEN + 1];
	struct example e = {0};

	example_make(&e, NODE_WORKER);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		fileset_add(&e.files, "/etc/systemd/system/kubelet.service", 0644, texts[i]);
		digest_of(&e, "kubelet.service", digests[i]);
	}
	assert_string_equal(digests[0], digests[1]);
	assert_string_not_equal(digests[0], digests[2]);
	example_clear(&e);
}

static void test_units(void **state UNUSED)
{
	struct example e = {0};
	char before[DIGEST_HEX_LEN + 1] = "", after[DIGEST_HEX_LEN + 1] = "";

	assert_true(matters("/etc/systemd/system/kubelet.service"));
	assert_true(matters("/etc/systemd/system/kubelet.service.d/10-x.conf"));
	assert_true(matters("/var/lib/kubelet/config.yaml"));
	assert_true(matters("/etc/kubernetes/kubelet.conf"));
	assert_true(matters("/etc/davit/kubelet.env"));
	assert_true(matters("/etc/kubernetes/pki/ca.crt")); /* named by its configuration, and not loaded again */
	assert_false(matters("/var/lib/kubelet/pki/kubelet-client.key"));
	assert_false(matters("/var/lib/kubelet/config.yaml.old"));
	assert_false(matters("/etc/systemd/system/containerd.service"));
	assert_false(matters("/etc/containerd/config.toml"));
	example_make(&e, NODE_WORKER);
	assert_true(unit_uses(&e.run, "containerd.service", "/etc/containerd/config.toml"));
	digest_of(&e, "kubelet.service", before);
	e.artifacts.items[2].digest[8] = 'f';
	digest_of(&e, "kubelet.service", after);
	assert_string_not_equal(before, after);
	example_clear(&e);
}

/* ---- progress */

static void parse(const char *line, enum progress_verb verb, const char *step, int status, const char *text)
{
	struct progress p = {0};

	progress_parse(line, &p);
	if (p.verb != verb || strcmp(p.step, step) != 0 || p.status != status || strcmp(p.text, text) != 0)
		fail_msg("\"%s\": verb %d step \"%s\" status %d text \"%s\"", line, (int)p.verb, p.step, p.status, p.text);
}

static void test_progress(void **state UNUSED)
{
	parse("davit begin swap", PROGRESS_BEGIN, "swap", 0, "");
	parse("davit ok units", PROGRESS_OK, "units", 0, "");
	parse("davit skip swap", PROGRESS_SKIP, "swap", 0, "");
	parse("davit fail units 7", PROGRESS_FAIL, "units", 7, "");
	parse("davit note sysctl a=b is refused", PROGRESS_NOTE, "sysctl", 0, "a=b is refused");
	parse("davit log units ", PROGRESS_LOG, "units", 0, "");
	parse("davit log units  two blanks", PROGRESS_LOG, "units", 0, " two blanks");
	parse("davit end 0", PROGRESS_END, "", 0, "");
	parse("davit end 1", PROGRESS_END, "", 1, "");
	parse("davit push", PROGRESS_PUSH, "", 0, "");
	parse("davit unchanged", PROGRESS_UNCHANGED, "", 0, "");
	parse("davit drift /etc/a file", PROGRESS_DRIFT, "", 0, "/etc/a file");
	parse("davit artifact 00ff", PROGRESS_ARTIFACT, "", 0, "00ff");
	parse("", PROGRESS_OTHER, "", 0, "");
	parse("davit", PROGRESS_OTHER, "", 0, "");
	parse("davit ", PROGRESS_OTHER, "", 0, "");
	parse("davit end", PROGRESS_OTHER, "", 0, "");
	parse("davit end x", PROGRESS_OTHER, "", 0, "");
	parse("davit end 0 0", PROGRESS_OTHER, "", 0, "");
	parse("davit begin", PROGRESS_OTHER, "", 0, "");
	parse("davit begin a b", PROGRESS_OTHER, "", 0, "");
	parse("davit fail units", PROGRESS_OTHER, "", 0, "");
	parse("davit fail units 99999999999", PROGRESS_OTHER, "", 0, "");
	parse(" davit end 0", PROGRESS_OTHER, "", 0, "");
	parse("davits end 0", PROGRESS_OTHER, "", 0, "");
	parse("davit ending 0", PROGRESS_OTHER, "", 0, "");
}

static int collect(const char *line, void *context, struct error **err UNUSED)
{
	strv_add(context, line);
	return 0;
}

static void test_lines(void **state UNUSED)
{
	CLEANUP_STRV struct strv found = STRV_INIT;
	CLEANUP_FREE char *huge = xcalloc(10001, 1), *joined = NULL;
	struct progress_lines l = {.line = collect, .context = &found};

	assert_success(progress_feed(&l, "da", 2, &test_error));
	assert_success(progress_feed(&l, "vit end 0\nx\033[1m\n\nto", 19, &test_error));
	joined = strv_join(&found, "|");
	assert_string_equal(joined, "davit end 0|x [1m|");
	memset(huge, 'y', 10000);
	huge[9999] = '\n';
	assert_success(progress_feed(&l, huge, 10000, &test_error));
	assert_int_equal(strlen(found.v[3]), PROGRESS_LINE_MAX);
	assert_success(progress_feed(&l, "z\n", 2, &test_error));
	assert_string_equal(found.v[4], "z");
}

/* ---- the seeded host key */

static void test_user_data(void **state UNUSED)
{
	CLEANUP_FREE char *data = NULL, *key = NULL, *print = NULL;
	CLEANUP_JSON struct json_object *json = NULL;
	const char *private = NULL, *public = NULL;

	assert_success(bootstrap_user_data("demo-w-1", &data, &key, &test_error));
	assert_int_equal(strncmp(data, "#cloud-config\n", 14), 0);
	assert_success(json_parse(data + 14, strlen(data + 14), "user-data", &json, &test_error));
	assert_success(json_need_str(json, "ssh_keys.ed25519_private", &private, &test_error));
	assert_success(json_need_str(json, "ssh_keys.ed25519_public", &public, &test_error));
	assert_true(json_get_bool(json, "ssh_deletekeys", false));
	assert_int_equal(strncmp(private, "-----BEGIN OPENSSH PRIVATE KEY-----\n", 36), 0);
	assert_string_equal(public, key);
	print = ssh_fingerprint(key);
	assert_non_null(print);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_goldens),
		cmocka_unit_test(test_shellcheck),
		cmocka_unit_test(test_openssl_is_needed_where_nodes_renew),
		cmocka_unit_test(test_prepare_is_repeatable),
		cmocka_unit_test(test_artifacts_are_checked),
		cmocka_unit_test(test_units),
		cmocka_unit_test(test_units_wait_for_what_has_time),
		cmocka_unit_test(test_progress),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_user_data),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
