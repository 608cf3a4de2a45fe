#include "tests/integration/cloud_fixture.h"
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include "core/base/path.h"
#include <stdio.h>
#include <unistd.h>

/* ---- a keystone and what stands behind it ---- */

struct server *server;
char folder[] = "/tmp/davit-cloud-XXXXXX";
struct fake fake = {.lock = PTHREAD_MUTEX_INITIALIZER};

static char *rfc3339(int64_t ms)
{
	char *s = clock_rfc3339(ms);

	memcpy(s + strlen(s) - 4, "000Z", 4);
	return s;
}

static void give_token(struct server_peer *p, const char *extra)
{
	CLEANUP_FREE char *issued = rfc3339(1000000000000), *expires = rfc3339(1000000000000 + atomic_load(&fake.life_s) * 1000);
	unsigned number = atomic_fetch_add(&fake.logins, 1) + 1, port = server_port(server);
	CLEANUP_FREE char *header = xasprintf("X-Subject-Token: token-%u\r\nContent-Type: application/json\r\n", number);
	CLEANUP_FREE char *body =
		xasprintf("{\"token\":{\"issued_at\":\"%s\",\"expires_at\":\"%s\",%s\"user\":{\"id\":\"user-1\"},\"catalog\":["
			  "{\"type\":\"compute\",\"endpoints\":[{\"interface\":\"public\",\"region_id\":\"R\",\"url\":\"http://"
			  "127.0.0.1:%u%s/compute/v2.1\"},"
			  "{\"interface\":\"public\",\"region_id\":\"S\",\"url\":\"http://127.0.0.1:%u/s/compute/v2.1\"}]},"
			  "{\"type\":\"network\",\"endpoints\":[{\"interface\":\"public\",\"region_id\":\"R\",\"url\":\"http://"
			  "127.0.0.1:%u/network\"},"
			  "{\"interface\":\"internal\",\"region_id\":\"R\",\"url\":\"http://127.0.0.1:%u/internal/network\"}]},"
			  "{\"type\":\"image\",\"endpoints\":[{\"interface\":\"public\",\"region_id\":\"R\",\"url\":\"http://"
			  "127.0.0.1:%u/image\"}]},"
			  "{\"type\":\"volumev3\",\"endpoints\":[{\"interface\":\"public\",\"region_id\":\"R\",\"url\":\"http://"
			  "127.0.0.1:%u/volume/v3/p\"}]}]}}",
			  issued, expires, extra, port, atomic_load(&fake.moved) ? "/moved" : "", port, port, port, port, port);

	server_reply(p, 201, header, body);
}

static bool login(struct server_peer *p, const struct server_request *r)
{
	pthread_mutex_lock(&fake.lock);
	snprintf(fake.last_login, sizeof(fake.last_login), "%s", r->body);
	pthread_mutex_unlock(&fake.lock);
	if (strstr(r->body, "\"gone\"") != NULL) {
		server_reply(p, 404, "",
			     "{\"error\":{\"code\":404,\"title\":\"Not Found\",\"message\":\"Could not find Application "
			     "Credential: gone.\"}}");
		return true;
	}
	server_pause(p, 30); /* long enough for others to come meanwhile */
	if (atomic_load(&fake.login_failures) > 0) {
		atomic_fetch_sub(&fake.login_failures, 1);
		server_reply(p, atomic_load(&fake.login_status), "x-openstack-request-id: req-k\r\n",
			     "{\"error\":{\"code\":1,\"title\":\"Unauthorized\",\"message\":\"The request you have made requires "
			     "authentication.\"}}");
		return true;
	}
	give_token(p, strstr(r->body, "unscoped") != NULL ? "" : "\"project\":{\"id\":\"project-1\",\"name\":\"demo\"},");
	return true;
}

static bool versions(struct server_peer *p, const struct server_request *r UNUSED)
{
	server_reply(p, 300, "",
		     "{\"versions\":{\"values\":[{\"id\":\"v3.14\",\"links\":[{\"rel\":\"self\",\"href\":\"http://wrong.invalid/"
		     "identity/v3/\"}]}]}}");
	return true;
}

static bool html(struct server_peer *p, const struct server_request *r UNUSED)
{
	server_reply(p, 200, "Content-Type: text/html\r\n", "<h1>Welcome to the hotel's Wi-Fi</h1>");
	return true;
}

