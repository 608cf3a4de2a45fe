#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include "core/base/parallel.h"
#include "core/base/path.h"
#include "core/net/retry.h"
#include "tests/integration/http_paths.h"
#include "tests/unit/test.h"
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct http *new_client(const struct http_options *options)
{
	struct http *h = NULL;

	assert_success(http_new(options, &h, &test_error));
	return h;
}

static int setup(void **state UNUSED)
{
	http_paths_start();
	return 0;
}

static int teardown(void **state UNUSED)
{
	http_paths_stop();
	return 0;
}

static char tls_folder[] = "/tmp/davit-tls-XXXXXX";

static struct server *tls_server(const char *name)
{
	CLEANUP_FREE char *cert = xasprintf("%s/%s.pem", tls_folder, name), *key = xasprintf("%s/%s.key", tls_folder, name);

	return server_start(http_paths_handle, NULL, cert, key);
}

static void tls_try(struct server *s, const struct http_options *options, const char *failure)
{
	CLEANUP_HTTP_RESPONSE struct http_response r = HTTP_RESPONSE_INIT;
	CLEANUP_FREE char *url = server_url(s, "/echo");
	struct http_request request = {.url = url, .timeout_ms = 5000};
	struct http *h = new_client(options);

	if (failure != NULL) {
		assert_failure(retry_perform(h, &request, RETRY_A, CLOCK_NEVER, &r, &test_error), failure);
		assert_int_equal(r.outcome, HTTP_NOT_SENT);
		assert_int_equal(r.tries, 1); /* hopeless */
		assert_int_equal(server_count(s, "GET", "/"), 0);
	} else {
		assert_success(retry_perform(h, &request, RETRY_A, CLOCK_NEVER, &r, &test_error));
		assert_string_equal(buf_str(&r.body), "GET body=");
	}
	http_free(h);
}

static void test_trust(void **state UNUSED)
{
	CLEANUP_FREE char *ca_file = xasprintf("%s/ca.pem", tls_folder), *other_ca = xasprintf("%s/other/ca.pem", tls_folder);
	CLEANUP_FREE char *key_file = xasprintf("%s/good.key", tls_folder), *missing = xasprintf("%s/missing.pem", tls_folder);
	CLEANUP_BUF struct buf ca = BUF_INIT, wrong_ca = BUF_INIT;
	struct server *good = tls_server("good"), *name = tls_server("name"), *expired = tls_server("expired");
	struct http *h = NULL;

	assert_success(path_read(ca_file, &ca, &test_error));
	assert_success(path_read(other_ca, &wrong_ca, &test_error));
	tls_try(good, &(struct http_options){.no_proxy = true},
		"name the file of the authority that signed it as cacert in clouds.yaml");
	tls_try(good, &(struct http_options){.no_proxy = true, .ca_pem = wrong_ca.data},
		"not signed by the authority that is expected here");
	tls_try(name, &(struct http_options){.no_proxy = true, .ca_file = ca_file},
		"the server's certificate is for another name");
	tls_try(expired, &(struct http_options){.no_proxy = true, .ca_file = ca_file},
		"the server's certificate is not valid now");
	tls_try(good, &(struct http_options){.no_proxy = true, .ca_file = ca_file}, NULL);
	tls_try(good, &(struct http_options){.no_proxy = true, .ca_pem = ca.data}, NULL);
	tls_try(name, &(struct http_options){.no_proxy = true, .insecure = true}, NULL);
	assert_failure(http_new(&(struct http_options){.ca_file = missing}, &h, &test_error), "missing.pem");
	assert_failure(http_new(&(struct http_options){.ca_file = "/etc/hostname"}, &h, &test_error), "holds no PEM certificate");
	assert_failure(http_new(&(struct http_options){.client_cert = missing, .client_key = key_file}, &h, &test_error),
		       "there is no such file");
	server_stop(good);
	server_stop(name);
	server_stop(expired);
}

struct dialled {
	struct server *to;
	unsigned calls;
	bool fails, nameless;
	char host[64];
	uint16_t port;
};

/* A pair of sockets and a thread between them and the server, as the bastion does it. */
struct pump {
	int near, far;
};

static int pump(void *context, struct error **err UNUSED)
{
	struct pump *p = context;
	char bytes[8192];

	for (;;) {
		struct pollfd fds[2] = {{.fd = p->near, .events = POLLIN}, {.fd = p->far, .events = POLLIN}};
		ssize_t n = 0;

		poll(fds, 2, -1);
		for (int i = 0; i < 2; i++)
			if (fds[i].revents != 0) {
				n = read(fds[i].fd, bytes, sizeof(bytes));
				if (n <= 0 || write(fds[1 - i].fd, bytes, (size_t)n) != n) {
					close(p->near);
					close(p->far);
					free(p);
					return 0;
				}
			}
	}
}

