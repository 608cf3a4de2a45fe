/* Pushing to a real registry (CNCF distribution, TLS, htpasswd), and what may go wrong on the way. */
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include "core/base/digest.h"
#include "core/base/parallel.h"
#include "core/base/path.h"
#include "core/cluster/plan.h"
#include "registry/registry.h"
#include "tests/integration/registry_fixture.h"
#include "tests/unit/test.h"
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LARGE = 12 * 1024 * 1024 };

/* A bundle and a registry, both fresh. */
struct stage {
	struct fixture_registry registry;
	char *mirror, *folder;
	struct spec *spec;
	struct artifacts artifacts;
	struct http *http;
};

static int stage_init(void **state)
{
	struct stage *s = xnew(struct stage);
	CLEANUP_FREE char *url = NULL;

	s->mirror = fixture_folder();
	s->folder = fixture_folder();
	url = xasprintf("file://%s", s->mirror);
	s->spec = fixture_spec("1.36.3", "images: [registry.k8s.io/e2e-test-images/agnhost:2.63.0]");
	fixture_mirror(s->mirror, s->spec, LARGE);
	assert_success(bundle_create(s->spec, s->folder, url, NULL, &s->artifacts, &test_error));
	fixture_registry_start(&s->registry);
	s->http = fixture_http(&s->registry);
	*state = s;
	return 0;
}

static int stage_free(void **state)
{
	struct stage *s = *state;

	http_free(s->http);
	fixture_registry_stop(&s->registry);
	artifacts_free(&s->artifacts);
	spec_free(s->spec);
	fixture_remove(s->mirror);
	fixture_remove(s->folder);
	free(s);
	return 0;
}

static int push(struct stage *s, const char *host, const char *password, struct events *events, struct error **err)
{
	struct registry_push p = {.folder = s->folder,
				  .artifacts = &s->artifacts,
				  .host = host,
				  .http = s->http,
				  .user = "davit",
				  .password = password,
				  .events = events,
				  .subject = "demo-registry"};

	return registry_push(&p, err);
}

/* What nodes do: an artifact by digest, an image by tag. */
static void nodes_can_pull(struct stage *s)
{
	const struct artifact *runc = artifacts_find(&s->artifacts, "runc");
	CLEANUP_FREE char *blob = xasprintf("https://%s/v2/" REGISTRY_BLOBS "/blobs/%s", s->registry.host, runc->digest);
	CLEANUP_FREE char *tag = xasprintf("https://%s/v2/coredns/coredns/manifests/v1.14.7", s->registry.host);
	struct http_request request = {.url = blob, .user = "davit", .password = "secret"};
	CLEANUP_HTTP_RESPONSE struct http_response a = HTTP_RESPONSE_INIT, b = HTTP_RESPONSE_INIT;
	CLEANUP_STRV struct strv accept = STRV_INIT;
	char hex[DIGEST_HEX_LEN + 1];

	strv_add(&accept, "Accept: application/vnd.oci.image.manifest.v1+json"); /* else distribution answers 404 */
	assert_success(http_perform(s->http, &request, &a, &test_error));
	assert_int_equal(a.status, 200);
	assert_int_equal(a.body.len, runc->size);
	digest_hex(a.body.data, a.body.len, hex);
	assert_string_equal(hex, runc->digest + strlen("sha256:"));
	request.url = tag;
	request.headers = &accept;
	assert_success(http_perform(s->http, &request, &b, &test_error));
	assert_int_equal(b.status, 200);
}

static void test_push_then_nothing_to_do(void **state)
{
	struct stage *s = *state;
	const struct fixture_registry *r = &s->registry;
	CLEANUP_JSON struct json_object *o = NULL;
	size_t uploads;

	assert_success(push(s, r->host, "secret", NULL, &test_error));
	uploads = fixture_registry_requests(r, "PUT", "/blobs/uploads/");
	assert_int_equal(uploads, 13 + 4 * 2 + 1); /* artifacts, images' configs and layers, the empty config */
	assert_int_equal(fixture_registry_requests(r, "PUT", "/manifests/"), 5);
	nodes_can_pull(s);
	assert_success(push(s, r->host, "secret", NULL, &test_error));
	assert_int_equal(fixture_registry_requests(r, "PUT", "/blobs/uploads/"), uploads);
	assert_int_equal(fixture_registry_requests(r, "POST", ""), uploads);
	assert_int_equal(fixture_registry_requests(r, "PUT", "/manifests/"), 5);
	assert_success(registry_catalogue(s->http, r->host, "davit", "secret", &o, &test_error));
	assert_string_equal(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE),
			    "{\"repositories\":[{\"name\":\"coredns/coredns\",\"tags\":[\"v1.14.7\"]},{\"name\":\"davit/"
			    "artifacts\",\"tags\":[\"1.36.3\"]},"
			    "{\"name\":\"e2e-test-images/agnhost\",\"tags\":[\"2.63.0\"]},{\"name\":\"metrics-server/"
			    "metrics-server\",\"tags\":[\"v0.9.0\"]},"
			    "{\"name\":\"pause\",\"tags\":[\"3.10.2\"]}]}");
}

