#include "cmd/differences.h"
#include "cmd/certs_nodes.h"
#include "cmd/upgrade.h"
#include "bootstrap/nodes.h"
#include "core/base/alloc.h"
#include "core/base/digest.h"
#include "core/cluster/worn.h"

static void add(struct changes *c, enum change_action action, const char *kind, const char *name, const char *reason)
{
	changes_add(c, action, kind, name, xstrdup(reason));
}

static void differs(const struct work *w, const struct node *n, struct changes *ret)
{
	CLEANUP_FREE char *under_way = state_get(w->c->state, UPGRADE_KEY);
	CLEANUP_FREE char *text = under_way != NULL ? xasprintf("the upgrade to %s has not come to it: \"davit upgrade\" goes on", under_way) : upgrade_due(w->c);

	add(ret, CHANGE_UPDATE, "node", n->name, text != NULL ? text : "its configuration or programs differ");
}

static int node(const struct work *w, const struct node *n, struct changes *ret, struct error **err)
{
	CLEANUP_FILESET struct fileset files = FILESET_INIT;
	CLEANUP_STRV struct strv units = STRV_INIT;
	CLEANUP_FREE char *key = xasprintf("applied:%s", n->name), *applied = state_get(w->c->state, key);
	struct bootstrap_run run = {0};
	char hex[DIGEST_HEX_LEN + 1] = "";
	bool installs = n->role != NODE_BASTION;
	int r = installs ? work_render(w, n, &files, &units, &run, err) : 0;

	if (r < 0)
		return -1;
	work_digest(&files, installs ? &w->artifacts : &(struct artifacts){0}, hex);
	if (!installs && (applied == NULL || strcmp(applied, hex) != 0))
		add(ret, CHANGE_CREATE, "node", n->name, "was not reached yet");
	else if (applied == NULL || *applied == '\0')
		add(ret, CHANGE_CREATE, "node", n->name, "nothing was installed yet");
	else if (strcmp(applied, hex) != 0)
		differs(w, n, ret);
	return 0;
}

/* Only nodes that have a server: the others are a difference of the cloud already. */
static int nodes(const struct work *w, struct changes *ret, struct error **err)
{
	size_t n;
	struct node *list = inventory_list(w->c->inventory, &n);
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++)
		if (list[i].server_id != NULL && plan_find(w->c->plan, list[i].name) != NULL)
			r = node(w, &list[i], ret, err);
	node_list_free(list, n);
	return r;
}

/* "complete" of the state: 0 while a run is at it, then 1, or "cloud" where only the cloud's part was asked for. */
static bool came_to_its_end(const struct context *c, struct changes *ret)
{
	CLEANUP_FREE char *complete = state_get(c->state, "complete");
	bool has_cloud = complete != NULL && strcmp(complete, "cloud") == 0;

	if ((complete != NULL && strcmp(complete, "1") == 0) || (has_cloud && c->o->cloud_only))
		return true;
	add(ret, CHANGE_UPDATE, "cluster", c->spec->name,
	    has_cloud ? "only the cloud's part was made" : "the last run did not come to its end");
	return false;
}

static void leaving(const struct context *c, struct changes *ret)
{
	for (size_t i = 0; i < c->plan->leaving.n; i++) {
		add(ret, CHANGE_DELETE, "node", c->plan->leaving.v[i], strv_has(&c->plan->excess, c->plan->leaving.v[i])
			    ? "the file wants fewer: drained and removed, unless another one is better spared"
			    : "the file no longer wants it: drained and removed");
		ret->items[ret->n - 1].leaving = true;
	}
}

int differences_find(const struct context *c, struct view *view, const struct work *w, struct changes *ret, struct error **err)
{
	struct work probe;
	int r;

	leaving(c, ret);
	if (provision_compare(c->plan, view, ret, err) < 0)
		return -1;
	if (w == NULL)
		return 0;
	if (!c->o->cloud_only && certs_adopt(c, err) < 0)
		return -1;
	if (!came_to_its_end(c, ret) || c->o->cloud_only)
		return 0;
	/* the bundle may have to be fetched again (its cache is gone): the nodes can be told apart only with its digests */
	probe = *w;
	probe.artifacts = (struct artifacts){0};
	probe.bundle_folder = NULL;
	r = context_bundle(c, NULL, &probe.artifacts, &probe.bundle_folder, err);
	if (r == 0)
		r = nodes(&probe, ret, err);
	artifacts_free(&probe.artifacts);
	free(probe.bundle_folder);
	return r;
}

void differences_of_settings(const struct context *c, const struct strv *settings, struct changes *ret)
{
	for (size_t i = 0; i < settings->n; i++)
		add(ret, CHANGE_UPDATE, "cluster", c->spec->name, settings->v[i]);
}

int differences_of_nodes(const struct context *c, struct json_object *nodes, struct changes *ret, struct error **err)
{
	CLEANUP(node_states_free) struct node_states states = {0};
	CLEANUP_JSON struct json_object *worn = NULL;

	if (nodes == NULL)
		return 0;
	if (worn_read(c->state, &worn, err) < 0 || node_states_read(c->plan, worn, nodes, &states, err) < 0)
		return -1;
	for (size_t i = 0; i < states.n; i++) {
		char *reason = node_state_differs(&states.items[i]);

		if (reason != NULL)
			changes_add(ret, CHANGE_UPDATE, "node", states.items[i].name, reason);
	}
	return 0;
}
