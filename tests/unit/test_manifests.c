#include "core/base/alloc.h"
#include "core/base/path.h"
#include "core/base/yaml.h"
#include "manifests/manifests.h"
#include "tests/unit/test.h"
#include <ftw.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>

#define PASSWORD "0123456789abcdef0123456789abcdef"
#define ENCRYPTION_KEY "ZW5jcnlwdGlvbiBrZXkgb2YgdGVzdHMsIDMyIGJ5dGU="
#define VOLUME "4f0f2e6c-1b1d-4d0c-9a3e-52f64f1ee4c1"

static struct artifacts bundle;
static struct manifest_values secrets = {
	.registry_password = PASSWORD,
	.encryption_key = ENCRYPTION_KEY,
	.etcd_token = "7d1b6b0e-7a9c-4a43-9d2c-3b2f4a7f1c55",
	.registry_ca = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
	.artifacts = &bundle,
};

/* A cluster from a file's text, with what is rendered for one of its servers. */
struct rendered {
	struct spec *spec;
	struct plan *plan;
	struct fileset files;
	struct strv units;
};

static void rendered_clear(struct rendered *r)
{
	fileset_free(&r->files);
	strv_free(&r->units);
	plan_free(r->plan);
	spec_free(r->spec);
}
#define CLEANUP_RENDERED CLEANUP(rendered_clear)

static char *golden_path(const char *relative)
{
	const char *root = getenv("DAVIT_SOURCE_ROOT");

	return xasprintf("%s/tests/golden/manifests/%s", root == NULL ? "." : root, relative);
}

static int render_text(const char *text, const char *node_name, struct rendered *r, struct error **err)
{
	struct manifest_values with_volumes = secrets;
	struct node node = {0};
	int result;

	if (spec_parse("cluster.yaml", text, strlen(text), &r->spec, err) < 0 || plan_make(r->spec, NULL, &r->plan, err) < 0)
		return -1;
	node_copy(&node, &plan_find(r->plan, node_name)->node);
	strv_add(&with_volumes.volume_ids, VOLUME);
	etcd_start(NULL, r->plan, node_name, &with_volumes.etcd);
	node.server_id = xstrdup("0c2d3b7e-5a0f-4a53-8f7d-9b8b0a3c1d2e");
	result = node.role == NODE_REGISTRY ? manifests_registry(r->plan, &node, &with_volumes, &r->files, &r->units, err)
					    : manifests_node(r->plan, &node, &with_volumes, &r->files, &r->units, err);
	node_clear(&node);
	etcd_start_clear(&with_volumes.etcd);
	strv_free(&with_volumes.volume_ids);
	return result;
}

static void render_file(const char *file, const char *node_name, struct rendered *r)
{
	CLEANUP_FREE char *path = golden_path(file);
	CLEANUP_BUF struct buf text = BUF_INIT;

	assert_success(path_read(path, &text, &test_error));
	assert_success(render_text(buf_str(&text), node_name, r, &test_error));
}

static void render(const char *node_name, struct rendered *r)
{
	render_file("cluster.yaml", node_name, r);
}

static const char *content(const struct rendered *r, const char *path)
{
	const struct file *f = fileset_find(&r->files, path);

	if (f == NULL)
		fail_msg("%s is not rendered", path);
	return buf_str(&f->content);
}

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
	assert_success(manifests_addons(r.plan, &secrets, &addons, &test_error));
	compare("rbac.yaml", buf_str(&rbac));
	compare("addons.yaml", buf_str(&addons));
}

/* -- what is rendered can be read */

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && strcmp(s + n - m, end) == 0;
}

