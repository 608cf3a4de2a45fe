/* Mirantis Secure Registry on a pool of MKE's workers: what of the file it takes, who gets what of it, and which replica may go. */
#include "bootstrap/artifacts.h"
#include "bootstrap/msr.h"
#include "bootstrap/steps.h"
#include "core/base/alloc.h"
#include "core/base/path.h"
#include "core/cluster/frozen.h"
#include "core/cluster/platform.h"
#include "pki/pki.h"
#include "registry/catalogue.h"
#include "tests/unit/test.h"
#include <unistd.h>

#define SHA(c) c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c
#define FILE_OF(count, msr)                                                                                                                          \
	"apiVersion: davit/v1\nkind: Cluster\nmetadata: {name: orca}\nspec:\n  platform: {type: mke, version: 3.9.2}\n"                              \
	"  openstack: {image: ubuntu-24.04}\n  controlPlane: {flavor: m1.large}\n  workerPools:\n"                                                  \
	"  - {name: w, count: 2, flavor: m1.medium}\n  - {name: r, count: " count ", flavor: m1.large}\n  mke:\n"                                    \
	"    images: {file: i, sha256: " SHA("a") "}\n"                                                                                              \
	"    engine: {version: 29.4.1, packages: [{file: docker-ee_29.4.1_amd64.deb, sha256: " SHA("b") "}]}\n    passwordFile: p\n" msr
#define MSR(version, pool, host, more)                                                                                                               \
	"    msr: {version: " version ", images: {file: dtr.tar.gz, sha256: " SHA("c") "}, pool: " pool ", host: " host ",\n"                         \
	"      allowedCIDRs: [192.0.2.0/24]" more "}\n"
#define NFS ", nfs: \"nfs://nas/msr\""
#define USUAL(count, more) FILE_OF(count, MSR("2.9.29", "r", "msr.example.org", more))
#define A "0123456789ab"
#define B "ba9876543210"

static struct spec *spec_of(const char *text)
{
	struct spec *s = NULL;

	assert_success(spec_parse("there/c.yaml", text, strlen(text), &s, &test_error));
	return s;
}

static void refused(const char *text, const char *expected)
{
	CLEANUP_SPEC struct spec *s = NULL;

	assert_failure(spec_parse("c.yaml", text, strlen(text), &s, &test_error), expected);
}

static void test_what_is_taken(void **state UNUSED)
{
	CLEANUP_SPEC struct spec *s = spec_of(USUAL("3", NFS)), *one = spec_of(USUAL("1", ", volume: msr")), *next = spec_of(FILE_OF("1", MSR("2.10.1", "r", "msr", "")));

	assert_string_equal(s->mke.msr.images.path, "there/dtr.tar.gz");
	assert_string_equal(s->mke.msr.nfs, "nfs://nas/msr");
	assert_string_equal(one->mke.msr.volume, "msr");
	assert_string_equal(msr_image(s->mke.msr.version), "mirantis/dtr");
	assert_string_equal(msr_image(next->mke.msr.version), "registry.mirantis.com/msr/dtr");
	assert_null(msr_image("2.9."));
}

static void test_what_is_refused(void **state UNUSED)
{
	refused(USUAL("2", NFS), "c.yaml:10:22: count: pool \"r\" has MSR's replicas, of which there are 1, 3, 5 or 7");
	refused(USUAL("9", NFS), "c.yaml:10:22: count: pool \"r\" has MSR's replicas");
	refused(USUAL("0", NFS), "c.yaml:10:22: count: pool \"r\" has MSR's replicas");
	refused(USUAL("3", ""), "c.yaml:10:22: count: 3 replicas of MSR need images where all of them find them: name \"nfs\" in mke.msr");
	refused(USUAL("3", ", volume: msr"), "3 replicas of MSR need images where all of them find them");
	refused(USUAL("1", NFS ", volume: msr"), "c.yaml:16:67: volume: images lie in one place");
	refused(USUAL("1", ", nfs: nas/msr"), "nfs: \"nas/msr\" is none: nfs://HOST/PATH");
	refused(USUAL("1", ", nfs: \"nfs:///msr\""), "nfs: \"nfs:///msr\" is none");
	refused(USUAL("1", ", volume: \"a b\""), "volume: \"a b\" is none");
	refused(FILE_OF("1", MSR("2.8.1", "r", "msr", "")), "c.yaml:15:20: version: Mirantis Secure Registry \"2.8.1\" is not supported; supported are 2.10.x and 2.9.x, by the documentation, untested");
	refused(FILE_OF("1", MSR("2.9.1", "x", "msr", "")), "pool: \"x\" is none of workerPools: each node of that pool has a replica");
	refused(FILE_OF("1", MSR("2.9.1", "r", "\"https://msr\"", "")), "host: \"https://msr\" is no name: small letters, digits, dots and -, without https:// and port");
	refused(FILE_OF("1", MSR("2.9.1", "r", "\"msr:444\"", "")), "host: \"msr:444\" is no name");
}

