#include "tests/integration/http_paths.h"
#include "core/base/alloc.h"
#include "core/base/buf.h"

struct server *server, *other;
atomic_uint flaky;

static bool echo(struct server_peer *p, const struct server_request *r)
{
	static const char *const names[] = {"Authorization", "X-Auth-Token", "X-Subject-Token", "Cookie",
					    "Expect",	     "X-Plain",	     "Content-Type"};
	CLEANUP_BUF struct buf b = BUF_INIT;

	buf_addf(&b, "%s body=%s", r->method, r->body);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		CLEANUP_FREE char *value = server_header(r, names[i]);

		if (value != NULL)
			buf_addf(&b, " %s=%s", names[i], value);
	}
	server_reply(p, 200, "X-Multi: a\r\nx-multi: b\r\n", buf_str(&b));
	return true;
}

/* The second request of a connection ends it without a byte. */
static bool die(struct server_peer *p, const struct server_request *r)
{
	if (r->nth > 1)
		return false;
	server_reply(p, 200, "", "first");
	return true;
}

static bool reset_after_request(struct server_peer *p, const struct server_request *r UNUSED)
{
	server_reset(p);
	return false;
}

static bool cut(struct server_peer *p, const struct server_request *r UNUSED)
{
	server_send(p, "HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\nonly this");
	return false;
}

