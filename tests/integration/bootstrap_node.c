#include "tests/integration/bootstrap_node.h"
#include "bootstrap/tarball.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/digest.h"
#include "core/base/path.h"
#include "tests/unit/test.h"
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define SCRATCH "/mnt"

static bool place(const char *type, const char *at, const char *data)
{
	if (mount(type, at, type, 0, data) == 0)
		return true;
	print_message("cannot mount a %s at %s\n", type, at);
	return false;
}

bool node_enter(void)
{
	CLEANUP_FREE char *programs = xasprintf("%s/tests/integration/bootstrap", getenv("DAVIT_SOURCE_ROOT"));

	if (!sshd_available() || unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) {
		print_message("this needs root, an sshd and mount namespaces\n");
		return false;
	}
	if (!place("tmpfs", SCRATCH, NULL))
		return false;
	(void)mkdir(SCRATCH "/upper", 0755);
	(void)mkdir(SCRATCH "/work", 0755);
	if (!place("overlay", "/etc", "lowerdir=/etc,upperdir=" SCRATCH "/upper,workdir=" SCRATCH "/work") ||
	    !place("tmpfs", "/opt", "mode=755") || !place("tmpfs", "/run", "mode=755"))
		return false;
	/* bash reads it for commands over SSH as well, and some take their time in it */
	(void)!mount("/dev/null", "/root/.bashrc", NULL, MS_BIND, NULL);
	(void)mkdir("/run/sshd", 0755);
	(void)mkdir("/run/systemd", 0755);
	(void)mkdir("/run/systemd/system", 0755);
	return mount(programs, "/usr/local/bin", NULL, MS_BIND, NULL) == 0;
}

char *node_read(const char *path)
{
	struct buf b = BUF_INIT;

	(void)!path_read(path, &b, NULL);
	return buf_steal(&b);
}

void node_write(const char *path, const char *text)
{
	assert_success(path_write(path, text, strlen(text), 0644, &test_error));
}

/* ---- the registry */

static void send_blob(struct server_peer *p, const struct server_request *r, struct node_world *w, struct node_blob *b)
{
	CLEANUP_FREE char *range = server_header(r, "range"), *head = NULL;
	size_t from = range != NULL && !b->whole_only ? strtoul(range + strlen("bytes="), NULL, 10) : 0;
	size_t n = b->content.len - from;
	CLEANUP_FREE char *copy = xmemdup(b->content.data, b->content.len);

	if (b->damaged)
		copy[b->content.len / 2] ^= 1;
	if (from > 0)
		w->ranges++;
	head = xasprintf("HTTP/1.1 %d OK\r\nContent-Length: %zu\r\nContent-Range: bytes %zu-%zu/%zu\r\n\r\n",
			 from > 0 ? 206 : 200, n, from, b->content.len - 1, b->content.len);
	server_send(p, head);
	server_send_mem(p, copy + from, b->cut ? n / 2 : n);
	b->cut = false;
}

static void answer(struct server_peer *p, const struct server_request *r, struct node_world *w)
{
	CLEANUP_FREE char *authorization = server_header(r, "authorization");

	if (strcmp(r->path, "/v2/") == 0 || authorization == NULL || strcmp(authorization, "Basic ZGF2aXQ6cHc=") != 0) {
		server_reply(p, 401, "", "");
		return;
	}
	for (size_t i = 0; i < w->n_blobs; i++) {
		struct node_blob *b = &w->blobs[i];

		if (strstr(r->path, b->digest) == NULL)
			continue;
		if (b->missing != 0)
			b->missing -= b->missing > 0;
		else if (b->status != 0)
			server_reply(p, b->status, "", "what went wrong");
		else
			send_blob(p, r, w, b);
		if (b->missing == 0)
			return;
		break;
	}
	server_reply(p, 404, "", "BLOB_UNKNOWN");
}

static bool handle(struct server_peer *p, const struct server_request *r)
{
	struct node_world *w = r->context;

	pthread_mutex_lock(&w->lock);
	answer(p, r, w);
	pthread_mutex_unlock(&w->lock);
	return false;
}

static void start_registry(struct node_world *w)
{
	CLEANUP_FREE char *port = NULL;

	server_certificate("/run/fake", "registry", "DNS:registry.davit.internal", -60, 3600);
	w->registry = server_start(handle, w, "/run/fake/registry.pem", "/run/fake/registry.key");
	assert_non_null(w->registry);
	port = xasprintf("%u\n", server_port(w->registry));
	node_write("/run/fake/port", port);
}

/* ---- the node */

