#include "core/base/alloc.h"
#include "provision/catalog.h"
#include "tests/unit/test.h"

static const char catalog_text[] =
	"[{\"type\":\"compute\",\"endpoints\":["
	"{\"interface\":\"internal\",\"region_id\":\"one\",\"url\":\"http://int/v2.1\"},"
	"{\"interface\":\"public\",\"region_id\":\"one\",\"url\":\"\"},"
	"{\"interface\":\"public\",\"region_id\":\"one\",\"url\":\"https://nova/v2.1/\"},"
	"{\"interface\":\"public\",\"region\":\"two\",\"url\":\"https://nova2/compute/v2.1/abc\"}]},"
	"{\"type\":\"network\",\"endpoints\":[{\"interface\":\"public\",\"region_id\":\"one\",\"url\":\"http://n:9696/\"},"
	"{\"interface\":\"admin\",\"region_id\":\"one\",\"url\":\"http://n:9696/v2.0\"}]},"
	"{\"type\":\"image\",\"endpoints\":[{\"interface\":\"publicURL\",\"region_id\":\"one\",\"url\":\"http://h/image/v2/\"}]},"
	"{\"type\":\"volumev2\",\"endpoints\":[{\"interface\":\"public\",\"region_id\":\"one\",\"url\":\"http://c/v2/pid\"}]},"
	"{\"type\":\"volumev3\",\"endpoints\":[{\"interface\":\"public\",\"region_id\":\"one\",\"url\":\"http://c/v3/pid\"}]},"
	"{\"type\":\"load-balancer\",\"endpoints\":[{\"interface\":\"public\",\"region_id\":\"one\",\"url\":\"http://o/"
	"load-balancer/v2.0/lbaas\"}]},"
	"{\"type\":\"placement\"},"
	"7,null,{\"type\":3,\"endpoints\":{}}]";

/* Configurations own their strings; those of the tests live as long as the program. */
#define OWN(s) ((char *)(uintptr_t)(s))

struct fixture {
	struct json_object *catalog;
	struct cloud_config config;
};

static struct fixture fixture(const char *region)
{
	struct fixture f = {.config = {.source = OWN("cloud \"lab\""), .interface = OWN("public"), .region = OWN(region)}};

	assert_success(json_parse(catalog_text, strlen(catalog_text), "catalog", &f.catalog, &test_error));
	return f;
}

static void assert_url(struct fixture *f, enum cloud_service service, const char *expected)
{
	CLEANUP_FREE char *url = NULL;

	assert_success(catalog_find(f->catalog, &f->config, service, &url, &test_error));
	assert_string_equal(url, expected);
}

static void assert_no_url(struct fixture *f, enum cloud_service service, const char *part)
{
	char *url = NULL;

	assert_failure(catalog_find(f->catalog, &f->config, service, &url, &test_error), part);
}