static bool accepted(struct server_peer *p, const struct server_request *r UNUSED)
{
	server_reply(p, 202, "Content-Type: text/plain\r\n", "The request is accepted for processing.");
	return true;
}

static bool echo(struct server_peer *p, const struct server_request *r)
{
	CLEANUP_JSON struct json_object *o = json_object_new_object();

	pthread_mutex_lock(&fake.lock);
	snprintf(fake.last_headers, sizeof(fake.last_headers), "%s", r->headers);
	pthread_mutex_unlock(&fake.lock);
	json_add_str(o, "method", r->method);
	json_add_str(o, "path", r->path);
	json_add_str(o, "body", r->body);
	server_reply(p, 200, "Content-Type: application/json\r\n", json_object_to_json_string(o));
	return true;
}

static bool nova_pages(struct server_peer *p, const struct server_request *r)
{
	if (strstr(r->path, "marker=b") != NULL)
		server_reply(p, 200, "", "{\"servers\":[{\"name\":\"c\"}]}");
	else if (strstr(r->path, "marker=a") != NULL)
		server_reply(p, 200, "",
			     "{\"servers\":[],\"servers_links\":[{\"rel\":\"next\",\"href\":\"http://evil.invalid/"
			     "x?project=y&marker=b\"}]}");
	else
		server_reply(p, 200, "",
			     "{\"servers\":[{\"name\":\"a\"},{\"name\":\"b\"}],\"servers_links\":[{\"rel\":\"next\",\"href\":\"/"
			     "v2.1/servers/detail?marker=a\"}]}");
	return true;
}

static bool round_pages(struct server_peer *p, const struct server_request *r)
{
	server_reply(p, 200, "",
		     strstr(r->path, "marker=a") != NULL
			     ? "{\"ports\":[],\"ports_links\":[{\"rel\":\"next\",\"href\":\"?marker=b\"}]}"
			     : "{\"ports\":[],\"ports_links\":[{\"rel\":\"next\",\"href\":\"?marker=a\"}]}");
	return true;
}

static bool image_pages(struct server_peer *p, const struct server_request *r)
{
	if (strstr(r->path, "marker=x") != NULL)
		server_reply(p, 200, "", "{\"images\":[{\"name\":\"two\"}]}");
	else if (strstr(r->path, "limit=500") != NULL)
		server_reply(p, 200, "", "{\"images\":[{\"name\":\"one\"}],\"next\":\"/v2/images?marker=x\"}");
	else
		server_reply(p, 400, "", "no limit was asked for");
	return true;
}

/* The member that the second page begins behind is gone at the first walk. */
static bool lost_pages(struct server_peer *p, const struct server_request *r)
{
	bool second = strstr(r->path, "marker=") != NULL;

	if (second && atomic_fetch_add(&fake.flaky, 1) == 0)
		server_reply(p, 400, "", "{\"badRequest\":{\"message\":\"marker [a] not found\",\"code\":400}}");
	else if (second)
		server_reply(p, 200, "", "{\"servers\":[{\"name\":\"z\"}]}");
	else
		server_reply(p, 200, "",
			     "{\"servers\":[{\"name\":\"y\"}],\"servers_links\":[{\"rel\":\"next\",\"href\":\"?marker=a\"}]}");
	return true;
}

/* A page that is gone whenever it is asked for. */
static bool half_pages(struct server_peer *p, const struct server_request *r)
{
	if (strstr(r->path, "marker=") != NULL)
		server_reply(p, 404, "", "{\"itemNotFound\":{\"message\":\"marker [a] not found\",\"code\":404}}");
	else
		server_reply(p, 200, "",
			     "{\"servers\":[{\"name\":\"y\"}],\"servers_links\":[{\"rel\":\"next\",\"href\":\"?marker=a\"}]}");
	return true;
}

static bool no_pages(struct server_peer *p, const struct server_request *r UNUSED)
{
	server_reply(p, 200, "", "{\"things\":7}");
	return true;
}

static bool flaky(struct server_peer *p, const struct server_request *r)
{
	if (atomic_fetch_add(&fake.flaky, 1) > 0)
		return echo(p, r);
	server_reply(p, 503, "", "<html><body>busy</body></html>");
	return true;
}

static bool broken(struct server_peer *p, const struct server_request *r UNUSED)
{
	server_reply(p, 502, "", "<html><head><title>x</title></head><body><h1>502 Bad Gateway</h1></body></html>");
	return true;
}