static size_t check_documents(const char *name, const char *text, bool objects)
{
	size_t n = 0;

	while (text != NULL) {
		const char *end = strstr(text, "---\n");
		CLEANUP_YAML struct yaml *y = NULL;

		assert_success(yaml_parse(name, text, end == NULL ? strlen(text) : (size_t)(end - text), &y, &test_error));
		if (objects) {
			assert_non_null(yaml_get(y->root, "apiVersion"));
			assert_non_null(yaml_get(y->root, "kind"));
			assert_non_null(yaml_get(yaml_get(y->root, "metadata"), "name"));
		}
		n++;
		text = end == NULL ? NULL : end + 4;
	}
	return n;
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
	assert_success(manifests_addons(r.plan, &secrets, &addons, &test_error));
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

/* -- settings of the file */

static struct json_object *config_of(const struct rendered *r, const char *path)
{
	const char *text = content(r, path);
	struct json_object *o = NULL;

	assert_success(json_parse(text, strlen(text), path, &o, &test_error));
	return o;
}

#define HEAD                                                                                                                     \
	"apiVersion: davit/v1\nkind: Cluster\nmetadata: {name: demo}\nspec:\n"                                                   \
	"  platform: {type: kubernetes, version: 1.36.3}\n  openstack: {cloud: lab, image: debian-12}\n"                         \
	"  controlPlane: {count: 1, flavor: small}\n"
#define WORKERS "  workerPools: [{name: w, count: 2, flavor: small}]\n"

static void test_without_settings_of_the_operator(void **state UNUSED)
{
	CLEANUP_RENDERED struct rendered r = {0};
	CLEANUP_JSON struct json_object *kubelet = NULL, *proxy = NULL;

	assert_success(render_text(HEAD WORKERS, "demo-w-2", &r, &test_error));
	kubelet = config_of(&r, "/var/lib/kubelet/config.yaml");
	proxy = config_of(&r, "/etc/kubernetes/kube-proxy.yaml");
	assert_null(json_at(kubelet, "failCgroupV1"));
	assert_null(json_at(kubelet, "registerWithTaints"));
	assert_null(json_at(proxy, "conntrack"));
	assert_string_equal(json_get_str(proxy, "hostnameOverride", ""), "demo-w-2");
	assert_null(strstr(content(&r, "/etc/containerd/config.toml"), "restrict_oom_score_adj"));
	assert_null(strstr(content(&r, "/etc/systemd/system/kubelet.service"), "--node-labels"));
}

static void test_settings_are_merged_deeply(void **state UNUSED)
{
	CLEANUP_RENDERED struct rendered r = {0};
	CLEANUP_JSON struct json_object *kubelet = NULL;

	assert_success(render_text(HEAD WORKERS "  kubelet:\n    authentication: {webhook: {cacheTTL: 1m}}\n"
						"    resolvConf: null\n    clusterDNS: [10.0.0.1, 10.0.0.2]\n    maxPods: 20\n"
						"    evictionHard: {memory.available: 5%}\n",
				   "demo-w-1", &r, &test_error));
	kubelet = config_of(&r, "/var/lib/kubelet/config.yaml");
	assert_string_equal(json_get_str(kubelet, "authentication.webhook.cacheTTL", ""), "1m");
	assert_true(json_get_bool(kubelet, "authentication.webhook.enabled", false));
	assert_string_equal(json_get_str(kubelet, "authentication.x509.clientCAFile", ""), "/etc/kubernetes/pki/ca.crt");
	assert_false(json_object_object_get_ex(kubelet, "resolvConf", NULL));
	assert_int_equal(json_len(json_at(kubelet, "clusterDNS")), 2);
	assert_int_equal(json_get_int(kubelet, "maxPods", 0), 20);
	assert_non_null(json_at(kubelet, "evictionHard"));
}

/* Of one pool, over those of all; and its annotations, so that other ones are a difference. */
static void test_settings_of_a_pool(void **state UNUSED)
{
	static const char text[] = HEAD "  workerPools:\n"
					"  - {name: w, count: 1, flavor: m1.small, kubelet: {maxPods: 20, evictionHard: {memory.available: 1Gi}},\n"
					"     annotations: {a.example/b: 'c = \"d\"', e: ''}}\n"
					"  - {name: x, count: 1, flavor: m1.small}\n"
					"  kubelet: {maxPods: 50, evictionHard: {nodefs.available: 5%, memory.available: 2Gi}}\n";
	CLEANUP_RENDERED struct rendered w = {0}, x = {0};
	CLEANUP_JSON struct json_object *of_w = NULL, *of_x = NULL;

	assert_success(render_text(text, "demo-w-1", &w, &test_error));
	assert_success(render_text(text, "demo-x-1", &x, &test_error));
	of_w = config_of(&w, "/var/lib/kubelet/config.yaml");
	of_x = config_of(&x, "/var/lib/kubelet/config.yaml");
	assert_int_equal(json_get_int(of_w, "maxPods", 0), 20);
	assert_int_equal(json_get_int(of_x, "maxPods", 0), 50);
	assert_string_equal(json_get_key(json_at(of_w, "evictionHard"), "memory.available", ""), "1Gi");
	assert_string_equal(json_get_key(json_at(of_w, "evictionHard"), "nodefs.available", ""), "5%");
	assert_string_equal(json_get_key(json_at(of_x, "evictionHard"), "memory.available", ""), "2Gi");
	assert_string_equal(content(&w, "/etc/davit/annotations"), "a.example/b=c = \"d\"\ne=\n");
	assert_null(fileset_find(&x.files, "/etc/davit/annotations"));
}

static void test_taints(void **state UNUSED)
{
	CLEANUP_RENDERED struct rendered r = {0}, cp = {0};
	CLEANUP_JSON struct json_object *worker = NULL, *control = NULL;

	render("demo-w-1", &r);
	render("demo-cp-1", &cp);
	worker = config_of(&r, "/var/lib/kubelet/config.yaml");
	control = config_of(&cp, "/var/lib/kubelet/config.yaml");
	assert_string_equal(json_get_str(worker, "registerWithTaints[0].key", ""), "dedicated");
	assert_string_equal(json_get_str(worker, "registerWithTaints[0].value", ""), "web");
	assert_string_equal(json_get_str(worker, "registerWithTaints[0].effect", ""), "NoSchedule");
	assert_string_equal(json_get_str(worker, "registerWithTaints[1].key", ""), "example.com/slow");
	assert_null(json_at(worker, "registerWithTaints[1].value"));
	assert_string_equal(json_get_str(control, "registerWithTaints[0].key", ""), "node-role.kubernetes.io/control-plane");
	assert_int_equal(json_len(json_at(control, "registerWithTaints")), 1);
}

static void test_no_plugin_no_flannel(void **state UNUSED)
{
	CLEANUP_RENDERED struct rendered r = {0};
	CLEANUP_BUF struct buf rbac = BUF_INIT;

	assert_success(render_text(HEAD WORKERS "  network: {plugin: none}\n", "demo-w-1", &r, &test_error));
	assert_success(manifests_rbac(r.plan, &rbac, &test_error));
	assert_false(strv_has(&r.units, "flanneld.service"));
	for (size_t i = 0; i < r.files.n; i++)
		assert_null(strstr(r.files.files[i].path, "flannel"));
	assert_null(strstr(buf_str(&rbac), "flannel"));
	assert_int_equal(check_documents("rbac", buf_str(&rbac), true), 3);
}

static void refuses(const char *text, const char *part)
{
	CLEANUP_RENDERED struct rendered r = {0};

	assert_int_equal(render_text(text, "demo-w-1", &r, &test_error), -1);
	assert_int_equal(error_kind(test_error), ERROR_CONFIG);
	if (strstr(error_message(test_error), part) == NULL)
		fail_msg("\"%s\" does not hold \"%s\"", error_message(test_error), part);
	error_clear(&test_error);
}

static void test_impossible_settings_are_refused(void **state UNUSED)
{
	struct strv images = bundle.images;

	refuses(HEAD WORKERS "  containerd: {restrictOomScoreAdj: true}\n",
		"cluster.yaml: containerd.restrictOomScoreAdj is not known; known is restrictOOMScoreAdj");
	refuses(HEAD WORKERS "  containerd: {restrictOOMScoreAdj: 1}\n", "containerd.restrictOOMScoreAdj must be true or false");
	refuses(HEAD WORKERS "  network: {podCIDR: 10.244.0.0/23}\n",
		"cluster.yaml: network.podCIDR 10.244.0.0/23 has room for 2 nodes, a /24 each, and 3 are wanted");
	refuses(HEAD WORKERS "  network: {podCIDR: 10.244.0.0/25}\n", "it must be a /8 to /24");
	bundle.images = STRV_INIT;
	refuses(HEAD WORKERS, "the bundle has no image coredns/coredns");
	bundle.images = images;
}

/* The node's own look at its certificates, on a node without a kubelet: status 1 and the paths of those that end. */
static void check_says(const char *script, const char *table, int status, const char *part)
{
	char folder[] = "/tmp/davit-test-XXXXXX", line[512] = "";
	CLEANUP_FREE char *program = NULL, *certificates = NULL, *command = NULL;
	FILE *out;

	assert_non_null(mkdtemp(folder));
	program = xasprintf("%s/check", folder);
	certificates = xasprintf("%s/certificates", folder);
	assert_success(path_write(program, script, strlen(script), 0755, &test_error));
	assert_success(path_write(certificates, table, strlen(table), 0644, &test_error));
	command = xasprintf("CERTIFICATES=%s KUBELET_CONFIG=/nonexistent sh %s 30", certificates, program);
	out = popen(command, "re");
	assert_non_null(out);
	if (fgets(line, sizeof(line), out) == NULL)
		line[0] = '\0';
	assert_int_equal(WEXITSTATUS(pclose(out)), status);
	if (strstr(line, part) == NULL)
		fail_msg("\"%s\" does not hold \"%s\"", line, part);
	assert_success(path_remove_tree(folder, &test_error));
}

static void test_the_look_at_certificates(void **state UNUSED)
{
	CLEANUP_RENDERED struct rendered r = {0};
	CLEANUP_FREE char *later = xasprintf("%lld /etc/b.crt\n", (long long)time(NULL) + 31L * 24 * 3600);
	CLEANUP_FREE char *mixed = xasprintf("%s%lld /etc/a.crt\n1 /etc/c.crt\n", later, (long long)time(NULL) + 29L * 24 * 3600);
	const char *script;

	render("demo-registry", &r);
	script = buf_str(&fileset_find(&r.files, "/opt/davit/libexec/certificates-check")->content);
	check_says(script, later, 0, "");
	check_says(script, mixed, 1, "<4>certificates of this node end within 30 days, or have ended: /etc/a.crt /etc/c.crt;");
}

/* While they are replaced: the first one encrypts, the other one decrypts as well. */
static void test_two_encryption_keys(void **state UNUSED)
{
	static const char two[] = "k2:YW5vdGhlciBrZXkgb2YgdGVzdHMsIGFsc28gMzIgYi4= k1:" ENCRYPTION_KEY;
	CLEANUP_RENDERED struct rendered r = {0};
	const char *first, *second;

	secrets.encryption_key = two;
	assert_success(render_text(HEAD WORKERS, "demo-cp-1", &r, &test_error));
	secrets.encryption_key = ENCRYPTION_KEY;
	first = strstr(buf_str(&fileset_find(&r.files, "/etc/kubernetes/encryption.yaml")->content), "- name: k2\n        secret: \"YW5vdGhlciBr");
	assert_non_null(first);
	second = strstr(first, "- name: k1\n        secret: \"ZW5jcnlwdGlv");
	assert_non_null(second);
	assert_non_null(strstr(second, "- identity: {}"));
}

/* A client of TLS 1.2 cannot come in where no cipher fits the kind of the server's key. */
static void test_ciphers_fit_the_keys(void **state UNUSED)
{
	static const char rsa[] = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", ecdsa[] = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256";
	static const struct {
		const char *text;
		bool rsa;
	} rows[] = {{HEAD WORKERS, false}, {HEAD WORKERS "  pki: {encryptionAlgorithm: ECDSA-P384}\n", false}, {HEAD WORKERS "  pki: {encryptionAlgorithm: RSA-3072}\n", true}};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_RENDERED struct rendered r = {0};
		const struct file *api, *kubelet;

		assert_success(render_text(rows[i].text, "demo-cp-1", &r, &test_error));
		api = fileset_find(&r.files, "/etc/systemd/system/kube-apiserver.service");
		kubelet = fileset_find(&r.files, "/var/lib/kubelet/config.yaml");
		assert_int_equal(strstr(buf_str(&api->content), rsa) != NULL, rows[i].rsa);
		assert_int_equal(strstr(buf_str(&kubelet->content), rsa) != NULL, rows[i].rsa);
		assert_non_null(strstr(buf_str(&api->content), ecdsa));
		assert_non_null(strstr(buf_str(&kubelet->content), ecdsa));
	}
}

