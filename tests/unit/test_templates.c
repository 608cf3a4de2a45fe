#include "core/base/alloc.h"
#include "core/base/path.h"
#include "manifests/htpasswd.h"
#include "manifests/manifests.h"
#include "manifests/template.h"
#include "manifests/values.h"
#include "tests/unit/test.h"
#include <crypt.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define PASSWORD "0123456789abcdef0123456789abcdef"

static void test_embedded_templates_are_the_files(void **state UNUSED)
{
	for (size_t i = 0; i < templates_n; i++) {
		CLEANUP_FREE char *path = xasprintf("%s/manifests/templates/%s", getenv("DAVIT_SOURCE_ROOT"), templates[i].name);
		CLEANUP_BUF struct buf text = BUF_INIT;

		assert_success(path_read(path, &text, &test_error));
		assert_string_equal(buf_str(&text), templates[i].text);
	}
}

/* Names between {{ }} of all templates, without # and /. */
static void placeholders(struct strv *ret)
{
	for (size_t i = 0; i < templates_n; i++)
		for (const char *p = templates[i].text; (p = strstr(p, "{{")) != NULL;) {
			CLEANUP_FREE char *name = NULL;

			p += 2 + strspn(p + 2, "#/");
			name = xstrndup(p, strcspn(p, "}"));
			if (!strv_has(ret, name))
				strv_add(ret, name);
		}
}

static void test_every_value_is_known_and_used(void **state UNUSED)
{
	static const char text[] =
		"apiVersion: davit/v1\nkind: Cluster\nmetadata: {name: demo}\nspec:\n"
		"  platform: {type: kubernetes, version: 1.36.3}\n  openstack: {cloud: lab, image: debian-12}\n"
		"  controlPlane: {count: 3, flavor: small}\n";
	struct artifacts bundle = {0};
	const struct manifest_values secrets = {
		.registry_password = PASSWORD, .encryption_key = "ZW5jcnlwdGlvbiBrZXkgb2YgdGVzdHMsIDMyIGJ5dGU=", .etcd_token = "token", .artifacts = &bundle};
	CLEANUP_SPEC struct spec *spec = NULL;
	CLEANUP_PLAN struct plan *plan = NULL;
	CLEANUP_TEMPLATE_VALUES struct template_values v = TEMPLATE_VALUES_INIT;
	CLEANUP_STRV struct strv used = STRV_INIT, given = STRV_INIT;

	strv_split(&bundle.images, "pause:1 library/haproxy:1 coredns/coredns:1 metrics-server/metrics-server:1", " ");
	assert_success(spec_parse("cluster.yaml", text, strlen(text), &spec, &test_error));
	assert_success(plan_make(spec, NULL, &plan, &test_error));
	assert_success(values_fill(plan, &plan_find(plan, "demo-cp-1")->node, &secrets, &v, &test_error));
	strv_free(&bundle.images);
	placeholders(&used);
	for (size_t i = 0; i < v.n; i++) {
		assert_false(strv_has(&given, v.items[i].name));
		strv_add(&given, v.items[i].name);
		if (!strv_has(&used, v.items[i].name))
			fail_msg("no template uses {{%s}}", v.items[i].name);
	}
	for (size_t i = 0; i < used.n; i++)
		if (!strv_has(&given, used.v[i]))
			fail_msg("there is no value for {{%s}}", used.v[i]);
}

static void expands(const char *text, const char *expected)
{
	CLEANUP_TEMPLATE_VALUES struct template_values v = TEMPLATE_VALUES_INIT;
	CLEANUP_BUF struct buf b = BUF_INIT;

	template_set(&v, "name", "demo");
	template_set_flag(&v, "on", true);
	template_set_flag(&v, "off", false);
	assert_success(template_expand_text("test", text, &v, &b, &test_error));
	assert_string_equal(buf_str(&b), expected);
}

static void test_templates_expand(void **state UNUSED)
{
	expands("", "");
	expands("a {{name}}-{{name}}\n", "a demo-demo\n");
	expands("a\n{{#on}}\nb {{name}}\n{{/on}}\nc\n", "a\nb demo\nc\n");
	expands("a\n{{#off}}\nb {{name}}\n{{#on}}\ne\n{{/on}}\n{{/off}}\nc\n", "a\nc\n");
	expands("{{#on}}\n{{#off}}\nb\n{{/off}}\nc\n{{/on}}\n", "c\n");
	expands("{ {name} }} {a}\n", "{ {name} }} {a}\n");
}

static void aborts(const char *text)
{
	int status = 0;
	pid_t child = fork();

	if (child == 0) {
		CLEANUP_TEMPLATE_VALUES struct template_values v = TEMPLATE_VALUES_INIT;
		struct buf b = BUF_INIT;

		signal(SIGABRT, SIG_DFL);
		fclose(stderr);
		template_set_flag(&v, "off", false);
		_exit(template_expand_text("test", text, &v, &b, NULL) == 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT)
		fail_msg("this should be a bug: %s", text);
}

static void test_bugs_in_templates_abort(void **state UNUSED)
{
	aborts("{{nobody}}\n");
	aborts("{{#nobody}}\n{{/nobody}}\n");
	aborts("{{off}}\n");
	aborts("{{#off}}\n");
	aborts("{{/off}}\n");
}

static void test_dangerous_values_are_refused(void **state UNUSED)
{
	static const char *const bad[] = {"a b", "a\nb", "a\"b", "a'b", "a$b", "a%b", "a\\b", "a#b", "a{b"};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		CLEANUP_TEMPLATE_VALUES struct template_values v = TEMPLATE_VALUES_INIT;
		CLEANUP_BUF struct buf b = BUF_INIT;

		template_set(&v, "domain", bad[i]);
		assert_int_equal(template_expand_text("test", "x {{domain}}\n", &v, &b, &test_error), -1);
		assert_int_equal(error_kind(test_error), ERROR_CONFIG);
		assert_non_null(strstr(error_message(test_error), "domain: 0x"));
		error_clear(&test_error);
	}
}

static void test_htpasswd(void **state UNUSED)
{
	CLEANUP_BUF struct buf a = BUF_INIT, b = BUF_INIT, c = BUF_INIT;
	CLEANUP_FREE char *hash = NULL;

	assert_success(htpasswd_line("davit", PASSWORD, &a, &test_error));
	assert_success(htpasswd_line("davit", PASSWORD, &b, &test_error));
	assert_success(htpasswd_line("davit", PASSWORD "x", &c, &test_error));
	assert_string_equal(buf_str(&a), buf_str(&b));
	assert_int_equal(strncmp(buf_str(&a), "davit:$2b$05$", 13), 0);
	assert_int_equal(a.len, 6 + 60 + 1);
	hash = xstrndup(buf_str(&a) + 6, 60);
	assert_string_equal(crypt(PASSWORD, hash), hash);
	assert_string_not_equal(crypt(PASSWORD "x", hash), hash);
	assert_memory_not_equal(buf_str(&a) + 13, buf_str(&c) + 13, 22); /* another password, another salt */
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_embedded_templates_are_the_files),
		cmocka_unit_test(test_every_value_is_known_and_used),
		cmocka_unit_test(test_templates_expand),
		cmocka_unit_test(test_bugs_in_templates_abort),
		cmocka_unit_test(test_dangerous_values_are_refused),
		cmocka_unit_test(test_htpasswd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
