#include "cmd/claims.h"
#include "bootstrap/platform.h"
#include "cmd/reach.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/log.h"

enum { CONNECT_MS = 8 * 1000, ANSWER_MS = 15 * 1000 };

/* The first control plane that was installed. */
static char *entry(struct state *state, struct inventory *inventory)
{
	char *found = NULL;
	size_t n;
	struct node *nodes = inventory_list(inventory, &n);

	for (size_t i = 0; i < n && found == NULL; i++) {
		if (nodes[i].role != NODE_CONTROL_PLANE || nodes[i].server_id == NULL)
			continue;
		inventory_cloud(inventory, nodes[i].name, NODE_ACTIVE, NULL, NULL, NULL);
		if (state_is_installed(state, nodes[i].name))
			found = xstrdup(nodes[i].name);
	}
	node_list_free(nodes, n);
	inventory_close(inventory, NULL); /* nobody makes what is missing: it is not to be waited for */
	return found;
}

static int ask(const struct spec *spec, struct state *state, struct inventory *inventory, const char *node, struct claims *ret,
	       struct error **err)
{
	CLEANUP_REACH struct reach *reach = reach_new(spec, state, inventory);
	CLEANUP_SSH struct ssh *ssh = NULL;

	if (reach_ssh(reach, node, clock_deadline(CONNECT_MS), &ssh, err) < 0)
		return -1;
	return platform_of(spec)->claims(ssh, clock_deadline(ANSWER_MS), &ret->volumes, &ret->services, err);
}

static void keep(struct state *state, const struct claims *c)
{
	CLEANUP_FREE char *volumes = strv_join(&c->volumes, " "), *services = strv_join(&c->services, " ");

	if (state_set(state, "claimed-volumes", volumes, NULL) < 0 || state_set(state, "claimed-services", services, NULL) < 0)
		log_warning("what the cluster says of its volumes and services could not be kept");
}

static void add_kept(struct state *state, const char *key, struct strv *ret)
{
	CLEANUP_FREE char *kept = state_get(state, key);

	if (kept != NULL)
		strv_split(ret, kept, " ");
}

void claims_ask(const struct spec *spec, struct state *state, struct claims *ret)
{
	CLEANUP_ERROR struct error *why = NULL;
	struct inventory *inventory = inventory_new();
	CLEANUP_FREE char *node = NULL;

	*ret = (struct claims){.volumes = STRV_INIT, .services = STRV_INIT};
	if (spec != NULL && state_nodes(state, inventory, NULL) == 0)
		node = entry(state, inventory);
	if (node != NULL && platform_of(spec)->claims != NULL && ask(spec, state, inventory, node, ret, &why) == 0) {
		keep(state, ret);
	} else {
		claims_free(ret);
		add_kept(state, "claimed-volumes", &ret->volumes);
		add_kept(state, "claimed-services", &ret->services);
		if (why != NULL)
			log_info("the cluster does not answer, so that what it made in the cloud is told by names alone: %s",
				 error_message(why));
	}
	inventory_free(inventory);
}

void claims_free(struct claims *c)
{
	strv_free(&c->volumes);
	strv_free(&c->services);
}
