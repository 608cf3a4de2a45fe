#include "provision/withdraw.h"
#include "core/base/alloc.h"
#include "provision/body.h"
#include "provision/removal.h"

struct withdrawal {
	struct removal_job job;
	struct removal removal;
	const struct plan *plan;
	struct strv gone; /* nodes; under the removal's lock */
};

enum { LOOKS = 4 };

/* How much of a volume's name the node's is: "demo-w-1-root" of "demo-w-1". */
static size_t match(const struct item *it, const char *node)
{
	size_t n = strlen(node);

	if (strncmp(it->name, node, n) != 0)
		return 0;
	return it->name[n] == '\0' || (it->kind == KIND_VOLUME && it->name[n] == '-') || (it->kind == KIND_PORT && it->name[n] == '.') ? n : 0;
}

const char *withdraw_owner(const struct plan *plan, const struct item *it)
{
	const char *owner = NULL;
	size_t longest = 0;

	if (it->kind != KIND_SERVER && it->kind != KIND_PORT && it->kind != KIND_FLOATING_IP && it->kind != KIND_VOLUME)
		return NULL;
	for (size_t i = 0; i < plan->n_nodes + plan->leaving.n; i++) {
		const char *node = i < plan->n_nodes ? plan->nodes[i].node.name : plan->leaving.v[i - plan->n_nodes];
		size_t n = match(it, node);

		if (n > longest) {
			longest = n;
			owner = node;
		}
	}
	return owner;
}

bool withdraw_takes(const struct plan *plan, const struct item *it)
{
	const char *owner = withdraw_owner(plan, it);

	return owner != NULL && strv_has(&plan->leaving, owner);
}

int provision_withdraw_begin(const struct removal_job *job, const struct plan *plan, struct withdrawal **ret, struct error **err)
{
	struct view *view = NULL;
	struct withdrawal *w;

	if (removal_look(job, &view, err) < 0)
		return -1;
	w = xnew(struct withdrawal);
	w->job = *job;
	w->plan = plan;
	w->removal = (struct removal){.job = &w->job, .cloud = job->cloud, .view = view, .problems = STRV_INIT};
	pthread_mutex_init(&w->removal.lock, NULL);
	w->removal.servers = watch_new(job->cloud, KIND_SERVER, job->uuid, job->cluster);
	w->removal.volumes = watch_new(job->cloud, KIND_VOLUME, job->uuid, NULL);
	*ret = w;
	return 0;
}

void provision_withdraw_end(struct withdrawal *w)
{
	if (w == NULL)
		return;
	watch_free(w->removal.servers);
	watch_free(w->removal.volumes);
	view_free(w->removal.view);
	strv_free(&w->removal.problems);
	strv_free(&w->gone);
	pthread_mutex_destroy(&w->removal.lock);
	free(w);
}

static int take(struct withdrawal *w, enum kind kind, const char *node, removal_one *one, struct error **err)
{
	size_t n = 0;
	CLEANUP_FREE const struct item **items = view_all(w->removal.view, kind, &n);

	for (size_t i = 0; i < n; i++) {
		const char *owner = withdraw_owner(w->plan, items[i]);

		if (owner != NULL && strcmp(owner, node) == 0 && one(&w->removal, items[i], err) < 0)
			return -1;
	}
	return 0;
}

struct notes {
	const char *node;
	struct strv keys;
};

/* "applied:NODE", "rebooting:NODE", "upgrade:kept:NODE"…: no name of a node holds a colon. */
static void collect(const char *key, const char *value UNUSED, void *context)
{
	struct notes *n = context;
	const char *colon = strrchr(key, ':');

	if (colon != NULL && strcmp(colon + 1, n->node) == 0)
		strv_add(&n->keys, key);
}

/* All of them: one that stayed would be taken for one of the next node of that name. */
int withdraw_forget(struct state *state, const char *node, struct error **err)
{
	struct notes notes = {.node = node, .keys = STRV_INIT};
	int r = state_values(state, collect, &notes, err);

	for (size_t i = 0; i < notes.keys.n && r == 0; i++)
		r = state_set(state, notes.keys.v[i], NULL, err);
	strv_free(&notes.keys);
	return r < 0 ? -1 : state_remove_node(state, node, err);
}

/* The floating IP first: a port that is deleted leaves it behind without a name to be found by. */
static int take_all(struct withdrawal *w, const char *node, struct error **err)
{
	if (take(w, KIND_FLOATING_IP, node, removal_delete, err) < 0 || take(w, KIND_SERVER, node, removal_server, err) < 0 ||
	    take(w, KIND_PORT, node, removal_delete, err) < 0)
		return -1;
	return take(w, KIND_VOLUME, node, removal_volume, err);
}