static bool cut_chunked(struct server_peer *p, const struct server_request *r UNUSED)
{
	server_send(p, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
	return false;
}

static bool drip(struct server_peer *p, const struct server_request *r UNUSED)
{
	server_send(p, "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n");
	for (int i = 0; i < 12; i++) {
		server_pause(p, 60);
		server_send(p, ".");
	}
	return true;
}

static bool stall(struct server_peer *p, const struct server_request *r UNUSED)
{
	server_send(p, "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nhalf");
	server_pause(p, 20000);
	return false;
}

static bool silent(struct server_peer *p, const struct server_request *r UNUSED)
{
	server_pause(p, 20000);
	return false;
}

static bool fail_then_work(struct server_peer *p, const char *headers, int status, const char *body, unsigned failures)
{
	if (atomic_fetch_add(&flaky, 1) < failures)
		server_reply(p, status, headers, body);
	else
		server_reply(p, 200, "", "worked");
	return true;
}

static bool flaky_429(struct server_peer *p, const struct server_request *r UNUSED)
{
	return fail_then_work(p, "Retry-After: 1\r\n", 429, "slower", 1);
}

static bool flaky_503(struct server_peer *p, const struct server_request *r UNUSED)
{
	return fail_then_work(p, "", 503, "busy", 1);
}

static bool flaky_no_server(struct server_peer *p, const struct server_request *r UNUSED)
{
	return fail_then_work(
		p, "", 503,
		"<html><body><h1>503 Service Unavailable</h1>\nNo server is available to handle this request.\n</body></html>",
		1);
}

static bool flaky_cut(struct server_peer *p, const struct server_request *r)
{
	return atomic_fetch_add(&flaky, 1) < 1 ? cut(p, r) : echo(p, r);
}

static bool flaky_empty(struct server_peer *p, const struct server_request *r)
{
	return atomic_fetch_add(&flaky, 1) < 1 ? false : echo(p, r);
}

static bool broken(struct server_peer *p, const struct server_request *r UNUSED)
{
	server_reply(p, 502, "Content-Type: text/html\r\n", "<h1>Bad Gateway</h1>");
	return true;
}

static bool redirect(struct server_peer *p, int status, const char *location)
{
	CLEANUP_FREE char *header = xasprintf("Location: %s\r\n", location);

	server_reply(p, status, header, "moved");
	return true;
}

static bool redirect_here(struct server_peer *p, const struct server_request *r UNUSED)
{
	return redirect(p, 302, "/echo");
}

static bool redirect_307(struct server_peer *p, const struct server_request *r UNUSED)
{
	return redirect(p, 307, "../echo");
}

static bool redirect_away(struct server_peer *p, const struct server_request *r UNUSED)
{
	CLEANUP_FREE char *url = server_url(other, "/echo");

	return redirect(p, 302, url);
}

static bool redirect_there_and_back(struct server_peer *p, const struct server_request *r)
{
	CLEANUP_FREE char *url = server_url(other, "/back");

	if (strcmp(r->path, "/back") != 0)
		return redirect(p, 302, url);
	free(url);
	url = server_url(server, "/echo");
	return redirect(p, 302, url);
}

static bool redirect_loop(struct server_peer *p, const struct server_request *r UNUSED)
{
	return redirect(p, 301, "/redirect/loop");
}

static bool redirect_file(struct server_peer *p, const struct server_request *r UNUSED)
{
	return redirect(p, 302, "file:///etc/hostname");
}

static bool huge_announced(struct server_peer *p, const struct server_request *r UNUSED)
{
	server_send(p, "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n");
	server_pause(p, 2000);
	return false;
}

static bool huge_chunked(struct server_peer *p, const struct server_request *r UNUSED)
{
	server_send(p, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
	for (int i = 0; i < 200; i++)
		server_send(p, "10\r\n0123456789abcdef\r\n");
	server_send(p, "0\r\n\r\n");
	return true;
}

static bool huge_headers(struct server_peer *p, const struct server_request *r UNUSED)
{
	CLEANUP_BUF struct buf line = BUF_INIT;

	buf_add(&line, "X-Much: ");
	for (int i = 0; i < 8000; i++)
		buf_add_char(&line, 'x');
	buf_add(&line, "\r\n");
	server_send(p, "HTTP/1.1 200 OK\r\n");
	for (int i = 0; i < 1000; i++)
		server_send(p, buf_str(&line));
	server_send(p, "\r\n");
	return false;
}

static bool garbage(struct server_peer *p, const struct server_request *r UNUSED)
{
	server_send(p, "SSH-2.0-OpenSSH_9.2p1 Debian\r\n");
	return false;
}

static bool odd_headers(struct server_peer *p, const struct server_request *r UNUSED)
{
	server_send(
		p,
		"HTTP/1.1 103 Early Hints\r\nLink: early\r\n\r\nHTTP/1.1 200 OK\r\n: no name\r\nEmpty:\r\nFolded: one\r\n two\r\n"
		"Escape: \x1b[31mred\r\nContent-Length: 2\r\n\r\nok");
	return true;
}

static bool no_colon(struct server_peer *p, const struct server_request *r UNUSED)
{
	server_send(p, "HTTP/1.1 200 OK\r\nno colon\r\nContent-Length: 2\r\n\r\nok");
	return false;
}

static bool bad_length(struct server_peer *p, const struct server_request *r UNUSED)
{
	server_send(p, "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello");
	return false;
}

static bool slow(struct server_peer *p, const struct server_request *r UNUSED)
{
	server_pause(p, 50);
	server_reply(p, 200, "", "slow");
	return true;
}

static const struct {
	const char *path;
	server_handler *handler;
} paths[] = {
	{"/bad-length", bad_length},
	{"/back", redirect_there_and_back},
	{"/broken", broken},
	{"/cut", cut},
	{"/cut-chunked", cut_chunked},
	{"/die", die},
	{"/drip", drip},
	{"/echo", echo},
	{"/flaky/429", flaky_429},
	{"/flaky/503", flaky_503},
	{"/flaky/cut", flaky_cut},
	{"/flaky/empty", flaky_empty},
	{"/flaky/no-server", flaky_no_server},
	{"/garbage", garbage},
	{"/huge/announced", huge_announced},
	{"/huge/chunked", huge_chunked},
	{"/huge/headers", huge_headers},
	{"/no-colon", no_colon},
	{"/odd-headers", odd_headers},
	{"/redirect/307", redirect_307},
	{"/redirect/away", redirect_away},
	{"/redirect/file", redirect_file},
	{"/redirect/here", redirect_here},
	{"/redirect/loop", redirect_loop},
	{"/redirect/there-and-back", redirect_there_and_back},
	{"/reset", reset_after_request},
	{"/silent", silent},
	{"/slow", slow},
	{"/stall", stall},
};

bool http_paths_handle(struct server_peer *p, const struct server_request *r)
{
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		if (strncmp(r->path, paths[i].path, strcspn(r->path, "?")) == 0 && strlen(paths[i].path) == strcspn(r->path, "?"))
			return paths[i].handler(p, r);
	server_reply(p, 404, "", "no such path");
	return true;
}

void http_paths_start(void)
{
	server = server_start(http_paths_handle, NULL, NULL, NULL);
	other = server_start(http_paths_handle, NULL, NULL, NULL);
	atomic_store(&flaky, 0);
}

void http_paths_stop(void)
{
	server_stop(server);
	server_stop(other);
}

int http_collect(const void *p, size_t n, void *context, struct error **err UNUSED)
{
	buf_add_mem(context, p, n);
	return 0;
}
