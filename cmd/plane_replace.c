#include "cmd/plane_replace.h"
#include "cmd/apply.h"
#include "cmd/leaving.h"
#include "cmd/output.h"
#include "cmd/verbs.h"
#include "bootstrap/platform.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/log.h"

enum { CONNECT_MS = 20 * 1000, ANSWER_MS = 60 * 1000 };

static int check_place(const struct context *c, const char *node, struct error **err)
{
	CLEANUP_FREE char *complete = state_get(c->state, "complete");

	if (!plan_is_balanced(c->plan))
		return error_set(err, ERROR_USAGE,
				 "%s is the only control plane and holds the cluster's data: with controlPlane.count 3 in %s, and \"davit apply\", each of them can be replaced",
				 node, c->spec->path);
	if (complete == NULL || strcmp(complete, "1") != 0)
		return error_set(err, ERROR_CONFIG, "the last run for cluster %s did not come to its end: \"davit apply\" goes on from there, then replace",
				 c->spec->name);
	return plan_find(c->plan, node) != NULL ? 0 : error_set(err, ERROR_USAGE, "%s no longer wants %s: \"davit apply\" takes it away", c->spec->path, node);
}

static int ask_one(struct leaving *l, const char *plane, const struct node *n, struct error **err)
{
	CLEANUP_SSH struct ssh *s = NULL;

	if (reach_ssh(l->reach, plane, clock_deadline(CONNECT_MS), &s, err) < 0)
		return -1;
	return platform_of(l->c->spec)->is_dispensable(s, n, clock_deadline(ANSWER_MS), err);
}

/* *ret_asked: one of the others could be asked.  Where the node is the way in to all others and does not answer, none can. */
static int ask_others(struct leaving *l, const struct node *n, bool *ret_asked, struct error **err)
{
	const struct plan *plan = l->c->plan;

	for (size_t i = 0; i < plan->n_nodes && !*ret_asked; i++) {
		const struct node *other = &plan->nodes[i].node;
		CLEANUP_ERROR struct error *why = NULL;

		if (other->role != NODE_CONTROL_PLANE || strcmp(other->name, n->name) == 0)
			continue;
		*ret_asked = ask_one(l, other->name, n, &why) == 0;
		if (!*ret_asked && (error_is(why, ERROR_NODE) || error_is(why, ERROR_CANCELLED)))
			return error_move(err, steal_ptr(why));
		if (!*ret_asked)
			log_warning("%s cannot be asked how etcd is: %s", other->name, error_message(why));
	}
	return 0;
}

static void show(const struct context *c, const char *node)
{
	CLEANUP(changes_free) struct changes changes = {0};

	changes_add(&changes, CHANGE_REPLACE, "node", node, xstrdup("it was asked for"));
	verb_print_changes(&changes, c->o->format);
}

static int take_server(const struct context *c, const char *node, struct events *events, struct error **err)
{
	struct cloud *cloud = NULL;
	struct withdrawal *w = NULL;
	int r = cloud_open(context_cloud(c), &cloud, err);
	struct removal_job job = {.cloud = cloud, .cluster = c->spec->name, .uuid = state_uuid(c->state), .state = c->state, .events = events};

	if (r == 0)
		r = context_check_project(c->state, cloud, err);
	if (r == 0)
		r = provision_withdraw_begin(&job, c->plan, &w, err);
	if (r == 0)
		r = provision_withdraw_server(w, node, err);
	provision_withdraw_end(w);
	cloud_close(cloud);
	return r;
}

static int consent(const struct context *c, const char *node, bool asked, struct error **err)
{
	CLEANUP_FREE char *question = xasprintf("Put a new server in the place of %s%s", node,
						asked ? ", whose disks are lost" : ", though nobody could be asked whether etcd's other members are well: if they are not, the cluster's data is lost");

	return output_confirm(c->o->yes, question, err);
}

/* What comes after the loss of a server is apply's, also where this was interrupted. */
static int replace(struct leaving *l, const struct node *n, struct error **err)
{
	struct context *c = l->c;
	bool asked = false;
	struct events *events;
	int r;

	if (ask_others(l, n, &asked, err) < 0)
		return -1;
	if (c->o->dry_run) {
		show(c, n->name);
		return 0;
	}
	if (consent(c, n->name, asked, err) < 0)
		return -1;
	if (asked)
		leaving_stop_plane(l, n->name);
	events = events_new();
	r = take_server(c, n->name, events, err);
	events_free(events);
	return r;
}

int plane_replace(struct context *c, const char *node, struct error **err)
{
	CLEANUP_LEAVING struct leaving l = {0};
	struct node n = {0};
	int r;

	if (apply_check(c, err) < 0 || check_place(c, node, err) < 0) /* before anything is taken away */
		return -1;
	if (!inventory_get(c->inventory, node, &n))
		return error_set(err, ERROR_INTERNAL, "%s is not in the inventory", node);
	leaving_init(&l, c);
	r = replace(&l, &n, err);
	node_clear(&n);
	return r < 0 || c->o->dry_run ? r : apply_run(c, &(struct apply_scope){0}, err);
}
