#include "cmd/work.h"
#include "cmd/authorities.h"
#include "cmd/credentials.h"
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include "core/base/digest.h"
#include "core/base/log.h"
#include "core/cluster/etcd.h"
#include "core/cluster/frozen.h"
#include "core/cluster/platform.h"
#include "provision/clouds.h"

enum { RUN_MS = 60 * 60 * 1000, INSTALL_ATTEMPTS = 2, PATIENCE_MS = 30 * 1000 };

/* The context of what is done in a session with a node; reach_run() may begin each of these again in another session. */
struct visit {
	struct work *w;
	const struct node *n;
	struct bootstrap_run *run;
};

static int encryption_key(struct state *s, char **ret, struct error **err)
{
	CLEANUP_SECRET char *key = state_get(s, "encryption-key");
	unsigned char raw[32];

	if (key == NULL) { /* the first one: "k1" (encryption.h) */
		random_bytes(raw, sizeof(raw));
		key = base64_encode(raw, sizeof(raw));
		explicit_bzero(raw, sizeof(raw));
		if (state_set(s, "encryption-key", key, err) < 0)
			return -1;
	}
	*ret = steal_ptr(key);
	return 0;
}

/* Whoever talks to the cloud finds out by himself where clouds.yaml is wrong: "render" works without one. */
static void find_authority(const struct context *c, char **ret)
{
	CLEANUP_ERROR struct error *why = NULL;

	if (cloud_authority(context_cloud(c), ret, &why) < 0)
		log_verbose("%s; without an authority of the cloud", error_message(why));
}

int work_open(const struct context *c, struct events *events, struct work *ret, struct error **err)
{
	*ret = (struct work){.c = c, .events = events, .bundle = latch_new(), .turn = turn_new(), .deadline = clock_deadline(RUN_MS), .addons_claimed = ATOMIC_FLAG_INIT};
	ret->reach = reach_new(c->spec, c->state, c->inventory);
	find_authority(c, &ret->openstack_ca);
	swarm_work_init(ret);
	ret->errors = xnew_n(struct error *, c->plan->n_nodes);
	if (state_secret(c->state, "registry-password", 16, &ret->registry_password, err) < 0 ||
	    encryption_key(c->state, &ret->encryption_key, err) < 0 ||
	    spec_authorized_keys(c->spec, &ret->authorized_keys, err) < 0)
		return -1;
	return authorities_open(c, &ret->pki, err);
}

void work_close(struct work *w)
{
	if (w->c == NULL)
		return;
	for (size_t i = 0; i < w->c->plan->n_nodes; i++)
		error_free(w->errors[i]);
	free(w->errors);
	reach_free(w->reach);
	pki_free(w->pki);
	latch_free(w->bundle);
	turn_free(w->turn);
	swarm_work_clear(w);
	artifacts_free(&w->artifacts);
	free(w->bundle_folder);
	free(w->openstack_ca);
	secret_free(w->registry_password);
	secret_free(w->encryption_key);
	secret_free(w->cloud_conf);
	strv_free(&w->authorized_keys);
	*w = (struct work){0};
}

static void volume_ids(const struct work *w, const struct node *n, struct strv *ret)
{
	const struct plan_node *planned = plan_find(w->c->plan, n->name);

	for (size_t i = 0; planned != NULL && i < planned->n_volumes; i++) {
		CLEANUP_FREE char *id = state_id(w->c->state, "volume", planned->volumes[i].name);

		strv_add(ret, id != NULL ? id : "not-made-yet");
	}
}

/* The registry's own programs cannot come from the registry: they travel in the archive. */
static void add_own_blobs(const struct work *w, struct fileset *files)
{
	for (size_t i = 0; i < w->artifacts.n; i++) {
		const struct artifact *a = &w->artifacts.items[i];
		CLEANUP_FREE char *blob = NULL, *path = NULL;

		if ((a->roles & ARTIFACT_ROLES(NODE_REGISTRY)) == 0)
			continue;
		blob = bundle_blob_path(w->bundle_folder, a->digest);
		path = xasprintf("/opt/davit/artifacts/%s", a->digest);
		fileset_source(files, path, 0644, blob);
	}
}

/* sshd reads this one beside authorized_keys, which is cloud-init's. */
static void add_authorized_keys(const struct work *w, struct fileset *files)
{
	const char *user = w->c->spec->access.user;
	CLEANUP_FREE char *keys = strv_join(&w->authorized_keys, "\n"), *text = xasprintf("%s\n", keys);
	CLEANUP_FREE char *path = strcmp(user, "root") == 0 ? xstrdup("/root/.ssh/authorized_keys2")
							     : xasprintf("/home/%s/.ssh/authorized_keys2", user);

	if (w->authorized_keys.n > 0)
		fileset_add(files, path, 0644, text);
}

