#include "tests/unit/manifests_fixture.h"
#include "core/base/alloc.h"
#include "core/base/path.h"
#include "core/base/yaml.h"
#include "tests/unit/test.h"

struct artifacts manifests_bundle;
struct manifest_values manifests_secrets = {
	.registry_password = PASSWORD,
	.encryption_key = ENCRYPTION_KEY,
	.etcd_token = "7d1b6b0e-7a9c-4a43-9d2c-3b2f4a7f1c55",
	.mke_ca = "-----BEGIN CERTIFICATE-----\nBBBB\n-----END CERTIFICATE-----\n",
	.registry_ca = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
	.artifacts = &manifests_bundle,
};

void rendered_clear(struct rendered *r)
{
	fileset_free(&r->files);
	strv_free(&r->units);
	plan_free(r->plan);
	spec_free(r->spec);
}

char *golden_path(const char *relative)
{
	const char *root = getenv("DAVIT_SOURCE_ROOT");

	return xasprintf("%s/tests/golden/manifests/%s", root == NULL ? "." : root, relative);
}

int render_text(const char *text, const char *node_name, struct rendered *r, struct error **err)
{
	struct manifest_values with_volumes = manifests_secrets;
	struct node node = {0};
	int result;

	if (spec_parse("cluster.yaml", text, strlen(text), &r->spec, err) < 0 || plan_make(r->spec, NULL, &r->plan, err) < 0)
		return -1;
	node_copy(&node, &plan_find(r->plan, node_name)->node);
	strv_add(&with_volumes.volume_ids, VOLUME);
	etcd_start(NULL, r->plan, node_name, &with_volumes.etcd);
	node.server_id = xstrdup("0c2d3b7e-5a0f-4a53-8f7d-9b8b0a3c1d2e");
	result = node.role == NODE_REGISTRY ? manifests_registry(r->plan, &node, &with_volumes, &r->files, &r->units, err)
					    : manifests_node(r->plan, &node, &with_volumes, &r->files, &r->units, err);
	node_clear(&node);
	etcd_start_clear(&with_volumes.etcd);
	strv_free(&with_volumes.volume_ids);
	return result;
}

void render_file(const char *file, const char *node_name, struct rendered *r)
{
	CLEANUP_FREE char *path = golden_path(file);
	CLEANUP_BUF struct buf text = BUF_INIT;

	assert_success(path_read(path, &text, &test_error));
	assert_success(render_text(buf_str(&text), node_name, r, &test_error));
}

void render(const char *node_name, struct rendered *r)
{
	render_file("cluster.yaml", node_name, r);
}

const char *content(const struct rendered *r, const char *path)
{
	const struct file *f = fileset_find(&r->files, path);

	if (f == NULL)
		fail_msg("%s is not rendered", path);
	return buf_str(&f->content);
}

size_t check_documents(const char *name, const char *text, bool objects)
{
	size_t n = 0;

	while (text != NULL) {
		const char *end = strstr(text, "---\n");
		CLEANUP_YAML struct yaml *y = NULL;

		assert_success(yaml_parse(name, text, end == NULL ? strlen(text) : (size_t)(end - text), &y, &test_error));
		if (objects) {
			assert_non_null(yaml_get(y->root, "apiVersion"));
			assert_non_null(yaml_get(y->root, "kind"));
			assert_non_null(yaml_get(yaml_get(y->root, "metadata"), "name"));
		}
		n++;
		text = end == NULL ? NULL : end + 4;
	}
	return n;
}

int manifests_setup(void **state UNUSED)
{
	strv_add(&manifests_bundle.images, "pause:3.10.2");
	strv_add(&manifests_bundle.images, "coredns/coredns:v1.14.7");
	strv_add(&manifests_bundle.images, "metrics-server/metrics-server:v0.9.0");
	return 0;
}

int manifests_teardown(void **state UNUSED)
{
	strv_free(&manifests_bundle.images);
	return 0;
}
