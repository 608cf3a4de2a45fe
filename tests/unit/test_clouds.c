#include "core/base/alloc.h"
#include "core/base/path.h"
#include "provision/auth.h"
#include "provision/clouds.h"
#include "tests/unit/test.h"
#include <time.h>
#include <stdio.h>
#include <unistd.h>

#define ENV(list) ((char *const *)(uintptr_t)(list))

static const char *const no_environment[] = {NULL};

static struct yaml *parse(const char *name, const char *text)
{
	struct yaml *y = NULL;

	if (text != NULL)
		assert_success(yaml_parse(name, text, strlen(text), &y, &test_error));
	return y;
}

static struct cloud_files files_of(const char *clouds, const char *secure, const char *vendor)
{
	struct cloud_files f = {.clouds = parse("clouds.yaml", clouds),
				.secure = parse("secure.yaml", secure),
				.vendor = parse("clouds-public.yaml", vendor)};

	strv_add(&f.searched, "./clouds.yaml");
	strv_add(&f.searched, "/etc/openstack/clouds.yaml");
	return f;
}

static struct cloud_config *choose(const char *clouds, const char *secure, const char *vendor, const char *name)
{
	CLEANUP(cloud_files_free) struct cloud_files f = files_of(clouds, secure, vendor);
	struct cloud_config *c = NULL;

	assert_success(cloud_config_choose(&f, ENV(no_environment), name, &c, &test_error));
	return c;
}

static void refuse(const char *clouds, const char *const *environment, const char *name, const char *part)
{
	CLEANUP(cloud_files_free) struct cloud_files f = files_of(clouds, NULL, NULL);
	struct cloud_config *c = NULL;

	assert_failure(cloud_config_choose(&f, ENV(environment), name, &c, &test_error), part);
	assert_null(c);
}

#define LOGIN "auth_url: http://k:5000, username: u, password: p, user_domain_name: D, project_name: pr, project_domain_name: D"

static void test_defaults(void **state UNUSED)
{
	CLEANUP_CLOUD_CONFIG struct cloud_config *c = choose("clouds: {lab: {auth: {" LOGIN "}}}", NULL, NULL, "lab");

	assert_int_equal(c->type, AUTH_PASSWORD);
	assert_string_equal(c->auth_url, "http://k:5000");
	assert_string_equal(c->interface, "public");
	assert_string_equal(c->source, "cloud \"lab\" of clouds.yaml");
	assert_null(c->region);
	assert_false(c->insecure);
	assert_int_equal(c->api_timeout_ms, 0);
	assert_null(c->domain_name);
}

static void test_secure_lies_over_clouds_and_region_over_both(void **state UNUSED)
{
	CLEANUP_CLOUD_CONFIG struct cloud_config *c =
		choose("clouds:\n"
		       "  lab:\n"
		       "    profile: big\n"
		       "    region_name: two\n"
		       "    auth: {username: u, password: wrong, project-name: pr, auth_url: http://own}\n"
		       "    regions:\n"
		       "    - one\n"
		       "    - name: two\n"
		       "      values: {auth: {auth_url: http://two}, interface: internalURL, networks: [{name: n2, "
		       "routes_externally: yes}]}\n"
		       "    networks: [{name: a}, {name: b, routes_externally: true}]\n",
		       "clouds: {lab: {auth: {password: 12345678901234567890123}}}",
		       "public-clouds: {big: {auth: {auth_url: http://big, user_domain_name: Big, project_domain_name: Big}, "
		       "verify: false,"
		       " compute_endpoint_override: http://c}}",
		       "lab");

	assert_string_equal(c->password, "12345678901234567890123"); /* no number, whatever it looks like */
	assert_string_equal(c->auth_url, "http://two");
	assert_string_equal(c->user_domain_name, "Big");
	assert_string_equal(c->project_name, "pr");
	assert_string_equal(c->interface, "internal");
	assert_string_equal(c->region, "two");
	assert_string_equal(c->external_network, "n2"); /* a list replaces a list */
	assert_true(c->insecure);
	assert_string_equal(c->services[CLOUD_COMPUTE].endpoint_override, "http://c");
}