static int render(const struct work *w, const struct node *n, const struct manifest_values *values, struct fileset *files,
		  struct strv *units, struct bootstrap_run *run, struct error **err)
{
	if (n->address == NULL || !plan_is_addressed(w->c->plan))
		return error_set(err, ERROR_NOT_FOUND,
				 "the cloud chooses the addresses in network \"%s\", and has not done so yet; \"davit apply\" asks it to",
				 w->c->spec->network.existing.network);
	if (pki_node_files(w->pki, w->c->plan, n, files, err) < 0)
		return -1;
	add_authorized_keys(w, files);
	if (n->role == NODE_REGISTRY) {
		add_own_blobs(w, files);
		return manifests_registry(w->c->plan, n, values, files, units, err);
	}
	run->registry_address = w->c->plan->registry_address;
	run->registry_password = w->registry_password;
	return manifests_node(w->c->plan, n, values, files, units, err);
}

int work_render(const struct work *w, const struct node *n, struct fileset *files, struct strv *units, struct bootstrap_run *run,
		struct error **err)
{
	struct manifest_values values = {.registry_password = w->registry_password,
					 .encryption_key = w->encryption_key,
					 .etcd_token = state_uuid(w->c->state),
					 .registry_ca = pki_ca_pem(w->pki, "registry-ca"),
					 .mke_ca = pki_ca_pem(w->pki, "mke-ca"),
					 .signing_ca = pki_signing_path(w->pki),
					 .published_ca = pki_published_path(w->pki),
					 .published_pem = pki_published_pem(w->pki),
					 .openstack_ca = w->openstack_ca,
					 .artifacts = &w->artifacts};
	int r;

	*run = (struct bootstrap_run){.node = n->name,
				      .platform = w->c->spec->platform,
				      .role = n->role,
				      .files = files,
				      .units = units,
				      .artifacts = &w->artifacts,
				      .events = w->events,
				      .deadline = w->deadline};
	volume_ids(w, n, &values.volume_ids);
	etcd_start(w->c->state, w->c->plan, n->name, &values.etcd);
	r = render(w, n, &values, files, units, run, err);
	etcd_start_clear(&values.etcd);
	strv_free(&values.volume_ids);
	return r < 0 ? -1 : bootstrap_prepare(run, err);
}

void work_digest(const struct fileset *files, const struct artifacts *artifacts, char *ret_hex)
{
	struct digest *d = digest_new();

	for (size_t i = 0; i < files->n; i++) {
		const struct file *f = &files->files[i];

		digest_update(d, f->path, strlen(f->path) + 1);
		digest_update(d, &f->mode, sizeof(f->mode));
		if (f->link != NULL)
			digest_update(d, f->link, strlen(f->link) + 1);
		if (f->identity != NULL)
			digest_update(d, f->identity, strlen(f->identity));
		else
			digest_update(d, buf_str(&f->content), f->content.len);
	}
	for (size_t i = 0; i < artifacts->n; i++)
		digest_update(d, artifacts->items[i].digest, strlen(artifacts->items[i].digest) + 1);
	digest_final(d, ret_hex);
}

struct pin {
	struct work *w;
	const char *node;
};

static int pin_keys(void *context, const char *keys, struct error **err)
{
	const struct pin *p = context;
	struct node n = {0};
	int r;

	inventory_host_key(p->w->c->inventory, p->node, keys);
	if (!inventory_get(p->w->c->inventory, p->node, &n))
		return error_set(err, ERROR_INTERNAL, "%s is not in the inventory", p->node);
	r = state_put_node(p->w->c->state, &n, err);
	node_clear(&n);
	return r;
}

/* The key that came in user-data is replaced by one that was made on the node, at the first connection. */
static int rotate_host_key(struct ssh *s, void *context, struct error **err)
{
	const struct visit *v = context;
	struct work *w = v->w;
	const struct node *n = v->n;
	CLEANUP_FREE char *mark = xasprintf("seeded:%s", n->name), *seeded = state_get(w->c->state, mark), *key = NULL;
	struct pin pin = {w, n->name};

	if (seeded == NULL || strcmp(seeded, "1") != 0)
		return 0;
	if (bootstrap_rotate_host_key(s, n->host_key, pin_keys, &pin, &key, err) < 0 || pin_keys(&pin, key, err) < 0)
		return error_wrap(err, "SSH host key");
	return state_set(w->c->state, mark, "0", err);
}

