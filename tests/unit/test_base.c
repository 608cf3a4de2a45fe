#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include "core/base/cond.h"
#include "core/base/digest.h"
#include "core/base/json.h"
#include "core/base/parallel.h"
#include "core/base/path.h"
#include "core/base/yaml.h"
#include "tests/unit/test.h"
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

static void test_a_writer_notices_that_nobody_reads(void **state UNUSED)
{
	static const char text[100000];
	char small[16];
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	assert_int_equal(cancel_write(fds[1], "hello", 6, &test_error), 0);
	assert_int_equal(read(fds[0], small, sizeof(small)), 6);
	assert_string_equal(small, "hello");
	cancel_now();
	assert_int_equal(cancel_write(fds[1], text, sizeof(text), &test_error), -1);
	assert_true(error_is(test_error, ERROR_CANCELLED));
	error_clear(&test_error);
	cancel_reset();
	close(fds[0]);
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(cancel_write(fds[1], text, sizeof(text), &test_error), 1);
	close(fds[1]);
}

static void check_age(int64_t ms, const char *want)
{
	CLEANUP_FREE char *age = clock_age(ms);

	assert_string_equal(age, want);
}

static void test_times_of_others(void **state UNUSED)
{
	int64_t wall = 0;

	assert_true(clock_parse("2026-11-22T16:48:17Z", &wall));
	assert_int_equal(wall, 1795366097000);
	assert_true(clock_parse("1970-01-01T00:00:01.500000Z", &wall));
	assert_int_equal(wall, 1000);
	assert_false(clock_parse("2026-11-22", &wall));
	assert_false(clock_parse("2026-11-22T16:48:17+01:00", &wall));
	assert_false(clock_parse("", &wall));
	check_age(-5, "0s");
	check_age(119 * 1000, "119s");
	check_age(120 * 1000, "2m");
	check_age(47 * 3600 * 1000LL, "47h");
	check_age(48 * 3600 * 1000LL, "2d");
}

static void test_error_wraps_and_keeps_its_kind(void **state UNUSED)
{
	CLEANUP_ERROR struct error *err = NULL;

	assert_int_equal(error_set(&err, ERROR_QUOTA, "%d cores too few", 4), -1);
	error_wrap(&err, "create server \"%s\"", "w-1");
	assert_string_equal(error_message(err), "create server \"w-1\": 4 cores too few");
	assert_int_equal(error_kind(err), ERROR_QUOTA);
	assert_int_equal(error_exit_status(err), 4);
}

static void test_buf_quotes_for_json_and_shell(void **state UNUSED)
{
	CLEANUP_BUF struct buf b = BUF_INIT;

	buf_add_json(&b, "a\"b\\\n\x01");
	assert_string_equal(buf_str(&b), "\"a\\\"b\\\\\\n\\u0001\"");
	buf_truncate(&b, 0);
	buf_add_shell(&b, "it's");
	assert_string_equal(buf_str(&b), "'it'\\''s'");
}

static void test_nearest_finds_what_was_meant(void **state UNUSED)
{
	static const char *const names[] = {"flavor", "image", "count"};

	assert_string_equal(str_nearest("flavour", names, 3), "flavor");
	assert_null(str_nearest("zzzzzz", names, 3));
}

static void test_digest_knows_the_empty_string(void **state UNUSED)
{
	char hex[DIGEST_HEX_LEN + 1];
	CLEANUP_BUF struct buf back = BUF_INIT;
	CLEANUP_FREE char *text = base64_encode("davit", 5);

	digest_hex("", 0, hex);
	assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	assert_string_equal(text, "ZGF2aXQ=");
	assert_success(base64_decode(text, &back, &test_error));
	assert_string_equal(buf_str(&back), "davit");
}

static void test_json_says_where(void **state UNUSED)
{
	static const char text[] = "{\"servers\":[{\"status\":7}]}";
	CLEANUP_JSON struct json_object *o = NULL;
	const char *s;

	assert_success(json_parse(text, strlen(text), "reply", &o, &test_error));
	assert_failure(json_need_str(o, "servers[0].status", &s, &test_error), "servers[0].status: expected string, found int");
	assert_failure(json_need_str(o, "servers[1].status", &s, &test_error), "servers[1].status: missing");
	assert_int_equal(json_get_int(o, "servers[0].status", 0), 7);
}

