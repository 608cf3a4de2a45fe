/*
 * The cluster's application credential on a real keystone: made, used to log in, replaced, revoked; and what a login by a restricted
 * one is refused.  Run by tests/lab/lab exec; makes no server.
 */
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/digest.h"
#include "core/base/log.h"
#include "core/base/path.h"
#include "core/net/http.h"
#include "provision/credential.h"
#include "tests/unit/test.h"
#include <unistd.h>

static struct {
	struct cloud *cloud;
	char *uuid, *file;
	struct strv roles;
} lab;

static int begin(void **state UNUSED)
{
	if (getenv("OS_CLOUD") == NULL) {
		print_message("there is no cloud here: run it by tests/lab/lab exec\n");
		_exit(77);
	}
	http_global_init();
	cancel_init();
	log_init(getenv("DAVIT_DEBUG") != NULL ? LOG_DEBUG : LOG_WARNING, false);
	lab.uuid = random_uuid();
	lab.file = xasprintf("/tmp/davit-lab-credential-%d.yaml", (int)getpid());
	strv_add(&lab.roles, "member");
	assert_success(cloud_open(NULL, &lab.cloud, &test_error));
	return 0;
}

static int end(void **state UNUSED)
{
	struct error *err = NULL;

	if (lab.cloud != NULL && credential_revoke(lab.cloud, lab.uuid, &err) < 0)
		print_error("%s\n", error_message(err));
	error_free(err);
	cloud_close(lab.cloud);
	unlink(lab.file);
	free(lab.uuid);
	free(lab.file);
	strv_free(&lab.roles);
	return 0;
}

static size_t count(void)
{
	CLEANUP_JSON struct json_object *list = NULL;

	assert_success(credential_list(lab.cloud, lab.uuid, &list, &test_error));
	return json_len(list);
}

/* As somebody in the cluster would, who has read its Secret. */
static int log_in(const struct credential *c, struct cloud **ret, struct error **err)
{
	CLEANUP(buf_wipe) struct buf text = BUF_INIT;
	CLEANUP_FREE char *region = cloud_region(lab.cloud) != NULL ? xasprintf("    region_name: %s\n", cloud_region(lab.cloud)) : xstrdup("");
	int r;

	buf_addf(&text,
		 "clouds:\n  cluster:\n    auth_type: v3applicationcredential\n%s    auth:\n      auth_url: %s\n"
		 "      application_credential_id: %s\n      application_credential_secret: %s\n",
		 region, cloud_auth_url(lab.cloud), c->id, c->secret);
	assert_success(path_write(lab.file, text.data, text.len, 0600, &test_error));
	setenv("OS_CLIENT_CONFIG_FILE", lab.file, 1);
	r = cloud_open("cluster", ret, err);
	unsetenv("OS_CLIENT_CONFIG_FILE");
	return r;
}

static void test_it_is_made_and_used(void **state UNUSED)
{
	CLEANUP_CREDENTIAL struct credential first = {0}, second = {0}, third = {0};
	CLEANUP_CLOUD struct cloud *inside = NULL, *late = NULL;
	CLEANUP_JSON struct json_object *servers = NULL;

	assert_int_equal(count(), 0);
	assert_success(credential_make(lab.cloud, "lab", lab.uuid, &lab.roles, &first, &test_error));
	assert_int_equal(count(), 1);
	assert_success(log_in(&first, &inside, &test_error));
	assert_string_equal(cloud_project_id(inside), cloud_project_id(lab.cloud));
	assert_success(cloud_list(inside, CLOUD_COMPUTE, "/servers", "servers", NULL, &servers, &test_error));

	/* it is restricted: it makes no other, and does not take itself away */
	assert_failure(credential_make(inside, "lab", "00000000-0000-4000-8000-000000000000", &lab.roles, &third, &test_error),
		       "a restricted one can make no others");
	assert_failure(credential_revoke(inside, lab.uuid, &test_error), "this login is made with it");
	assert_int_equal(count(), 1);

	/* its secret is lost: another one takes its place, and it opens nothing any more */
	assert_success(credential_make(lab.cloud, "lab", lab.uuid, &lab.roles, &second, &test_error));
	assert_int_equal(count(), 1);
	assert_int_equal(log_in(&first, &late, &test_error), -1);
	assert_int_equal(error_kind(test_error), ERROR_AUTH);
	error_clear(&test_error);

	assert_success(credential_revoke(lab.cloud, lab.uuid, &test_error));
	assert_int_equal(count(), 0);
}

static void test_a_role_that_nobody_has(void **state UNUSED)
{
	CLEANUP_CREDENTIAL struct credential none = {0};
	CLEANUP_STRV struct strv roles = STRV_INIT;

	strv_add(&roles, "no-such-role");
	assert_int_equal(credential_make(lab.cloud, "lab", lab.uuid, &roles, &none, &test_error), -1);
	assert_non_null(strstr(error_message(test_error), "does this user have the roles no-such-role in the project?"));
	error_clear(&test_error);
	assert_int_equal(count(), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_is_made_and_used),
		cmocka_unit_test(test_a_role_that_nobody_has),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