/* ---- who gets what */

static bool has_rule(const struct plan *p, const char *group, int port, const char *cidr)
{
	for (size_t i = 0; i < p->n_rules; i++)
		if (strcmp(p->rules[i].group, group) == 0 && p->rules[i].port_min == port && p->rules[i].from_cidr != NULL && strcmp(p->rules[i].from_cidr, cidr) == 0)
			return true;
	return false;
}

static void test_places(void **state UNUSED)
{
	CLEANUP_SPEC struct spec *s = spec_of(USUAL("3", NFS)), *without = spec_of(FILE_OF("3", ""));
	CLEANUP_PLAN struct plan *p = NULL, *q = NULL;

	assert_success(plan_make(s, NULL, &p, &test_error));
	assert_success(plan_make(without, NULL, &q, &test_error));
	assert_true(place_of(s, &plan_find(p, "orca-r-1")->node) & PLACE_MSR);
	assert_false(place_of(s, &plan_find(p, "orca-w-1")->node) & PLACE_MSR);
	assert_true(strv_has(&plan_find(p, "orca-r-3")->groups, "msr") && !strv_has(&plan_find(p, "orca-w-1")->groups, "msr"));
	assert_true(strv_has(&p->groups, "msr") && !strv_has(&q->groups, "msr"));
	assert_true(has_rule(p, "msr", 443, "192.0.2.0/24") && has_rule(p, "msr", 80, "192.0.2.0/24"));
	assert_false(has_rule(q, "msr", 443, "192.0.2.0/24") || has_rule(p, "node", 443, "192.0.2.0/24"));
}

static bool gets_images(const char *name, bool msr)
{
	struct artifact item = {.name = strdup(MSR_IMAGES), .version = strdup("2.9.29"), .format = ARTIFACT_IMAGES, .roles = ARTIFACT_ROLES(NODE_WORKER)};
	struct artifacts all = {.items = &item, .n = 1};
	CLEANUP_FILESET struct fileset files = FILESET_INIT;
	struct bootstrap_run run = {.node = name, .platform = PLATFORM_MKE, .role = NODE_WORKER, .files = &files, .artifacts = &all};
	size_t at = 0;
	bool has;

	if (msr)
		fileset_add(&files, MSR_CERTIFICATE ".crt", 0644, "pem");
	has = artifacts_next(&run, &at) != NULL;
	free(item.name);
	free(item.version);
	return has;
}

static void test_images(void **state UNUSED)
{
	CLEANUP_SPEC struct spec *s = spec_of(USUAL("3", NFS));
	CLEANUP_CATALOGUE struct catalogue c = {0};
	size_t found = 0;

	assert_success(catalogue_make(s, &c, &test_error));
	for (size_t i = 0; i < c.n; i++) {
		if (strcmp(c.items[i].name, MSR_IMAGES) != 0)
			continue;
		found++;
		assert_string_equal(c.items[i].version, "2.9.29");
		assert_string_equal(c.items[i].digest, "sha256:" SHA("c"));
		assert_string_equal(c.items[i].place, "there/c.yaml:15:36");
		assert_int_equal(c.items[i].format, ARTIFACT_IMAGES);
	}
	assert_int_equal(found, 1);
	assert_true(gets_images("orca-r-1", true));
	assert_false(gets_images("orca-w-1", false));
}

