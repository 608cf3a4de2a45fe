#include "core/base/cancel.h"
#include "core/base/digest.h"
#include "core/base/parallel.h"
#include "core/base/yaml.h"
#include "pki/renewed.h"
#include "tests/unit/test_pki.h"

/* What each file must be, written out a second time: the table of the contract, not the code's. */
struct expected {
	const char *path, *authority, *cn, *o;
	unsigned usage;
	const char *sans;
};

#define P "/etc/kubernetes/pki/"
#define K "/var/lib/kubelet/pki/"
#define ETCD_SANS "DNS:demo-cp-1, DNS:localhost, IP:10.6.0.10, IP:127.0.0.1, IP:::1"
static const struct expected of_control_plane[] = {
	{P "apiserver", "ca", "kube-apiserver", "", SERVER,
	 "DNS:demo-cp-1, DNS:kubernetes, DNS:kubernetes.default, DNS:kubernetes.default.svc, "
	 "DNS:kubernetes.default.svc.cluster.local, DNS:localhost, IP:10.96.0.1, IP:10.6.0.10, IP:127.0.0.1, IP:::1, "
	 "IP:203.0.113.7"},
	{P "apiserver-kubelet-client", "ca", "kube-apiserver-kubelet-client", "", CLIENT, ""},
	{P "apiserver-etcd-client", "etcd/ca", "kube-apiserver-etcd-client", "", CLIENT, ""},
	{P "etcd/server", "etcd/ca", "demo-cp-1", "", SERVER | CLIENT, ETCD_SANS},
	{P "etcd/peer", "etcd/ca", "demo-cp-1", "", SERVER | CLIENT, ETCD_SANS},
	{P "etcd/healthcheck-client", "etcd/ca", "kube-etcd-healthcheck-client", "", CLIENT, ""},
	{P "front-proxy-client", "front-proxy-ca", "front-proxy-client", "", CLIENT, ""},
	{P "admin", "ca", "kubernetes-admin", "kubeadm:cluster-admins", CLIENT, ""},
	{P "controller-manager", "ca", "system:kube-controller-manager", "", CLIENT, ""},
	{P "scheduler", "ca", "system:kube-scheduler", "", CLIENT, ""},
	{K "kubelet", "ca", "system:node:demo-cp-1", "system:nodes", SERVER, "DNS:demo-cp-1, IP:10.6.0.10"},
	{K "kubelet-client", "ca", "system:node:demo-cp-1", "system:nodes", CLIENT, ""},
	{P "kube-proxy", "ca", "system:kube-proxy", "", CLIENT, ""},
	{P "flannel", "ca", "davit:flannel", "", CLIENT, ""},
};
static const struct expected of_worker[] = {
	{K "kubelet", "ca", "system:node:demo-w-1", "system:nodes", SERVER, "DNS:demo-w-1, IP:10.6.0.20"},
	{K "kubelet-client", "ca", "system:node:demo-w-1", "system:nodes", CLIENT, ""},
	{P "kube-proxy", "ca", "system:kube-proxy", "", CLIENT, ""},
	{P "flannel", "ca", "davit:flannel", "", CLIENT, ""},
};
static const struct expected of_registry[] = {
	{"/etc/davit/registry/registry", "registry-ca", "registry.davit.internal", "", SERVER,
	 "DNS:registry.davit.internal, IP:10.6.0.4, IP:127.0.0.1"},
};
static const char *const plain_of_control_plane[] = {"/etc/davit/certificates",
						     P "ca.crt",
						     P "ca.key",
						     P "etcd/ca.crt",
						     P "front-proxy-ca.crt",
						     P "sa.key",
						     P "sa.pub",
						     "/etc/kubernetes/admin.conf",
						     "/etc/kubernetes/controller-manager.conf",
						     "/etc/kubernetes/scheduler.conf",
						     "/etc/kubernetes/kubelet.conf",
						     "/etc/kubernetes/kube-proxy.conf",
						     "/etc/kubernetes/flannel.conf"};
static const char *const plain_of_worker[] = {"/etc/davit/certificates", P "ca.crt", "/etc/kubernetes/kubelet.conf", "/etc/kubernetes/kube-proxy.conf",
					      "/etc/kubernetes/flannel.conf"};

