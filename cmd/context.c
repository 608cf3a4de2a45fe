#include "cmd/context.h"
#include "cmd/authorities.h"
#include "cmd/verbs.h"
#include "core/base/alloc.h"
#include "core/base/log.h"
#include "core/base/path.h"
#include "core/cluster/worn.h"
#include "core/net/http.h"
#include "core/net/ssh.h"
#include "core/net/ssh_keys.h"
#include "provision/cloud.h"

static const enum state_mode state_modes[] = {
	[CONTEXT_READ] = STATE_READ, [CONTEXT_LOOK] = STATE_READ, [CONTEXT_WRITE] = STATE_WRITE, [CONTEXT_EXISTING] = STATE_EXISTING};

static int load_state(struct context *c, enum context_mode mode, struct error **err)
{
	struct error *why = NULL;
	CLEANUP_FREE char *api = NULL;
	struct node *nodes;
	size_t n;

	if (state_open(c->o->state_folder, c->spec->name, state_modes[mode], &c->state, &why) < 0) {
		if (mode != CONTEXT_LOOK || !error_is(why, ERROR_NOT_FOUND))
			return error_move(err, why);
		error_free(why);
		return 0;
	}
	if (state_nodes(c->state, c->inventory, err) < 0)
		return -1;
	api = state_get(c->state, STATE_API);
	inventory_set_api(c->inventory, api);
	/* a server that has an id was there when the last run ended; a look at the cloud may say otherwise */
	nodes = inventory_list(c->inventory, &n);
	for (size_t i = 0; i < n; i++)
		if (nodes[i].server_id != NULL)
			inventory_cloud(c->inventory, nodes[i].name, NODE_ACTIVE, NULL, NULL, NULL);
	node_list_free(nodes, n);
	if (mode == CONTEXT_READ || mode == CONTEXT_LOOK) /* nobody makes what is missing: it is not to be waited for */
		inventory_close(c->inventory, NULL);
	return 0;
}

/* The file's, else those of the environment, which libcurl finds by itself. */
static void use_proxies(const struct spec *s)
{
	bool own = s->proxy.http != NULL || s->proxy.https != NULL;
	CLEANUP_FREE char *no = strv_join(&s->proxy.no, ","), *shown = NULL;

	if (own)
		http_use_proxies(s->proxy.http, s->proxy.https, no);
	shown = http_describe_proxies();
	if (shown != NULL)
		log_verbose("proxies of %s: %s", own ? s->path : "the environment", shown);
}

/* As if the file said so: what comes from a mirror is kept apart. */
static void use_mirror(struct context *c)
{
	if (c->o->mirror == NULL)
		return;
	free(c->spec->artifacts.mirror);
	c->spec->artifacts.mirror = xstrdup(c->o->mirror);
}

void context_take_spec(struct context *c, struct spec *spec)
{
	plan_free(c->plan);
	c->plan = NULL;
	spec_free(c->spec);
	c->spec = spec;
	use_mirror(c);
}

int context_open(const struct options *o, enum context_mode mode, struct context *ret, struct error **err)
{
	*ret = (struct context){.o = o, .inventory = inventory_new()};
	if (spec_load(o->file, &ret->spec, err) < 0)
		return -1;
	use_proxies(ret->spec);
	use_mirror(ret);
	if (load_state(ret, mode, err) < 0 ||
	    plan_make(ret->spec, ret->inventory, &ret->plan, err) < 0)
		return -1;
	return 0;
}

size_t context_members(const struct context *c, const char *pool)
{
	size_t n, members = 0;
	struct node *nodes = inventory_list(c->inventory, &n);

	for (size_t i = 0; i < n; i++)
		members += nodes[i].role == NODE_WORKER && !nodes[i].leaving && strcmp(nodes[i].pool, pool) == 0;
	node_list_free(nodes, n);
	return members;
}

void context_pin_pools(struct context *c, const char *but)
{
	for (size_t i = 0; i < c->spec->n_pools; i++)
		if (but == NULL || strcmp(c->spec->pools[i].name, but) != 0)
			c->spec->pools[i].count = (int)context_members(c, c->spec->pools[i].name);
}