static struct parallel_thread *pumps[16];
static size_t n_pumps;

/* libcurl 7.88 keeps no connection whose peer has no name: give the far end one. */
static void name_end(int fd)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};

	snprintf(name.sun_path, sizeof(name.sun_path), "%s/end", tls_folder);
	assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof(name)), 0);
	unlink(name.sun_path);
}

static int dial(void *context, const char *host, uint16_t port, int *ret_fd, struct error **err)
{
	struct dialled *d = context;
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(server_port(d->to))};
	struct pump *p;
	int pair[2];

	d->calls++;
	snprintf(d->host, sizeof(d->host), "%s", host);
	d->port = port;
	if (d->fails)
		return error_set(err, ERROR_NETWORK, "the jump host refuses");
	p = xnew(struct pump);
	p->far = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(p->far, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	if (!d->nameless)
		name_end(pair[0]);
	p->near = pair[0];
	*ret_fd = pair[1];
	assert_true(n_pumps < ARRAY_SIZE(pumps));
	pumps[n_pumps++] = parallel_start(pump, p);
	return 0;
}

static void dial_thrice(const char *scheme, bool nameless, unsigned calls)
{
	CLEANUP_FREE char *ca_file = xasprintf("%s/ca.pem", tls_folder),
			  *url = xasprintf("%s://davit-node.invalid:6443/echo", scheme);
	struct server *s = strcmp(scheme, "https") == 0 ? tls_server("name") : server_start(http_paths_handle, NULL, NULL, NULL);
	struct dialled d = {.to = s, .nameless = nameless};
	struct http *h = new_client(&(struct http_options){.ca_file = ca_file, .dial = dial, .dial_context = &d});
	/* The certificate is for this name, which no DNS has ever heard of. */
	struct http_request request = {.method = "POST", .url = url, .body = "b", .body_len = 1};

	for (int i = 0; i < 3; i++) {
		CLEANUP_HTTP_RESPONSE struct http_response r = HTTP_RESPONSE_INIT;

		assert_success(http_perform(h, &request, &r, &test_error));
		assert_string_equal(buf_str(&r.body), "POST body=b");
	}
	assert_string_equal(d.host, "davit-node.invalid");
	assert_int_equal(d.port, 6443);
	assert_int_equal(d.calls, calls);
	http_free(h);
	while (n_pumps > 0)
		assert_success(parallel_join(pumps[--n_pumps], &test_error));
	server_stop(s);
}

static void test_dialled_connections(void **state UNUSED)
{
	dial_thrice("https", false, 1); /* the connection is kept */
	dial_thrice("http", false, 1);
	dial_thrice("https", true, 3);
	dial_thrice("http", true, 1);
}

static void test_dialling_fails(void **state UNUSED)
{
	CLEANUP_HTTP_RESPONSE struct http_response r = HTTP_RESPONSE_INIT;
	struct dialled d = {.to = server, .fails = true};
	struct http *h = new_client(&(struct http_options){.dial = dial, .dial_context = &d});
	struct http_request address = {.url = "https://10.255.255.1:6443/echo"}, v6 = {.url = "http://[FD00::1]/echo"};

	assert_failure(http_perform(h, &address, &r, &test_error), "GET https://10.255.255.1:6443/echo: the jump host refuses");
	assert_int_equal(r.outcome, HTTP_NOT_SENT);
	assert_string_equal(d.host, "10.255.255.1");
	assert_failure(http_perform(h, &v6, &r, &test_error), "the jump host refuses");
	assert_string_equal(d.host, "fd00::1");
	assert_int_equal(d.port, 80);
	http_free(h);
}

static int make_certificates(void **state UNUSED)
{
	CLEANUP_FREE char *other_folder = NULL;

	cancel_init();
	http_global_init();
	if (mkdtemp(tls_folder) == NULL)
		return -1;
	other_folder = xasprintf("%s/other", tls_folder);
	if (path_mkdirs(other_folder, 0700, NULL) < 0)
		return -1;
	server_certificate(tls_folder, "good", "IP:127.0.0.1,DNS:localhost", -3600, 3600);
	server_certificate(tls_folder, "name", "DNS:davit-node.invalid", -3600, 3600);
	server_certificate(tls_folder, "expired", "IP:127.0.0.1", -7200, -3600);
	server_certificate(other_folder, "unused", "IP:127.0.0.1", -3600, 3600);
	return 0;
}

static int remove_certificates(void **state UNUSED)
{
	return path_remove_tree(tls_folder, NULL);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_trust),
		TEST(test_dialled_connections),
		TEST(test_dialling_fails),
	};

	return cmocka_run_group_tests(tests, make_certificates, remove_certificates);
}
