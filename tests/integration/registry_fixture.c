#include "tests/integration/registry_fixture.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/digest.h"
#include "core/base/path.h"
#include "registry/catalogue.h"
#include "registry/layout.h"
#include "registry/reference.h"
#include "registry/registry.h"
#include "tests/unit/test.h"
#include <arpa/inet.h>
#include <crypt.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

char *fixture_folder(void)
{
	char *folder = xstrdup("/tmp/davit-registry-XXXXXX");

	assert_non_null(mkdtemp(folder));
	return folder;
}

void fixture_remove(char *folder)
{
	assert_success(path_remove_tree(folder, &test_error));
	free(folder);
}

void fixture_write(const char *path, const void *p, size_t n)
{
	CLEANUP_FREE char *folder = xstrndup(path, (size_t)(strrchr(path, '/') - path));

	assert_success(path_mkdirs(folder, 0755, &test_error));
	assert_success(path_write(path, p, n, 0644, &test_error));
}

struct spec *fixture_spec(const char *version, const char *artifacts)
{
	CLEANUP_FREE char *text =
		xasprintf("apiVersion: davit/v1\nkind: Cluster\nmetadata: {name: demo}\nspec:\n  platform: {version: %s}\n"
			  "  openstack: {image: debian-12}\n  controlPlane: {flavor: m1.small}\n  artifacts: {%s}\n",
			  version, artifacts);
	struct spec *s = NULL;

	assert_success(spec_parse("c.yaml", text, strlen(text), &s, &test_error));
	return s;
}

/* ---- the mirror ---- */

static void add_artifact(const char *root, const struct catalogue_item *item, size_t size)
{
	CLEANUP_FREE char *path = catalogue_url(item->url, root), *sums = NULL, *line = NULL;
	CLEANUP_FREE char *bytes = xcalloc(size, 1);
	char hex[DIGEST_HEX_LEN + 1];

	for (size_t i = 0; i < size; i++)
		bytes[i] = (char)(i * 2654435761u >> 13);
	snprintf(bytes, size, "%s %s\n", item->name, item->version);
	fixture_write(path, bytes, size);
	if (item->checksum_url == NULL)
		return;
	sums = catalogue_url(item->checksum_url, root);
	digest_hex(bytes, size, hex);
	line = xasprintf("%064d  another-file\n%s *%s\n", 0, hex, strrchr(item->url, '/') + 1);
	fixture_write(sums, line, strlen(line));
}

static void add_blob(const char *folder, const char *text, struct json_object *o, const char *media_type)
{
	char digest[OCI_DIGEST_LEN + 1];

	assert_success(layout_add(folder, text, strlen(text), digest, &test_error));
	json_add_str(o, "mediaType", media_type);
	json_add_str(o, "digest", digest);
	json_add_int(o, "size", (int64_t)strlen(text));
}

/* An index for two platforms in between, as upstream's images have. */
static void add_image(const char *root, const char *image)
{
	CLEANUP_REFERENCE struct reference r = {0};
	CLEANUP_FREE char *folder = NULL, *layer_text = xasprintf("layer of %s", image);
	CLEANUP_JSON struct json_object *manifest = json_object_new_object(), *inner = layout_index_new(),
					*index = layout_index_new();
	struct json_object *config = json_object_new_object(), *layer = json_object_new_object(),
			   *layers = json_object_new_array(), *entry = json_object_new_object(),
			   *platform = json_object_new_object(), *outer = json_object_new_object(),
			   *notes = json_object_new_object();

	assert_success(reference_parse(image, &r, &test_error));
	folder = xasprintf("%s/oci/%s/%s", root, r.host, r.repository);
	assert_success(layout_init(folder, &test_error));
	add_blob(folder, "{\"architecture\":\"amd64\",\"os\":\"linux\"}", config, "application/vnd.oci.image.config.v1+json");
	add_blob(folder, layer_text, layer, "application/vnd.oci.image.layer.v1.tar");
	json_add_int(manifest, "schemaVersion", 2);
	json_add_str(manifest, "mediaType", OCI_MANIFEST);
	json_add(manifest, "config", config);
	json_object_array_add(layers, layer);
	json_add(manifest, "layers", layers);
	add_blob(folder, json_object_to_json_string(manifest), entry, OCI_MANIFEST);
	json_add_str(platform, "os", "linux");
	json_add_str(platform, "architecture", "amd64");
	json_add(entry, "platform", platform);
	layout_index_put(inner, entry);
	add_blob(folder, json_object_to_json_string(inner), outer, OCI_INDEX);
	json_add_str(notes, OCI_REF_NAME, r.tag);
	json_add(outer, "annotations", notes);
	layout_index_put(index, outer);
	assert_success(layout_index_write(folder, index, &test_error));
}

void fixture_mirror(const char *root, const struct spec *spec, size_t large)
{
	CLEANUP_CATALOGUE struct catalogue c = {0};

	assert_success(catalogue_make(spec, &c, &test_error));
	for (size_t i = 0; i < c.n; i++)
		add_artifact(root, &c.items[i], strcmp(c.items[i].name, "containerd") == 0 ? large : 5000);
	for (size_t i = 0; i < c.images.n; i++)
		add_image(root, c.images.v[i]);
}