static char *names_of(X509 *c)
{
	CLEANUP_NAMES GENERAL_NAMES *names = X509_get_ext_d2i(c, NID_subject_alt_name, NULL, NULL);
	struct buf b = BUF_INIT;

	for (int i = 0; names != NULL && i < sk_GENERAL_NAME_num(names); i++) {
		int type = 0;
		const ASN1_STRING *s = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, i), &type);
		const unsigned char *p = ASN1_STRING_get0_data(s);

		buf_add(&b, i == 0 ? "" : ", ");
		if (type == GEN_DNS)
			buf_addf(&b, "DNS:%s", (const char *)p);
		else if (ASN1_STRING_length(s) == 4)
			buf_addf(&b, "IP:%d.%d.%d.%d", p[0], p[1], p[2], p[3]);
		else
			buf_add(&b, ASN1_STRING_length(s) == 16 && p[15] == 1 && p[0] == 0 ? "IP:::1" : "?");
	}
	return buf_steal(&b);
}

/* Whoever dials one of its names takes it, who has dialled another one does not. */
static void check_peers(X509 *c, X509 *ca)
{
	struct certificate_facts f;
	int64_t now = time(NULL);

	certificate_describe(c, &f);
	for (size_t i = 0; i < f.sans.n; i++)
		assert_int_equal(verify_for(c, ca, X509_PURPOSE_SSL_SERVER, f.sans.v[i], now), X509_V_OK);
	if (f.sans.n > 0) {
		assert_int_equal(verify_for(c, ca, X509_PURPOSE_SSL_SERVER, "10.6.0.99", now), X509_V_ERR_IP_ADDRESS_MISMATCH);
		assert_int_equal(verify_for(c, ca, X509_PURPOSE_SSL_SERVER, "demo-cp-2", now), X509_V_ERR_HOSTNAME_MISMATCH);
	}
	certificate_facts_clear(&f);
}

static void check_leaf(const struct fileset *files, const struct expected *e)
{
	CLEANUP_X509 X509 *c = certificate(content(files, e->path, ".crt"));
	CLEANUP_X509 X509 *ca = certificate(pki_ca_pem(pki, e->authority));
	CLEANUP_FREE char *names = names_of(c);

	check_key(c, content(files, e->path, ".key"));
	assert_int_equal(verify(c, ca, X509_PURPOSE_SSL_SERVER), (e->usage & SERVER) ? X509_V_OK : X509_V_ERR_INVALID_PURPOSE);
	assert_int_equal(verify(c, ca, X509_PURPOSE_SSL_CLIENT), (e->usage & CLIENT) ? X509_V_OK : X509_V_ERR_INVALID_PURPOSE);
	check_peers(c, ca);
	check_name(c, NID_commonName, e->cn);
	check_name(c, NID_organizationName, e->o);
	assert_string_equal(names, e->sans);
	assert_int_equal(X509_get_key_usage(c), KU_DIGITAL_SIGNATURE);
	assert_int_equal(X509_check_ca(c), 0);
	assert_int_equal(X509_get_version(c), X509_VERSION_3);
	assert_int_equal(X509_get_signature_nid(c), NID_ecdsa_with_SHA256);
	assert_non_null(X509_get0_subject_key_id(c));
	assert_int_equal(ASN1_OCTET_STRING_cmp(X509_get0_authority_key_id(c), X509_get0_subject_key_id(ca)), 0);
	check_serial(c);
	check_dates(c, 365);
}

static void check_node(const struct node *node, const struct expected *leaves, size_t n, size_t plain)
{
	CLEANUP_FILESET struct fileset files = FILESET_INIT;

	assert_success(pki_node_files(pki, &plan, node, &files, &test_error));
	for (size_t i = 0; i < n; i++)
		check_leaf(&files, &leaves[i]);
	assert_int_equal(files.n, 2 * n + plain); /* and nothing else: no key too many */
}