static void test_wrong_password(void **state)
{
	struct stage *s = *state;

	assert_int_equal(push(s, s->registry.host, "wrong", NULL, &test_error), -1);
	assert_true(error_is(test_error, ERROR_AUTH));
	assert_failure(-1, "the registry refuses user \"davit\" with this password (status 401)");
	assert_int_equal(fixture_registry_requests(&s->registry, "POST", ""), 0);
}

static void test_registry_of_another_authority(void **state)
{
	struct stage *s = *state;
	struct http_options options = {.no_proxy = true};
	struct http *other = NULL;
	struct registry_push p = {.folder = s->folder,
				  .artifacts = &s->artifacts,
				  .host = s->registry.host,
				  .user = "davit",
				  .password = "secret",
				  .subject = "r"};

	assert_success(http_new(&options, &other, &test_error));
	p.http = other;
	assert_failure(registry_push(&p, &test_error), "certificate is not trusted");
	assert_failure(registry_wait(other, s->registry.host, clock_deadline(5000), &test_error), "certificate is not trusted");
	http_free(other);
}

static void test_damaged_blob_is_not_uploaded(void **state)
{
	struct stage *s = *state;
	const struct artifact *a = artifacts_find(&s->artifacts, "containerd");
	CLEANUP_FREE char *path = bundle_blob_path(s->folder, a->digest);
	FILE *f = fopen(path, "r+");

	assert_non_null(f);
	assert_int_equal(fseek(f, LARGE / 2, SEEK_SET), 0);
	fputc('X', f);
	fclose(f);
	assert_int_equal(push(s, s->registry.host, "secret", NULL, &test_error), -1);
	assert_true(error_is(test_error, ERROR_CONFIG));
	assert_failure(-1, "is damaged: its bytes have the digest sha256:");
	assert_int_equal(truncate(path, LARGE - 5), 0);
	assert_failure(push(s, s->registry.host, "secret", NULL, &test_error), "ends after 12582907 of 12582912 bytes");
}

/* ---- interruptions ---- */

enum { FLAKY_LIMIT = 2 * 1024 * 1024 };

/* A way to the registry that breaks each of its first connections after a few megabytes, or holds them there. */
struct flaky {
	int fd;
	uint16_t port, to;
	int breaks; /* still to come */
	bool hold;
	atomic_bool stop;
	struct parallel_thread *thread;
};

struct flaky_pair {
	struct flaky *f;
	int in, out;
	int64_t limit; /* bytes from in to out before the break; 0: none */
};

static bool move(int from, int to, int64_t *left)
{
	char chunk[65536];
	ssize_t n = recv(from, chunk, sizeof(chunk), 0);

	for (ssize_t at = 0; at < n;) {
		ssize_t w = send(to, chunk + at, (size_t)(n - at), MSG_NOSIGNAL);

		if (w <= 0)
			return false;
		at += w;
	}
	if (left != NULL && *left > 0 && (*left -= n) < 0)
		return false;
	return n > 0;
}

static int pump(void *context, struct error **err UNUSED)
{
	struct flaky_pair *p = context;
	struct pollfd fds[2] = {{.fd = p->in, .events = POLLIN}, {.fd = p->out, .events = POLLIN}};
	bool going = true;

	while (going && poll(fds, 2, -1) > 0) {
		if (fds[0].revents != 0)
			going = move(p->in, p->out, &p->limit);
		if (going && fds[1].revents != 0)
			going = move(p->out, p->in, NULL);
	}
	while (p->f->hold && p->limit < 0 && !atomic_load(&p->f->stop))
		poll(NULL, 0, 20);
	close(p->in);
	close(p->out);
	free(p);
	return 0;
}