static int push_bundle(struct work *w, const struct node *n, struct error **err)
{
	CLEANUP_FREE char *host = xasprintf("%s:%d", n->address, REGISTRY_PORT);
	struct http_options options = {
		.ca_pem = pki_ca_pem(w->pki, "registry-ca"), .dial = reach_dial, .dial_context = w->reach, .no_proxy = true};
	CLEANUP(http_free_ptr) struct http *http = NULL;
	struct registry_push push = {.folder = w->bundle_folder,
				     .artifacts = &w->artifacts,
				     .host = host,
				     .user = REGISTRY_USER,
				     .password = w->registry_password,
				     .events = w->events,
				     .subject = n->name};
	int r;

	if (http_new(&options, &http, err) < 0)
		return -1;
	push.http = http;
	event_begin(w->events, n->name, "images");
	r = registry_wait(http, host, clock_deadline(60 * 1000), err) < 0 ? -1 : registry_push(&push, err);
	if (r == 0)
		event_end(w->events, n->name, "images");
	return r;
}

static int add_ons(struct ssh *s, void *context, struct error **err)
{
	const struct visit *v = context;
	struct work *w = v->w;
	struct manifest_values values = {.artifacts = &w->artifacts};
	CLEANUP(buf_wipe) struct buf pem = BUF_INIT, addons = BUF_INIT;
	CLEANUP_BUF struct buf rbac = BUF_INIT;

	if (pki_super_admin(w->pki, &pem, err) < 0 || manifests_rbac(w->c->plan, &rbac, err) < 0 ||
	    manifests_addons(w->c->plan, &values, &addons, err) < 0)
		return -1;
	if (w->cloud_conf != NULL)
		credentials_manifest(w->cloud_conf, &addons);
	return kubernetes_addons(s, buf_str(&pem), buf_str(&rbac), buf_str(&addons), w->events, v->n->name, w->deadline, err);
}

static int follow(struct ssh *s, void *context, struct error **err)
{
	struct visit *v = context;
	bool changed = false;

	return bootstrap_node(s, v->run, &changed, err);
}

/* What fails may pass (a registry that was busy, a disk that came late): once more, from the step that failed. */
static int follow_again(struct visit *v, struct ssh **s, struct error **err)
{
	for (int attempt = 1;; attempt++) {
		struct error *why = NULL;

		if (reach_run(v->w->reach, v->n->name, s, follow, v, &why) == 0)
			return 0;
		if (!error_is(why, ERROR_NODE) || attempt == INSTALL_ATTEMPTS)
			return error_move(err, why);
		event_progress(v->w->events, v->n->name, "install", "%s; tried once more", error_message(why));
		error_free(why);
	}
}

static int install(struct visit *v, struct ssh **s, struct error **err)
{
	CLEANUP_FILESET struct fileset files = FILESET_INIT;
	CLEANUP_STRV struct strv units = STRV_INIT;
	CLEANUP_FREE char *key = xasprintf("applied:%s", v->n->name);
	struct bootstrap_run run = {0};
	char hex[DIGEST_HEX_LEN + 1];

	v->run = &run;
	if (work_render(v->w, v->n, &files, &units, &run, err) < 0 ||
	    follow_again(v, s, err) < 0)
		return -1;
	work_digest(&files, &v->w->artifacts, hex);
	return state_set(v->w->c->state, key, hex, err);
}

/* Nothing is installed on it: it is there to be gone through. */
static int note_reached(struct work *w, const struct node *n, struct error **err)
{
	CLEANUP_FREE char *key = xasprintf("applied:%s", n->name);
	char hex[DIGEST_HEX_LEN + 1];

	work_digest(&FILESET_INIT, &(struct artifacts){0}, hex);
	return state_set(w->c->state, key, hex, err);
}

bool work_takes(const struct work *w, const struct plan_node *p)
{
	return w->pool == NULL || strcmp(w->pool, p->node.pool) == 0;
}

int work_install(struct work *w, const struct node *n, struct ssh **s, struct error **err)
{
	struct visit v = {.w = w, .n = n};

	return install(&v, s, err);
}

int work_addons(struct work *w, const struct node *n, struct error **err)
{
	struct visit v = {.w = w, .n = n};
	CLEANUP_SSH struct ssh *s = NULL;

	return reach_run(w->reach, n->name, &s, add_ons, &v, err);
}