/* -- secrets */

static void test_secrets_are_in_secret_files_alone(void **state UNUSED)
{
	static const char *const nodes[] = {"demo-cp-1", "demo-w-1", "demo-registry"};
	static const char *const needles[] = {PASSWORD, ENCRYPTION_KEY, "Basic ", "$2b$", "secret: \""};
	int found = 0;

	for (size_t i = 0; i < ARRAY_SIZE(nodes); i++) {
		CLEANUP_RENDERED struct rendered r = {0};

		render(nodes[i], &r);
		for (size_t k = 0; k < r.files.n; k++)
			for (size_t s = 0; s < ARRAY_SIZE(needles); s++)
				if (strstr(buf_str(&r.files.files[k].content), needles[s]) != NULL) {
					assert_true(r.files.files[k].secret);
					assert_int_equal(r.files.files[k].mode, 0600);
					found++;
				}
	}
	assert_int_equal(found, 2 + 1 + 1 + 2); /* hosts.toml, encryption.yaml (by two), htpasswd and config.yml */
}

static void test_proxies_reach_containerd(void **state UNUSED)
{
	static const char path[] = "/etc/davit/proxy.env", unit[] = "/etc/systemd/system/containerd.service";
	CLEANUP_RENDERED struct rendered open = {0}, secret = {0}, none = {0}, registry = {0};

	assert_success(render_text(HEAD WORKERS "  proxy: {https: 'http://proxy:3128', no: [.example.org, 192.0.2.0/24]}\n", "demo-w-1",
				   &open, &test_error));
	assert_string_equal(
		content(&open, path),
		"HTTPS_PROXY=\"http://proxy:3128\"\nhttps_proxy=\"http://proxy:3128\"\n"
		"NO_PROXY=\"localhost,127.0.0.1,169.254.169.254,10.6.0.0/24,10.244.0.0/16,10.96.0.0/16,registry.davit.internal,.svc,"
		".cluster.local,.example.org,192.0.2.0/24\"\n"
		"no_proxy=\"localhost,127.0.0.1,169.254.169.254,10.6.0.0/24,10.244.0.0/16,10.96.0.0/16,registry.davit.internal,.svc,"
		".cluster.local,.example.org,192.0.2.0/24\"\n");
	assert_int_equal(fileset_find(&open.files, path)->mode, 0644);
	assert_non_null(strstr(content(&open, unit), "\nEnvironmentFile=/etc/davit/proxy.env\nExecStart="));

	assert_success(render_text(HEAD WORKERS "  proxy: {http: 'http://me:s3cr3t@proxy:3128'}\n", "demo-cp-1", &secret, &test_error));
	assert_int_equal(fileset_find(&secret.files, path)->mode, 0600);
	assert_true(fileset_find(&secret.files, path)->secret);
	for (size_t i = 0; i < secret.files.n; i++)
		if (!secret.files.files[i].secret)
			assert_null(strstr(buf_str(&secret.files.files[i].content), "s3cr3t"));

	assert_success(render_text(HEAD WORKERS, "demo-w-1", &none, &test_error));
	assert_null(fileset_find(&none.files, path));
	assert_null(strstr(content(&none, unit), "EnvironmentFile"));
	assert_success(render_text(HEAD WORKERS "  proxy: {http: 'http://proxy:3128'}\n", "demo-registry", &registry, &test_error));
	assert_null(fileset_find(&registry.files, path));
}

