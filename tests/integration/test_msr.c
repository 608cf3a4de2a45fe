/* Replicas of MSR on nodes that are a real sshd at several addresses, with what stands for docker and MSR's API on each of them (msr/): who gets one,
 * who loses it, and which certificate is served. */
#include "cmd/msr.h"
#include "cmd/msr_leave.h"
#include "cmd/verbs.h"
#include "cmd/work.h"
#include "core/base/alloc.h"
#include "core/base/path.h"
#include "tests/integration/sshd.h"
#include "tests/unit/test.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { LOGIN_MS = 120 * 1000 };
#define SHA "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define HEAD                                                                                                                                         \
	"apiVersion: davit/v1\nkind: Cluster\nmetadata: {name: orca}\nspec:\n  platform: {type: mke, version: 3.9.2}\n"                              \
	"  openstack: {image: ubuntu-24.04}\n  controlPlane: {flavor: m1.large}\n  workerPools: [{name: r, count: 3, flavor: m1.large}]\n"
#define MKE                                                                                                                                          \
	"  mke: {images: {file: i, sha256: " SHA "}, passwordFile: password, engine: {version: 29.4.1,\n"                                            \
	"    packages: [{file: docker-ee_29.4.1_amd64.deb, sha256: " SHA "}]},\n"                                                                    \
	"    msr: {version: 2.9.29, images: {file: j, sha256: " SHA "}, pool: r, host: msr.example.org, allowedCIDRs: [192.0.2.0/24],\n"             \
	"      nfs: \"nfs://nas/msr\"}}\n"

static struct sshd sshd;
static char *folder, *certificate, *given;
static struct options options;
static struct context c = {.o = &options};
static struct work w = {.c = &c};
static struct leaving leaving = {.c = &c};

/* ---- of the program's, what the rest of it would bring along */

const char *context_plane(const struct context *context UNUSED)
{
	return "orca-cp-1";
}

char *verb_names(const struct strv *names)
{
	return strv_join(names, ", ");
}

/* ---- the cluster */

static void shell(const char *command)
{
	CLEANUP_FREE char *line = xasprintf("cd %s && { %s; }", folder, command);

	if (system(line) != 0)
		fail_msg("%s", command);
}

static void add_node(const char *name, enum node_role role, const char *address)
{
	struct node n = {.name = (char *)name, .role = role, .pool = (char *)(role == NODE_WORKER ? "r" : "control-plane"), .address = (char *)address, .server_id = (char *)"id", .cloud = NODE_ACTIVE};
	CLEANUP_FREE char *line = xasprintf("echo '%s %s' >>addresses", address, name);

	shell(line);
	inventory_put(c.inventory, &n);
	assert_success(state_put_node(c.state, &n, &test_error));
}

static void copy_key(void)
{
	CLEANUP_FREE char *ssh = state_path(c.state, "ssh"), *file = state_path(c.state, "ssh/id_ed25519");
	CLEANUP(buf_wipe) struct buf key = BUF_INIT;

	assert_success(path_read(sshd.key_file, &key, &test_error));
	assert_success(path_mkdirs(ssh, 0700, &test_error));
	assert_success(path_write(file, key.data, key.len, 0600, &test_error));
}

static void open_cluster(void)
{
	CLEANUP_FREE char *path = xasprintf("%s/c.yaml", folder), *state = xasprintf("%s/state", folder), *pki = xasprintf("%s/pki", folder);
	CLEANUP_FREE char *text = xasprintf(HEAD "  access: {user: %s, bastion: none, hostKeys: first-use}\n" MKE, sshd.user);

	assert_success(spec_parse(path, text, strlen(text), &c.spec, &test_error));
	assert_success(state_open(state, "orca", STATE_WRITE, &c.state, &test_error));
	copy_key();
	c.inventory = inventory_new();
	add_node("orca-cp-1", NODE_CONTROL_PLANE, "127.0.0.10");
	add_node("orca-r-1", NODE_WORKER, "127.0.0.21");
	add_node("orca-r-2", NODE_WORKER, "127.0.0.22");
	add_node("orca-r-3", NODE_WORKER, "127.0.0.23");
	assert_success(plan_make(c.spec, c.inventory, &c.plan, &test_error));
	assert_success(pki_open(pki, &(struct pki_options){.platform = PLATFORM_MKE}, &w.pki, &test_error));
	w.reach = leaving.reach = reach_new(c.spec, c.state, c.inventory);
	reach_tune(w.reach, &(struct reach_tuning){.port = sshd.port, .login_ms = LOGIN_MS});
}