int work_is_applied(struct work *w, const struct node *n, bool *ret, struct error **err)
{
	CLEANUP_FREE char *key = xasprintf("applied:%s", n->name), *applied = state_get(w->c->state, key);
	CLEANUP_FILESET struct fileset files = FILESET_INIT;
	CLEANUP_STRV struct strv units = STRV_INIT;
	struct bootstrap_run run = {0};
	char hex[DIGEST_HEX_LEN + 1];

	*ret = false;
	if (applied == NULL || *applied == '\0')
		return 0;
	if (latch_wait(w->bundle, w->deadline, NULL, err) < 0 || work_render(w, n, &files, &units, &run, err) < 0)
		return -1;
	work_digest(&files, &w->artifacts, hex);
	*ret = strcmp(applied, hex) == 0;
	return 0;
}

/* Of several control planes the first one whose API is ready applies them for all. */
static int plane_steps(struct visit *v, struct ssh **s, struct error **err)
{
	struct work *w = v->w;

	if (frozen_keep(w->c->spec, w->c->state, err) < 0 || install(v, s, err) < 0)
		return -1;
	if (platform_is_swarm(w->c->spec->platform))
		return swarm_enter(w, v->n, s, err);
	if (etcd_has_formed(w->c->state, err) < 0)
		return -1;
	return atomic_flag_test_and_set(&w->addons_claimed) ? 0 : reach_run(w->reach, v->n->name, s, add_ons, v, err);
}

/* What a node is, beside its way in. */
static int member_steps(struct visit *v, struct ssh **s, struct error **err)
{
	struct work *w = v->w;

	if (v->n->role == NODE_CONTROL_PLANE)
		return plane_steps(v, s, err);
	if (install(v, s, err) < 0)
		return -1;
	if (v->n->role == NODE_REGISTRY)
		return push_bundle(w, v->n, err);
	return platform_is_swarm(w->c->spec->platform) ? swarm_enter(w, v->n, s, err) : 0;
}

/* Whether others miss what begins anew on it where that is so on all nodes at once: API servers and etcd, and engines with all that they run. */
static bool is_missed(const struct work *w, const struct node *n)
{
	return state_is_installed(w->c->state, n->name) &&
	       (n->role == NODE_CONTROL_PLANE || (n->role == NODE_WORKER && platform_is_swarm(w->c->spec->platform)));
}

static int member_in_turn(struct visit *v, struct ssh **s, struct error **err)
{
	int r;

	if (turn_take(v->w->turn, PATIENCE_MS, err) < 0)
		return -1;
	r = member_steps(v, s, err);
	turn_give(v->w->turn);
	return r;
}

static int node_steps(struct work *w, const struct node *n, struct ssh **s, struct error **err)
{
	struct visit v = {.w = w, .n = n};
	bool same = false;

	/* a worker: the cost of a pool's growth is that of the new ones */
	if (n->role == NODE_WORKER && work_is_applied(w, n, &same, err) < 0)
		return -1;
	if (same)
		return 0;
	event_begin(w->events, n->name, "ssh");
	if (reach_ssh(w->reach, n->name, w->deadline, s, err) < 0 ||
	    reach_run(w->reach, n->name, s, rotate_host_key, &v, err) < 0)
		return -1;
	event_end(w->events, n->name, "ssh");
	if (n->role == NODE_BASTION)
		return note_reached(w, n, err);
	if (latch_wait(w->bundle, w->deadline, NULL, err) < 0 || (n->role == NODE_CONTROL_PLANE && work_is_applied(w, n, &same, err) < 0))
		return -1;
	return !same && is_missed(w, n) ? member_in_turn(&v, s, err) : member_steps(&v, s, err);
}

static int run_node(size_t i, struct work *w, bool install_it, struct error **err)
{
	const struct plan_node *p = &w->c->plan->nodes[i];
	CLEANUP_SSH struct ssh *s = NULL;
	struct node n = {0};
	struct error *why = NULL;
	int r;

	if (!work_takes(w, p))
		return 0;
	r = inventory_wait(w->c->inventory, p->node.name, p->floating_ip, w->deadline, &n, &why);
	if (r == 0)
		r = state_put_node(w->c->state, &n, &why);
	if (r == 0 && install_it)
		r = node_steps(w, &n, &s, &why);
	if (r < 0 && !error_is(why, ERROR_CANCELLED)) {
		event_fail(w->events, p->node.name, "failed", error_message(why));
		error_wrap(&why, "%s", p->node.name);
		if (p->node.role != NODE_WORKER) /* no other node comes to anything without it */
			cancel_stop();
	}
	node_clear(&n);
	return r < 0 ? error_move(err, why) : 0;
}

int work_server(size_t i, void *context, struct error **err)
{
	return run_node(i, context, false, err);
}

int work_node(size_t i, void *context, struct error **err)
{
	return run_node(i, context, true, err);
}