static struct artifact *add_artifact(struct node_world *w, const char *name, enum artifact_format format, const char *program,
				     const struct buf *content)
{
	struct node_blob *b = &w->blobs[w->n_blobs++];
	char hex[DIGEST_HEX_LEN + 1];
	struct artifact *a = NULL;

	digest_hex(content->data, content->len, hex);
	snprintf(b->digest, sizeof(b->digest), "sha256:%s", hex);
	buf_add_mem(&b->content, content->data, content->len);
	array_grow(w->artifacts.items, w->artifacts.n, w->artifacts.cap);
	a = &w->artifacts.items[w->artifacts.n++];
	*a = (struct artifact){.name = xstrdup(name),
			       .version = xstrdup("1.0.0"),
			       .digest = xstrdup(b->digest),
			       .size = (int64_t)content->len,
			       .format = format,
			       .content = format == ARTIFACT_GZ ? xstrdup(b->digest) : NULL, /* installing does not look at it */
			       .strip = format == ARTIFACT_TAR_GZ ? 1 : 0,
			       .roles = ARTIFACT_ROLES(NODE_REGISTRY)};
	strv_add(&a->programs, program);
	return a;
}

static void add_gz_artifact(struct node_world *w)
{
	CLEANUP_BUF struct buf b = BUF_INIT, packed = BUF_INIT;

	buf_add(&b, "#!/bin/sh\necho tool\n#");
	for (int i = 0; i < 20000; i++)
		buf_addf(&b, " %d", i);
	assert_success(path_write("/run/fake/tool", b.data, b.len, 0644, &test_error));
	assert_int_equal(system("gzip -n /run/fake/tool"), 0);
	assert_success(path_read("/run/fake/tool.gz", &packed, &test_error));
	add_artifact(w, "tool", ARTIFACT_GZ, "tool", &packed);
}

static void add_tar_artifact(struct node_world *w)
{
	CLEANUP_FILESET struct fileset f = FILESET_INIT;
	CLEANUP_TARBALL struct tarball *t = NULL;
	CLEANUP_BUF struct buf b = BUF_INIT;
	char piece[4096];
	size_t n = 1;

	fileset_add(&f, "/bin/served", 0755, "#!/bin/sh\n");
	t = tarball_new(&f, NULL, NULL, NULL, true);
	while (n > 0) {
		assert_success(tarball_read(piece, sizeof(piece), &n, t, &test_error));
		buf_add_mem(&b, piece, n);
	}
	add_artifact(w, "served", ARTIFACT_TAR_GZ, "served", &b);
}

static void add_files(struct node_world *w)
{
	CLEANUP_FREE char *ca = node_read("/run/fake/ca.pem");

	fileset_add(&w->files, "/etc/davit/registry-ca.crt", 0644, ca);
	fileset_add(&w->files, "/etc/davit/served.conf", 0640, "a=b\n");
	fileset_add(&w->files, "/etc/systemd/system/served.service", 0644,
		    "ExecStart=/opt/davit/bin/served /etc/davit/served.conf\n");
	fileset_add(&w->files, "/etc/systemd/system/other.service", 0644, "ExecStart=/opt/davit/bin/tool\n");
	strv_split(&w->units, "served other", " ");
}

void node_open(struct node_world *w)
{
	*w = (struct node_world){0};
	pthread_mutex_init(&w->lock, NULL);
	assert_int_equal(
		system("rm -rf /opt/* /run/fake /etc/davit /etc/systemd/system/served.service /etc/systemd/system/other.service "
		       "&& mkdir -p /run/fake/units /run/fake/next /run/fake/restarts /etc/systemd/system"),
		0);
	start_registry(w);
	assert_success(
		sshd_start("SetEnv PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nMaxSessions 10\n", &w->sshd, &test_error));
	add_gz_artifact(w);
	add_tar_artifact(w);
	add_files(w);
	w->run = (struct bootstrap_run){.node = "node-1",
					.role = NODE_REGISTRY,
					.files = &w->files,
					.units = &w->units,
					.artifacts = &w->artifacts,
					.registry_address = "10.6.0.4",
					.registry_password = "pw",
					.deadline = clock_deadline(60 * 1000)};
}

void node_close(struct node_world *w)
{
	(void)!system("test ! -e /run/fake/pid || kill -9 -$(cat /run/fake/pid) 2>/dev/null");
	sshd_stop(&w->sshd);
	server_stop(w->registry);
	for (size_t i = 0; i < w->n_blobs; i++)
		buf_free(&w->blobs[i].content);
	fileset_free(&w->files);
	strv_free(&w->units);
	artifacts_free(&w->artifacts);
	pthread_mutex_destroy(&w->lock);
}

struct node_blob *node_blob(struct node_world *w, const char *artifact)
{
	for (size_t i = 0; i < w->artifacts.n; i++)
		if (strcmp(w->artifacts.items[i].name, artifact) == 0)
			return &w->blobs[i];
	abort();
}

void node_reset(struct node_world *w, const char *path, const char *text)
{
	fileset_add(&w->files, path, fileset_find(&w->files, path)->mode, text);
}

int node_run(struct node_world *w, bool *ret_changed, struct error **err)
{
	CLEANUP_SSH struct ssh *s = NULL;

	if (sshd_connect(&w->sshd, &s, err) < 0)
		return -1;
	return bootstrap_node(s, &w->run, ret_changed, err);
}

void node_holds(const char *path, const char *text)
{
	CLEANUP_FREE char *found = node_read(path);

	if (strcmp(found, text) != 0)
		fail_msg("%s holds \"%s\" instead of \"%s\"", path, found, text);
}