static void test_the_clouds_authority_is_on_control_planes(void **state UNUSED)
{
	static const char path[] = "/etc/davit/openstack-ca.pem";
	CLEANUP_RENDERED struct rendered plane = {0}, worker = {0}, none = {0};

	secrets.openstack_ca = "-----BEGIN CERTIFICATE-----\n";
	assert_success(render_text(HEAD WORKERS, "demo-cp-1", &plane, &test_error));
	assert_success(render_text(HEAD WORKERS, "demo-w-1", &worker, &test_error));
	secrets.openstack_ca = NULL;
	assert_success(render_text(HEAD WORKERS, "demo-cp-1", &none, &test_error));
	assert_string_equal(content(&plane, path), "-----BEGIN CERTIFICATE-----\n");
	assert_int_equal(fileset_find(&plane.files, path)->mode, 0644);
	assert_null(fileset_find(&worker.files, path));
	assert_null(fileset_find(&none.files, path));
}

/* What docs/security.md promises of every cluster. */
static void test_what_keeps_strangers_out(void **state UNUSED)
{
	static const struct {
		const char *node, *file, *text;
	} promises[] = {
#define APISERVER "demo-cp-1", "/etc/systemd/system/kube-apiserver.service"
#define KUBELET "demo-w-1", "/var/lib/kubelet/config.yaml"
		{APISERVER, "--authorization-mode=Node,RBAC "},
		{APISERVER, "--enable-admission-plugins=NodeRestriction,DenyServiceExternalIPs,EventRateLimit "},
		{APISERVER, "--tls-min-version=VersionTLS12 "},
		{APISERVER, "--profiling=false "},
		{APISERVER, "--encryption-provider-config=/etc/kubernetes/encryption.yaml "},
		{APISERVER, "--audit-policy-file=/etc/kubernetes/audit.yaml "},
		{APISERVER, "--authentication-config=/etc/kubernetes/authentication.yaml "},
		{APISERVER, "--admission-control-config-file=/etc/kubernetes/admission.yaml "},
		{APISERVER, "--kubelet-certificate-authority=/etc/kubernetes/pki/ca.crt "},
		{"demo-cp-1", "/etc/systemd/system/kube-controller-manager.service", "--bind-address=127.0.0.1 "},
		{"demo-cp-1", "/etc/systemd/system/kube-controller-manager.service", "--profiling=false "},
		{"demo-cp-1", "/etc/systemd/system/kube-scheduler.service", "--bind-address=127.0.0.1 "},
		{"demo-cp-1", "/etc/systemd/system/kube-scheduler.service", "--profiling=false "},
		{"demo-cp-1", "/etc/systemd/system/etcd.service", "--client-cert-auth "},
		{"demo-cp-1", "/etc/systemd/system/etcd.service", "--peer-client-cert-auth "},
		{"demo-cp-1", "/etc/systemd/system/etcd.service", "--tls-min-version=TLS1.2 "},
		{"demo-cp-1", "/etc/systemd/system/etcd.service", "--listen-metrics-urls=http://127.0.0.1:2381 "},
		{"demo-cp-1", "/etc/kubernetes/encryption.yaml", "- resources: [secrets]\n  providers:\n  - secretbox:"},
		{"demo-cp-1", "/etc/kubernetes/authentication.yaml", "  conditions:\n  - path: /livez\n  - path: /readyz\n  - path: /healthz\n"},
		{"demo-cp-1", "/etc/kubernetes/admission.yaml", "      enforce: baseline\n"},
		{"demo-cp-1", "/etc/kubernetes/audit.yaml", "resources: [secrets, configmaps, serviceaccounts/token]"},
		{KUBELET, "\"seccompDefault\": true"},
		{KUBELET, "\"tlsMinVersion\": \"VersionTLS12\""},
		{KUBELET, "\"authorization\": {\n    \"mode\": \"Webhook\""},
		{KUBELET, "\"anonymous\": {\n      \"enabled\": false"},
		{"demo-w-1", "/etc/kubernetes/kube-proxy.yaml", "\"metricsBindAddress\": \"127.0.0.1:10249\""},
		{"demo-w-1", "/etc/kubernetes/kube-proxy.yaml", "\"healthzBindAddress\": \"127.0.0.1:10256\""},
		{"demo-registry", "/etc/davit/registry/config.yml", "minimumtls: tls1.2"},
		{"demo-registry", "/etc/systemd/resolved.conf.d/10-davit.conf", "LLMNR=no\nMulticastDNS=no\n"},
		{"demo-registry", "/etc/davit/sshd.conf", "PasswordAuthentication no\n"},
		{"demo-w-1", "/etc/davit/sshd.conf", "AllowTcpForwarding no\n"},
		{"demo-cp-1", "/etc/davit/sshd.conf", "AllowTcpForwarding local\n"},
#undef APISERVER
#undef KUBELET
	};

	for (size_t i = 0; i < ARRAY_SIZE(promises); i++) {
		CLEANUP_RENDERED struct rendered r = {0};

		render(promises[i].node, &r);
		if (strstr(content(&r, promises[i].file), promises[i].text) == NULL)
			fail_msg("%s of %s has no \"%s\"", promises[i].file, promises[i].node, promises[i].text);
	}
}

