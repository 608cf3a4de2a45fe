#include "bootstrap/certificates.h"
#include "core/base/cancel.h"
#include "pki/survey.h"
#include "tests/unit/test_pki.h"
#include <unistd.h>

#define PKI "/etc/kubernetes/pki/"
#define KUBELET "/var/lib/kubelet/pki/kubelet"

static struct survey survey;

static void look(const struct node *node)
{
	survey_free(&survey);
	assert_success(survey_state(folder, &plan, node, 1, &survey, &test_error));
}

static const struct survey_item *item(const char *path)
{
	for (size_t i = 0; i < survey.n; i++)
		if (strcmp(survey.items[i].path, path) == 0)
			return &survey.items[i];
	fail_msg("%s is not in the survey", path);
	return NULL;
}

static int clear_all(void **state)
{
	survey_free(&survey);
	return tear_down(state);
}

/* Files of a node as it would print them. */
static void print(const struct fileset *files, struct buf *ret)
{
	for (size_t i = 0; i < files->n; i++)
		buf_addf(ret, "davit file %s\n%s", files->files[i].path, buf_str(&files->files[i].content));
}

static void read_back(const char *text, const char *node, struct fileset *ret)
{
	CLEANUP_STRV struct strv paths = STRV_INIT;

	survey_paths(&survey, node, &paths);
	certificates_read(text, &paths, ret);
}

static void test_the_state_alone(void **state UNUSED)
{
	CLEANUP_FILESET struct fileset files = FILESET_INIT;
	CLEANUP_BUF struct buf admin = BUF_INIT;

	look(&control_plane);
	assert_int_equal(survey.n, 4); /* nothing was installed: the authorities */
	assert_success(pki_node_files(pki, &plan, &control_plane, &files, &test_error));
	assert_success(pki_admin_kubeconfig(pki, "demo", "https://203.0.113.7:6443", &admin, &test_error));
	look(&control_plane);
	assert_int_equal(survey.n, 4 + 1 + 14 + 1 + 3);
	assert_string_equal(item("pki/etcd/ca.crt")->known.subject, "CN=etcd-ca");
	assert_string_equal(item("pki/admin.pem")->known.subject, "CN=kubernetes-admin,O=kubeadm:cluster-admins");
	assert_int_equal(item(PKI "ca.crt")->kind, SURVEY_COPY);
	assert_string_equal(item(PKI "apiserver.crt")->known.issuer, "CN=kubernetes");
	assert_int_equal(item(PKI "apiserver.crt")->known.sans.n, 11);
	assert_string_equal(item(PKI "apiserver.crt")->known.sans.v[9], "::1");
	assert_int_equal(item(PKI "apiserver.crt")->standing, SURVEY_UNREAD);
	assert_string_equal(item(PKI "scheduler.crt")->kubeconfig, "/etc/kubernetes/scheduler.conf");
	assert_null(survey_facts(item(KUBELET "-client-current.pem")));
}

static void test_what_the_node_has(void **state UNUSED)
{
	CLEANUP_FILESET struct fileset files = FILESET_INIT, others = FILESET_INIT, found = FILESET_INIT;
	CLEANUP_BUF struct buf text = BUF_INIT;

	assert_success(pki_node_files(pki, &plan, &control_plane, &others, &test_error));
	assert_success(pki_node_files(pki, &plan, &worker, &files, &test_error));
	look(&worker);
	fileset_add(&files, PKI "kube-proxy.crt", 0644, content(&others, PKI "kube-proxy", ".crt"));
	fileset_add(&files, PKI "ca.crt", 0644, "nonsense\n");
	fileset_add(&files, KUBELET "-client-current.pem", 0600, content(&others, KUBELET "-client", ".crt"));
	print(&files, &text);
	read_back(buf_str(&text), "demo-w-1", &found);
	assert_null(fileset_find(&found, "/etc/kubernetes/kubelet.conf")); /* nobody had asked for it */
	survey_take(&survey, "demo-w-1", &found);
	assert_int_equal(item(KUBELET ".crt")->standing, SURVEY_SAME);
	assert_int_equal(item(PKI "kube-proxy.crt")->standing, SURVEY_OTHER);
	assert_string_not_equal(survey_facts(item(PKI "kube-proxy.crt"))->fingerprint, item(PKI "kube-proxy.crt")->known.fingerprint);
	assert_int_equal(item(PKI "ca.crt")->standing, SURVEY_OTHER);
	assert_null(survey_facts(item(PKI "ca.crt")));
	assert_string_equal(survey_facts(item(KUBELET "-client-current.pem"))->subject, "CN=system:node:demo-cp-1,O=system:nodes");
	fileset_free(&found);
	survey_take(&survey, "demo-w-1", &found);
	assert_int_equal(item(KUBELET ".crt")->standing, SURVEY_MISSING);
	assert_null(survey_facts(item(KUBELET ".crt")));
	assert_int_equal(item("pki/ca.crt")->standing, SURVEY_UNREAD);
}