static int begin(void **state UNUSED)
{
	const char *root = getenv("DAVIT_SOURCE_ROOT");
	char template[] = "/tmp/davit-msr-XXXXXX";
	CLEANUP_FREE char *extra = NULL;

	if (!sshd_available())
		exit(77);
	folder = xstrdup(mkdtemp(template));
	certificate = xasprintf("%s/registry", folder);
	shell("mkdir -p bin images/mirantis && : >images/mirantis/dtr:2.9.29 && : >replicas && echo 'p$ss \"w0rd' >password && echo authority >ca.crt");
	shell("ln -s \"$DAVIT_SOURCE_ROOT\"/tests/integration/msr/* bin/");
	extra = xasprintf("ListenAddress 127.0.0.10\nListenAddress 127.0.0.21\nListenAddress 127.0.0.22\nListenAddress 127.0.0.23\n"
			  "SetEnv WORK=%s MSR_SAID=%s/said MSR_CERTIFICATE=%s CONTROLLER_CA=%s/ca.crt PATH=%s/bin:%s/tests/integration/operate/bin:/usr/bin:/bin\n",
			  folder, folder, certificate, folder, folder, root);
	assert_success(sshd_start(extra, &sshd, &test_error));
	open_cluster();
	return 0;
}

static int end(void **state UNUSED)
{
	reach_free(w.reach);
	pki_free(w.pki);
	plan_free(c.plan);
	inventory_free(c.inventory);
	state_close(c.state);
	spec_free(c.spec);
	sshd_stop(&sshd);
	assert_success(path_remove_tree(folder, &test_error));
	free(folder);
	free(certificate);
	free(given);
	return 0;
}

/* What apply has put on the node whose certificate is served. */
static void put_certificate(const char *node)
{
	static const char *const ends[] = {".crt", ".key"};
	CLEANUP_FILESET struct fileset files = FILESET_INIT;

	assert_success(pki_node_files(w.pki, c.plan, &plan_find(c.plan, node)->node, &files, &test_error));
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		CLEANUP_FREE char *from = xasprintf(MSR_CERTIFICATE "%s", ends[i]), *to = xasprintf("%s%s", certificate, ends[i]);
		const struct buf *b = &fileset_find(&files, from)->content;

		assert_success(path_write(to, b->data, b->len, 0600, &test_error));
	}
}

static size_t changes(const char *expected)
{
	CLEANUP(changes_free) struct changes found = {0};
	CLEANUP_STRV struct strv lines = STRV_INIT;
	CLEANUP_FREE char *text = NULL;
	size_t n;

	assert_success(msr_find(&c, &w, &found, &test_error));
	n = found.n;
	for (size_t i = 0; i < n; i++)
		strv_addf(&lines, "%s: %s", found.items[i].name, found.items[i].reason);
	text = strv_join(&lines, "; ");
	assert_string_equal(text, expected);
	return n;
}

static void settled(void)
{
	shell(": >calls");
	assert_success(msr_settle(&w, &test_error));
	changes("");
}

static void has_replicas(const char *n)
{
	CLEANUP_FREE char *line = xasprintf("[ $(grep -c ' OK$' replicas) = %s ] && [ $(wc -l <replicas) = %s ]", n, n);

	shell(line);
}

static void forget_all(void)
{
	shell("rm -rf orca-r-* fail && : >replicas");
	for (size_t i = 0; i < c.plan->n_nodes; i++)
		assert_success(msr_note_gone(c.state, c.plan->nodes[i].node.name, &test_error));
	assert_success(state_set(c.state, "msr:installed", NULL, &test_error));
	assert_success(state_set(c.state, "msr:certificate", NULL, &test_error));
}