static void test_root_logs_in_and_pods_are_free_where_the_file_says_so(void **state UNUSED)
{
	CLEANUP_RENDERED struct rendered plain = {0}, open = {0};

	assert_success(render_text(HEAD WORKERS, "demo-cp-1", &plain, &test_error));
	assert_success(render_text(HEAD WORKERS "  access: {user: root}\n  podSecurity: privileged\n", "demo-cp-1", &open, &test_error));
	assert_non_null(strstr(content(&plain, "/etc/davit/sshd.conf"), "PermitRootLogin no\n"));
	assert_non_null(strstr(content(&open, "/etc/davit/sshd.conf"), "PermitRootLogin prohibit-password\n"));
	assert_non_null(strstr(content(&open, "/etc/kubernetes/admission.yaml"), "enforce: privileged\n"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_swarm),
		cmocka_unit_test(test_control_plane),
		cmocka_unit_test(test_worker),
		cmocka_unit_test(test_registry),
		cmocka_unit_test(test_volumes_come_before_who_needs_them),
		cmocka_unit_test(test_objects),
		cmocka_unit_test(test_yaml_and_json_parse),
		cmocka_unit_test(test_objects_parse),
		cmocka_unit_test(test_flags_exist),
		cmocka_unit_test(test_without_settings_of_the_operator),
		cmocka_unit_test(test_settings_are_merged_deeply),
		cmocka_unit_test(test_settings_of_a_pool),
		cmocka_unit_test(test_taints),
		cmocka_unit_test(test_no_plugin_no_flannel),
		cmocka_unit_test(test_impossible_settings_are_refused),
		cmocka_unit_test(test_the_look_at_certificates),
		cmocka_unit_test(test_two_encryption_keys),
		cmocka_unit_test(test_ciphers_fit_the_keys),
		cmocka_unit_test(test_secrets_are_in_secret_files_alone),
		cmocka_unit_test(test_proxies_reach_containerd),
		cmocka_unit_test(test_the_clouds_authority_is_on_control_planes),
		cmocka_unit_test(test_what_keeps_strangers_out),
		cmocka_unit_test(test_root_logs_in_and_pods_are_free_where_the_file_says_so),
	};
	int failed;

	strv_add(&bundle.images, "pause:3.10.2");
	strv_add(&bundle.images, "coredns/coredns:v1.14.7");
	strv_add(&bundle.images, "metrics-server/metrics-server:v0.9.0");
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	strv_free(&bundle.images);
	return failed;
}