static void test_json_refuses_what_is_none(void **state UNUSED)
{
	static const char *const bad[] = {"", "{", "{}x", "[1,]]", "<html>"};
	struct json_object *o = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_failure(json_parse(bad[i], strlen(bad[i]), "reply", &o, &test_error), "reply");
	assert_success(json_parse("12", 2, "reply", &o, &test_error));
	assert_int_equal(json_object_get_int(o), 12);
	json_object_put(o);
}

static void yaml_fails(const char *text, const char *with)
{
	struct yaml *y = NULL;

	assert_failure(yaml_parse("f.yaml", text, strlen(text), &y, &test_error), with);
}

static void test_yaml_positions(void **state UNUSED)
{
	static const char text[] = "a: 1\nb:\n  - {c: 'x y'}\n";
	CLEANUP_YAML struct yaml *y = NULL;
	const struct yaml_node *c;

	assert_success(yaml_parse("f.yaml", text, strlen(text), &y, &test_error));
	c = yaml_get(yaml_get(y->root, "b")->values[0], "c");
	assert_string_equal(c->scalar, "x y");
	assert_int_equal(c->line, 3);
	assert_int_equal(c->column, 9);
	assert_memory_equal(text + c->start, "'x y'", c->end - c->start);
}

/* libyaml's own offsets are of characters */
static void test_yaml_positions_are_bytes(void **state UNUSED)
{
	static const char *const texts[] = {"# é\na: ü # ß\nb: 12\n", "\xef\xbb\xbf# a\na: é\r\nb: 12", "b: 12"};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		CLEANUP_YAML struct yaml *y = NULL;
		const struct yaml_node *b;

		assert_success(yaml_parse("f.yaml", texts[i], strlen(texts[i]), &y, &test_error));
		b = yaml_get(y->root, "b");
		assert_int_equal(b->end - b->start, 2);
		assert_memory_equal(texts[i] + b->start, "12", 2);
	}
}

static void test_yaml_refuses(void **state UNUSED)
{
	CLEANUP_BUF struct buf bomb = BUF_INIT;

	yaml_fails("a: 1\nb: 2\na: 3\n", "f.yaml:3:1: the key \"a\" is there twice (first at line 1)");
	yaml_fails("a:\n\tb: 1\n", "f.yaml:2:1");
	yaml_fails("", "the file is empty");
	yaml_fails("a: 1\n---\nb: 1\n", "more than one document");
	yaml_fails("a: *x\n", "no anchor");
	yaml_fails("a: &x [*x]\n", "no anchor");
	yaml_fails("[a, b]: 1\n", "a key must be a string, found a list");
	buf_add(&bomb, "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
	for (int i = 1; i < 9; i++)
		buf_addf(&bomb, "a%d: &a%d [*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d]\n", i, i, i - 1, i - 1, i - 1, i - 1, i - 1,
			 i - 1, i - 1, i - 1);
	yaml_fails(buf_str(&bomb), "aliases counted each time");
}

static void test_yaml_merge_keys(void **state UNUSED)
{
	static const char text[] = "base: &b {x: 1, y: 2}\nc: {<<: *b, y: 3}\n";
	CLEANUP_YAML struct yaml *y = NULL;
	CLEANUP_JSON struct json_object *o = NULL;

	assert_success(yaml_parse("f.yaml", text, strlen(text), &y, &test_error));
	o = yaml_to_json(yaml_get(y->root, "c"));
	assert_string_equal(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN), "{\"y\":3,\"x\":1}");
}

static int count(size_t i, void *context, struct error **err)
{
	atomic_int *sum = context;

	atomic_fetch_add(sum, (int)i);
	return i == 7 ? error_set(err, ERROR_NODE, "job 7") : 0;
}

/* Both at once: the second one has stopped the first one. */
static int stopped_or_failed(size_t i, void *context, struct error **err)
{
	pthread_barrier_wait(context);
	return i == 0 ? error_set(err, ERROR_CANCELLED, "interrupted") : error_set(err, ERROR_INTERNAL, "the disk is full");
}

