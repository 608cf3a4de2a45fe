/* Stacks: which Compose files a manager can read by themselves, and what is to be deployed. */
#include "core/base/alloc.h"
#include "core/base/path.h"
#include "core/cluster/stacks.h"
#include "tests/unit/test.h"
#include <unistd.h>

#define WEB "services:\n  web: {image: \"registry.davit.internal:5000/web:1\"}\n"
#define FILE_OF(stacks)                                                                                                                              \
	"apiVersion: davit/v1\nkind: Cluster\nmetadata: {name: whale}\nspec:\n  platform: {type: swarm, version: 29.9.3}\n"                         \
	"  openstack: {image: debian-12}\n  controlPlane: {flavor: m1.small}\n" stacks

static void refused(const char *text, const char *why)
{
	assert_failure(stack_check("web.yaml", text, strlen(text), &test_error), why);
}

static void taken(const char *text)
{
	assert_success(stack_check("web.yaml", text, strlen(text), &test_error));
}

static void test_files(void **state UNUSED)
{
	taken(WEB);
	taken("services: {web: {image: a, configs: [page]}}\nconfigs: {page: {external: true}}\nsecrets: {s: {external: true}}\n");
	taken("services: {web: }\n");
	refused("", "web.yaml:");
	refused("- web\n", "services: a Compose file has a map of at least one service");
	refused("services: [web]\n", "web.yaml:1:11: services: ");
	refused("services: {}\n", "web.yaml:1:11: services: ");
	refused("services: {web: {image: [}}\n", "web.yaml:1:");
	refused(WEB "configs:\n  page: {file: page.html}\n", "web.yaml:4:16: file: this is of another file");
	refused(WEB "secrets:\n  s: {file: s.txt}\n", "web.yaml:4:13: file: this is of another file");
	refused("services:\n  web:\n    env_file: [web.env]\n", "web.yaml:3:15: env_file: this is of another file");
	refused("services:\n  web:\n    extends: {file: a.yaml, service: a}\n", "web.yaml:3:14: extends: ");
	refused("include: [a.yaml]\n" WEB, "web.yaml:1:10: include: ");
}

static struct spec *spec_of(const char *folder, const char *text)
{
	CLEANUP_FREE char *path = xasprintf("%s/cluster.yaml", folder);
	struct spec *s = NULL;

	assert_success(spec_parse(path, text, strlen(text), &s, &test_error));
	return s;
}

static void test_schema(void **state UNUSED)
{
	static const char twice[] = FILE_OF("  stacks:\n  - {name: shop, file: a.yaml}\n  - {name: shop, file: b.yaml}\n"), no_file[] = FILE_OF("  stacks: [{name: shop}]\n");
	CLEANUP_SPEC struct spec *s = NULL, *found = NULL;

	assert_failure(spec_parse("c.yaml", twice, strlen(twice), &s, &test_error), "c.yaml:10:12: name: there are two stacks \"shop\"");
	assert_failure(spec_parse("c.yaml", no_file, strlen(no_file), &s, &test_error), "c.yaml:8:12: \"file\" is missing");
	found = spec_of("/srv/whale", FILE_OF("  stacks: [{name: shop, file: shop/compose.yaml}]\n"));
	assert_string_equal(found->stacks[0].file, "/srv/whale/shop/compose.yaml");
}

static const struct buf *portainer; /* NULL: the file has none */

static void compares(const struct spec *spec, struct state *st, const char *deployed, const char *removed)
{
	CLEANUP_STACKS struct stacks s = {0};
	CLEANUP_STRV struct strv names = STRV_INIT;
	CLEANUP_FREE char *list = NULL, *gone = NULL;

	assert_success(stacks_compare(spec, portainer, st, &s, &test_error));
	for (size_t i = 0; i < s.n; i++)
		strv_addf(&names, "%s%s", s.items[i].is_new ? "+" : "~", s.items[i].name);
	list = strv_join(&names, " ");
	gone = strv_join(&s.removed, " ");
	assert_string_equal(list, deployed);
	assert_string_equal(gone, removed);
}