static void test_the_first_region_is_the_default(void **state UNUSED)
{
	CLEANUP_CLOUD_CONFIG struct cloud_config *c = choose(
		"clouds: {lab: {auth: {" LOGIN "}, regions: [{name: r1, values: {cacert: /r1.pem}}, r2]}}", NULL, NULL, NULL);

	assert_string_equal(c->region, "r1");
	assert_string_equal(c->cacert, "/r1.pem");
	refuse("clouds: {lab: {auth: {" LOGIN "}, region_name: r3, regions: [r1, r2]}}", no_environment, "lab",
	       "region_name \"r3\" is not among its regions: r1, r2");
}

static void test_domains_are_spread(void **state UNUSED)
{
	CLEANUP_CLOUD_CONFIG struct cloud_config *one =
		choose("clouds: {a: {auth: {auth_url: http://k, username: u, password: p, project_name: x, domain_name: One}}}",
		       NULL, NULL, "a");
	CLEANUP_CLOUD_CONFIG struct cloud_config *two =
		choose("clouds: {a: {auth: {auth_url: http://k, username: u, password: p, tenant_name: x, default_domain: "
		       "default, project_domain_name: P}}}",
		       NULL, NULL, "a");
	CLEANUP_CLOUD_CONFIG struct cloud_config *three =
		choose("clouds: {a: {auth: {auth_url: http://k, user_id: u, password: p, domain_id: d}}}", NULL, NULL, "a");

	assert_string_equal(one->user_domain_name, "One");
	assert_string_equal(one->project_domain_name, "One");
	assert_null(one->domain_name);
	assert_string_equal(two->user_domain_id, "default");
	assert_string_equal(two->project_domain_name, "P");
	assert_null(two->project_domain_id);
	assert_string_equal(three->domain_id, "d"); /* a scope of its own */
}

static void test_service_keys(void **state UNUSED)
{
	CLEANUP_CLOUD_CONFIG struct cloud_config *c =
		choose("clouds: {a: {auth: {" LOGIN "}, volumev3_endpoint_override: http://v, network_interface: adminURL,"
		       " load_balancer_region_name: lb, image_service_type: img, api_timeout: 2.5}}",
		       NULL, NULL, "a");

	assert_string_equal(c->services[CLOUD_VOLUME].endpoint_override, "http://v");
	assert_string_equal(c->services[CLOUD_NETWORK].interface, "admin");
	assert_string_equal(c->services[CLOUD_LOAD_BALANCER].region, "lb");
	assert_string_equal(c->services[CLOUD_IMAGE].type, "img");
	assert_int_equal(c->api_timeout_ms, 2500);
}

static void test_kinds_of_login(void **state UNUSED)
{
	CLEANUP_CLOUD_CONFIG struct cloud_config *ac =
		choose("clouds: {a: {auth_type: v3applicationcredential, auth: {auth_url: http://k, application_credential_id: "
		       "i, application_credential_secret: s}}}",
		       NULL, NULL, "a");
	CLEANUP_CLOUD_CONFIG struct cloud_config *unsaid = choose(
		"clouds: {a: {auth: {auth_url: http://k, application_credential_id: i, application_credential_secret: s}}}", NULL,
		NULL, "a");
	CLEANUP_CLOUD_CONFIG struct cloud_config *token =
		choose("clouds: {a: {auth_type: v3token, auth: {auth_url: http://k, token: t}}}", NULL, NULL, "a");

	assert_int_equal(ac->type, AUTH_APPLICATION_CREDENTIAL);
	assert_int_equal(unsaid->type, AUTH_APPLICATION_CREDENTIAL);
	assert_int_equal(token->type, AUTH_TOKEN);
	refuse("clouds: {a: {auth_type: v3oidcpassword, auth: {auth_url: http://k}}}", no_environment, "a",
	       "auth_type \"v3oidcpassword\" is not supported");
}