static void test_roots(void **state UNUSED)
{
	static const char *const urls[][2] = {
		{"http://nova:8774/v2.1", "http://nova:8774"},	    {"https://h/compute/v2.1/project", "https://h/compute"},
		{"http://c:8776/v3/project", "http://c:8776"},	    {"http://n:9696/v2.0", "http://n:9696"},
		{"https://h/volume", "https://h/volume"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(urls); i++) {
		CLEANUP_FREE char *root = catalog_root(urls[i][0]);

		assert_string_equal(root, urls[i][1]);
	}
}

static void test_urls_get_their_versions(void **state UNUSED)
{
	struct fixture f = fixture("one");

	assert_url(&f, CLOUD_COMPUTE, "https://nova/v2.1");
	assert_url(&f, CLOUD_NETWORK, "http://n:9696/v2.0");
	assert_url(&f, CLOUD_IMAGE, "http://h/image/v2");
	assert_url(&f, CLOUD_VOLUME, "http://c/v3/pid"); /* v3 before v2 */
	assert_url(&f, CLOUD_LOAD_BALANCER, "http://o/load-balancer/v2.0/lbaas");
	json_object_put(f.catalog);
}

static void test_region_and_interface_choose(void **state UNUSED)
{
	struct fixture f = fixture("two");

	assert_url(&f, CLOUD_COMPUTE, "https://nova2/compute/v2.1/abc");
	f.config.services[CLOUD_COMPUTE] = (struct service_config){.region = OWN("one"), .interface = OWN("internal")};
	assert_url(&f, CLOUD_COMPUTE, "http://int/v2.1");
	f.config.region = NULL;
	f.config.services[CLOUD_COMPUTE] = (struct service_config){0};
	assert_url(&f, CLOUD_COMPUTE, "https://nova/v2.1");
	json_object_put(f.catalog);
}

static void test_overrides_come_first(void **state UNUSED)
{
	struct fixture f = fixture("one");

	f.config.services[CLOUD_NETWORK].endpoint_override = OWN("https://other/net/v2.0/");
	assert_url(&f, CLOUD_NETWORK, "https://other/net/v2.0");
	f.config.services[CLOUD_COMPUTE].endpoint_override = OWN("https://other/compute");
	assert_url(&f, CLOUD_COMPUTE, "https://other/compute/v2.1");
	f.config.services[CLOUD_VOLUME].endpoint_override = OWN("other");
	assert_no_url(&f, CLOUD_VOLUME, "endpoint_override of block-storage is \"other\"");
	f.config.services[CLOUD_VOLUME] = (struct service_config){.type = OWN("volumev2")};
	assert_url(&f, CLOUD_VOLUME, "http://c/v2/pid");
	json_object_put(f.catalog);
}

static void test_misses_list_what_is_there(void **state UNUSED)
{
	struct fixture f = fixture("three");

	assert_no_url(&f, CLOUD_COMPUTE,
		      "no compute endpoint with interface public in region three (cloud \"lab\"); there are interfaces internal, "
		      "public, regions one, two");
	assert_no_url(&f, CLOUD_PLACEMENT, "no placement service");
	f.config.region = NULL;
	f.config.interface = OWN("admin");
	assert_no_url(&f, CLOUD_IMAGE, "there are interfaces publicURL, regions one");
	assert_no_url(&f, CLOUD_IDENTITY,
		      "its catalog has: compute, image, load-balancer, network, placement, volumev2, volumev3");
	json_object_put(f.catalog);
	f.catalog = NULL;
	assert_no_url(&f, CLOUD_COMPUTE, "its catalog has: nothing");
}

static void assert_stripped(const char *url, const char *expected)
{
	CLEANUP_FREE char *got = catalog_strip_version(url);

	assert_string_equal(got, expected);
}

static void test_versions_are_stripped(void **state UNUSED)
{
	assert_stripped("http://h", "http://h");
	assert_stripped("http://v2.0", "http://v2.0"); /* a host, no version */
	assert_stripped("http://h:5000///", "http://h:5000");
	assert_stripped("http://h/v2.0/", "http://h");
	assert_stripped("http://h/a/v3?x#y", "http://h/a");
	assert_stripped("http://h/v2.0/lbaas/", "http://h");
	assert_stripped("http://h/version", "http://h/version");
	assert_stripped("http://h/v3x", "http://h/v3x");
	assert_stripped("", "");
	assert_stripped("/", "");
}

static void assert_version(const char *document, const char *expected)
{
	CLEANUP_JSON struct json_object *o = NULL;
	CLEANUP_FREE char *url = NULL;

	assert_success(json_parse(document, strlen(document), "versions", &o, &test_error));
	url = catalog_version_url(o, "v3", "https://front:443/x");
	if (expected == NULL)
		assert_null(url);
	else
		assert_string_equal(url, expected);
}

static void test_version_documents(void **state UNUSED)
{
	assert_version("{\"versions\":{\"values\":[{\"id\":\"v2.0\",\"links\":[]},{\"id\":\"v3.14\",\"links\":"
		       "[{\"rel\":\"self\",\"href\":\"http://evil:1/identity/v3/\"}]}]}}",
		       "https://front:443/identity/v3"); /* never the href's scheme or host */
	assert_version("{\"versions\":[{\"id\":\"v3\",\"links\":[{\"rel\":\"self\",\"href\":\"/v3\"}]}]}",
		       "https://front:443/v3");
	assert_version("{\"version\":{\"id\":\"v3.8\",\"links\":[{\"rel\":\"self\",\"href\":\"http://h/v3\"}]}}",
		       "https://front:443/v3");
	assert_version("{\"version\":{\"id\":\"v30\",\"links\":[{\"rel\":\"self\",\"href\":\"http://h/v30\"}]}}", NULL);
	assert_version("{\"versions\":[{\"id\":\"v3\",\"links\":[{\"rel\":\"self\",\"href\":\"@evil\"}]}]}", NULL);
	assert_version("{\"versions\":7}", NULL);
	assert_version("[]", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_roots),
		cmocka_unit_test(test_urls_get_their_versions), cmocka_unit_test(test_region_and_interface_choose),
		cmocka_unit_test(test_overrides_come_first),	cmocka_unit_test(test_misses_list_what_is_there),
		cmocka_unit_test(test_versions_are_stripped),	cmocka_unit_test(test_version_documents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