static void test_days(void **state UNUSED)
{
	struct certificate_facts f = {.not_after = 1000L * DAY};

	assert_int_equal(survey_days(&f, 990L * DAY), 10);
	assert_int_equal(survey_days(&f, 990L * DAY + 1), 9);
	assert_int_equal(survey_days(&f, 1000L * DAY), 0);
	assert_int_equal(survey_days(&f, 1000L * DAY + 1), -1);
	assert_int_equal(survey_days(&f, 1002L * DAY), -2);
}

static void test_what_is_near_its_end(void **state UNUSED)
{
	CLEANUP_FILESET struct fileset files = FILESET_INIT, renewed = FILESET_INIT;
	int64_t now = time(NULL);

	assert_success(pki_node_files(pki, &plan, &worker, &files, &test_error));
	look(&worker);
	assert_false(survey_is_ending(item(KUBELET ".crt"), now + 304L * DAY, 60));
	assert_true(survey_is_ending(item(KUBELET ".crt"), now + 306L * DAY, 60));
	assert_false(survey_is_ending(item(KUBELET ".crt"), now + 306L * DAY, 50));
	assert_true(survey_is_ending(item(KUBELET ".crt"), now + 400L * DAY, 1));
	assert_false(survey_is_ending(item("pki/ca.crt"), now + 400L * DAY, 60));
	assert_true(survey_is_ending(item("pki/ca.crt"), now + 3600L * DAY, 60));
	survey_take(&survey, "demo-w-1", &(struct fileset){0});
	assert_true(survey_is_ending(item(KUBELET ".crt"), now + 306L * DAY, 60)); /* the state's, where the node has none */
	pki_renew(pki, (struct pki_renewal){.now = now + 306L * DAY, .within = 60L * DAY});
	assert_success(pki_node_files(pki, &plan, &worker, &renewed, &test_error));
	look(&worker);
	assert_false(survey_is_ending(item(KUBELET ".crt"), now + 306L * DAY, 60));
	fileset_add(&files, KUBELET "-client-current.pem", 0600, content(&files, KUBELET "-client", ".crt"));
	survey_take(&survey, "demo-w-1", &files);
	assert_true(survey_is_ending(item(KUBELET ".crt"), now + 306L * DAY, 60)); /* the node's, where the state has a new one */
	assert_false(survey_is_ending(item(KUBELET "-client-current.pem"), now + 330L * DAY, 60)); /* the kubelet is about to renew it */
	assert_true(survey_is_ending(item(KUBELET "-client-current.pem"), now + 340L * DAY, 60));
}

/* The file of the state with its own key, and a certificate for that which ends `days` later; of all but the dates nothing is different. */
static void reissue(const char *name, int days, EVP_PKEY *authority_key, struct buf *ret_pem)
{
	CLEANUP_FREE char *path = xasprintf("%s/nodes/demo-w-1/%s.pem", folder, name);
	CLEANUP(buf_wipe) struct buf text = BUF_INIT;
	CLEANUP_X509 X509 *c = NULL;

	assert_success(path_read(path, &text, &test_error));
	assert_success(certificate_parse_first("it", buf_str(&text), text.len, &c, &test_error));
	assert_non_null(X509_gmtime_adj(X509_getm_notBefore(c), 0));
	assert_non_null(X509_gmtime_adj(X509_getm_notAfter(c), (365L + days) * DAY));
	assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(c), 4711), 1);
	assert_true(X509_sign(c, authority_key, EVP_sha256()) > 0);
	assert_success(certificate_write(c, ret_pem, &test_error));
}

static void sign_as(const char *key_pem, int days, struct fileset *files)
{
	CLEANUP_PKEY EVP_PKEY *key = NULL;
	CLEANUP_BUF struct buf pem = BUF_INIT;

	assert_success(key_parse("key", key_pem, strlen(key_pem), &key, &test_error));
	reissue("kubelet", days, key, &pem);
	fileset_add(files, KUBELET ".crt", 0644, buf_str(&pem));
}