static void test_what_is_missing_is_named(void **state UNUSED)
{
	refuse("clouds: {lab: {}, lob: {}}", no_environment, "lub", "did you mean \"lab\"? (there are: lab, lob)");
	refuse("clouds: {lab: {}, lob: {}}", no_environment, "production", "there are: lab, lob");
	refuse("clouds: {lab: {}, lob: {}}", no_environment, NULL, "no cloud was named");
	refuse("clouds: {lab: {}, lob: {}}", no_environment, NULL, "clouds.yaml has: lab, lob");
	refuse("other: 1", no_environment, "lab", "nor any other");
	refuse("clouds: {lab: 7}", no_environment, "lab", "clouds.yaml:1:15: cloud \"lab\": expected a map");
	refuse(NULL, no_environment, "lab", "looked for ./clouds.yaml, /etc/openstack/clouds.yaml");
	refuse("clouds: {lab: {}}", no_environment, "lab", "cloud \"lab\" of clouds.yaml: auth.auth_url is missing");
	refuse("clouds: {lab: {auth: {auth_url: u}}}", no_environment, "lab", "auth.password is missing");
	refuse("clouds: {lab: {auth: {auth_url: u, password: p}}}", no_environment, "lab", "auth.username is missing");
	refuse("clouds: {lab: {auth: {auth_url: u, password: p, username: u}}}", no_environment, "lab",
	       "auth.user_domain_name is missing");
	refuse("clouds: {lab: {auth: {auth_url: u, password: p, user_id: u, project_name: x}}}", no_environment, "lab",
	       "auth.project_domain_name is missing");
	refuse("clouds: {lab: {interface: outer, auth: {" LOGIN "}}}", no_environment, "lab", "interface is \"outer\"");
	refuse("clouds: {lab: {api_timeout: soon, auth: {" LOGIN "}}}", no_environment, "lab", "api_timeout is \"soon\"");
	refuse("clouds: {lab: {profile: vexxhost, auth: {" LOGIN "}}}", no_environment, "lab",
	       "profile \"vexxhost\" is not in a clouds-public.yaml");
	refuse("clouds: {lab: {auth_type: v3applicationcredential, auth: {auth_url: u, application_credential_id: x}}}",
	       no_environment, "lab", "auth.application_credential_secret is missing");
}

static void test_environment_is_a_cloud_of_its_own(void **state UNUSED)
{
	const char *const environment[] = {"OS_AUTH_URL=http://env",
					   "OS_USERNAME=me",
					   "OS_PASSWORD=a=b",
					   "OS_USER_DOMAIN_ID=default",
					   "OS_TENANT_NAME=proj",
					   "OS_PROJECT_DOMAIN_ID=default",
					   "OS_REGION_NAME=",
					   "OS_ENDPOINT_TYPE=internalURL",
					   "OS_CACERT=/ca.pem",
					   "HOME=/root",
					   NULL};
	const char *const with_cloud[] = {"OS_AUTH_URL=http://env", "OS_CLOUD=lab", "OS_PASSWORD=other",
					  "OS_REGION_NAME=elsewhere", NULL};
	const char *const incomplete[] = {"OS_AUTH_URL=http://env", "OS_USERNAME=me", NULL};
	CLEANUP(cloud_files_free) struct cloud_files f = files_of("clouds: {lab: {auth: {" LOGIN "}}}", NULL, NULL);
	CLEANUP_CLOUD_CONFIG struct cloud_config *env = NULL, *named = NULL, *by_variable = NULL;

	assert_success(cloud_config_choose(&f, ENV(environment), NULL, &env, &test_error));
	assert_string_equal(env->source, "the OS_* variables");
	assert_string_equal(env->password, "a=b");
	assert_string_equal(env->project_name, "proj");
	assert_string_equal(env->interface, "internal");
	assert_string_equal(env->cacert, "/ca.pem");
	assert_null(env->region);
	assert_success(cloud_config_choose(&f, ENV(environment), "lab", &named, &test_error));
	assert_string_equal(named->auth_url, "http://k:5000");
	assert_success(cloud_config_choose(&f, ENV(with_cloud), NULL, &by_variable, &test_error));
	assert_string_equal(by_variable->auth_url, "http://k:5000"); /* OS_CLOUD before OS_AUTH_URL, and not mixed with it */
	assert_string_equal(by_variable->password, "p");
	assert_null(by_variable->region);
	refuse(NULL, incomplete, NULL, "the OS_* variables: OS_PASSWORD is missing");
}

