/* What is rendered: compared with the files of tests/golden, read, and each flag known by its program. */
#include "core/base/alloc.h"
#include "core/base/path.h"
#include "core/base/yaml.h"
#include "core/cluster/stacks.h"
#include "tests/unit/manifests_fixture.h"
#include <ftw.h>

/* -- golden files */

static void compare(const char *relative, const char *text)
{
	CLEANUP_FREE char *path = golden_path(relative), *folder = xstrdup(path);
	CLEANUP_BUF struct buf expected = BUF_INIT;

	if (getenv("DAVIT_REGENERATE") != NULL) {
		*strrchr(folder, '/') = '\0';
		assert_success(path_mkdirs(folder, 0755, &test_error));
		assert_success(path_write(path, text, strlen(text), 0644, &test_error));
		return;
	}
	assert_success(path_read(path, &expected, &test_error));
	if (strcmp(buf_str(&expected), text) != 0)
		fail_msg("%s differs; look at what changed with DAVIT_REGENERATE=1 and git diff.  Now:\n%s", path, text);
}

static int n_golden;
static int count_file(const char *path UNUSED, const struct stat *st UNUSED, int type, struct FTW *ftw UNUSED)
{
	n_golden += type == FTW_F;
	return 0;
}

static void compare_node_of(const char *file, const char *name, const char *folder)
{
	CLEANUP_RENDERED struct rendered r = {0};
	CLEANUP_BUF struct buf list = BUF_INIT;
	CLEANUP_FREE char *list_name = xasprintf("%s/files", folder), *whole = golden_path(folder);

	render_file(file, name, &r);
	fileset_sort(&r.files);
	for (size_t i = 0; i < r.files.n; i++) {
		const struct file *f = &r.files.files[i];
		CLEANUP_FREE char *relative = xasprintf("%s%s", folder, f->path);

		compare(relative, buf_str(&f->content));
		buf_addf(&list, "%04o %s%s\n", f->mode, f->path, f->secret ? " (secret)" : "");
	}
	for (size_t i = 0; i < r.units.n; i++)
		buf_addf(&list, "unit %s\n", r.units.v[i]);
	compare(list_name, buf_str(&list));
	n_golden = 0;
	nftw(whole, count_file, 16, FTW_PHYS);
	assert_int_equal(n_golden, r.files.n + 1); /* nothing is left of files that are no longer rendered */
}

static void compare_node(const char *name, const char *folder)
{
	compare_node_of("cluster.yaml", name, folder);
}

static void test_swarm(void **state UNUSED)
{
	compare_node_of("swarm.yaml", "whale-cp-1", "swarm-manager");
	compare_node_of("swarm.yaml", "whale-workers-1", "swarm-worker");
}

/* Managers can read it by itself, as any stack. */
static void test_portainer(void **state UNUSED)
{
	CLEANUP_FREE char *path = golden_path("swarm.yaml");
	CLEANUP_SPEC struct spec *spec = NULL;
	CLEANUP_PLAN struct plan *plan = NULL;
	CLEANUP_BUF struct buf text = BUF_INIT;

	assert_success(spec_load(path, &spec, &test_error));
	assert_success(plan_make(spec, NULL, &plan, &test_error));
	assert_success(manifests_portainer(plan, &text, &test_error));
	assert_success(stack_check("portainer.yaml", buf_str(&text), text.len, &test_error));
	compare("portainer.yaml", buf_str(&text));
}

static void test_mke(void **state UNUSED)
{
	compare_node_of("mke.yaml", "orca-cp-1", "mke-manager");
	compare_node_of("mke.yaml", "orca-workers-1", "mke-worker");
	compare_node_of("msr.yaml", "orca-images-1", "msr-node");
}

static void test_control_plane(void **state UNUSED)
{
	compare_node("demo-cp-1", "control-plane");
}

static void test_worker(void **state UNUSED)
{
	compare_node("demo-w-1", "worker");
}

static void test_registry(void **state UNUSED)
{
	compare_node("demo-registry", "registry");
}

static void test_volumes_come_before_who_needs_them(void **state UNUSED)
{
	static const char text[] = "apiVersion: davit/v1\nkind: Cluster\nmetadata: {name: demo}\nspec:\n"
				   "  platform: {version: 1.36.3}\n  openstack: {image: debian-12}\n"
				   "  controlPlane: {flavor: x, volumes: [{size: 5, mount: /var/lib/etcd}, {size: 1, mount: /srv}]}\n";
	CLEANUP_RENDERED struct rendered r = {0};

	assert_success(render_text(text, "demo-cp-1", &r, &test_error));
	assert_string_equal(content(&r, VOLUMES_FILE), "4f0f2e6c-1b1d-4d0c-9 ext4 davit-a3d9ac noatime /srv\n"
						       "not-made-yet ext4 davit-bb4ec5 noatime /var/lib/etcd\n");
	assert_string_equal(r.units.v[0], "davit-volumes.service");
	assert_non_null(strstr(content(&r, "/etc/systemd/system/davit-volumes.service"),
			       "\nRequiredBy=etcd.service\nRequiredBy=containerd.service\nRequiredBy=kubelet.service\n"));
}