static void test_control_plane_gets_its_files(void **state UNUSED)
{
	CLEANUP_FILESET struct fileset files = FILESET_INIT;

	check_node(&control_plane, of_control_plane, ARRAY_SIZE(of_control_plane), ARRAY_SIZE(plain_of_control_plane));
	assert_success(pki_node_files(pki, &plan, &control_plane, &files, &test_error));
	for (size_t i = 0; i < ARRAY_SIZE(plain_of_control_plane); i++)
		assert_non_null(fileset_find(&files, plain_of_control_plane[i]));
	assert_string_equal(content(&files, P "ca", ".crt"), pki_ca_pem(pki, "ca"));
	assert_string_equal(content(&files, P "etcd/ca", ".crt"), pki_ca_pem(pki, "etcd/ca"));
	assert_non_null(strstr(content(&files, P "ca", ".key"), "PRIVATE KEY"));
	assert_non_null(strstr(content(&files, P "sa", ".pub"), "BEGIN PUBLIC KEY"));
}

static void test_worker_and_registry_get_theirs(void **state UNUSED)
{
	CLEANUP_FILESET struct fileset files = FILESET_INIT;

	check_node(&worker, of_worker, ARRAY_SIZE(of_worker), ARRAY_SIZE(plain_of_worker));
	check_node(&registry, of_registry, ARRAY_SIZE(of_registry), 1);
	assert_success(pki_node_files(pki, &plan, &worker, &files, &test_error));
	for (size_t i = 0; i < ARRAY_SIZE(plain_of_worker); i++)
		assert_non_null(fileset_find(&files, plain_of_worker[i]));
	assert_null(fileset_find(&files, P "ca.key"));
}

static void test_no_flannel_no_certificate_for_it(void **state UNUSED)
{
	CLEANUP_FILESET struct fileset files = FILESET_INIT;

	spec.network.plugin = S("none");
	assert_int_equal(pki_node_files(pki, &plan, &worker, &files, &test_error), 0);
	spec.network.plugin = S("flannel");
	assert_null(fileset_find(&files, P "flannel.crt"));
	assert_null(fileset_find(&files, "/etc/kubernetes/flannel.conf"));
	assert_non_null(fileset_find(&files, P "kube-proxy.crt"));
}

static void test_peers_accept_the_names(void **state UNUSED)
{
	CLEANUP_FILESET struct fileset files = FILESET_INIT;
	CLEANUP_X509 X509 *api = NULL;

	assert_success(pki_node_files(pki, &plan, &control_plane, &files, &test_error));
	api = certificate(content(&files, P "apiserver", ".crt"));
	assert_int_equal(X509_check_host(api, "kubernetes.default.svc", 0, 0, NULL), 1);
	assert_int_equal(X509_check_host(api, "kubernetes.example.com", 0, 0, NULL), 0);
	assert_int_equal(X509_check_ip_asc(api, "203.0.113.7", 0), 1);
	assert_int_equal(X509_check_ip_asc(api, "::1", 0), 1);
	assert_int_equal(X509_check_ip_asc(api, "203.0.113.8", 0), 0);
}

static void test_a_name_that_is_none(void **state UNUSED)
{
	CLEANUP_FILESET struct fileset files = FILESET_INIT;

	strv_add(&spec.api.extra_sans, "https://api");
	assert_int_equal(pki_node_files(pki, &plan, &control_plane, &files, &test_error), -1);
	strv_free(&spec.api.extra_sans);
	assert_int_equal(error_kind(test_error), ERROR_CONFIG);
	assert_string_equal(error_message(test_error),
			    "certificates of demo-cp-1: certificate of kube-apiserver: \"https://api\" can "
			    "be in no certificate: it is neither an IP address nor a DNS name");
	error_clear(&test_error);
}

static void test_long_names_fit(void **state UNUSED)
{
	struct node node = worker;
	char name[64];
	CLEANUP_FILESET struct fileset files = FILESET_INIT;
	CLEANUP_FREE char *cn = NULL;
	CLEANUP_X509 X509 *c = NULL;

	memset(name, 'w', 63);
	name[63] = '\0';
	node.name = name;
	cn = xasprintf("system:node:%s", name);
	assert_success(pki_node_files(pki, &plan, &node, &files, &test_error));
	c = certificate(content(&files, K "kubelet-client", ".crt"));
	check_name(c, NID_commonName, cn);
}