static bool dropped(struct server_peer *p UNUSED, const struct server_request *r UNUSED)
{
	return false;
}

static bool vanishing(struct server_peer *p, const struct server_request *r UNUSED)
{
	bool first = atomic_fetch_add(&fake.flaky, 1) == 0;

	server_reply(p, first ? 504 : 404, "", first ? "" : "{\"itemNotFound\":{\"message\":\"gone\",\"code\":404}}");
	return true;
}

static bool missing(struct server_peer *p, const struct server_request *r UNUSED)
{
	server_reply(p, 404, "x-compute-request-id: req-7\r\n",
		     "{\"itemNotFound\":{\"message\":\"Instance x could not be found.\",\"code\":404}}");
	return true;
}

static bool conflict(struct server_peer *p, const struct server_request *r UNUSED)
{
	server_reply(p, 409, "",
		     "{\"NeutronError\":{\"type\":\"IpAddressAlreadyAllocated\",\"message\":\"taken\",\"detail\":\"\"}}");
	return true;
}

static bool over_quota(struct server_peer *p, const struct server_request *r UNUSED)
{
	server_reply(p, 409, "",
		     "{\"NeutronError\":{\"type\":\"OverQuota\",\"message\":\"Quota exceeded for resources: "
		     "['port'].\",\"detail\":\"\"}}");
	return true;
}

static bool over_limit(struct server_peer *p, const struct server_request *r UNUSED)
{
	server_reply(p, 413, "Retry-After: 0\r\n",
		     "{\"overLimit\":{\"code\":413,\"message\":\"VolumeSizeExceedsAvailableQuota: Requested volume exceeds "
		     "allowed gigabytes quota.\"}}");
	return true;
}

static bool nothing(struct server_peer *p, const struct server_request *r UNUSED)
{
	server_send(p, "HTTP/1.1 204 No Content\r\n\r\n");
	return true;
}

/* With the secrets that nova's answers may hold. */
static bool server_made(struct server_peer *p, const struct server_request *r UNUSED)
{
	server_reply(p, 202, "x-openstack-request-id: req-9\r\n",
		     "{\"server\":{\"id\":\"server-1\",\"adminPass\":\"p4ssw0rd\",\"OS-EXT-SRV-ATTR:user_data\":\"I2Nsb3VkLWNvbmZpZwo=\","
		     "\"links\":[]}}");
	return true;
}

static bool silent(struct server_peer *p, const struct server_request *r UNUSED)
{
	server_pause(p, 20000);
	return false;
}

static bool slow(struct server_peer *p, const struct server_request *r UNUSED)
{
	server_pause(p, SLOW_MS);
	server_reply(p, 200, "", "{}");
	return true;
}

/* So many a second, as a front end counts them for a project. */
static bool storm(struct server_peer *p, const struct server_request *r UNUSED)
{
	int64_t second = clock_ms() / 1000;
	bool admit;

	pthread_mutex_lock(&fake.lock);
	if (second != fake.storm_second)
		fake.admitted = 0;
	fake.storm_second = second;
	admit = fake.admitted++ < STORM_ADMITS;
	pthread_mutex_unlock(&fake.lock);
	if (admit)
		server_reply(p, 200, "", "{}");
	else
		server_reply(p, atomic_load(&fake.limit_status), fake.limit_headers,
			     "{\"overLimit\":{\"code\":429,\"message\":\"This request was rate-limited.\"}}");
	return true;
}