/* The files themselves: search order, .json, secure.yaml elsewhere. */
static void test_files_are_searched(void **state UNUSED)
{
	static const char json[] = "{\"clouds\":{\"j\":{\"auth\":{\"auth_url\":\"http://j\",\"user_id\":\"u\"}}}}";
	static const char secure[] = "clouds: {j: {auth: {password: s3cret}}}";
	char folder[] = "/tmp/davit-clouds-XXXXXX";
	CLEANUP_CLOUD_CONFIG struct cloud_config *c = NULL;
	CLEANUP_FREE char *below = NULL, *clouds_file = NULL, *secure_file = NULL, *broken = NULL;

	assert_non_null(mkdtemp(folder));
	below = xasprintf("%s/openstack", folder);
	clouds_file = xasprintf("%s/clouds.json", below);
	secure_file = xasprintf("%s/mine.yaml", folder);
	broken = xasprintf("%s/broken.yaml", folder);
	assert_success(path_mkdirs(below, 0700, &test_error));
	assert_success(path_write(clouds_file, json, strlen(json), 0600, &test_error));
	assert_success(path_write(secure_file, secure, strlen(secure), 0600, &test_error));
	assert_success(path_write(broken, "clouds: [", 9, 0600, &test_error));
	assert_int_equal(chdir(folder), 0);
	setenv("XDG_CONFIG_HOME", folder, 1);
	setenv("OS_CLIENT_SECURE_FILE", secure_file, 1);
	unsetenv("OS_CLIENT_CONFIG_FILE");
	unsetenv("OS_CLOUD");
	unsetenv("OS_AUTH_URL");
	assert_success(cloud_config_load("j", &c, &test_error));
	assert_string_equal(c->password, "s3cret");
	assert_non_null(strstr(c->source, "openstack/clouds.json"));
	setenv("OS_CLIENT_CONFIG_FILE", broken, 1);
	cloud_config_free_ptr(&c);
	assert_failure(cloud_config_load("j", &c, &test_error), "broken.yaml:");
	assert_int_equal(chdir("/"), 0);
	assert_success(path_remove_tree(folder, &test_error));
}

static void assert_body(const char *cloud, const char *expected)
{
	CLEANUP_FREE char *clouds = xasprintf("clouds: {a: {auth: %s}}", cloud);
	CLEANUP_CLOUD_CONFIG struct cloud_config *c = choose(clouds, NULL, NULL, "a");
	CLEANUP_BUF struct buf b = BUF_INIT;

	auth_body(c, &b);
	assert_string_equal(buf_str(&b), expected);
}

