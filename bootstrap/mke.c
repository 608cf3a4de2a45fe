#include "bootstrap/mke.h"
#include "bootstrap/docker.h"
#include "bootstrap/nodes.h"
#include "bootstrap/remote.h"
#include "bootstrap/swarm.h"
#include "bootstrap/swarm_node.h"
#include "bootstrap/texts.h"
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"

enum { AGAIN_MS = 1000, LOOK_MS = 60 * 1000, PATIENCE_MS = 15 * 60 * 1000 /* of a manager that has joined: components start one by one */ };

/* ---- installation */

static void install_command(const struct mke_install *i, const char *cluster, int64_t deadline, struct buf *ret)
{
	const char *const words[] = {i->spec->version, i->address, cluster, i->spec->mke.user, i->spec->network.pod_cidr, i->spec->network.service_cidr};

	remote_installer(ret, text_mke_install);
	buf_addf(ret, " %lld", (long long)(deadline - clock_ms()) / 1000);
	remote_arguments(ret, words, ARRAY_SIZE(words));
	remote_arguments(ret, (const char *const *)i->sans->v, i->sans->n);
}

int mke_install(struct ssh *s, const struct mke_install *install, int64_t deadline, struct error **err)
{
	CLEANUP_JSON struct json_object *swarm = NULL;
	CLEANUP_SECRET char *in = xasprintf("%s\n%s", install->password, install->license != NULL ? install->license : "");
	CLEANUP_BUF struct buf command = BUF_INIT;
	/* it ends by itself, and says why */
	struct ssh_command c = {.in = in, .in_len = strlen(in), .deadline = deadline + LOOK_MS};

	if (docker_call(s, "GET", "/swarm", NULL, deadline, &swarm, err) < 0)
		return -1;
	install_command(install, json_get_str(swarm, "ID", ""), deadline, &command);
	c.command = buf_str(&command);
	return remote_run(s, "the installation of MKE", &c, err);
}

/* ---- how the managers are */

/* "10.6.0.10:2377"; NULL where the node is no manager. */
static char *manager_address(struct json_object *node)
{
	const char *text = json_get_str(node, "ManagerStatus.Addr", "");

	return *text != '\0' ? xstrndup(text, strcspn(text, ":")) : NULL;
}

bool mke_is_well(const char *said, const char *address)
{
	CLEANUP_FREE char *line = xasprintf("%s 200", address);
	CLEANUP_STRV struct strv lines = STRV_INIT;

	strv_split(&lines, said, "\r\n");
	return strv_has(&lines, line);
}

static void mark(struct json_object *node, const char *address)
{
	struct json_object *ready = node_condition(node, "Ready");
	CLEANUP_FREE char *message = xasprintf("its MKE is not well: https://%s/_ping", address);

	if (ready == NULL || strcmp(json_get_str(ready, "status", ""), "True") != 0) /* there is more to be said of it */
		return;
	json_add_str(ready, "status", "False");
	json_add_str(ready, "reason", "MKE");
	json_add_str(ready, "message", message);
}

void mke_mark(struct json_object *shape, struct json_object *nodes, const char *said)
{
	for (size_t i = 0; i < json_len(nodes); i++) {
		struct json_object *o = json_object_array_get_idx(nodes, i), *node = node_find(shape, swarm_node_name(o));
		CLEANUP_FREE char *address = manager_address(o);

		/* of several of one name it is the other one's standing that the shape has */
		if (node == NULL || address == NULL || strcmp(json_get_str(node, "metadata.uid", ""), json_get_str(o, "ID", "")) != 0)
			continue;
		if (!mke_is_well(said, address))
			mark(node, address);
	}
}

static int ping(struct ssh *s, struct json_object *nodes, struct buf *ret, struct error **err)
{
	CLEANUP_BUF struct buf command = BUF_INIT;
	struct ssh_command c = {.out = ret, .deadline = clock_deadline(LOOK_MS)};

	remote_command(&command, text_mke_ping);
	for (size_t i = 0; i < json_len(nodes); i++) {
		CLEANUP_FREE char *address = manager_address(json_object_array_get_idx(nodes, i));

		if (address == NULL)
			continue;
		buf_add_char(&command, ' ');
		buf_add_shell(&command, address);
	}
	c.command = buf_str(&command);
	return remote_run(s, "the managers' /_ping", &c, err);
}

int mke_mark_all(struct ssh *s, struct json_object *shape, struct error **err)
{
	CLEANUP_JSON struct json_object *nodes = NULL;
	CLEANUP_BUF struct buf said = BUF_INIT;

	if (docker_call(s, "GET", "/nodes", NULL, 0, &nodes, err) < 0 || ping(s, nodes, &said, err) < 0)
		return -1;
	mke_mark(shape, nodes, buf_str(&said));
	return 0;
}

int mke_status(struct ssh *s, struct json_object **ret, struct error **err)
{
	CLEANUP_JSON struct json_object *shape = NULL;

	if (platform_swarm.status(s, &shape, err) < 0 || mke_mark_all(s, shape, err) < 0)
		return -1;
	*ret = steal_ptr(shape);
	return 0;
}

int mke_wait_ready(struct ssh *s, const char *name, int64_t deadline, struct error **err)
{
	if (platform_swarm.wait_ready(s, name, deadline, err) < 0)
		return error_wrap(err, "%s", name);
	for (;;) {
		CLEANUP_JSON struct json_object *shape = NULL;
		struct json_object *node;

		if (mke_status(s, &shape, err) < 0)
			return -1;
		node = node_find(shape, name);
		if (node_is_ready(node))
			return 0;
		if (clock_ms() + AGAIN_MS >= deadline)
			return error_set(err, ERROR_NODE, "%s is not ready in time: %s", name,
					 node != NULL ? json_get_str(node_condition(node, "Ready"), "message", "") : "it is no member");
		if (cancel_sleep(AGAIN_MS, err) < 0)
			return -1;
	}
}

int mke_settle(struct ssh *s, const struct plan *plan, struct json_object *worn, struct events *events, int64_t deadline, struct error **err)
{
	int64_t patience = clock_deadline(PATIENCE_MS);

	if (platform_swarm.settle(s, plan, worn, events, deadline, err) < 0)
		return -1;
	for (size_t i = 0; i < plan->n_nodes; i++) {
		const struct node *n = &plan->nodes[i].node;

		if (n->role == NODE_CONTROL_PLANE && mke_wait_ready(s, n->name, deadline > 0 && deadline < patience ? deadline : patience, err) < 0)
			return -1;
	}
	return 0;
}
