/* The number in the file, and which nodes a pool has when it changes. */
#include "core/base/alloc.h"
#include "core/base/path.h"
#include "core/cluster/edit.h"
#include "core/cluster/members.h"
#include "core/cluster/plan.h"
#include "tests/unit/test.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD "# Größe der Pools\r\nspec:\n  workerPools:\n"

static void edited(const char *text, const char *pool, int count, const char *expected)
{
	CLEANUP_BUF struct buf out = BUF_INIT;

	assert_success(edit_count("c.yaml", text, strlen(text), pool, count, &out, &test_error));
	assert_string_equal(buf_str(&out), expected);
}

static void refused(const char *text, const char *pool, const char *with)
{
	CLEANUP_BUF struct buf out = BUF_INIT;

	assert_failure(edit_count("c.yaml", text, strlen(text), pool, 3, &out, &test_error), with);
	assert_int_equal(out.len, 0);
}

static void test_only_the_number_changes(void **state UNUSED)
{
	edited(HEAD "  - {count: 2, name: w, flavor: x} # zwei: für später\n", "w", 10, HEAD "  - {count: 10, name: w, flavor: x} # zwei: für später\n");
	edited(HEAD "  - name: a\n    count: 1\n  - count:   12   # viele\n    name: b", "b", 0,
	       HEAD "  - name: a\n    count: 1\n  - count:   0   # viele\n    name: b");
	edited("{spec: {workerPools: [{name: w, \"count\": 2}, {name: v, count: 2}]}}", "w", 3,
	       "{spec: {workerPools: [{name: w, \"count\": 3}, {name: v, count: 2}]}}");
	edited("\xef\xbb\xbfspec:\n  workerPools: [{name: w, count: 2}]\n", "w", 3, "\xef\xbb\xbfspec:\n  workerPools: [{name: w, count: 3}]\n");
}

static void test_what_cannot_be_edited(void **state UNUSED)
{
	refused(HEAD "  - {name: w, count: 2}\n", "v", "c.yaml has no pool \"v\"; it has: w");
	refused("spec: {}\n", "w", "it has: none");
	refused("spec: [\n", "w", "c.yaml:2:1");
	refused("x: &n 2\n" HEAD "  - {name: w, count: *n}\n", "w", "c.yaml:5:5: the count of pool \"w\" does not stand here");
	refused("x: &d {count: 2}\n" HEAD "  - {<<: *d, name: w}\n", "w", "does not stand here as a number of its own");
	refused(HEAD "  - {name: w, count: &n 2}\n", "w", "does not stand here");
	refused(HEAD "  - {name: w, count: \"2\"}\n", "w", "does not stand here");
	refused(HEAD "  - &w {name: w, count: 2}\nx: *w\n", "w", "c.yaml:4:25: the count of pool \"w\" stands for something else as well");
	refused(HEAD "  - {name: w}\n", "w", "write it as \"count: 3\"");
}

struct saved {
	char *folder, *file, *link;
	struct buf before, after;
};

static void save_begin(struct saved *s)
{
	*s = (struct saved){.folder = xasprintf("/tmp/davit-save-%d", (int)getpid()), .before = BUF_INIT, .after = BUF_INIT};
	s->file = xasprintf("%s/c.yaml", s->folder);
	s->link = xasprintf("%s/link.yaml", s->folder);
	buf_add(&s->before, "count: 2\n");
	buf_add(&s->after, "count: 3\n");
	assert_success(path_remove_tree(s->folder, &test_error));
	assert_success(path_mkdirs(s->folder, 0755, &test_error));
	assert_success(path_write(s->file, s->before.data, s->before.len, 0640, &test_error));
}

static void save_end(struct saved *s)
{
	assert_success(path_remove_tree(s->folder, &test_error));
	free(s->folder);
	free(s->file);
	free(s->link);
	buf_free(&s->before);
	buf_free(&s->after);
}