static const char *scalar(const struct yaml_node *n, const char *a, const char *b)
{
	n = yaml_get(n, a);
	n = b == NULL ? n : yaml_get(n, b);
	assert_non_null(n);
	return n->scalar;
}

static void check_kubeconfig(const struct fileset *files, const char *path, const char *server, const char *pair)
{
	const struct file *f = fileset_find(files, path);
	CLEANUP_FREE char *certificate_path = xasprintf("%s.crt", pair), *key_path = xasprintf("%s.key", pair);
	CLEANUP_YAML struct yaml *y = NULL;
	const struct yaml_node *cluster, *user, *context;

	assert_non_null(f);
	assert_int_equal(f->mode, 0600);
	assert_success(yaml_parse(path, buf_str(&f->content), f->content.len, &y, &test_error));
	cluster = yaml_get(y->root, "clusters")->values[0];
	user = yaml_get(y->root, "users")->values[0];
	context = yaml_get(y->root, "contexts")->values[0];
	assert_string_equal(scalar(y->root, "kind", NULL), "Config");
	assert_string_equal(scalar(cluster, "cluster", "server"), server);
	assert_string_equal(scalar(cluster, "cluster", "certificate-authority"), P "ca.crt");
	assert_string_equal(scalar(user, "user", "client-certificate"), certificate_path);
	assert_string_equal(scalar(user, "user", "client-key"), key_path);
	assert_string_equal(scalar(context, "context", "user"), scalar(user, "name", NULL));
	assert_string_equal(scalar(context, "context", "cluster"), scalar(cluster, "name", NULL));
	assert_string_equal(scalar(y->root, "current-context", NULL), scalar(context, "name", NULL));
	assert_non_null(fileset_find(files, certificate_path));
	assert_non_null(fileset_find(files, key_path));
}

static void test_kubeconfigs_refer_to_files(void **state UNUSED)
{
	static const char *const local = "https://127.0.0.1:6443", *const remote = "https://10.6.0.10:6443";
	CLEANUP_FILESET struct fileset cp = FILESET_INIT, w = FILESET_INIT;

	assert_success(pki_node_files(pki, &plan, &control_plane, &cp, &test_error));
	assert_success(pki_node_files(pki, &plan, &worker, &w, &test_error));
	check_kubeconfig(&cp, "/etc/kubernetes/admin.conf", local, P "admin");
	check_kubeconfig(&cp, "/etc/kubernetes/controller-manager.conf", local, P "controller-manager");
	check_kubeconfig(&cp, "/etc/kubernetes/scheduler.conf", local, P "scheduler");
	check_kubeconfig(&cp, "/etc/kubernetes/kubelet.conf", local, K "kubelet-client");
	check_kubeconfig(&w, "/etc/kubernetes/kubelet.conf", remote, K "kubelet-client");
	check_kubeconfig(&w, "/etc/kubernetes/kube-proxy.conf", remote, P "kube-proxy");
	check_kubeconfig(&w, "/etc/kubernetes/flannel.conf", remote, P "flannel");
}

static void decoded(const struct yaml_node *n, const char *a, const char *b, struct buf *ret)
{
	assert_success(base64_decode(scalar(n, a, b), ret, &test_error));
}

