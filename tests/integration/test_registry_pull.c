/* Images from a registry that speaks the distribution API as the public ones do: bearer tokens, indexes, redirects. */
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "registry/layout.h"
#include "registry/pull.h"
#include "tests/integration/registry_fixture.h"
#include "tests/unit/test.h"
#include <stdio.h>

#define CONFIG "{\"os\":\"linux\"}"
#define LAYER "the layer of another day"

/* A registry of one image, "team/app:1", for two platforms. */
struct fake {
	struct hostile *server;
	struct http *http;
	char *host, *folder;
	char config[OCI_DIGEST_LEN + 1], layer[OCI_DIGEST_LEN + 1], manifest_digest[OCI_DIGEST_LEN + 1],
		index_digest[OCI_DIGEST_LEN + 1];
	char *manifest, *index;
	const char *scheme; /* "Bearer", "Basic", NULL: open */
	int tokens;	    /* given out so far; only the last is good */
	int uses;	    /* of a token before it is worth nothing; 0: for ever */
	int used;
	bool lying; /* other bytes under the manifest's digest */
};

static void put_text(int fd, const char *type, const char *text)
{
	CLEANUP_FREE char *more = xasprintf("Content-Type: %s\r\n", type);

	hostile_put_head(fd, "200 OK", strlen(text), more);
	hostile_put(fd, text, strlen(text));
}

static bool let_in(struct fake *f, int fd, const char *head)
{
	CLEANUP_FREE char *good = xasprintf("\r\nAuthorization: Bearer token-%d\r\n", f->tokens);
	CLEANUP_FREE char *url = hostile_url(f->server, "/token?account=x"), *more = NULL;

	if (f->scheme == NULL || (strstr(head, good) != NULL && (f->uses == 0 || f->used++ < f->uses)))
		return true;
	more = xasprintf("WWW-Authenticate: %s realm=\"%s\",service=\"fake registry\",scope=\"repository:team/app:pull\"\r\n",
			 f->scheme, url);
	hostile_put_head(fd, "401 Unauthorized", 0, more);
	return false;
}

static void put_token(struct fake *f, int fd)
{
	CLEANUP_FREE char *text = xasprintf("{\"token\":\"token-%d\",\"expires_in\":60}", ++f->tokens);

	f->used = 0;
	put_text(fd, "application/json", text);
}

static void answer(int fd, const char *path, const char *head, void *context)
{
	struct fake *f = context;
	const char *name = strrchr(path, '/') + 1;

	if (strcmp(path, "/token?account=x&service=fake%20registry&scope=repository%3Ateam%2Fapp%3Apull") == 0) {
		put_token(f, fd);
	} else if (strncmp(path, "/storage/", 9) == 0) {
		put_text(fd, "application/octet-stream", strcmp(name, f->layer) == 0 ? LAYER : CONFIG);
	} else if (!let_in(f, fd, head)) {
		return;
	} else if (strcmp(path, "/v2/team/app/manifests/1") == 0 || strcmp(name, f->index_digest) == 0) {
		put_text(fd, OCI_INDEX, f->index);
	} else if (strcmp(name, f->manifest_digest) == 0) {
		put_text(fd, OCI_MANIFEST, f->lying ? f->index : f->manifest);
	} else if (strncmp(path, "/v2/team/app/blobs/", 19) == 0) { /* the public ones send one to their storage */
		CLEANUP_FREE char *to = xasprintf("/storage/%s", name), *url = hostile_url(f->server, to),
				  *more = xasprintf("Location: %s\r\n", url);

		hostile_put_head(fd, "307 Temporary Redirect", 0, more);
	} else {
		hostile_put_head(fd, "404 Not Found", 0, "");
	}
}

static void fake_init(struct fake *f)
{
	struct http_options options = {.no_proxy = true};
	CLEANUP_FREE char *url = NULL;

	oci_digest(CONFIG, strlen(CONFIG), f->config);
	oci_digest(LAYER, strlen(LAYER), f->layer);
	f->manifest = xasprintf("{\"schemaVersion\":2,\"mediaType\":\"" DOCKER_MANIFEST
				"\",\"config\":{\"digest\":\"%s\",\"size\":%zu},"
				"\"layers\":[{\"digest\":\"%s\",\"size\":%zu}]}",
				f->config, strlen(CONFIG), f->layer, strlen(LAYER));
	oci_digest(f->manifest, strlen(f->manifest), f->manifest_digest);
	f->index = xasprintf("{\"schemaVersion\":2,\"manifests\":[{\"digest\":\"%s\",\"size\":1,\"platform\":{\"os\":\"linux\","
			     "\"architecture\":\"s390x\"}},"
			     "{\"digest\":\"%s\",\"size\":%zu,\"platform\":{\"os\":\"linux\",\"architecture\":\"amd64\"}}]}",
			     f->config, f->manifest_digest, strlen(f->manifest));
	oci_digest(f->index, strlen(f->index), f->index_digest);
	f->server = hostile_start_with(answer, f);
	url = hostile_url(f->server, "");
	f->host = xstrdup(url + strlen("http://"));
	f->folder = fixture_folder();
	assert_success(layout_init(f->folder, &test_error));
	assert_success(http_new(&options, &f->http, &test_error));
}