static void test_login_bodies(void **state UNUSED)
{
	assert_body("{" LOGIN "}",
		    "{\"auth\":{\"identity\":{\"methods\":[\"password\"],\"password\":{\"user\":{\"name\":\"u\",\"domain\":{"
		    "\"name\":\"D\"},"
		    "\"password\":\"p\"}}},\"scope\":{\"project\":{\"name\":\"pr\",\"domain\":{\"name\":\"D\"}}}}}");
	assert_body("{auth_url: x, user_id: i, password: 'q\"', project_id: pi}",
		    "{\"auth\":{\"identity\":{\"methods\":[\"password\"],\"password\":{\"user\":{\"id\":\"i\",\"password\":"
		    "\"q\\\"\"}}},"
		    "\"scope\":{\"project\":{\"id\":\"pi\"}}}}");
	assert_body("{auth_url: x, user_id: i, password: p, passcode: 123, domain_id: d}",
		    "{\"auth\":{\"identity\":{\"methods\":[\"password\",\"totp\"],\"password\":{\"user\":{\"id\":\"i\","
		    "\"password\":\"p\"}},"
		    "\"totp\":{\"user\":{\"id\":\"i\",\"passcode\":\"123\"}}},\"scope\":{\"domain\":{\"id\":\"d\"}}}}");
	assert_body("{auth_url: x, application_credential_id: i, application_credential_secret: s, project_id: ignored}",
		    "{\"auth\":{\"identity\":{\"methods\":[\"application_credential\"],\"application_credential\":{\"id\":\"i\","
		    "\"secret\":\"s\"}}}}");
	assert_body(
		"{auth_url: x, application_credential_name: n, application_credential_secret: s, username: u, user_domain_id: d}",
		"{\"auth\":{\"identity\":{\"methods\":[\"application_credential\"],\"application_credential\":{\"name\":\"n\","
		"\"user\":"
		"{\"name\":\"u\",\"domain\":{\"id\":\"d\"}},\"secret\":\"s\"}}}}");
	assert_body("{auth_url: x, token: t, project_id: p}", "{\"auth\":{\"identity\":{\"methods\":[\"token\"],\"token\":{"
							      "\"id\":\"t\"}},\"scope\":{\"project\":{\"id\":\"p\"}}}}");
	assert_body(
		"{auth_url: x, user_id: i, password: p, system_scope: all}",
		"{\"auth\":{\"identity\":{\"methods\":[\"password\"],\"password\":{\"user\":{\"id\":\"i\",\"password\":\"p\"}}},"
		"\"scope\":{\"system\":{\"all\":true}}}}");
	assert_body(
		"{auth_url: x, user_id: i, password: p, trust_id: t}",
		"{\"auth\":{\"identity\":{\"methods\":[\"password\"],\"password\":{\"user\":{\"id\":\"i\",\"password\":\"p\"}}},"
		"\"scope\":{\"OS-TRUST:trust\":{\"id\":\"t\"}}}}");
}

static void assert_v3(const char *url, const char *expected)
{
	CLEANUP_FREE char *got = auth_url_v3(url);

	assert_string_equal(got, expected);
}

static void test_auth_urls(void **state UNUSED)
{
	assert_v3("http://k:5000", "http://k:5000/v3");
	assert_v3("http://k:5000/", "http://k:5000/v3");
	assert_v3("http://k/identity/v3/", "http://k/identity/v3");
	assert_v3("http://k/identity/v2.0", "http://k/identity/v3");
	assert_v3("http://v3", "http://v3/v3");
}

static void test_login_answers(void **state UNUSED)
{
	struct http_response r = {.outcome = HTTP_ANSWERED, .status = 201};
	struct session s = {0};

	buf_add(&r.body,
		"{\"token\":{\"issued_at\":\"2020-01-01T00:00:00.000000Z\",\"expires_at\":\"2020-01-01T00:05:00.000000Z\","
		"\"project\":{\"id\":\"p\",\"name\":\"demo\"},\"user\":{\"id\":\"u\"},\"roles\":[{\"name\":\"reader\"},{\"name\":\"member\"}],"
		"\"application_credential\":{\"id\":\"c\",\"name\":\"mine\",\"restricted\":true},\"catalog\":[]}}");
	assert_failure(auth_parse(&r, 1000, &s, &test_error), "X-Subject-Token");
	strv_add(&r.headers, "x-subject-token: abc");
	assert_success(auth_parse(&r, 1000, &s, &test_error));
	assert_int_equal(s.life_ms, 300000); /* by keystone's clock, long ago on ours */
	assert_int_equal(s.ends_ms, 301000);
	assert_string_equal(s.token, "abc");
	assert_string_equal(s.project_name, "demo");
	assert_int_equal(s.roles.n, 2);
	assert_string_equal(s.roles.v[0], "member");
	assert_true(s.restricted);
	assert_true(s.clock_known); /* by issued_at, where there is no Date */
	assert_true(s.clock_skew_ms < -1000LL * 86400 * 365);
	session_free(&s);
	r.status = 200; /* the token is an older one */
	assert_success(auth_parse(&r, 1000, &s, &test_error));
	assert_false(s.clock_known);
	session_free(&s);
	buf_truncate(&r.body, 20);
	assert_failure(auth_parse(&r, 0, &s, &test_error), "not JSON");
	http_response_free(&r);
}