/* As test_installation() has left it, without the installations. */
static void all_installed(void)
{
	static const char *const ids[] = {"aaaaaaaaaaa1", "aaaaaaaaaaa2", "aaaaaaaaaaa3"};

	forget_all();
	put_certificate("orca-r-1");
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		CLEANUP_FREE char *node = xasprintf("orca-r-%zu", i + 1), *line = xasprintf("mkdir -p %s/dtr-nginx-%s %s/dtr-rethinkdb-%s && echo running >%s/dtr-rethinkdb-%s/status && echo '%s OK' >>replicas",
												  node, ids[i], node, ids[i], node, ids[i], ids[i]);

		shell(line);
		assert_success(msr_note_replica(c.state, c.spec, node, ids[i], &test_error));
	}
	assert_success(state_set(c.state, "msr:certificate", given, &test_error));
}

/* ---- */

static void test_installation(void **state UNUSED)
{
	forget_all();
	put_certificate("orca-r-1");
	changes("orca-r-1: MSR is installed; orca-r-2: a replica of MSR is added; orca-r-3: a replica of MSR is added");
	settled();
	has_replicas("3");
	shell("grep -c ' install ' calls | grep -qx 1 && grep -q -- '--nfs-storage-url nfs://nas/msr' calls && ! grep -qF -e 'p$ss' -e 'PRIVATE KEY' calls");
	shell("cmp -s served registry.crt");
	settled();
	shell("! grep -q 'container create' calls");
	given = state_get(c.state, "msr:certificate");
	assert_non_null(given);
}

/* The same ids again, and never a second installation. */
static void test_failures(void **state UNUSED)
{
	CLEANUP_FREE char *begun = NULL, *id = NULL;

	forget_all();
	shell("echo orca-r-1 >fail");
	assert_failure(msr_settle(&w, &test_error), "orca-r-1: MSR: MSR's install ended with status 1: its installer ended with status 1: level=fatal msg=\"not enough memory\"");
	assert_false(msr_is_installed(c.state));
	shell(": >replicas && echo orca-r-2 >fail");
	assert_failure(msr_settle(&w, &test_error), "orca-r-2: MSR: MSR's join ended with status 1");
	begun = msr_begun(c.state, "orca-r-2");
	assert_non_null(begun);
	changes("orca-r-2: a replica of MSR is added; orca-r-3: a replica of MSR is added");
	shell("rm fail");
	settled();
	id = msr_replica(c.state, "orca-r-2");
	assert_string_equal(id, begun);
	has_replicas("3");
	shell("! grep -q ' install ' calls");
}

static void test_health(void **state UNUSED)
{
	all_installed();
	shell("touch orca-r-2/ill");
	changes("orca-r-2: its replica is not well: looked at, and waited for");
	shell("rm orca-r-2/ill");
	changes("");
	shell("touch orca-r-2/ill && ( { sleep 2; rm orca-r-2/ill; } >/dev/null 2>&1 & )"); /* as after a restart of its engine */
	assert_success(msr_wait(&w, &plan_find(c.plan, "orca-r-2")->node, &test_error));
	shell("! [ -e orca-r-2/ill ]");
	assert_success(msr_wait(&w, &plan_find(c.plan, "orca-cp-1")->node, &test_error));
}

static void test_certificate(void **state UNUSED)
{
	all_installed();
	pki_renew(w.pki, (struct pki_renewal){.within = (int64_t)400 * 24 * 3600});
	put_certificate("orca-r-1");
	pki_renew(w.pki, (struct pki_renewal){.within = INT64_MIN});
	free(steal_ptr(given));
	changes("orca-r-1: MSR has another certificate or host: it gets this one's, and restarts");
	assert_success(msr_certify(&w, &test_error));
	shell("cmp -s served registry.crt");
	changes("");
	shell(": >calls");
	assert_success(msr_certify(&w, &test_error));
	shell("! grep -q reconfigure calls");
	given = state_get(c.state, "msr:certificate");
}