static void test_what_nodes_renew_the_state_takes_up(void **state UNUSED)
{
	CLEANUP_FILESET struct fileset files = FILESET_INIT, after = FILESET_INIT;
	CLEANUP_FREE char *key = NULL;
	int64_t now = time(NULL);
	size_t n = 0;

	strv_add(&spec.pki.renewed_on_nodes, "cluster");
	assert_success(pki_node_files(pki, &plan, &worker, &files, &test_error));
	key = xstrdup(content(&files, KUBELET, ".key"));
	sign_as(pki_ca_key(pki, "ca"), 20, &files);
	fileset_add(&files, PKI "kube-proxy.crt", 0644, content(&files, KUBELET, ".crt")); /* of another name */
	look(&worker);
	assert_false(survey_is_ending(item(KUBELET ".crt"), now + 339L * DAY, 60)); /* its node is about to renew it */
	assert_true(survey_is_ending(item(KUBELET ".crt"), now + 341L * DAY, 60));
	survey_take(&survey, "demo-w-1", &files);
	assert_int_equal(item(KUBELET ".crt")->standing, SURVEY_RENEWED);
	assert_int_equal(item(PKI "kube-proxy.crt")->standing, SURVEY_OTHER);
	assert_false(survey_is_ending(item(KUBELET ".crt"), now + 341L * DAY, 60)); /* the node's counts */
	assert_success(survey_adopt(folder, &survey, &n, &test_error));
	assert_int_equal(n, 1);
	assert_int_equal(item(KUBELET ".crt")->standing, SURVEY_SAME);
	assert_success(pki_node_files(pki, &plan, &worker, &after, &test_error));
	assert_string_equal(content(&after, KUBELET, ".crt"), content(&files, KUBELET, ".crt"));
	assert_string_equal(content(&after, KUBELET, ".key"), key);
	strv_free(&spec.pki.renewed_on_nodes);
	spec.pki.renewed_on_nodes = STRV_INIT;
}

static void test_what_others_have_signed_is_not_taken_up(void **state UNUSED)
{
	CLEANUP_FILESET struct fileset files = FILESET_INIT, after = FILESET_INIT;
	CLEANUP_FREE char *before = NULL;
	size_t n = 0;

	strv_add(&spec.pki.renewed_on_nodes, "cluster");
	assert_success(pki_node_files(pki, &plan, &worker, &files, &test_error));
	before = xstrdup(content(&files, KUBELET, ".crt"));
	look(&worker);
	sign_as(pki_ca_key(pki, "ca"), -20, &files);
	survey_take(&survey, "demo-w-1", &files);
	assert_int_equal(item(KUBELET ".crt")->standing, SURVEY_OTHER); /* an earlier one */
	sign_as(pki_ca_key(pki, "etcd/ca"), 20, &files);
	survey_take(&survey, "demo-w-1", &files);
	assert_success(survey_adopt(folder, &survey, &n, &test_error));
	assert_int_equal(n, 0);
	assert_success(pki_node_files(pki, &plan, &worker, &after, &test_error));
	assert_string_equal(content(&after, KUBELET, ".crt"), before);
	strv_free(&spec.pki.renewed_on_nodes);
	spec.pki.renewed_on_nodes = STRV_INIT;
}

/* A swarm has no authority of that kind. */
static void test_where_no_node_renews(void **state UNUSED)
{
	CLEANUP_FREE char *path = xasprintf("%s/ca.crt", folder);
	CLEANUP_FILESET struct fileset files = FILESET_INIT;
	size_t n = 1;

	assert_success(pki_node_files(pki, &plan, &worker, &files, &test_error));
	look(&worker);
	survey_take(&survey, "demo-w-1", &files);
	assert_int_equal(unlink(path), 0);
	assert_success(survey_adopt(folder, &survey, &n, &test_error));
	assert_int_equal(n, 0);
}

static void test_a_damaged_file_is_named(void **state UNUSED)
{
	CLEANUP_FILESET struct fileset files = FILESET_INIT;
	CLEANUP_FREE char *path = xasprintf("%s/nodes/demo-w-1/kubelet.pem", folder);

	assert_success(pki_node_files(pki, &plan, &worker, &files, &test_error));
	assert_success(path_write(path, "x", 1, 0600, &test_error));
	assert_failure(survey_state(folder, &plan, &worker, 1, &survey, &test_error), "kubelet.pem holds no readable certificate in PEM");
}

#define WITH(f) cmocka_unit_test_setup_teardown(f, set_up, clear_all)
int main(void)
{
	static const struct CMUnitTest tests[] = {
		WITH(test_the_state_alone),
		WITH(test_what_the_node_has),
		WITH(test_days),
		WITH(test_what_is_near_its_end),
		WITH(test_what_nodes_renew_the_state_takes_up),
		WITH(test_what_others_have_signed_is_not_taken_up),
		WITH(test_where_no_node_renews),
		WITH(test_a_damaged_file_is_named),
	};

	cancel_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