static void test_admin_kubeconfig_stands_alone(void **state UNUSED)
{
	CLEANUP_BUF struct buf text = BUF_INIT, again = BUF_INIT, ca_pem = BUF_INIT, pem = BUF_INIT, key = BUF_INIT;
	CLEANUP_YAML struct yaml *y = NULL;
	CLEANUP_X509 X509 *c = NULL, *ca = certificate(pki_ca_pem(pki, "ca"));

	assert_success(pki_admin_kubeconfig(pki, "demo", "https://203.0.113.7:6443", &text, &test_error));
	assert_success(pki_admin_kubeconfig(pki, "demo", "https://203.0.113.7:6443", &again, &test_error));
	assert_string_equal(buf_str(&text), buf_str(&again));
	assert_success(yaml_parse("admin", buf_str(&text), text.len, &y, &test_error));
	assert_string_equal(scalar(yaml_get(y->root, "clusters")->values[0], "cluster", "server"), "https://203.0.113.7:6443");
	assert_string_equal(scalar(y->root, "current-context", NULL), "demo-admin@demo");
	decoded(yaml_get(y->root, "clusters")->values[0], "cluster", "certificate-authority-data", &ca_pem);
	decoded(yaml_get(y->root, "users")->values[0], "user", "client-certificate-data", &pem);
	decoded(yaml_get(y->root, "users")->values[0], "user", "client-key-data", &key);
	assert_string_equal(buf_str(&ca_pem), pki_ca_pem(pki, "ca"));
	c = certificate(buf_str(&pem));
	check_key(c, buf_str(&key));
	check_name(c, NID_commonName, "kubernetes-admin");
	check_name(c, NID_organizationName, "kubeadm:cluster-admins");
	assert_int_equal(verify(c, ca, X509_PURPOSE_SSL_CLIENT), X509_V_OK);
}

static void test_super_admin_is_short_lived_and_kept_nowhere(void **state UNUSED)
{
	CLEANUP_BUF struct buf pem = BUF_INIT;
	CLEANUP_STRV struct strv before = STRV_INIT, after = STRV_INIT;
	CLEANUP_X509 X509 *c = NULL, *ca = certificate(pki_ca_pem(pki, "ca"));

	assert_success(path_list(folder, &before, &test_error));
	assert_success(pki_super_admin(pki, &pem, &test_error));
	assert_success(path_list(folder, &after, &test_error));
	assert_int_equal(before.n, after.n);
	c = certificate(buf_str(&pem));
	check_key(c, buf_str(&pem));
	check_name(c, NID_commonName, "kubernetes-super-admin");
	check_name(c, NID_organizationName, "system:masters");
	check_dates(c, 1);
	assert_int_equal(verify(c, ca, X509_PURPOSE_SSL_CLIENT), X509_V_OK);
}

/* A year later as the clock of the argument has it: everything of a node is made anew but for the authorities, and good then. */
static void test_certificates_about_to_end(void **state UNUSED)
{
	CLEANUP_FILESET struct fileset before = FILESET_INIT, kept = FILESET_INIT, after = FILESET_INIT;
	int64_t now = time(NULL), later = now + 320L * DAY;

	assert_success(pki_node_files(pki, &plan, &control_plane, &before, &test_error));
	pki_renew(pki, (struct pki_renewal){.now = later, .within = INT64_MIN});
	assert_success(pki_node_files(pki, &plan, &control_plane, &kept, &test_error));
	pki_renew(pki, (struct pki_renewal){.now = later, .within = 60L * DAY});
	assert_success(pki_node_files(pki, &plan, &control_plane, &after, &test_error));
	for (size_t i = 0; i < ARRAY_SIZE(of_control_plane); i++) {
		const struct expected *e = &of_control_plane[i];
		CLEANUP_X509 X509 *c = certificate(content(&after, e->path, ".crt")), *ca = certificate(pki_ca_pem(pki, e->authority));
		CLEANUP_X509 X509 *old = certificate(content(&before, e->path, ".crt"));

		assert_string_equal(content(&before, e->path, ".crt"), content(&kept, e->path, ".crt"));
		assert_string_not_equal(content(&before, e->path, ".crt"), content(&after, e->path, ".crt"));
		assert_int_equal(certificate_not_after(c), later - 3600 + 365L * DAY);
		assert_int_equal(verify_for(old, ca, X509_PURPOSE_ANY, NULL, later), X509_V_OK);
		assert_int_equal(verify_for(old, ca, X509_PURPOSE_ANY, NULL, later + 60L * DAY), X509_V_ERR_CERT_HAS_EXPIRED);
		assert_int_equal(verify_for(c, ca, X509_PURPOSE_ANY, NULL, later + 60L * DAY), X509_V_OK);
		check_key(c, content(&after, e->path, ".key"));
	}
	assert_string_equal(content(&before, P "ca", ".crt"), content(&after, P "ca", ".crt"));
}

