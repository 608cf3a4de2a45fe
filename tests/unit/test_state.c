/* What is kept between runs, and what it is where a run was cut off, or was an earlier version's. */
#include "core/base/alloc.h"
#include "core/base/buf.h"
#include "core/base/path.h"
#include "core/cluster/state.h"
#include "tests/unit/test.h"
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

static char *temporary(void)
{
	char folder[] = "/tmp/davit-test-XXXXXX";

	assert_non_null(mkdtemp(folder));
	return xstrdup(folder);
}

/* A line "KIND NAME=ID" each. */
static void assert_names(struct state *s, const char *wanted)
{
	CLEANUP_BUF struct buf found = BUF_INIT;
	CLEANUP_FREE char *text = NULL;
	struct resource *r = NULL;
	size_t n = 0;

	assert_success(state_resources(s, &r, &n, &test_error));
	for (size_t i = 0; i < n; i++)
		buf_addf(&found, "%s %s=%s\n", r[i].kind, r[i].name, r[i].id != NULL ? r[i].id : "");
	resource_list_free(r, n);
	text = buf_steal(&found);
	assert_string_equal(text, wanted);
}

/* Makes it what an earlier version had. */
static void as_written_before(const char *folder, const char *statements)
{
	CLEANUP_FREE char *db = xasprintf("%s/state.db", folder);
	sqlite3 *raw = NULL;

	assert_int_equal(sqlite3_open(db, &raw), SQLITE_OK);
	assert_int_equal(sqlite3_exec(raw, statements, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(raw);
}

static void test_state_keeps_what_it_was_told(void **state UNUSED)
{
	CLEANUP_FREE char *folder = temporary(), *uuid = NULL, *secret = NULL, *again = NULL;
	struct node n = {.name = (char *)"demo-cp-1", .role = NODE_CONTROL_PLANE, .pool = (char *)"control-plane", .address = (char *)"10.6.0.10"};
	struct inventory *known = inventory_new();
	struct resource *r = NULL;
	struct state *s = NULL;
	size_t count = 0;

	assert_success(state_open(folder, "demo", STATE_WRITE, &s, &test_error));
	uuid = xstrdup(state_uuid(s));
	assert_success(state_intend(s, "network", "demo", &test_error));
	assert_null(state_id(s, "network", "demo"));
	assert_success(state_made(s, "network", "demo", "n-1", &test_error));
	assert_success(state_intend(s, "network", "demo", &test_error)); /* does not forget the id */
	assert_int_equal(state_intended(s, "network", "demo"), 0); /* and nothing of it is under way */
	assert_success(state_put_node(s, &n, &test_error));
	assert_success(state_secret(s, "registry-password", 16, &secret, &test_error));
	state_close(s);

	assert_success(state_open(folder, "demo", STATE_WRITE, &s, &test_error));
	assert_string_equal(state_uuid(s), uuid);
	assert_success(state_resources(s, &r, &count, &test_error));
	assert_int_equal(count, 1);
	assert_string_equal(r[0].id, "n-1");
	resource_list_free(r, count);
	assert_success(state_nodes(s, known, &test_error));
	assert_int_equal(inventory_len(known), 1);
	assert_success(state_secret(s, "registry-password", 16, &again, &test_error));
	assert_string_equal(secret, again);
	assert_success(state_destroy(s, &test_error));
	assert_false(path_exists(folder));
	inventory_free(known);
}

/* Files cannot grow beyond so many bytes, as on a disk without room: wherever that stops it, there is nothing half-made afterwards. */
static void test_state_outlives_a_full_disk(void **state UNUSED)
{
	struct rlimit before;
	int failed = 0;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	signal(SIGXFSZ, SIG_IGN);
	for (rlim_t size = 0; size < 128 * 1024; size += 1024) {
		CLEANUP_FREE char *folder = temporary();
		struct rlimit limit = {.rlim_cur = size, .rlim_max = before.rlim_max};
		struct error *err = NULL;
		struct state *s = NULL;

		assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
		if (state_open(folder, "demo", STATE_WRITE, &s, &err) < 0) {
			assert_int_equal(error_kind(err), ERROR_INTERNAL);
			error_free(err);
			failed++;
		}
		state_close(s);
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
		assert_success(state_open(folder, "demo", STATE_WRITE, &s, &test_error));
		assert_success(state_destroy(s, &test_error));
	}
	assert_in_range(failed, 10, 127);
}

static void test_state_has_one_writer(void **state UNUSED)
{
	CLEANUP_FREE char *folder = temporary();
	struct state *a = NULL, *b = NULL;

	assert_success(state_open(folder, "demo", STATE_WRITE, &a, &test_error));
	assert_failure(state_open(folder, "demo", STATE_WRITE, &b, &test_error), "another davit (process");
	assert_success(state_open(folder, "demo", STATE_READ, &b, &test_error));
	state_close(b);
	assert_failure(state_open(folder, "other", STATE_READ, &b, &test_error), "is the state of cluster demo, not of other");
	assert_success(state_destroy(a, &test_error));
	assert_failure(state_open(folder, "demo", STATE_READ, &b, &test_error), "there is no cluster demo here");
}

/* Known by its address, then by what it points to: whichever write does not come to its end, there is one row, with one of the names. */
static void test_state_knows_a_thing_by_one_name(void **state UNUSED)
{
	struct rlimit before;
	bool made = false, failed = false;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	signal(SIGXFSZ, SIG_IGN);
	for (rlim_t size = 0; size < 128 * 1024; size += 1024) {
		CLEANUP_FREE char *folder = temporary();
		struct rlimit limit = {.rlim_cur = size, .rlim_max = before.rlim_max};
		struct state *s = NULL;
		bool renamed;

		assert_success(state_open(folder, "demo", STATE_WRITE, &s, &test_error));
		assert_success(state_intend(s, "floating IP", "demo-api", &test_error));
		assert_success(state_made(s, "floating IP", "192.0.2.7", "ip-1", &test_error));
		assert_success(state_made(s, "port", "demo-api", "ip-1", &test_error)); /* of another kind: has an id of its own */
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
		renamed = state_made(s, "floating IP", "demo-api", "ip-1", &test_error) == 0;
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
		if (!renamed)
			error_clear(&test_error);
		state_close(s);
		made |= renamed;
		failed |= !renamed;

		assert_success(state_open(folder, "demo", STATE_WRITE, &s, &test_error));
		assert_names(s, renamed ? "floating IP demo-api=ip-1\nport demo-api=ip-1\n"
					: "floating IP 192.0.2.7=ip-1\nfloating IP demo-api=\nport demo-api=ip-1\n");
		assert_success(state_destroy(s, &test_error));
	}
	assert_true(made && failed);
}

/* A davit of before had written two names of one thing: what it wrote last is kept. */
static void test_state_with_two_names(void **state UNUSED)
{
	CLEANUP_FREE char *folder = temporary();
	struct state *s = NULL;

	assert_success(state_open(folder, "demo", STATE_WRITE, &s, &test_error));
	assert_success(state_intend(s, "network", "demo", &test_error));
	assert_success(state_intend(s, "port", "demo-w-1", &test_error));
	assert_success(state_made(s, "floating IP", "demo-api", "ip-0", &test_error));
	state_close(s);
	as_written_before(folder, "DROP INDEX resources_id; PRAGMA user_version=2;"
				  "INSERT INTO resources(kind, name, id) VALUES('floating IP', '192.0.2.7', 'ip-1');"
				  "INSERT OR REPLACE INTO resources(kind, name, id) VALUES('floating IP', 'demo-api', 'ip-1');");

	assert_success(state_open(folder, "demo", STATE_WRITE, &s, &test_error));
	assert_names(s, "floating IP demo-api=ip-1\nnetwork demo=\nport demo-w-1=\n");
	assert_success(state_destroy(s, &test_error));
}

static void test_state_of_an_earlier_schema(void **state UNUSED)
{
	CLEANUP_FREE char *folder = temporary();
	struct inventory *known = inventory_new();
	struct node n = {0};
	struct state *s = NULL;

	assert_success(state_open(folder, "demo", STATE_WRITE, &s, &test_error));
	assert_success(state_put_node(s, &(struct node){.name = (char *)"demo-w-1", .role = NODE_WORKER, .pool = (char *)"w", .address = (char *)"10.6.0.20"},
				      &test_error));
	state_close(s);
	as_written_before(folder, "ALTER TABLE nodes DROP COLUMN leaving; DROP INDEX resources_id; PRAGMA user_version=1");

	assert_success(state_open(folder, "demo", STATE_WRITE, &s, &test_error));
	assert_success(state_nodes(s, known, &test_error));
	assert_true(inventory_get(known, "demo-w-1", &n));
	assert_false(n.leaving);
	n.leaving = true;
	assert_success(state_put_node(s, &n, &test_error));
	node_clear(&n);
	assert_success(state_nodes(s, known, &test_error));
	assert_true(inventory_get(known, "demo-w-1", &n));
	assert_true(n.leaving);
	node_clear(&n);
	assert_success(state_destroy(s, &test_error));
	inventory_free(known);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_state_keeps_what_it_was_told),
		cmocka_unit_test(test_state_has_one_writer),
		cmocka_unit_test(test_state_outlives_a_full_disk),
		cmocka_unit_test(test_state_knows_a_thing_by_one_name),
		cmocka_unit_test(test_state_with_two_names),
		cmocka_unit_test(test_state_of_an_earlier_schema),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