int provision_withdraw(struct withdrawal *w, const char *node, struct error **err)
{
	if (take_all(w, node, err) < 0)
		return -1;
	pthread_mutex_lock(&w->removal.lock);
	strv_add(&w->gone, node);
	pthread_mutex_unlock(&w->removal.lock);
	return 0;
}

int provision_withdraw_server(struct withdrawal *w, const char *node, struct error **err)
{
	CLEANUP_FREE char *root = name_root(plan_find(w->plan, node));
	const struct item *volume = view_find(w->removal.view, KIND_VOLUME, root);

	if (take(w, KIND_SERVER, node, removal_server_alone, err) < 0)
		return -1;
	return volume != NULL ? removal_volume(&w->removal, volume, err) : 0;
}

/* Lists again what nodes have; ret: those that still have something. */
static int look_again(struct withdrawal *w, struct strv *ret, struct error **err)
{
	static const enum kind kinds[] = {KIND_SERVER, KIND_PORT, KIND_FLOATING_IP, KIND_VOLUME};

	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		CLEANUP_JSON struct json_object *list = NULL;
		size_t n = 0;
		CLEANUP_FREE const struct item **items = NULL;

		if (kind_list(w->removal.cloud, kinds[k], w->job.uuid, w->job.cluster, &list, err) < 0)
			return -1;
		view_add_list(w->removal.view, kinds[k], list);
		items = view_all(w->removal.view, kinds[k], &n);
		for (size_t i = 0; i < n; i++) {
			const char *owner = withdraw_owner(w->plan, items[i]);

			if (owner != NULL && strv_has(&w->gone, owner) && !strv_has(ret, owner))
				strv_add(ret, owner);
		}
	}
	return 0;
}

/* What an interrupted run had asked for may turn up late: a server that nova had in its queue. */
static int prove(struct withdrawal *w, struct error **err)
{
	for (int looks = 0;; looks++) {
		CLEANUP_STRV struct strv left = STRV_INIT;
		CLEANUP_FREE char *names = NULL;

		if (look_again(w, &left, err) < 0)
			return -1;
		if (left.n == 0)
			return 0;
		names = strv_join(&left, ", ");
		if (looks == LOOKS)
			return error_set(err, ERROR_LEFTOVERS, "something of %s turns up again and again in the cloud; \"davit plan\" shows it", names);
		for (size_t i = 0; i < left.n; i++)
			if (take_all(w, left.v[i], err) < 0)
				return -1;
	}
}

static bool is_wanted(const struct withdrawal *w, const struct item *group)
{
	for (size_t i = 0; i < w->plan->n_server_groups; i++) {
		CLEANUP_FREE char *name = name_server_group(w->plan, w->plan->server_groups[i].name, w->job.uuid);

		if (strcmp(name, group->name) == 0)
			return true;
	}
	return false;
}

/* Not before: a run that is cut off, or whose deletions the cloud takes back, leaves nodes that the next one looks for. */
static int forget_all(struct withdrawal *w, struct error **err)
{
	for (size_t i = 0; i < w->gone.n; i++)
		if (withdraw_forget(w->job.state, w->gone.v[i], err) < 0)
			return -1;
	return 0;
}

static bool any_unwanted(const struct withdrawal *w)
{
	size_t n = 0;
	CLEANUP_FREE const struct item **groups = view_all(w->removal.view, KIND_SERVER_GROUP, &n);

	for (size_t i = 0; i < n; i++)
		if (!is_wanted(w, groups[i]))
			return true;
	return false;
}

/* Those that nobody wants go with their last server; who is in them is asked again, since the first look may have been before it was gone. */
static int take_groups(struct withdrawal *w, struct error **err)
{
	CLEANUP_JSON struct json_object *list = NULL;
	CLEANUP_FREE const struct item **groups = NULL;
	size_t n = 0;

	if (!any_unwanted(w))
		return 0;
	if (kind_list(w->removal.cloud, KIND_SERVER_GROUP, w->job.uuid, w->job.cluster, &list, err) < 0)
		return -1;
	view_add_list(w->removal.view, KIND_SERVER_GROUP, list);
	groups = view_all(w->removal.view, KIND_SERVER_GROUP, &n);
	for (size_t i = 0; i < n; i++)
		if (!is_wanted(w, groups[i]) && json_len(json_at(groups[i]->json, "members")) == 0 &&
		    removal_delete(&w->removal, groups[i], err) < 0)
			return -1;
	return 0;
}

int provision_withdraw_finish(struct withdrawal *w, struct error **err)
{
	return prove(w, err) < 0 || take_groups(w, err) < 0 ? -1 : forget_all(w, err);
}