static void test_parallel_tells_why_it_stopped(void **state UNUSED)
{
	pthread_barrier_t both;

	assert_int_equal(pthread_barrier_init(&both, NULL, 2), 0);
	for (size_t i = 0; i < 1000; i++) /* whichever of them ends first */
		assert_failure(parallel_for(2, 0, stopped_or_failed, &both, NULL, &test_error), "the disk is full");
	pthread_barrier_destroy(&both);
}

static void test_parallel_collects_each_error(void **state UNUSED)
{
	struct error *errors[10] = {0};
	atomic_int sum = 0;

	assert_int_equal(parallel_for(10, 3, count, &sum, errors, &test_error), -1);
	assert_int_equal(sum, 45);
	assert_string_equal(error_message(errors[7]), "job 7");
	for (size_t i = 0; i < 10; i++)
		error_free(errors[i]);
	assert_failure(parallel_for(10, 1, count, &sum, NULL, &test_error), "job 7");
}

static int cancel_soon(void *context UNUSED, struct error **err)
{
	int r = cancel_sleep(20, err);

	cancel_now();
	return r;
}

static void test_cancel_wakes_a_sleeper(void **state UNUSED)
{
	struct parallel_thread *t = parallel_start(cancel_soon, NULL);

	assert_int_equal(cancel_sleep(60000, &test_error), -1);
	assert_true(error_is(test_error, ERROR_CANCELLED));
	error_clear(&test_error);
	assert_int_equal(parallel_join(t, NULL), 0);
	cancel_reset();
}

static void interrupted_twice(void)
{
	cancel_signals();
	raise(SIGINT);
	raise(SIGINT);
	if (!cancel_requested() || !cancel_by_user())
		_exit(2);
	poll(NULL, 0, 600);
	raise(SIGINT);
	_exit(3);
}

/* A wrapper that passes on what it got with its whole group makes two signals of one press. */
static void test_one_press_is_not_two(void **state UNUSED)
{
	int64_t start = clock_ms();
	int status = 0;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		interrupted_twice();
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 130);
	assert_true(clock_ms() - start >= 500);
}

/* ---- cond ---- */

static struct rally {
	struct cond cond;
	unsigned waiting, told;
} rally[2];

/* Even ones wait for the first, odd ones for the second. */
static int wait_in_vain(size_t i, void *context UNUSED, struct error **err)
{
	struct rally *r = &rally[i % 2];
	int waited = 1;

	cond_lock(&r->cond);
	r->waiting++;
	cond_tell(&r->cond);
	while (waited > 0 && r->told == 0)
		waited = cond_wait(&r->cond, CLOCK_NEVER, err);
	cond_unlock(&r->cond);
	return waited < 0 ? -1 : 0;
}

static int cancel_when_all_wait(void *context UNUSED, struct error **err UNUSED)
{
	for (size_t i = 0; i < 2; i++) {
		cond_lock(&rally[i].cond);
		while (rally[i].waiting < 50)
			if (cond_wait(&rally[i].cond, CLOCK_NEVER, NULL) < 0)
				break;
		cond_unlock(&rally[i].cond);
	}
	cancel_now();
	return 0;
}

static void test_cancel_wakes_those_who_wait_for_news(void **state UNUSED)
{
	for (unsigned round = 0; round < 3; round++) { /* each turn of the switch is one */
		struct error *errors[100] = {NULL};
		struct parallel_thread *t;

		for (size_t i = 0; i < 2; i++) {
			rally[i] = (struct rally){.waiting = 0};
			cond_init(&rally[i].cond);
		}
		t = parallel_start(cancel_when_all_wait, NULL);
		assert_int_equal(parallel_for(100, 0, wait_in_vain, NULL, errors, NULL), -1);
		for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
			assert_true(error_is(errors[i], ERROR_CANCELLED));
			error_free(errors[i]);
		}
		assert_int_equal(parallel_join(t, NULL), 0);
		assert_int_equal(cond_wait(&rally[0].cond, CLOCK_NEVER, NULL), -1); /* cancelled already */
		cancel_reset();
		cond_destroy(&rally[0].cond);
		cond_destroy(&rally[1].cond);
	}
}

