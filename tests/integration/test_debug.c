/* What --debug shows of a run: no secret, and lines of curl that a shell takes and a server answers as it answered davit. */
#include "core/base/alloc.h"
#include "core/base/log.h"
#include "core/base/path.h"
#include "tests/integration/cloud_fixture.h"
#include <stdio.h>

#define USER_DATA "I2Nsb3VkLWNvbmZpZwo="
#define PRIVATE "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk\n"

static struct buf lines;

static void keep_line(const char *line, void *context UNUSED)
{
	buf_add(&lines, line);
}

static int setup(void **state)
{
	cloud_setup(state);
	log_init(LOG_DEBUG, false);
	log_set_sink(keep_line, NULL);
	return 0;
}

static int teardown(void **state)
{
	log_set_sink(NULL, NULL);
	log_init(LOG_INFO, false);
	buf_free(&lines);
	return cloud_teardown(state);
}

/* The answer's body; the service echoes what it got. */
static char *post(struct cloud *c, const char *path, const char *key, const char *value)
{
	CLEANUP_JSON struct json_object *body = json_object_new_object(), *answer = NULL;
	struct cloud_call call = {
		.service = CLOUD_COMPUTE, .method = "POST", .path = path, .body = body, .microversion = "2.37", .retry = RETRY_C};

	json_add_str(body, "name", "it's \"shown\" $HOME `id` \\");
	json_add_str(body, key, value);
	assert_success(cloud_call(c, &call, &answer, NULL, NULL, &test_error));
	return xstrdup(json_object_to_json_string(answer));
}

/* The last command of curl in the log; the caller frees. */
static char *last_curl(void)
{
	const char *at = NULL;

	for (const char *p = buf_str(&lines); (p = strstr(p, "curl -gsS")) != NULL; p++)
		at = p;
	assert_non_null(at);
	return xstrndup(at, strcspn(at, "\n"));
}

static char *replaced(const char *text, const char *from, size_t from_len, const char *to)
{
	const char *at = strstr(text, from);

	assert_non_null(at);
	return xasprintf("%.*s%s%s", (int)(at - text), text, to, at + from_len);
}

static char *output_of(const char *command)
{
	FILE *f = popen(command, "r");
	struct buf out = BUF_INIT;
	char chunk[4096];
	size_t n;

	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_add_mem(&out, chunk, n);
	assert_int_equal(pclose(f), 0);
	return buf_steal(&out);
}

static void test_no_secret_of_a_login_and_a_create(void **state UNUSED)
{
	static const char *const secrets[] = {"s3cr3t", "token-1", "p4ssw0rd", USER_DATA, "b3BlbnNza"};
	CLEANUP_CLOUD struct cloud *c = open_cloud();
	free(post(c, "/servers", "user_data", USER_DATA));
	free(post(c, "/servers", "note", PRIVATE));
	for (size_t i = 0; i < ARRAY_SIZE(secrets); i++)
		if (strstr(buf_str(&lines), secrets[i]) != NULL)
			fail_msg("%s is shown:\n%s", secrets[i], buf_str(&lines));
	assert_non_null(strstr(buf_str(&lines), "curl -gsS -X POST -H 'Accept: application/json' -H 'X-Openstack-Request-Id: req-"));
	assert_non_null(strstr(buf_str(&lines), " --data-raw '(")); /* the login's body */
	assert_non_null(strstr(buf_str(&lines), "x-subject-token: {SHA256}"));
	assert_non_null(strstr(buf_str(&lines), "-H 'X-Auth-Token: {SHA256}"));
	assert_non_null(strstr(buf_str(&lines), "\"user_data\":\"***\""));
	assert_non_null(strstr(buf_str(&lines), " s, req-9 ["));
	assert_non_null(strstr(buf_str(&lines), "\"adminPass\":\"***\""));
}

static void test_a_printed_line_runs_again(void **state UNUSED)
{
	CLEANUP_CLOUD struct cloud *c = open_cloud();
	CLEANUP_FREE char *answer = post(c, "/echo?name=a%27b&limit=[1]{2}", "key", "value"), *line = last_curl();
	CLEANUP_FREE char *command = replaced(line, "{SHA256}", strlen("{SHA256}") + 64, "token-1"), *again = output_of(command);

	assert_string_equal(again, answer);
	assert_int_equal(server_count(server, "POST", "/compute/v2.1/echo?name=a%27b&limit=[1]{2}"), 2);
}

static void test_every_line_is_shell(void **state UNUSED)
{
	CLEANUP_CLOUD struct cloud *c = open_cloud();
	CLEANUP_FREE char *script = xasprintf("%s/lines.sh", folder);
	CLEANUP_FREE char *command = xasprintf("sh -n %s", script), *nothing = NULL;
	CLEANUP_BUF struct buf all = BUF_INIT;
	unsigned n = 0;

	free(post(c, "/echo", "k", "'\n\x1b[31m';\xc3\xa4"));
	assert_success(get(c, CLOUD_NETWORK, "/slow", &test_error));
	assert_int_equal(get(c, CLOUD_COMPUTE, "/missing", &test_error), -1);
	error_clear(&test_error);
	for (const char *p = buf_str(&lines); (p = strstr(p, "curl -gsS")) != NULL; p++, n++)
		buf_addf(&all, "%.*s\n", (int)strcspn(p, "\n"), p);
	assert_int_equal(n, 4);
	assert_success(path_write(script, buf_str(&all), all.len, 0600, &test_error));
	nothing = output_of(command);
	assert_non_null(strstr(buf_str(&lines), ": 404 in 0."));
	assert_non_null(strstr(buf_str(&lines), " s, req-7 ["));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_no_secret_of_a_login_and_a_create),
		TEST(test_a_printed_line_runs_again),
		TEST(test_every_line_is_shell),
	};

	return cmocka_run_group_tests(tests, cloud_make_folder, cloud_remove_folder);
}
