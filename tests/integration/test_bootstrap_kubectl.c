/* What is asked of Kubernetes on a node: by kubectl, a stand-in that answers what the test wants. */
#include "bootstrap/renewal.h"
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include "tests/integration/bootstrap_node.h"
#include "tests/unit/test.h"
#include <signal.h>

static struct node_world world;

static int open_world(void **state UNUSED)
{
	node_open(&world);
	return 0;
}

static int close_world(void **state UNUSED)
{
	node_close(&world);
	return 0;
}

static void with_kubectl(void)
{
	assert_int_equal(system("mkdir -p /opt/davit/bin && ln -s /usr/local/bin/kubectl /opt/davit/bin/kubectl"), 0);
}

static void test_addons(void **state UNUSED)
{
	CLEANUP_SSH struct ssh *s = NULL;

	with_kubectl();
	node_write("/run/fake/error.2", "Error from server (Forbidden): x is forbidden: User cannot\n");
	assert_success(sshd_connect(&world.sshd, &s, &test_error));
	assert_success(kubernetes_addons(s, "PEM\n", "roles\n", "addons\n", NULL, "cp", clock_deadline(20 * 1000), &test_error));
#define APPLY(file)                                                                                                              \
	"kubectl --server=https://127.0.0.1:6443 --certificate-authority=/etc/kubernetes/pki/ca.crt "                            \
	"--client-certificate=/dev/shm/davit-N.pem --client-key=/dev/shm/davit-N.pem apply --server-side --force-conflicts "     \
	"--field-manager=davit -f " file "\n600 4\nPEM\n"
	node_holds("/run/fake/kubectl", APPLY("/dev/shm/davit-N.pem.roles") "roles\n" APPLY("-") "addons\n" /* refused: both again */
		APPLY("/dev/shm/davit-N.pem.roles") "roles\n" APPLY("-") "addons\n");
	assert_int_equal(system("test -z \"$(find /dev/shm -name 'davit-*.pem*')\""), 0);
	node_write("/run/fake/error.5", "error: no matches for kind\n");
	assert_failure(kubernetes_addons(s, "PEM\n", "roles\n", "addons\n", NULL, "cp", clock_deadline(20 * 1000), &test_error),
		       "applying the cluster's roles and add-ons ended with status 1: error: no matches for kind");
	assert_int_equal(system("test -z \"$(find /dev/shm -name 'davit-*.pem*')\""), 0);
}

#define FILE_TEXT                                                                                                                \
	"apiVersion: davit/v1\nkind: Cluster\nmetadata: {name: demo}\nspec:\n  platform: {version: 1.36.3}\n"                    \
	"  openstack: {image: debian-12}\n  controlPlane: {flavor: m1.small}\n"
#define NODE(status)                                                                                                             \
	"{\"items\":[{\"metadata\":{\"name\":\"demo-cp-1\",\"labels\":{\"node-role.kubernetes.io/control-plane\":\"\","          \
	"\"davit.dev/pool\":\"control-plane\"}},\"spec\":{\"taints\":[{\"key\":\"node-role.kubernetes.io/control-plane\","       \
	"\"effect\":\"NoSchedule\"}]},\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"" status                      \
	"\",\"reason\":\"KubeletNotReady\",\"message\":\"no network\"}]}}]}"

static void plan_of(struct spec **spec, struct plan **plan)
{
	assert_success(spec_parse("c.yaml", FILE_TEXT, strlen(FILE_TEXT), spec, &test_error));
	assert_success(plan_make(*spec, NULL, plan, &test_error));
}

static void test_nodes(void **state UNUSED)
{
	CLEANUP_SSH struct ssh *s = NULL;
	CLEANUP_SPEC struct spec *spec = NULL;
	CLEANUP_PLAN struct plan *plan = NULL;
	CLEANUP_FREE char *calls = NULL;

	with_kubectl();
	plan_of(&spec, &plan);
	node_write("/run/fake/error.1", "The connection to the server 127.0.0.1:6443 was refused - connection refused\n");
	node_write("/run/fake/answer.2", "{\"items\":[]}");
	node_write("/run/fake/answer.3", NODE("True"));
	assert_success(sshd_connect(&world.sshd, &s, &test_error));
	assert_success(kubernetes_nodes(s, plan, NULL, NULL, clock_deadline(20 * 1000), &test_error));
	calls = node_read("/run/fake/kubectl");
	assert_non_null(strstr(calls, " wait --for=create --timeout="));
	assert_non_null(strstr(
		calls, " label --overwrite node demo-cp-1 node-role.kubernetes.io/control-plane= davit.dev/pool=control-plane"));
	assert_non_null(strstr(calls, " taint --overwrite node demo-cp-1 node-role.kubernetes.io/control-plane:NoSchedule"));
	assert_non_null(strstr(calls, " wait --for=condition=Ready --timeout="));
}