int context_replan(struct context *c, struct error **err)
{
	struct plan *plan = NULL;

	if (plan_make(c->spec, c->inventory, &plan, err) < 0)
		return -1;
	plan_free(c->plan);
	c->plan = plan;
	return 0;
}

/* The private one may have been put back without it. */
static int write_public_key(const struct context *c, const char *file, const char *public_file, struct error **err)
{
	CLEANUP(buf_wipe) struct buf secret = BUF_INIT;
	CLEANUP_FREE char *public = NULL, *line = NULL;

	if (path_read(file, &secret, err) < 0 || ssh_private_key_check(buf_str(&secret), file, &public, err) < 0)
		return -1;
	if (public == NULL)
		return error_set(err, ERROR_CONFIG, "%s is missing: \"ssh-keygen -y -f %s\" prints what belongs there", public_file, file);
	line = xasprintf("%s %s", public, c->spec->name);
	return path_write(public_file, line, strlen(line), 0644, err);
}

static int make_key_pair(const struct context *c, const char *file, const char *public_file, struct error **err)
{
	CLEANUP_FREE char *folder = state_path(c->state, "ssh");
	CLEANUP(buf_wipe) struct buf secret = BUF_INIT;
	CLEANUP_BUF struct buf public = BUF_INIT;

	if (ssh_keygen(c->spec->name, &secret, &public, err) < 0 || path_mkdirs(folder, 0700, err) < 0 ||
	    path_write(file, secret.data, secret.len, 0600, err) < 0)
		return -1;
	return path_write(public_file, public.data, public.len, 0644, err);
}

int context_key_pair(const struct context *c, char **ret_public, struct error **err)
{
	CLEANUP_FREE char *file = state_path(c->state, "ssh/id_ed25519"), *public_file = state_path(c->state, "ssh/id_ed25519.pub");
	CLEANUP_BUF struct buf public = BUF_INIT;

	if (!path_exists(file) && make_key_pair(c, file, public_file, err) < 0)
		return -1;
	if (!path_exists(public_file) && write_public_key(c, file, public_file, err) < 0)
		return -1;
	if (path_read(public_file, &public, err) < 0)
		return -1;
	while (public.len > 0 && public.data[public.len - 1] == '\n')
		buf_truncate(&public, public.len - 1);
	*ret_public = buf_steal(&public);
	return 0;
}

void context_close(struct context *c)
{
	authorities_forget(c);
	plan_free(c->plan);
	inventory_free(c->inventory);
	state_close(c->state);
	spec_free(c->spec);
	*c = (struct context){0};
}

const char *context_cloud(const struct context *c)
{
	return c->o->cloud != NULL ? c->o->cloud : c->spec->openstack.cloud;
}

bool context_has_keys(const struct context *c)
{
	CLEANUP_FREE char *keys = c->state != NULL ? state_get(c->state, "keys") : NULL;

	return keys == NULL || strcmp(keys, "lost") != 0;
}

int context_need_keys(const struct context *c, struct error **err)
{
	return context_has_keys(c) ? 0
				   : error_set(err, ERROR_CONFIG,
					       "the state of cluster %s was rebuilt from the cloud alone, and its keys are not here: \"davit recover "
					       "--identity FILE\" fetches them from a control plane, --archive FILE reads them",
					       c->spec->name);
}

int context_check_project(struct state *state, struct cloud *cloud, struct error **err)
{
	CLEANUP_FREE char *known = state_get(state, "project"), *here = NULL;
	const char *project = cloud_project_id(cloud);

	if (known == NULL || project == NULL || strcmp(known, project) == 0)
		return 0;
	here = cloud_describe(cloud);
	return error_set(err, ERROR_CONFIG,
			 "the cluster of %s was made in project %s, and %s is project %s: choose the right one by --os-cloud or OS_CLOUD",
			 state_folder(state), known, here, project);
}

int context_remember_file(const struct context *c, struct error **err)
{
	CLEANUP_BUF struct buf text = BUF_INIT;
	CLEANUP_FREE char *copy = state_path(c->state, "cluster.yaml");

	if (worn_note(c->spec, c->state, err) < 0 || path_read(c->spec->path, &text, err) < 0)
		return -1;
	return path_write(copy, text.data, text.len, 0600, err);
}