/* NFS is mounted by a program of the system's, which has to be there. */
static void test_tools(void **state UNUSED)
{
	CLEANUP_FILESET struct fileset files = FILESET_INIT, without = FILESET_INIT;
	CLEANUP_BUF struct buf text = BUF_INIT, other = BUF_INIT;
	struct bootstrap_run run = {.node = "orca-r-1", .platform = PLATFORM_MKE, .role = NODE_WORKER, .files = &files};

	fileset_add(&files, MSR_CERTIFICATE ".nfs", 0644, "nfs://nas/msr\n");
	steps_render(&run, &text);
	assert_non_null(strstr(buf_str(&text), "mount.nfs"));
	run.files = &without;
	steps_render(&run, &other);
	assert_null(strstr(buf_str(&other), "mount.nfs"));
}

/* ---- which replica may go */

static void may_go(const char *health, const char *id, bool known, bool force)
{
	CLEANUP_FREE char *text = xasprintf("{\"replica_health\": {%s}}", health);
	CLEANUP_JSON struct json_object *o = NULL;
	bool is_known = false, is_force = false;

	assert_success(json_parse(text, strlen(text), "status", &o, &test_error));
	assert_success(msr_may_go(o, id, &is_known, &is_force, &test_error));
	assert_int_equal(is_known, known);
	assert_int_equal(is_force, force);
}

static void stays(const char *text, const char *id, const char *expected)
{
	CLEANUP_JSON struct json_object *o = NULL;
	bool known = false, force = false;

	assert_success(json_parse(text, strlen(text), "status", &o, &test_error));
	assert_failure(msr_may_go(o, id, &known, &force, &test_error), expected);
}

#define OK(id) "\"" id "\": \"OK\""
#define ILL(id) "\"" id "\": \"unreachable\""

static void test_who_may_go(void **state UNUSED)
{
	may_go(OK(A) "," OK(B) "," OK("c"), A, true, false);
	may_go(OK(A) "," OK(B), A, true, false);
	may_go(ILL(A) "," OK(B) "," OK("c"), A, true, false);			   /* dead, the others are well: no force */
	may_go(ILL(A) "," ILL(B) "," OK("c") "," OK("d") "," OK("e"), A, true, true); /* one of two that are dead, of five */
	may_go(OK(B) "," ILL("c"), A, false, false);
	stays("{\"replica_health\": {" OK(A) "}}", A, A " is MSR's only replica: its images and who may do what with them would go with it");
	stays("{\"replica_health\": {" OK(A) "," ILL(B) "," OK("c") "}}", A, "MSR's replica " A " cannot go as long as others are not well (" B "): they would have no majority");
	stays("{\"replica_health\": {" ILL(A) "," ILL(B) "," OK("c") "}}", A, "cannot go as long as others are not well");
	stays("{\"replica_health\": {" OK(A) ",\"c\": 1," OK(B) "}}", A, "not well (c)");
	stays("{\"errors\": []}", A, "replica_health");
}

/* ---- what a cluster has */