static char *authority_of(const char *folder, const char *more)
{
	CLEANUP_FREE char *pem = xasprintf("%s/ca.pem", folder), *file = xasprintf("%s/clouds.yaml", folder), *found = NULL;
	CLEANUP_FREE char *text = xasprintf("clouds: {a: {%s, auth: {auth_url: 'https://h', token: t}}}\n", more);
	static const char authority[] = "# ours\n-----BEGIN CERTIFICATE-----\nMII1\n-----END CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\n"
					"secret\n-----END PRIVATE KEY-----\n-----BEGIN CERTIFICATE-----\nMII2\n-----END CERTIFICATE-----";

	assert_success(path_write(pem, authority, strlen(authority), 0600, &test_error));
	assert_success(path_write(file, text, strlen(text), 0600, &test_error));
	setenv("OS_CLIENT_CONFIG_FILE", file, 1);
	assert_success(cloud_authority("a", &found, &test_error));
	unsetenv("OS_CLIENT_CONFIG_FILE");
	return steal_ptr(found);
}

static void test_the_clouds_own_authority(void **state UNUSED)
{
	char folder[] = "/tmp/davit-clouds-XXXXXX";
	CLEANUP_FREE char *given = NULL, *found = NULL, *insecure = NULL, *none = NULL;

	assert_non_null(mkdtemp(folder));
	given = xasprintf("cacert: %s/ca.pem", folder);
	found = authority_of(folder, given);
	assert_string_equal(found, "-----BEGIN CERTIFICATE-----\nMII1\n-----END CERTIFICATE-----\n-----BEGIN CERTIFICATE-----\nMII2\n"
				   "-----END CERTIFICATE-----\n"); /* never the key */
	free(given);
	given = xasprintf("cacert: %s/ca.pem, verify: false", folder);
	insecure = authority_of(folder, given);
	none = authority_of(folder, "region_name: R");
	assert_null(insecure);
	assert_null(none);
	assert_success(path_remove_tree(folder, &test_error));
}

/* The Date of keystone's answer against this machine's clock. */
static void test_clocks_are_compared(void **state UNUSED)
{
	struct http_response r = {.outcome = HTTP_ANSWERED, .status = 201};
	struct session s = {0};
	time_t late = time(NULL) + 3600;
	char date[64];

	strftime(date, sizeof(date), "date: %a, %d %b %Y %H:%M:%S GMT", gmtime(&late));
	buf_add(&r.body, "{\"token\":{}}");
	strv_add(&r.headers, "x-subject-token: abc");
	strv_add(&r.headers, date);
	assert_success(auth_parse(&r, 0, &s, &test_error));
	assert_true(s.clock_known);
	assert_in_range(s.clock_skew_ms, 3595 * 1000, 3605 * 1000);
	session_free(&s);
	http_response_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_secure_lies_over_clouds_and_region_over_both),
		cmocka_unit_test(test_the_first_region_is_the_default),
		cmocka_unit_test(test_domains_are_spread),
		cmocka_unit_test(test_service_keys),
		cmocka_unit_test(test_kinds_of_login),
		cmocka_unit_test(test_what_is_missing_is_named),
		cmocka_unit_test(test_environment_is_a_cloud_of_its_own),
		cmocka_unit_test(test_files_are_searched),
		cmocka_unit_test(test_the_clouds_own_authority),
		cmocka_unit_test(test_login_bodies),
		cmocka_unit_test(test_auth_urls),
		cmocka_unit_test(test_login_answers),
		cmocka_unit_test(test_clocks_are_compared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