static void test_objects(void **state UNUSED)
{
	CLEANUP_RENDERED struct rendered r = {0};
	CLEANUP_BUF struct buf rbac = BUF_INIT, addons = BUF_INIT;

	render("demo-cp-1", &r);
	assert_success(manifests_rbac(r.plan, &rbac, &test_error));
	assert_success(manifests_addons(r.plan, &manifests_secrets, &addons, &test_error));
	compare("rbac.yaml", buf_str(&rbac));
	compare("addons.yaml", buf_str(&addons));
}

/* -- what is rendered can be read */

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && strcmp(s + n - m, end) == 0;
}

static void test_yaml_and_json_parse(void **state UNUSED)
{
	static const char *const nodes[] = {"demo-cp-1", "demo-w-2", "demo-registry"};
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(nodes); i++) {
		CLEANUP_RENDERED struct rendered r = {0};

		render(nodes[i], &r);
		for (size_t k = 0; k < r.files.n; k++) {
			const struct file *f = &r.files.files[k];

			if (ends_with(f->path, ".yaml") || ends_with(f->path, ".yml") || ends_with(f->path, ".json"))
				n += check_documents(f->path, buf_str(&f->content), false);
			assert_null(strstr(buf_str(&f->content), "{{"));
		}
	}
	assert_int_equal(n, 2 * 4 + 4 + 1);
}

static void test_objects_parse(void **state UNUSED)
{
	CLEANUP_RENDERED struct rendered r = {0};
	CLEANUP_BUF struct buf rbac = BUF_INIT, addons = BUF_INIT;

	render("demo-cp-1", &r);
	assert_success(manifests_rbac(r.plan, &rbac, &test_error));
	assert_success(manifests_addons(r.plan, &manifests_secrets, &addons, &test_error));
	assert_int_equal(check_documents("rbac", buf_str(&rbac), true), 5);
	assert_int_equal(check_documents("addons", buf_str(&addons), true), 7 + 9);
	assert_null(strstr(buf_str(&addons), "insecure-tls"));
}

/* -- flags */

/* A Kubernetes unit's command: its program and its flags, each looked up as "PROGRAM --flag". */
static size_t check_command(const char *unit, const char *text, const struct strv *known)
{
	const char *start = strstr(text, "ExecStart=/opt/davit/bin/"), *end = start;
	CLEANUP_STRV struct strv words = STRV_INIT;
	CLEANUP_FREE char *command = NULL;
	size_t n = 0;

	if (start == NULL)
		fail_msg("%s starts nothing of /opt/davit/bin", unit);
	do
		end = strchr(end + 1, '\n');
	while (end[-1] == '\\');
	command = xstrndup(start, (size_t)(end - start));
	strv_split(&words, command, " \\\n");
	for (size_t i = 1; i < words.n; i++) {
		CLEANUP_FREE char *flag =
			xasprintf("%s %.*s", strrchr(words.v[0], '/') + 1, (int)strcspn(words.v[i], "="), words.v[i]);

		if (!strv_has(known, flag))
			fail_msg("%s: %s is no flag of this version", unit, flag);
		n++;
	}
	return n;
}

static size_t check_flags(const struct rendered *r, const char *minor)
{
	CLEANUP_FREE char *path = golden_path(minor);
	CLEANUP_BUF struct buf text = BUF_INIT;
	CLEANUP_STRV struct strv known = STRV_INIT;
	size_t n = 0;

	assert_success(path_read(path, &text, &test_error));
	strv_split(&known, buf_str(&text), "\n");
	for (size_t i = 0; i < r->units.n; i++) {
		CLEANUP_FREE char *unit = xasprintf("/etc/systemd/system/%s", r->units.v[i]);

		if (!ends_with(unit, ".timer"))
			n += check_command(unit, content(r, unit), &known);
	}
	return n;
}

static void test_flags_exist(void **state UNUSED)
{
	static const char *const minors[] = {"flags-1.35.txt", "flags-1.36.txt"};
	CLEANUP_RENDERED struct rendered cp = {0}, worker = {0};

	render("demo-cp-1", &cp);
	render("demo-w-1", &worker);
	for (size_t i = 0; i < ARRAY_SIZE(minors); i++) {
		assert_in_range(check_flags(&cp, minors[i]), 90, 120);
		assert_int_equal(check_flags(&worker, minors[i]), 5 + 1 + 7);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_swarm),
		cmocka_unit_test(test_portainer),
		cmocka_unit_test(test_mke),
		cmocka_unit_test(test_control_plane),
		cmocka_unit_test(test_worker),
		cmocka_unit_test(test_registry),
		cmocka_unit_test(test_volumes_come_before_who_needs_them),
		cmocka_unit_test(test_objects),
		cmocka_unit_test(test_yaml_and_json_parse),
		cmocka_unit_test(test_objects_parse),
		cmocka_unit_test(test_flags_exist),
	};

	return cmocka_run_group_tests(tests, manifests_setup, manifests_teardown);
}
