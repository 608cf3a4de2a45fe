/* What the file's settings make of it, and what keeps strangers out. */
#include "core/base/alloc.h"
#include "core/base/path.h"
#include "tests/unit/manifests_fixture.h"
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>

/* -- settings of the file */

static struct json_object *config_of(const struct rendered *r, const char *path)
{
	const char *text = content(r, path);
	struct json_object *o = NULL;

	assert_success(json_parse(text, strlen(text), path, &o, &test_error));
	return o;
}

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
	struct strv images = manifests_bundle.images;

	refuses(HEAD WORKERS "  containerd: {restrictOomScoreAdj: true}\n",
		"cluster.yaml: containerd.restrictOomScoreAdj is not known; known is restrictOOMScoreAdj");
	refuses(HEAD WORKERS "  containerd: {restrictOOMScoreAdj: 1}\n", "containerd.restrictOOMScoreAdj must be true or false");
	refuses(HEAD WORKERS "  network: {podCIDR: 10.244.0.0/23}\n",
		"cluster.yaml: network.podCIDR 10.244.0.0/23 has room for 2 nodes, a /24 each, and 3 are wanted");
	refuses(HEAD WORKERS "  network: {podCIDR: 10.244.0.0/25}\n", "it must be a /8 to /24");
	manifests_bundle.images = STRV_INIT;
	refuses(HEAD WORKERS, "the bundle has no image coredns/coredns");
	manifests_bundle.images = images;
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

static void test_nodes_renew_where_the_file_says_so(void **state UNUSED)
{
#define RENEWED "  pki: {renewedOnNodes: [cluster]}\n"
	CLEANUP_RENDERED struct rendered plane = {0}, worker = {0}, registry = {0}, plain = {0};
	static const char unit[] = "/etc/systemd/system/davit-certificates.service", sign[] = "/opt/davit/libexec/certificates-sign", renew[] = "/opt/davit/libexec/certificates-renew";

	assert_success(render_text(HEAD WORKERS RENEWED, "demo-cp-1", &plane, &test_error));
	assert_success(render_text(HEAD WORKERS RENEWED, "demo-w-1", &worker, &test_error));
	assert_success(render_text(HEAD WORKERS RENEWED, "demo-registry", &registry, &test_error));
	assert_success(render_text(HEAD WORKERS, "demo-cp-1", &plain, &test_error));
	assert_non_null(strstr(content(&plane, unit), "ExecStart=-/opt/davit/libexec/certificates-sign\nExecStart=-/opt/davit/libexec/certificates-renew\nExecStart=/opt/davit"));
	assert_non_null(strstr(content(&plane, sign), "-CAfile \"$pki/ca.crt\""));
	assert_non_null(strstr(content(&worker, unit), "Type=oneshot\nExecStart=-/opt/davit/libexec/certificates-renew\nExecStart=/opt/davit"));
	assert_non_null(strstr(content(&worker, renew), "/configmaps/demo-w-1\")"));
	assert_null(fileset_find(&worker.files, sign));
	assert_null(fileset_find(&registry.files, renew));
	assert_null(strstr(content(&registry, unit), "renew"));
	assert_null(fileset_find(&plain.files, sign));
	assert_null(strstr(content(&plain, unit), "renew"));
	refuses(HEAD WORKERS "  pki: {renewedOnNodes: [cluster, etcd]}\n", "renewedOnNodes: \"etcd\" is no authority whose certificates nodes can renew; allowed: cluster");
#undef RENEWED
}

/* While they are replaced: the first one encrypts, the other one decrypts as well. */
static void test_two_encryption_keys(void **state UNUSED)
{
	static const char two[] = "k2:YW5vdGhlciBrZXkgb2YgdGVzdHMsIGFsc28gMzIgYi4= k1:" ENCRYPTION_KEY;
	CLEANUP_RENDERED struct rendered r = {0};
	const char *first, *second;

	manifests_secrets.encryption_key = two;
	assert_success(render_text(HEAD WORKERS, "demo-cp-1", &r, &test_error));
	manifests_secrets.encryption_key = ENCRYPTION_KEY;
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

	manifests_secrets.openstack_ca = "-----BEGIN CERTIFICATE-----\n";
	assert_success(render_text(HEAD WORKERS, "demo-cp-1", &plane, &test_error));
	assert_success(render_text(HEAD WORKERS, "demo-w-1", &worker, &test_error));
	manifests_secrets.openstack_ca = NULL;
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
		cmocka_unit_test(test_without_settings_of_the_operator),
		cmocka_unit_test(test_settings_are_merged_deeply),
		cmocka_unit_test(test_settings_of_a_pool),
		cmocka_unit_test(test_taints),
		cmocka_unit_test(test_no_plugin_no_flannel),
		cmocka_unit_test(test_impossible_settings_are_refused),
		cmocka_unit_test(test_the_look_at_certificates),
		cmocka_unit_test(test_nodes_renew_where_the_file_says_so),
		cmocka_unit_test(test_two_encryption_keys),
		cmocka_unit_test(test_ciphers_fit_the_keys),
		cmocka_unit_test(test_secrets_are_in_secret_files_alone),
		cmocka_unit_test(test_proxies_reach_containerd),
		cmocka_unit_test(test_the_clouds_authority_is_on_control_planes),
		cmocka_unit_test(test_what_keeps_strangers_out),
		cmocka_unit_test(test_root_logs_in_and_pods_are_free_where_the_file_says_so),
	};

	return cmocka_run_group_tests(tests, manifests_setup, manifests_teardown);
}