static void leave(const char *node)
{
	CLEANUP_STRV struct strv nodes = STRV_INIT;

	strv_add(&nodes, node);
	assert_success(msr_leave(&leaving, &nodes, NULL, &test_error));
}

static void test_leaving(void **state UNUSED)
{
	CLEANUP_STRV struct strv all = STRV_INIT;
	CLEANUP_FREE char *id = NULL;

	all_installed();
	leave("orca-r-1"); /* whose certificate is served */
	has_replicas("2");
	id = msr_replica(c.state, "orca-r-1");
	assert_null(id);
	leave("orca-r-1"); /* once more: it has none */
	changes("orca-r-1: a replica of MSR is added; orca-r-2: MSR has another certificate or host: it gets this one's, and restarts");
	put_certificate("orca-r-2");
	assert_success(msr_certify(&w, &test_error));
	shell("cmp -s served registry.crt");
	strv_add(&all, "orca-r-2");
	strv_add(&all, "orca-r-3");
	assert_failure(msr_leave(&leaving, &all, NULL, &test_error), "no replica of MSR would be left without orca-r-2, orca-r-3");
	has_replicas("2");
	settled(); /* it comes back */
	has_replicas("3");
}

/* One that is dead goes, too, unless the others have no majority without it. */
static void test_dead(void **state UNUSED)
{
	CLEANUP_STRV struct strv nodes = STRV_INIT;

	all_installed();
	shell("rm -rf orca-r-3/dtr-* && sed -i '3s/OK/ill/' replicas");
	leave("orca-r-3");
	has_replicas("2");
	all_installed();
	shell("rm -rf orca-r-3/dtr-* && sed -i '3s/OK/ill/' replicas");
	strv_add(&nodes, "orca-r-1");
	assert_failure(msr_leave(&leaving, &nodes, NULL, &test_error), "cannot go as long as others are not well");
	shell("[ $(wc -l <replicas) = 3 ]");
}

/* A server under the same name, which has nothing of the old one's. */
static void test_lost(void **state UNUSED)
{
	CLEANUP_FREE char *had = NULL, *has = NULL;

	all_installed();
	had = msr_replica(c.state, "orca-r-2");
	shell("rm -rf orca-r-2/dtr-* && sed -i '2s/OK/ill/' replicas");
	settled();
	has_replicas("3");
	has = msr_replica(c.state, "orca-r-2");
	assert_string_not_equal(has, had);
	/* all of them: nothing is made in their place, but what somebody restores is taken up */
	shell("rm -rf orca-r-*/dtr-* && : >replicas");
	assert_failure(msr_settle(&w, &test_error), "MSR was installed, and no node of pool r has a replica of it any more: restore one of a backup on one of them");
	shell("mkdir orca-r-1/dtr-rethinkdb-aaaaaaaaaaaa orca-r-1/dtr-nginx-aaaaaaaaaaaa && echo running >orca-r-1/dtr-rethinkdb-aaaaaaaaaaaa/status && echo 'aaaaaaaaaaaa OK' >replicas");
	settled();
	has_replicas("3");
	free(steal_ptr(has));
	has = msr_replica(c.state, "orca-r-1");
	assert_string_equal(has, "aaaaaaaaaaaa");
}

/* A state that knows nothing of it finds what there is. */
static void test_recovery(void **state UNUSED)
{
	all_installed();
	for (size_t i = 0; i < c.plan->n_nodes; i++)
		assert_success(msr_note_gone(c.state, c.plan->nodes[i].node.name, &test_error));
	assert_success(state_set(c.state, "msr:installed", NULL, &test_error));
	assert_success(state_set(c.state, "msr:certificate", NULL, &test_error));
	settled();
	has_replicas("3");
	shell("! grep -q -e ' install ' -e ' join ' calls");
	assert_true(msr_is_installed(c.state));
}