static void test_node_that_is_not_ready(void **state UNUSED)
{
	CLEANUP_SSH struct ssh *s = NULL;
	CLEANUP_SPEC struct spec *spec = NULL;
	CLEANUP_PLAN struct plan *plan = NULL;

	with_kubectl();
	plan_of(&spec, &plan);
	for (int i = 1; i < 40; i++) {
		CLEANUP_FREE char *answer = xasprintf("/run/fake/answer.%d", i);

		node_write(answer, NODE("False"));
	}
	node_write("/run/fake/error.wait", "error: timed out waiting for the condition on nodes/demo-cp-1\n");
	assert_success(sshd_connect(&world.sshd, &s, &test_error));
	assert_failure(kubernetes_nodes(s, plan, NULL, NULL, clock_deadline(300), &test_error),
		       "1 of 1 nodes did not become Ready: demo-cp-1: KubeletNotReady: no network");
}

static void test_kubectl_error(void **state UNUSED)
{
	CLEANUP_SSH struct ssh *s = NULL;
	CLEANUP_BUF struct buf out = BUF_INIT;

	with_kubectl();
	node_write("/run/fake/answer.1", "hello");
	node_write("/run/fake/error.2", "a\nError from server (NotFound): pods \"x\" not found\n");
	assert_success(sshd_connect(&world.sshd, &s, &test_error));
	assert_success(kubectl(s, "get pods 'a b'", NULL, 0, &out, &test_error));
	assert_string_equal(buf_str(&out), "hello");
	assert_failure(kubectl(s, "get pod x", NULL, 0, &out, &test_error),
		       "kubectl get pod x ended with status 1: a; Error from server (NotFound): pods \"x\" not found");
	node_holds("/run/fake/kubectl", "kubectl --kubeconfig=/etc/kubernetes/admin.conf get pods a b\n"
				     "kubectl --kubeconfig=/etc/kubernetes/admin.conf get pod x\n");
}

/* What control planes are to sign comes with the right to read it, also where the API is away for a moment, and goes with its node. */
static void test_certificates_that_nodes_renew(void **state UNUSED)
{
#define K "kubectl --kubeconfig=/etc/kubernetes/admin.conf "
	CLEANUP_SSH struct ssh *s = NULL;
	CLEANUP_JSON struct json_object *maps = json_object_new_array();
	struct json_object *data = json_object_new_object();
	CLEANUP_FREE char *list = NULL, *calls = NULL;

	with_kubectl();
	json_add_str(data, "kubelet", "PEM\n");
	json_object_array_add(maps, renewal_map("demo-w-1", data));
	node_write("/run/fake/error.1", "The connection to the server was refused: connection refused\n");
	assert_success(sshd_connect(&world.sshd, &s, &test_error));
	assert_success(renewal_publish(s, maps, clock_deadline(20 * 1000), &test_error));
	assert_success(kubernetes_forget(s, "demo-w-1", clock_deadline(20 * 1000), &test_error));
	assert_success(renewal_withdraw(s, clock_deadline(20 * 1000), &test_error));
	data = renewal_list(maps);
	list = xstrdup(json_object_to_json_string_ext(data, JSON_C_TO_STRING_PLAIN));
	json_object_put(data);
	calls = xasprintf(K "apply --server-side --force-conflicts --field-manager=davit -f -\n%s" K "apply --server-side --force-conflicts --field-manager=davit -f -\n%s" K
			  "delete node demo-w-1 --ignore-not-found\n" K "delete configmap demo-w-1 --namespace=davit-certificates --ignore-not-found\n" K
			  "delete namespace davit-certificates --ignore-not-found --wait=false\n",
			  list, list);
	node_holds("/run/fake/kubectl", calls);
	node_write("/run/fake/error.6", "Error from server: out of disk\n");
	assert_failure(renewal_publish(s, maps, clock_deadline(20 * 1000), &test_error),
		       "publishing the certificates that nodes renew by themselves ended with status 1: Error from server: out of disk");
#undef K
}

#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, open_world, close_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(test_addons),
		WORLD_TEST(test_nodes),
		WORLD_TEST(test_node_that_is_not_ready),
		WORLD_TEST(test_kubectl_error),
		WORLD_TEST(test_certificates_that_nodes_renew),
	};

	if (!node_enter())
		return 77;
	cancel_init();
	ssh_global_init();
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