/* As if all that differs had been deployed. */
static void deploy(const struct spec *spec, struct state *st)
{
	CLEANUP_STACKS struct stacks s = {0};

	assert_success(stacks_compare(spec, portainer, st, &s, &test_error));
	for (size_t i = 0; i < s.n; i++)
		assert_success(stacks_note(st, s.items[i].name, s.items[i].digest, &test_error));
}

static void put(const char *folder, const char *name, const char *text)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", folder, name);

	assert_success(path_write(path, text, strlen(text), 0600, &test_error));
}

static void test_what_is_to_be_deployed(void **state UNUSED)
{
	CLEANUP_FREE char *folder = xasprintf("%s/davit-stacks-%d", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp", (int)getpid());
	CLEANUP_SPEC struct spec *two = spec_of(folder, FILE_OF("  stacks: [{name: shop, file: shop.yaml}, {name: blog, file: blog.yaml}]\n"));
	CLEANUP_SPEC struct spec *one = spec_of(folder, FILE_OF("  stacks: [{name: shop, file: shop.yaml}]\n"));
	struct stacks none = {0};
	struct state *st = NULL;

	assert_success(state_open(folder, "whale", STATE_WRITE, &st, &test_error));
	put(folder, "shop.yaml", WEB);
	assert_failure(stacks_compare(two, NULL, NULL, &none, &test_error), "stack blog: ");
	stacks_clear(&none);
	put(folder, "blog.yaml", WEB "# the same\n");
	compares(two, NULL, "+shop +blog", "");
	deploy(two, st);
	compares(two, st, "", "");
	put(folder, "shop.yaml", WEB "# changed\n");
	compares(two, st, "~shop", "");
	compares(one, st, "~shop", "blog");
	assert_success(stacks_note(st, "blog", NULL, &test_error));
	deploy(one, st);
	compares(one, st, "", "");
	state_close(st);
	assert_success(path_remove_tree(folder, &test_error));
}

static void test_portainer(void **state UNUSED)
{
#define PORTAINER "  swarm: {portainer: {version: 2.33.3, allowedCIDRs: [192.0.2.0/24], passwordFile: admin}}\n"
	static const char taken[] = FILE_OF(PORTAINER "  stacks: [{name: portainer, file: a.yaml}]\n"),
			  incomplete[] = FILE_OF("  swarm: {portainer: {version: 2.33.3, allowedCIDRs: [192.0.2.0/24]}}\n"),
			  versionless[] = FILE_OF("  swarm: {portainer: {version: latest, allowedCIDRs: [192.0.2.0/24], passwordFile: admin}}\n");
	CLEANUP_FREE char *folder = xasprintf("%s/davit-portainer-%d", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp", (int)getpid());
	CLEANUP_SPEC struct spec *with = spec_of(folder, FILE_OF(PORTAINER)), *none = NULL;
	CLEANUP_BUF struct buf text = BUF_INIT, other = BUF_INIT;
	struct state *st = NULL;

	assert_failure(spec_parse("c.yaml", taken, strlen(taken), &none, &test_error), "c.yaml:9:19: name: the stack \"portainer\" is davit's own, by swarm.portainer");
	assert_failure(spec_parse("c.yaml", incomplete, strlen(incomplete), &none, &test_error), "c.yaml:8:22: \"passwordFile\" is missing");
	assert_failure(spec_parse("c.yaml", versionless, strlen(versionless), &none, &test_error), "c.yaml:8:32: version: ");
	assert_success(state_open(folder, "whale", STATE_WRITE, &st, &test_error));
	buf_add(&text, WEB);
	buf_add(&other, WEB "# another version\n");
	portainer = &text;
	assert_false(stacks_has(st, PORTAINER_STACK));
	compares(with, st, "+portainer", "");
	deploy(with, st);
	assert_true(stacks_has(st, PORTAINER_STACK));
	compares(with, st, "", "");
	portainer = &other;
	compares(with, st, "~portainer", "");
	assert_success(stacks_renounce(with, st, &test_error));
	compares(with, st, "+portainer", "");
	deploy(with, st);
	portainer = NULL;
	compares(with, st, "", "portainer");
	state_close(st);
	assert_success(path_remove_tree(folder, &test_error));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_schema),
		cmocka_unit_test(test_what_is_to_be_deployed),
		cmocka_unit_test(test_portainer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