static void test_kept(void **state UNUSED)
{
	CLEANUP_SPEC struct spec *s = spec_of(USUAL("3", NFS)), *without = spec_of(FILE_OF("3", "")), *newer = spec_of(FILE_OF("3", MSR("2.10.0", "r", "msr", NFS))),
				 *older = spec_of(FILE_OF("3", MSR("2.9.28", "r", "msr", NFS))), *moved = spec_of(FILE_OF("3", MSR("2.9.29", "r", "msr", ", nfs: \"nfs://nas/other\"")));
	CLEANUP_FREE char *folder = xasprintf("%s/davit-msr-%d", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp", (int)getpid()), *id = NULL, *begun = NULL, *gone = NULL, *version = NULL;
	struct state *st = NULL;

	assert_success(state_open(folder, "orca", STATE_WRITE, &st, &test_error));
	assert_success(frozen_keep(without, st, &test_error));
	assert_success(frozen_check(s, st, FROZEN_ALLOW_NOTHING, &test_error)); /* it comes to a cluster that is there */
	assert_success(msr_note_begun(st, "orca-r-1", A, &test_error));
	assert_false(msr_is_installed(st));
	assert_success(frozen_check(without, st, FROZEN_ALLOW_NOTHING, &test_error)); /* nothing was installed yet */
	begun = msr_begun(st, "orca-r-1");
	assert_string_equal(begun, A);
	assert_success(msr_note_replica(st, s, "orca-r-1", A, &test_error));
	assert_true(msr_is_installed(st));
	id = msr_replica(st, "orca-r-1");
	assert_string_equal(id, A);
	gone = msr_begun(st, "orca-r-1");
	assert_null(gone);
	assert_success(frozen_check(s, st, FROZEN_ALLOW_NOTHING, &test_error));
	assert_failure(frozen_check(without, st, FROZEN_ALLOW_NOTHING, &test_error),
		       "mke.msr: the cluster has MSR (2.9.29 r nfs://nas/msr), which the file no longer names: davit does not take it away with its images");
	assert_failure(frozen_check(older, st, FROZEN_ALLOW_NOTHING, &test_error),
		       "there/c.yaml:15:10: mke.msr: the cluster has version, pool and storage \"2.9.29 r nfs://nas/msr\", the file says \"2.9.28 r nfs://nas/msr\": MSR does not go back");
	assert_failure(frozen_check(moved, st, FROZEN_ALLOW_NOTHING, &test_error), "the file says \"2.9.29 r nfs://nas/other\"");
	assert_success(frozen_check(newer, st, FROZEN_ALLOW_NOTHING, &test_error));
	version = msr_version(st);
	assert_string_equal(version, "2.9.29");
	assert_success(msr_note_version(st, newer, "2.10.0", &test_error));
	assert_failure(frozen_check(s, st, FROZEN_ALLOW_NOTHING, &test_error), "the cluster has version, pool and storage \"2.10.0 r nfs://nas/msr\"");
	assert_success(msr_note_version(st, s, "2.9.29", &test_error));
	assert_success(msr_note_gone(st, "orca-r-1", &test_error));
	free(id);
	id = msr_replica(st, "orca-r-1");
	assert_null(id);
	assert_true(msr_is_installed(st)); /* that it was is not forgotten */
	state_close(st);
	assert_success(path_remove_tree(folder, &test_error));
}

/* Of all nodes of the pool, and of no other: the file's names, of the authority that is MKE's. */
static void test_certificate(void **state UNUSED)
{
	CLEANUP_SPEC struct spec *s = spec_of(USUAL("3", NFS ", extraSANs: [10.0.0.9]"));
	CLEANUP_FREE char *folder = xasprintf("%s/davit-msr-pki-%d", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp", (int)getpid());
	CLEANUP_FILESET struct fileset replica = FILESET_INIT, worker = FILESET_INIT;
	CLEANUP_PLAN struct plan *p = NULL;
	CLEANUP_PKI struct pki *pki = NULL;
	const struct file *pem;

	assert_success(plan_make(s, NULL, &p, &test_error));
	assert_success(pki_open(folder, &(struct pki_options){.platform = PLATFORM_MKE}, &pki, &test_error));
	assert_success(pki_node_files(pki, p, &plan_find(p, "orca-r-2")->node, &replica, &test_error));
	assert_success(pki_node_files(pki, p, &plan_find(p, "orca-w-1")->node, &worker, &test_error));
	pem = fileset_find(&replica, MSR_CERTIFICATE ".crt");
	assert_non_null(pem);
	assert_non_null(fileset_find(&replica, MSR_CERTIFICATE ".key"));
	assert_non_null(fileset_find(&replica, "/etc/kubernetes/pki/mke-ca.crt"));
	assert_null(fileset_find(&replica, "/etc/kubernetes/pki/mke-ca.key"));
	assert_null(fileset_find(&worker, MSR_CERTIFICATE ".crt"));
	assert_null(fileset_find(&worker, "/etc/kubernetes/pki/mke-ca.crt"));
	assert_success(path_remove_tree(folder, &test_error));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_taken), cmocka_unit_test(test_what_is_refused), cmocka_unit_test(test_places),	 cmocka_unit_test(test_images),
		cmocka_unit_test(test_tools),	      cmocka_unit_test(test_who_may_go),      cmocka_unit_test(test_kept),	 cmocka_unit_test(test_certificate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