/* What they are, and that of what counts nothing changes with their dates alone, as far as nodes renew them. */
static void test_what_nodes_renew(void **state UNUSED)
{
	CLEANUP_FILESET struct fileset files = FILESET_INIT, workers = FILESET_INIT;
	CLEANUP_JSON struct json_object *data = NULL;
	char before[DIGEST_HEX_LEN + 1], after[DIGEST_HEX_LEN + 1];

	strv_add(&spec.pki.renewed_on_nodes, "cluster");
	assert_success(pki_node_files(pki, &plan, &control_plane, &files, &test_error));
	assert_success(pki_node_files(pki, &plan, &worker, &workers, &test_error));
	assert_string_equal(buf_str(&fileset_find(&workers, "/etc/davit/renewed")->content),
			    "kubelet " K "kubelet.crt\nkubelet-client " K "kubelet-client.crt\nkube-proxy " P "kube-proxy.crt\nflannel " P "flannel.crt\n");
	assert_null(fileset_find(&workers, "/etc/davit/renewed-subjects"));
	assert_non_null(strstr(buf_str(&fileset_find(&files, "/etc/davit/renewed-subjects")->content),
			       "\nadmin CN=kubernetes-admin,O=kubeadm:cluster-admins\n"));
	assert_non_null(strstr(buf_str(&fileset_find(&files, "/etc/davit/renewed-subjects")->content), "\nkubelet CN=system:node:{node},O=system:nodes\n"));
	assert_null(strstr(buf_str(&fileset_find(&files, "/etc/davit/renewed-subjects")->content), "etcd"));
	assert_non_null(strstr(buf_str(&fileset_find(&files, "/etc/davit/certificates")->content), P "etcd/peer.crt"));
	assert_null(strstr(buf_str(&fileset_find(&files, "/etc/davit/certificates")->content), "apiserver.crt"));
	assert_null(fileset_find(&files, P "etcd/peer.crt")->identity);
	data = renewed_data(&workers);
	assert_int_equal(json_object_object_length(data), 4 + 1);
	assert_string_equal(json_get_str(data, "kube-proxy", ""), content(&workers, P "kube-proxy", ".crt"));
	renewed_digest(&workers, before);
	pki_renew(pki, (struct pki_renewal){.within = 400L * DAY});
	fileset_free(&workers);
	assert_success(pki_node_files(pki, &plan, &worker, &workers, &test_error));
	renewed_digest(&workers, after);
	assert_string_not_equal(before, after); /* made anew: another key */
	strv_free(&spec.pki.renewed_on_nodes);
	spec.pki.renewed_on_nodes = STRV_INIT;
}

static int node_job(size_t i, void *context, struct error **err)
{
	struct fileset *files = context;
	CLEANUP_FREE char *name = xasprintf("demo-w-%zu", i % 8);
	struct node node = worker;

	node.name = name;
	return pki_node_files(pki, &plan, &node, &files[i], err);
}

static void test_threads_may_share_it(void **state UNUSED)
{
	struct fileset files[16] = {0};

	assert_success(parallel_for(16, 0, node_job, files, NULL, &test_error));
	for (size_t i = 0; i < 16; i++) {
		CLEANUP_X509 X509 *c = certificate(content(&files[i], K "kubelet", ".crt"));
		CLEANUP_FREE char *cn = xasprintf("system:node:demo-w-%zu", i % 8);

		check_name(c, NID_commonName, cn);
		check_key(c, content(&files[i], K "kubelet", ".key"));
		fileset_free(&files[i]);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		WITH_PKI(test_control_plane_gets_its_files),
		WITH_PKI(test_worker_and_registry_get_theirs),
		WITH_PKI(test_no_flannel_no_certificate_for_it),
		WITH_PKI(test_peers_accept_the_names),
		WITH_PKI(test_a_name_that_is_none),
		WITH_PKI(test_long_names_fit),
		WITH_PKI(test_kubeconfigs_refer_to_files),
		WITH_PKI(test_admin_kubeconfig_stands_alone),
		WITH_PKI(test_super_admin_is_short_lived_and_kept_nowhere),
		WITH_PKI(test_certificates_about_to_end),
		WITH_PKI(test_what_nodes_renew),
		WITH_PKI(test_threads_may_share_it),
	};

	cancel_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