static void assert_holds(const struct saved *s, const char *text)
{
	CLEANUP_BUF struct buf found = BUF_INIT;
	CLEANUP_STRV struct strv names = STRV_INIT;

	assert_success(path_read(s->file, &found, &test_error));
	assert_string_equal(buf_str(&found), text);
	assert_success(path_list(s->folder, &names, &test_error));
	assert_in_range(names.n, 1, 2); /* no other file is left */
}

static void test_a_link_stays_one(void **state UNUSED)
{
	struct saved s;
	struct stat st;

	save_begin(&s);
	assert_int_equal(symlink("c.yaml", s.link), 0);
	assert_success(edit_save(s.link, &s.before, &s.after, &test_error));
	assert_holds(&s, "count: 3\n");
	assert_int_equal(lstat(s.link, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(stat(s.file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	save_end(&s);
}

static void test_a_file_that_somebody_changed(void **state UNUSED)
{
	struct saved s;

	save_begin(&s);
	assert_success(path_write(s.file, "count: 4\n", 9, 0640, &test_error));
	assert_failure(edit_save(s.file, &s.before, &s.after, &test_error), "c.yaml has been changed meanwhile; nothing was done");
	assert_holds(&s, "count: 4\n");
	assert_int_equal(unlink(s.file), 0);
	assert_failure(edit_save(s.file, &s.before, &s.after, &test_error), "nothing was done: ");
	assert_false(path_exists(s.file));
	save_end(&s);
}

/* Nobody is root here: root may write everywhere. */
static void test_a_file_that_may_not_be_written(void **state UNUSED)
{
	bool root = geteuid() == 0;
	struct saved s;

	save_begin(&s);
	assert_int_equal(chmod(s.file, 0444), 0);
	assert_int_equal(root ? seteuid(65534) : 0, 0);
	assert_failure(edit_save(s.file, &s.before, &s.after, &test_error), "nothing was done: cannot write ");
	assert_int_equal(root ? seteuid(0) : 0, 0);
	assert_int_equal(chmod(s.file, 0666), 0);
	assert_int_equal(chmod(s.folder, 0555), 0);
	assert_int_equal(root ? seteuid(65534) : 0, 0);
	assert_failure(edit_save(s.file, &s.before, &s.after, &test_error), "nothing was done: cannot write ");
	assert_int_equal(root ? seteuid(0) : 0, 0);
	assert_int_equal(chmod(s.folder, 0755), 0);
	assert_holds(&s, "count: 2\n");
	save_end(&s);
}

#define POOL(name, more) "  - {name: " name ", flavor: m1.small, " more "}\n"
#define SPEC(pools)                                                                                                               \
	"apiVersion: davit/v1\nkind: Cluster\nmetadata: {name: demo}\nspec:\n  platform: {version: 1.36.3}\n"                     \
	"  openstack: {image: debian-12}\n  controlPlane: {count: 1, flavor: m1.small}\n  workerPools:\n" pools

struct known {
	const char *name, *pool;
	bool leaving;
};

/* The workers of the plan, a "|", and what leaves; what only its number has chosen with a "?". */
static char *planned(const char *text, const struct known *known, size_t n)
{
	struct inventory *i = inventory_new();
	CLEANUP_PLAN struct plan *plan = NULL;
	CLEANUP_SPEC struct spec *spec = NULL;
	struct buf b = BUF_INIT;

	for (size_t k = 0; k < n; k++)
		inventory_put(i, &(struct node){.name = (char *)known[k].name,
						.role = NODE_WORKER,
						.pool = (char *)known[k].pool,
						.address = (char *)"10.6.0.99",
						.leaving = known[k].leaving});
	assert_success(spec_parse("c.yaml", text, strlen(text), &spec, &test_error));
	assert_success(plan_make(spec, i, &plan, &test_error));
	for (size_t k = 0; k < plan->n_nodes; k++)
		if (plan->nodes[k].node.role == NODE_WORKER)
			buf_addf(&b, "%s%s%s ", plan->nodes[k].node.name + 5, plan->nodes[k].zone != NULL ? "@" : "",
				 plan->nodes[k].zone != NULL ? plan->nodes[k].zone : "");
	buf_add(&b, "|");
	for (size_t k = 0; k < plan->leaving.n; k++)
		buf_addf(&b, " %s%s", plan->leaving.v[k] + 5, strv_has(&plan->excess, plan->leaving.v[k]) ? "?" : "");
	inventory_free(i);
	return buf_steal(&b);
}

static void assert_planned(const char *text, const struct known *known, size_t n, const char *expected)
{
	CLEANUP_FREE char *found = planned(text, known, n);

	assert_string_equal(found, expected);
}

static void test_members_keep_their_numbers(void **state UNUSED)
{
	static const struct known some[] = {{"demo-w-2", "w"}, {"demo-w-5", "w"}, {"demo-w-12", "w"}};
	static const struct known leaving[] = {{"demo-w-1", "w", true}, {"demo-w-2", "w"}, {"demo-v-1", "v"}, {"demo-other", "w"}};

	assert_planned(SPEC(POOL("w", "count: 3")), NULL, 0, "w-1 w-2 w-3 |");
	assert_planned(SPEC(POOL("w", "count: 3")), some, 3, "w-2 w-5 w-12 |");
	assert_planned(SPEC(POOL("w", "count: 5")), some, 3, "w-1 w-2 w-3 w-5 w-12 |");
	assert_planned(SPEC(POOL("w", "count: 2")), some, 3, "w-2 w-5 | w-12?");
	assert_planned(SPEC(POOL("w", "count: 0")), some, 3, "| w-2? w-5? w-12?");
	/* a number is not given away before its node is gone; a pool that is gone takes all of its nodes along */
	assert_planned(SPEC(POOL("w", "count: 2")), leaving, 4, "w-2 w-3 | other v-1 w-1");
}

static void test_zones_stay_even(void **state UNUSED)
{
	static const struct known odd[] = {{"demo-w-1", "w"}, {"demo-w-3", "w"}, {"demo-w-5", "w"}};

	assert_planned(SPEC(POOL("w", "count: 5, zones: [a, b]")), odd, 3, "w-1@a w-2@b w-3@a w-4@b w-5@a |");
	assert_planned(SPEC(POOL("w", "count: 4, zones: [a, b, c]")), odd, 1, "w-1@a w-2@b w-3@c w-4@a |");
}

static void test_one_pool_may_begin_with_anothers_name(void **state UNUSED)
{
	static const struct known known[] = {{"demo-w-1-1", "w-1"}, {"demo-w-1", "w"}};

	assert_planned(SPEC(POOL("w", "count: 1") POOL("w-1", "count: 0")), known, 2, "w-1 | w-1-1?");
	assert_int_equal(members_number("demo", "w", "demo-w-1-1"), 0);
	assert_int_equal(members_number("demo", "w", "demo-w-01"), 0);
	assert_int_equal(members_number("demo", "w", "demo-w-9999999"), 0);
	assert_int_equal(members_number("demo", "w", "demo-w-40"), 40);
}

/* Thousands of them, with holes. */
static void test_large_pools(void **state UNUSED)
{
	enum { N = 2500 };
	static char names[N][16];
	static struct known known[N];
	CLEANUP_FREE char *found = NULL;

	for (int i = 0; i < N; i++) {
		snprintf(names[i], sizeof(names[i]), "demo-w-%d", 2 * i + 1);
		known[i] = (struct known){names[i], "w", false};
	}
	found = planned(SPEC(POOL("w", "count: 5000")) "  network: {cidr: 10.0.0.0/16}\n", known, N);
	assert_null(strstr(found, "w-5001"));
	assert_non_null(strstr(found, "w-5000 |"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_the_number_changes),
		cmocka_unit_test(test_a_link_stays_one),
		cmocka_unit_test(test_a_file_that_somebody_changed),
		cmocka_unit_test(test_a_file_that_may_not_be_written),
		cmocka_unit_test(test_what_cannot_be_edited),
		cmocka_unit_test(test_members_keep_their_numbers),
		cmocka_unit_test(test_zones_stay_even),
		cmocka_unit_test(test_one_pool_may_begin_with_anothers_name),
		cmocka_unit_test(test_large_pools),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