/* As long as somebody of the pool could not be looked at, nobody knows that he has none. */
static void test_unseen(void **state UNUSED)
{
	struct node *n = &c.plan->nodes[c.plan->n_nodes - 1].node;

	forget_all();
	n->cloud = NODE_FAILED;
	assert_failure(msr_settle(&w, &test_error), "1 nodes of pool r could not be looked at");
	has_replicas("0");
	n->cloud = NODE_ACTIVE;
}

/* Of all replicas by one command, before another one joins; the same once more where that was cut off. */
static void test_upgrade(void **state UNUSED)
{
	CLEANUP_FREE char *question = NULL, *version = NULL;

	all_installed();
	shell("for i in orca-r-*/dtr-rethinkdb-*; do echo 2.9.29 >$i/version; done && : >images/mirantis/dtr:2.9.30");
	question = msr_question(&c);
	assert_null(question);
	leave("orca-r-3");
	free(c.spec->mke.msr.version);
	c.spec->mke.msr.version = xstrdup("2.9.30");
	question = msr_question(&c);
	assert_string_equal(question, "Upgrade MSR from 2.9.29 to 2.9.30, which cannot be taken back; its documentation wants a backup of it before");
	changes("orca-r-3: a replica of MSR is added; msr.example.org: MSR goes from 2.9.29 to 2.9.30, and not back: have a backup of it");
	shell(": >calls");
	leave("orca-r-2"); /* by the version that it has */
	shell("grep -q 'mirantis/dtr:2.9.29 remove' calls && echo orca-r-1 >fail");
	assert_failure(msr_settle(&w, &test_error), "orca-r-1: MSR: MSR's upgrade ended with status 1: its installer ended with status 1: level=fatal msg=\"not enough memory\"");
	version = msr_version(c.state);
	assert_string_equal(version, "2.9.29");
	shell("rm fail");
	settled();
	has_replicas("3");
	shell("[ $(grep -c 'mirantis/dtr:2.9.30 upgrade' calls) = 1 ] && [ \"$(cat orca-r-*/dtr-rethinkdb-*/version | sort -u)\" = 2.9.30 ]");
	/* somebody has done it by hand */
	assert_success(msr_note_version(c.state, c.spec, "2.9.29", &test_error));
	settled();
	shell("! grep -q ' upgrade ' calls");
	free(c.spec->mke.msr.version);
	c.spec->mke.msr.version = xstrdup("2.9.29");
}

static void test_local_images(void **state UNUSED)
{
	CLEANUP_STRV struct strv nodes = STRV_INIT;
	char *nfs = c.spec->mke.msr.nfs;

	all_installed();
	strv_add(&nodes, "orca-r-1");
	assert_success(msr_leave_check(&c, &nodes, &STRV_INIT, &test_error));
	c.spec->mke.msr.nfs = NULL;
	assert_failure(msr_leave_check(&c, &nodes, &STRV_INIT, &test_error), "MSR's images lie on orca-r-1 alone, as long as it names no \"nfs\": it is not replaced");
	assert_success(msr_note_gone(c.state, "orca-r-2", &test_error));
	shell("rm -r orca-r-2");
	assert_failure(msr_settle(&w, &test_error), "MSR's images lie on orca-r-1 alone: another replica would not find them");
	c.spec->mke.msr.nfs = nfs;
}

static void test_password(void **state UNUSED)
{
	forget_all();
	shell("mv password away");
	assert_failure(msr_check_given(&c, &test_error), "passwordFile: ");
	assert_failure(msr_settle(&w, &test_error), "passwordFile: ");
	shell("mv away password && ! [ -s replicas ]");
	assert_success(msr_check_given(&c, &test_error));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_installation), cmocka_unit_test(test_failures), cmocka_unit_test(test_health),   cmocka_unit_test(test_certificate),
		cmocka_unit_test(test_leaving),	     cmocka_unit_test(test_dead),     cmocka_unit_test(test_lost),     cmocka_unit_test(test_recovery),
		cmocka_unit_test(test_unseen),	     cmocka_unit_test(test_upgrade), cmocka_unit_test(test_local_images), cmocka_unit_test(test_password),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