static int connect_to(uint16_t port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

static int flaky_loop(void *context, struct error **err UNUSED)
{
	struct flaky *f = context;
	struct pollfd p = {.fd = f->fd, .events = POLLIN};
	struct parallel_thread *pumps[64] = {0};
	size_t n = 0;

	while (!atomic_load(&f->stop)) {
		struct flaky_pair *pair;

		if (poll(&p, 1, 50) <= 0)
			continue;
		pair = xnew(struct flaky_pair);
		pair->in = accept(f->fd, NULL, NULL);
		pair->out = connect_to(f->to);
		pair->f = f;
		pair->limit = f->breaks-- > 0 ? FLAKY_LIMIT : 0;
		assert_true(n < ARRAY_SIZE(pumps));
		pumps[n++] = parallel_start(pump, pair);
	}
	for (size_t i = 0; i < n; i++)
		parallel_join(pumps[i], NULL);
	return 0;
}

static char *flaky_start(struct flaky *f, const char *host, int breaks, bool hold)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t n = sizeof(a);

	f->to = (uint16_t)atoi(strchr(host, ':') + 1);
	f->breaks = breaks;
	f->hold = hold;
	f->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(f->fd, (struct sockaddr *)&a, n), 0);
	assert_int_equal(listen(f->fd, 16), 0);
	assert_int_equal(getsockname(f->fd, (struct sockaddr *)&a, &n), 0);
	f->port = ntohs(a.sin_port);
	f->thread = parallel_start(flaky_loop, f);
	return xasprintf("127.0.0.1:%u", f->port);
}

/* Connections are kept open by the HTTP client: a new one lets the pumps end. */
static void flaky_stop(struct flaky *f, struct stage *s)
{
	atomic_store(&f->stop, true);
	http_free(s->http);
	s->http = fixture_http(&s->registry);
	assert_int_equal(parallel_join(f->thread, NULL), 0);
	close(f->fd);
}

static int stop_after_some(void *context, struct error **err)
{
	const struct stage *s = context;

	while (fixture_registry_requests(&s->registry, "PUT", " 201 ") < 5)
		if (cancel_sleep(20, err) < 0)
			return -1;
	cancel_now();
	return 0;
}

static void test_interrupted_push_is_resumed(void **state)
{
	struct stage *s = *state;
	struct flaky f = {0};
	CLEANUP_FREE char *host = flaky_start(&f, s->registry.host, 1000, true); /* the largest blob never ends */
	struct parallel_thread *watch = parallel_start(stop_after_some, s);
	size_t before;

	assert_int_equal(push(s, host, "secret", NULL, &test_error), -1);
	assert_true(error_is(test_error, ERROR_CANCELLED));
	error_clear(&test_error);
	assert_int_equal(parallel_join(watch, NULL), 0);
	flaky_stop(&f, s);
	cancel_reset();
	before = fixture_registry_requests(&s->registry, "PUT", " 201 ");
	assert_true(before >= 5 && before < 22 + 5 - 1);
	assert_success(push(s, s->registry.host, "secret", NULL, &test_error));
	/* What had arrived was not sent again; what was under way (4 at a time) may have been accepted just after. */
	assert_in_range(fixture_registry_requests(&s->registry, "PUT", " 201 "), 22 + 5, 22 + 5 + 4);
	nodes_can_pull(s);
}

static void test_connections_that_break(void **state)
{
	struct stage *s = *state;
	struct flaky f = {0};
	CLEANUP_FREE char *host = flaky_start(&f, s->registry.host, 6, false);

	assert_success(push(s, host, "secret", NULL, &test_error));
	flaky_stop(&f, s);
	assert_true(f.breaks < 0);
	nodes_can_pull(s);
}

static void test_wait_gives_up_with_the_last_reason(void **state)
{
	struct stage *s = *state;

	assert_failure(registry_wait(s->http, "127.0.0.1:1", clock_deadline(700), &test_error),
		       "the registry at 127.0.0.1:1 did not begin to serve in time; the last try: GET https://127.0.0.1:1/v2/: "
		       "no connection");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_push_then_nothing_to_do, stage_init, stage_free),
		cmocka_unit_test_setup_teardown(test_wrong_password, stage_init, stage_free),
		cmocka_unit_test_setup_teardown(test_registry_of_another_authority, stage_init, stage_free),
		cmocka_unit_test_setup_teardown(test_damaged_blob_is_not_uploaded, stage_init, stage_free),
		cmocka_unit_test_setup_teardown(test_interrupted_push_is_resumed, stage_init, stage_free),
		cmocka_unit_test_setup_teardown(test_connections_that_break, stage_init, stage_free),
		cmocka_unit_test_setup_teardown(test_wait_gives_up_with_the_last_reason, stage_init, stage_free),
	};

	if (fixture_registry_missing() != NULL) {
		printf("SKIP: %s\n", fixture_registry_missing());
		return 77;
	}
	cancel_init();
	http_global_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