static void fake_free(struct fake *f)
{
	http_free(f->http);
	hostile_stop(f->server);
	fixture_remove(f->folder);
	free(f->host);
	free(f->manifest);
	free(f->index);
}

/* The manifest and all of its blobs; tail: of the image's name. */
static int pull(struct fake *f, const char *tail, struct error **err)
{
	CLEANUP_FREE char *name = xasprintf("%s/team/app%s", f->host, tail);
	CLEANUP_REFERENCE struct reference r = {0};
	CLEANUP_BUF struct buf bytes = BUF_INIT;
	CLEANUP_MANIFEST struct manifest m = {0};
	struct pull *p;
	int result;

	assert_success(reference_parse(name, &r, &test_error));
	p = pull_new(f->http, &r, NULL);
	result = pull_manifest(p, &bytes, &m, err);
	if (result == 0) {
		assert_string_equal(buf_str(&bytes), f->manifest);
		result = pull_blob(p, f->folder, &m.config, NULL, NULL, err);
	}
	for (size_t i = 0; result == 0 && i < m.n; i++)
		result = pull_blob(p, f->folder, &m.layers[i], NULL, NULL, err);
	pull_free(p);
	return result;
}

static void pulls(struct fake *f, const char *tail)
{
	fake_init(f);
	assert_success(pull(f, tail, &test_error));
	assert_success(layout_verify(f->folder, f->layer, (int64_t)strlen(LAYER), &test_error));
	assert_success(layout_verify(f->folder, f->config, (int64_t)strlen(CONFIG), &test_error));
}

static void test_open_registry(void **state UNUSED)
{
	struct fake f = {0};

	pulls(&f, ":1");
	fake_free(&f);
}

static void test_anonymous_token_is_got_once(void **state UNUSED)
{
	struct fake f = {.scheme = "Bearer"};

	pulls(&f, ":1");
	assert_int_equal(f.tokens, 1);
	fake_free(&f);
}

static void test_token_that_ends_is_renewed(void **state UNUSED)
{
	struct fake f = {.scheme = "Bearer", .uses = 1};

	pulls(&f, ":1");
	assert_true(f.tokens >= 4); /* index, manifest, two blobs */
	fake_free(&f);
}

static void test_pinned_digest(void **state UNUSED)
{
	struct fake f = {0};
	CLEANUP_FREE char *tail = NULL;

	fake_init(&f);
	tail = xasprintf(":1@%s", f.index_digest);
	assert_success(pull(&f, tail, &test_error));
	free(tail);
	tail = xasprintf(":1@%s", f.manifest_digest);
	assert_success(pull(&f, tail, &test_error));
	free(tail);
	tail = xasprintf(":1@%s", f.layer);
	assert_failure(pull(&f, tail, &test_error), "answered 404");
	fake_free(&f);
}

static void test_manifest_of_other_bytes_is_refused(void **state UNUSED)
{
	struct fake f = {.lying = true};
	CLEANUP_FREE char *why = NULL;

	fake_init(&f);
	why = xasprintf("its bytes have the digest %s, expected %s", f.index_digest, f.manifest_digest);
	assert_failure(pull(&f, ":1", &test_error), why);
	fake_free(&f);
}

static void test_registry_that_wants_a_login(void **state UNUSED)
{
	struct fake f = {.scheme = "Basic"};

	fake_init(&f);
	assert_int_equal(pull(&f, ":1", &test_error), -1);
	assert_true(error_is(test_error, ERROR_AUTH));
	assert_failure(-1, "the registry asks for a login (WWW-Authenticate: Basic realm=");
	fake_free(&f);
}

static void test_tag_that_is_not_there(void **state UNUSED)
{
	struct fake f = {.scheme = "Bearer"};

	fake_init(&f);
	assert_int_equal(pull(&f, ":2", &test_error), -1);
	assert_true(error_is(test_error, ERROR_NOT_FOUND));
	assert_failure(-1, "/team/app:2: GET http://127.0.0.1:");
	fake_free(&f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open_registry),
		cmocka_unit_test(test_anonymous_token_is_got_once),
		cmocka_unit_test(test_token_that_ends_is_renewed),
		cmocka_unit_test(test_pinned_digest),
		cmocka_unit_test(test_manifest_of_other_bytes_is_refused),
		cmocka_unit_test(test_registry_that_wants_a_login),
		cmocka_unit_test(test_tag_that_is_not_there),
	};

	cancel_init();
	http_global_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