char *fixture_artifact(const char *root, const struct spec *spec, const char *name)
{
	CLEANUP_CATALOGUE struct catalogue c = {0};

	assert_success(catalogue_make(spec, &c, &test_error));
	for (size_t i = 0; i < c.n; i++)
		if (strcmp(c.items[i].name, name) == 0)
			return catalogue_url(c.items[i].url, root);
	return NULL;
}

/* ---- a real registry ---- */

static char *registry_archive(void)
{
	const char *cache = getenv("DAVIT_CACHE");

	return xasprintf(
		"%s/mirror/github.com/distribution/distribution/releases/download/v3.1.2/registry_3.1.2_linux_amd64.tar.gz",
		cache == NULL ? "/var/cache/davit" : cache);
}

const char *fixture_registry_missing(void)
{
	CLEANUP_FREE char *archive = registry_archive();

	if (!path_exists(archive))
		return "the lab's mirror holds no registry program (tests/lab/artifacts/make registry)";
	return path_exists("/usr/bin/openssl") ? NULL : "there is no openssl program";
}

static void run(const char *command)
{
	int status = system(command); /* NOLINT: a test's own words */

	if (status != 0)
		fail_msg("%s: status %d", command, status);
}

static uint16_t free_port(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t n = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&a, n), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	close(fd);
	return ntohs(a.sin_port);
}

static void write_config(const struct fixture_registry *r)
{
	const char *f = r->folder;
	CLEANUP_FREE char *path = xasprintf("%s/config.yml", f), *users = xasprintf("%s/htpasswd", f);
	CLEANUP_FREE char *text = xasprintf("version: 0.1\nlog: {level: info, formatter: text}\nstorage: {filesystem: "
					    "{rootdirectory: %s/storage}, delete: {enabled: true}}\n"
					    "auth: {htpasswd: {realm: davit, path: %s}}\n"
					    "http: {addr: \"%s\", host: \"https://registry.davit.internal:5000\", secret: test, "
					    "tls: {certificate: %s/crt, key: %s/key}}\n",
					    f, users, r->host, f, f);
	struct crypt_data data = {0};
	char salt[CRYPT_GENSALT_OUTPUT_SIZE];
	CLEANUP_FREE char *line = NULL;

	assert_non_null(crypt_gensalt_rn("$2b$", 4, NULL, 0, salt, sizeof(salt)));
	line = xasprintf("davit:%s\n", crypt_r("secret", salt, &data));
	fixture_write(path, text, strlen(text));
	fixture_write(users, line, strlen(line));
}

static pid_t spawn(const struct fixture_registry *r)
{
	CLEANUP_FREE char *program = xasprintf("%s/registry", r->folder), *config = xasprintf("%s/config.yml", r->folder),
			  *log = xasprintf("%s/log", r->folder);
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0644);

		dup2(fd, 1);
		dup2(fd, 2);
		setenv("OTEL_TRACES_EXPORTER", "none", 1); /* else it looks for a collector */
		execl(program, program, "serve", config, (char *)NULL);
		_exit(127);
	}
	return pid;
}

void fixture_registry_start(struct fixture_registry *r)
{
	CLEANUP_FREE char *archive = registry_archive(), *unpack = NULL, *make = NULL, *crt = NULL;
	CLEANUP_BUF struct buf pem = BUF_INIT;
	struct http *http;

	r->folder = fixture_folder();
	r->host = xasprintf("127.0.0.1:%u", free_port());
	unpack = xasprintf("tar -xzf %s -C %s registry", archive, r->folder);
	make = xasprintf("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=registry "
			 "-addext subjectAltName=IP:127.0.0.1 -keyout %s/key -out %s/crt 2>%s/openssl.log",
			 r->folder, r->folder, r->folder);
	run(unpack);
	run(make);
	crt = xasprintf("%s/crt", r->folder);
	assert_success(path_read(crt, &pem, &test_error));
	r->ca_pem = buf_steal(&pem);
	write_config(r);
	r->pid = spawn(r);
	http = fixture_http(r);
	assert_success(registry_wait(http, r->host, clock_deadline(20000), &test_error));
	http_free(http);
}

void fixture_registry_stop(struct fixture_registry *r)
{
	kill(r->pid, SIGTERM);
	waitpid(r->pid, NULL, 0);
	fixture_remove(r->folder);
	free(r->host);
	free(r->ca_pem);
}

struct http *fixture_http(const struct fixture_registry *r)
{
	struct http_options options = {.ca_pem = r->ca_pem, .no_proxy = true};
	struct http *h = NULL;

	assert_success(http_new(&options, &h, &test_error));
	return h;
}

/* The access log is in Apache's combined format: … "PUT /v2/… HTTP/1.1" 201 … */
size_t fixture_registry_requests(const struct fixture_registry *r, const char *method, const char *part)
{
	CLEANUP_FREE char *path = xasprintf("%s/log", r->folder), *begin = xasprintf("\"%s /v2/", method);
	CLEANUP_BUF struct buf text = BUF_INIT;
	CLEANUP_STRV struct strv lines = STRV_INIT;
	size_t n = 0;

	assert_success(path_read(path, &text, &test_error));
	strv_split(&lines, buf_str(&text), "\n");
	for (size_t i = 0; i < lines.n; i++) {
		const char *at = strstr(lines.v[i], begin);

		n += at != NULL && strstr(at, part) != NULL;
	}
	return n;
}