static const struct {
	const char *path;
	server_handler *handler;
	bool open; /* without a token */
} paths[] = {
	{"/compute/v2.1/broken", broken, false},     {"/compute/v2.1/dropped", dropped, false},
	{"/compute/v2.1/echo", echo, false},	     {"/compute/v2.1/flaky", flaky, false},
	{"/compute/v2.1/half", half_pages, false},
	{"/compute/v2.1/accepted", accepted, false},
	{"/compute/v2.1/html", html, false},	     {"/compute/v2.1/lost", lost_pages, false},
	{"/compute/v2.1/missing", missing, false},   {"/compute/v2.1/no-pages", no_pages, false},
	{"/compute/v2.1/nothing", nothing, false},   {"/compute/v2.1/servers/detail", nova_pages, false},
	{"/compute/v2.1/servers", server_made, false},
	{"/compute/v2.1/silent", silent, false},     {"/compute/v2.1/slow", slow, false},
	{"/compute/v2.1/storm", storm, false},	     {"/compute/v2.1/vanishing", vanishing, false},
	{"/elsewhere/v2/echo", echo, false},	     {"/internal/network/v2.0/echo", echo, false},
	{"/moved/compute/v2.1/echo", echo, false},   {"/s/compute/v2.1/echo", echo, false},
	{"/compute/", echo, false},		     {"/hotel/v3/auth/tokens", html, true},	     {"/identity/v3/auth/tokens", login, true},
	{"/identity/v3/echo", echo, false},	     {"/image/v2/images", image_pages, false},
	{"/network/v2.0/conflict", conflict, false}, {"/network/v2.0/over-quota", over_quota, false},
	{"/network/v2.0/ports", round_pages, false}, {"/network/v2.0/slow", slow, false},
	{"/root", versions, true},
	{"/volume/v3/p/echo", echo, false},	     {"/volume/v3/p/over-limit", over_limit, false},
};

static bool is_good_token(const struct server_request *r)
{
	CLEANUP_FREE char *token = server_header(r, "X-Auth-Token");
	unsigned number = 0;

	return token != NULL && sscanf(token, "token-%u", &number) == 1 && number > atomic_load(&fake.revoked) &&
	       !atomic_load(&fake.refuse_all);
}

static bool handle(struct server_peer *p, const struct server_request *r)
{
	size_t n = strcspn(r->path, "?");

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		if (strlen(paths[i].path) != n || strncmp(r->path, paths[i].path, n) != 0)
			continue;
		if (paths[i].open || is_good_token(r))
			return paths[i].handler(p, r);
		atomic_fetch_add(&fake.refusals, 1);
		server_reply(p, 401, "",
			     "{\"error\":{\"code\":401,\"title\":\"Unauthorized\",\"message\":\"The request requires "
			     "authentication.\"}}");
		return true;
	}
	server_reply(p, 404, "",
		     "{\"error\":{\"code\":404,\"title\":\"Not Found\",\"message\":\"The resource could not be found.\"}}");
	return true;
}

/* ---- the tests' side ---- */

void write_region(const char *path_of_keystone, const char *auth, const char *region)
{
	CLEANUP_FREE char *url = server_url(server, path_of_keystone), *file = xasprintf("%s/clouds.yaml", folder);
	CLEANUP_FREE char *text =
		xasprintf("clouds:\n  lab:\n    region_name: %s\n    auth: {auth_url: \"%s\", %s}\n", region, url, auth);

	assert_success(path_write(file, text, strlen(text), 0600, &test_error));
	setenv("OS_CLIENT_CONFIG_FILE", file, 1);
}

void write_clouds(const char *path_of_keystone, const char *auth)
{
	write_region(path_of_keystone, auth, "R");
}

int cloud_setup(void **state UNUSED)
{
	server = server_start(handle, NULL, NULL, NULL);
	atomic_store(&fake.logins, 0);
	atomic_store(&fake.revoked, 0);
	atomic_store(&fake.refusals, 0);
	atomic_store(&fake.login_failures, 0);
	atomic_store(&fake.life_s, 3600);
	atomic_store(&fake.refuse_all, false);
	atomic_store(&fake.flaky, 0);
	atomic_store(&fake.moved, false);
	write_clouds("/identity", LOGIN);
	return 0;
}

int cloud_teardown(void **state UNUSED)
{
	server_stop(server);
	return 0;
}

struct cloud *open_cloud(void)
{
	struct cloud *c = NULL;

	assert_success(cloud_open("lab", &c, &test_error));
	return c;
}

int get(struct cloud *c, enum cloud_service service, const char *path, struct error **err)
{
	struct cloud_call call = {.service = service, .method = "GET", .path = path, .retry = RETRY_A};
	CLEANUP_JSON struct json_object *answer = NULL;

	return cloud_call(c, &call, &answer, NULL, NULL, err);
}

int cloud_make_folder(void **state UNUSED)
{
	cancel_init();
	unsetenv("OS_CLOUD");
	unsetenv("OS_AUTH_URL");
	return mkdtemp(folder) != NULL ? 0 : -1;
}

int cloud_remove_folder(void **state UNUSED)
{
	return path_remove_tree(folder, NULL);
}
