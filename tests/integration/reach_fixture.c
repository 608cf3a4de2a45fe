#include "tests/integration/reach_fixture.h"
#include "core/base/alloc.h"
#include "core/base/path.h"
#include "tests/unit/test.h"

static void copy_key(const struct sshd *d, struct state *s)
{
	CLEANUP_FREE char *folder = state_path(s, "ssh"), *file = state_path(s, "ssh/id_ed25519");
	CLEANUP(buf_wipe) struct buf key = BUF_INIT;

	assert_success(path_read(d->key_file, &key, &test_error));
	assert_success(path_mkdirs(folder, 0700, &test_error));
	assert_success(path_write(file, key.data, key.len, 0600, &test_error));
}

void cluster_add(struct cluster *c, const char *name, enum node_role role)
{
	struct node n = {.name = (char *)name,
			 .role = role,
			 .pool = (char *)"x",
			 .address = (char *)"127.0.0.1",
			 .server_id = (char *)"id",
			 .cloud = NODE_ACTIVE};

	inventory_put(c->inventory, &n);
	assert_success(state_put_node(c->state, &n, &test_error));
}

struct cluster cluster_open_on(const struct sshd *d, char *folder, const char *access)
{
	struct cluster c = {.folder = folder != NULL ? folder : xasprintf("%s/state-XXXXXX", d->dir), .inventory = inventory_new()};
	CLEANUP_FREE char *text = xasprintf(
		"apiVersion: davit/v1\nkind: Cluster\nmetadata: {name: demo}\nspec:\n  platform: {version: 1.36.3}\n"
		"  openstack: {image: i}\n  controlPlane: {flavor: f}\n  access: {user: %s, %s}\n",
		d->user, access);

	if (folder == NULL)
		assert_non_null(mkdtemp(c.folder));
	assert_success(spec_parse("/c.yaml", text, strlen(text), &c.spec, &test_error));
	assert_success(state_open(c.folder, "demo", STATE_WRITE, &c.state, &test_error));
	if (folder == NULL) {
		copy_key(d, c.state);
		cluster_add(&c, "demo-cp-1", NODE_CONTROL_PLANE);
	}
	assert_success(state_nodes(c.state, c.inventory, &test_error));
	inventory_cloud(c.inventory, "demo-cp-1", NODE_ACTIVE, NULL, NULL, NULL);
	c.reach = reach_new(c.spec, c.state, c.inventory);
	reach_tune(c.reach, &(struct reach_tuning){.port = d->port, .login_ms = PATIENCE_MS});
	return c;
}

char *cluster_close(struct cluster *c)
{
	reach_free(c->reach);
	state_close(c->state);
	inventory_free(c->inventory);
	spec_free(c->spec);
	return c->folder;
}

void cluster_end(struct cluster *c)
{
	free(cluster_close(c));
}

char *jump_access(const struct sshd *jump, uint16_t port, const char *host_key)
{
	return xasprintf("bastion: {host: 127.0.0.1, port: %u, user: %s, keyFile: %s, hostKey: %s}, hostKeys: first-use", port, jump->user,
			 jump->key_file, host_key);
}