int context_remember(const struct context *c, struct cloud *cloud, struct error **err)
{
	const char *name = context_cloud(c);

	if (state_set(c->state, "cloud", name != NULL ? name : "", err) < 0 ||
	    state_set(c->state, "project", cloud_project_id(cloud), err) < 0)
		return -1;
	return context_remember_file(c, err);
}

int context_bundle(const struct context *c, struct events *events, struct artifacts *ret, char **ret_folder, struct error **err)
{
	const char *named = c->o->bundle != NULL ? c->o->bundle : c->spec->artifacts.bundle;
	CLEANUP_FREE char *folder = named != NULL ? xstrdup(named) : bundle_default_folder(c->spec);

	if (named != NULL ? bundle_load(c->spec, folder, false, ret, err) < 0
			  : bundle_create(c->spec, folder, c->spec->artifacts.mirror, events, ret, err) < 0)
		return -1;
	*ret_folder = steal_ptr(folder);
	return 0;
}

const char *context_plane(const struct context *c)
{
	return context_plane_but(c, &STRV_INIT);
}

const char *context_plane_but(const struct context *c, const struct strv *lost)
{
	for (size_t i = 0; i < c->plan->n_nodes; i++) {
		const struct plan_node *p = &c->plan->nodes[i];

		if (p->node.role == NODE_CONTROL_PLANE && state_is_installed(c->state, p->node.name) && !strv_has(lost, p->node.name))
			return p->node.name;
	}
	return NULL;
}

int context_need_kubernetes(const struct context *c, const char *instead, struct error **err)
{
	if (c->spec->platform == PLATFORM_KUBERNETES)
		return 0;
	if (c->spec->platform == PLATFORM_MKE)
		return error_set(err, ERROR_USAGE, "cluster %s is one of MKE, on a swarm: %s", c->spec->name, instead);
	return error_set(err, ERROR_USAGE, "cluster %s is a swarm: %s", c->spec->name, instead);
}

int context_need_swarm(const struct context *c, const char *mke, struct error **err)
{
	if (c->spec->platform == PLATFORM_SWARM || (c->spec->platform == PLATFORM_MKE && mke == NULL))
		return 0;
	if (c->spec->platform == PLATFORM_MKE)
		return error_set(err, ERROR_USAGE, "cluster %s is one of MKE: %s", c->spec->name, mke);
	return error_set(err, ERROR_USAGE, "cluster %s is no swarm: what it has is in etcd, and \"davit etcd backup\" keeps that", c->spec->name);
}

int context_node_name(const struct context *c, const char *word, char **ret, struct error **err)
{
	CLEANUP_FREE char *whole = xasprintf("%s-%s", c->spec->name, word), *all = NULL;
	CLEANUP_STRV struct strv names = STRV_INIT;
	size_t n;
	struct node *nodes = inventory_list(c->inventory, &n);

	for (size_t i = 0; i < n; i++) {
		strv_add(&names, nodes[i].name);
		if (*ret == NULL && (strcmp(nodes[i].name, word) == 0 || strcmp(nodes[i].name, whole) == 0))
			*ret = xstrdup(nodes[i].name);
	}
	node_list_free(nodes, n);
	if (*ret != NULL)
		return 0;
	all = verb_names(&names);
	return error_set(err, ERROR_USAGE, "cluster %s has no node %s; it has: %s", c->spec->name, word, n > 0 ? all : "none");
}

int context_node_names(const struct context *c, const struct strv *words, struct strv *ret, struct error **err)
{
	for (size_t i = 0; i < words->n; i++) {
		CLEANUP_FREE char *name = NULL;

		if (context_node_name(c, words->v[i], &name, err) < 0)
			return -1;
		if (!strv_has(ret, name))
			strv_add(ret, name);
	}
	return 0;
}

bool context_is_whole(const struct context *c, const char *pool)
{
	CLEANUP_FREE char *complete = state_get(c->state, "complete"), *but = xasprintf(COMPLETE_BUT_POOL "%s", pool);

	return complete != NULL && (strcmp(complete, "1") == 0 || strcmp(complete, but) == 0);
}