static int tell_all(void *context UNUSED, struct error **err UNUSED)
{
	struct rally *r = &rally[0];

	cond_lock(&r->cond);
	while (r->waiting < 1)
		if (cond_wait(&r->cond, CLOCK_NEVER, NULL) < 0)
			break;
	r->told = 1;
	cond_tell(&r->cond);
	cond_unlock(&r->cond);
	return 0;
}

static void test_news_and_deadlines_end_a_wait(void **state UNUSED)
{
	struct rally *r = &rally[0];
	int64_t start = clock_ms();
	struct parallel_thread *t;

	*r = (struct rally){.waiting = 0};
	cond_init(&r->cond);
	cond_lock(&r->cond);
	assert_int_equal(cond_wait(&r->cond, start - 1, &test_error), 0);
	while (cond_wait(&r->cond, start + 30, &test_error) > 0)
		;
	assert_in_range(clock_ms() - start, 30, 10000);
	cond_unlock(&r->cond);
	t = parallel_start(tell_all, NULL);
	assert_success(wait_in_vain(0, NULL, &test_error));
	assert_int_equal(parallel_join(t, NULL), 0);
	cond_destroy(&r->cond);
}

static void test_path_writes_and_removes(void **state UNUSED)
{
	char folder[] = "/tmp/davit-test-XXXXXX";
	CLEANUP_BUF struct buf text = BUF_INIT;
	CLEANUP_STRV struct strv names = STRV_INIT;
	CLEANUP_FREE char *sub = NULL, *file = NULL;

	assert_non_null(mkdtemp(folder));
	sub = xasprintf("%s/a/b", folder);
	file = xasprintf("%s/x", sub);
	assert_success(path_mkdirs(sub, 0700, &test_error));
	assert_success(path_write(file, "hello", 5, 0600, &test_error));
	assert_success(path_read(file, &text, &test_error));
	assert_string_equal(buf_str(&text), "hello");
	assert_success(path_list(sub, &names, &test_error));
	assert_int_equal(names.n, 1); /* no temporary file stays */
	assert_success(path_remove_tree(folder, &test_error));
	assert_false(path_exists(folder));
	assert_success(path_remove_tree(folder, &test_error));
}

static void test_json_keys_with_dots(void **state UNUSED)
{
	static const char text[] = "{\"a.b/c\":\"x\",\"n\":null,\"i\":1,\"a\":{\"b\":\"y\"}}";
	CLEANUP_JSON struct json_object *o = NULL;

	assert_success(json_parse(text, strlen(text), "keys", &o, &test_error));
	assert_string_equal(json_get_key(o, "a.b/c", "none"), "x");
	assert_string_equal(json_get_key(o, "a.b", "none"), "none");
	assert_string_equal(json_get_key(o, "n", "none"), "none");
	assert_string_equal(json_get_key(o, "i", "none"), "none");
	assert_null(json_get_key(NULL, "a", NULL));
	assert_null(json_get_key(json_at(o, "i"), "a", NULL));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_writer_notices_that_nobody_reads),
		cmocka_unit_test(test_times_of_others),
		cmocka_unit_test(test_error_wraps_and_keeps_its_kind),
		cmocka_unit_test(test_buf_quotes_for_json_and_shell),
		cmocka_unit_test(test_nearest_finds_what_was_meant),
		cmocka_unit_test(test_digest_knows_the_empty_string),
		cmocka_unit_test(test_json_says_where),
		cmocka_unit_test(test_json_refuses_what_is_none),
		cmocka_unit_test(test_json_keys_with_dots),
		cmocka_unit_test(test_yaml_positions),
		cmocka_unit_test(test_yaml_positions_are_bytes),
		cmocka_unit_test(test_yaml_refuses),
		cmocka_unit_test(test_yaml_merge_keys),
		cmocka_unit_test(test_parallel_collects_each_error),
		cmocka_unit_test(test_parallel_tells_why_it_stopped),
		cmocka_unit_test(test_cancel_wakes_a_sleeper),
		cmocka_unit_test(test_one_press_is_not_two),
		cmocka_unit_test(test_cancel_wakes_those_who_wait_for_news),
		cmocka_unit_test(test_news_and_deadlines_end_a_wait),
		cmocka_unit_test(test_path_writes_and_removes),
	};

	cancel_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
