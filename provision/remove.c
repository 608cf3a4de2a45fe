#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include "provision/credential.h"
#include "provision/flow.h"
#include "provision/removal.h"

enum { SETTLE_MS = 30 * 1000, PAUSE_MAX_MS = 5000 };

enum step {
	STEP_SERVERS,
	STEP_FLOATING_IPS,
	STEP_KEYPAIRS,
	STEP_API,
	STEP_WORKLOAD,
	STEP_BALANCERS,
	STEP_CLAIMS,
	STEP_INTERFACES,
	STEP_ROUTERS,
	STEP_PORTS,
	STEP_VOLUMES,
	STEP_SERVER_GROUPS,
	STEP_NETWORKS,
	STEP_GROUPS,
	STEP_WORKLOAD_GROUPS,
	STEP_CREDENTIAL,
	STEP_COUNT
};

#define AFTER(step) FLOW_NEEDS(STEP_##step)

/*
 * Servers before their ports, floating IPs before the interface that carries them, all ports before the network.  What Kubernetes
 * made is looked for once no server runs that would make it again.
 */
static const struct flow_step steps[STEP_COUNT] = {
	[STEP_SERVERS] = {"servers", remove_servers, 0},
	[STEP_FLOATING_IPS] = {"floating IPs", remove_floating_ips, 0},
	[STEP_KEYPAIRS] = {"keypair", remove_keypairs, 0},
	[STEP_API] = {"the API's load balancer", remove_balancers, 0},
	[STEP_WORKLOAD] = {"what Kubernetes made", remove_workload_look, AFTER(SERVERS)},
	[STEP_BALANCERS] = {"load balancers of services", remove_workload_balancers, AFTER(WORKLOAD)},
	[STEP_CLAIMS] = {"volumes of claims", remove_workload_volumes, AFTER(WORKLOAD)},
	[STEP_INTERFACES] = {"router interface", remove_interfaces, AFTER(FLOATING_IPS)},
	[STEP_ROUTERS] = {"router", remove_routers, AFTER(INTERFACES)},
	[STEP_PORTS] = {"ports", remove_ports, AFTER(SERVERS)},
	[STEP_VOLUMES] = {"volumes", remove_volumes, AFTER(SERVERS)},
	[STEP_SERVER_GROUPS] = {"server groups", remove_server_groups, AFTER(SERVERS)},
	[STEP_NETWORKS] = {"network", remove_networks, AFTER(PORTS) | AFTER(INTERFACES) | AFTER(BALANCERS) | AFTER(API)},
	[STEP_GROUPS] = {"security groups", remove_groups, AFTER(PORTS)},
	[STEP_WORKLOAD_GROUPS] = {"security groups of services", remove_workload_groups, AFTER(PORTS) | AFTER(BALANCERS)},
	[STEP_CREDENTIAL] = {"application credential", remove_credential, AFTER(SERVERS)},
};

static void stop(void *context)
{
	struct removal *r = context;

	watch_stop(r->servers);
	watch_stop(r->volumes);
}

static size_t count(struct view *v, const struct workload *w)
{
	size_t all = 0;

	for (size_t i = 0; i < w->n; i++)
		all += w->items[i].kept == NULL;
	for (int kind = 0; kind < KIND_COUNT; kind++) {
		size_t n = 0;

		free(view_all(v, (enum kind)kind, &n));
		all += n;
	}
	return all;
}

static int leftovers(const struct removal *r, struct view *v, const struct workload *w, struct json_object *credentials,
		     struct error **err)
{
	CLEANUP_BUF struct buf b = BUF_INIT;
	CLEANUP_FREE char *problems = strv_join(&r->problems, "\n  ");

	for (int kind = 0; kind < KIND_COUNT; kind++) {
		size_t n = 0;
		CLEANUP_FREE const struct item **all = view_all(v, (enum kind)kind, &n);

		for (size_t i = 0; i < n; i++)
			buf_addf(&b, "\n  %s %s (%s)", kind_info((enum kind)kind)->name, all[i]->name, all[i]->id);
	}
	for (size_t i = 0; i < w->n; i++)
		if (w->items[i].kept == NULL)
			buf_addf(&b, "\n  %s %s (%s), made by Kubernetes", workload_kind_name(w->items[i].kind), w->items[i].name,
				 w->items[i].id);
	for (size_t i = 0; i < json_len(credentials); i++)
		buf_addf(&b, "\n  application credential %s", json_get_str(json_object_array_get_idx(credentials, i), "name", ""));
	if (r->problems.n > 0)
		buf_addf(&b, "\nwhat went wrong:\n  %s", problems);
	return error_set(err, ERROR_LEFTOVERS, "cluster \"%s\" left %zu things in the cloud; run delete again:%s", r->job->cluster,
			 count(v, w) + json_len(credentials), buf_str(&b));
}

/* cinder may wipe what it deletes, which takes minutes */
static bool is_deleting(struct view *v)
{
	size_t n = 0;
	CLEANUP_FREE const struct item **all = view_all(v, KIND_VOLUME, &n);

	for (size_t i = 0; i < n; i++)
		if (strcmp(json_get_str(all[i]->json, "status", ""), "deleting") == 0)
			return true;
	return false;
}

/* A row of the state whose resource the mark does not show: it is ours all the same, since we have its id from its creation. */
static int look_at_row(const struct removal_job *job, struct view *v, const struct resource *row, struct error **err)
{
	CLEANUP_JSON struct json_object *o = NULL;
	enum kind kind = kind_of_name(row->kind);

	if (kind == KIND_COUNT || row->id == NULL)
		return 0;
	if (kind_get(job->cloud, kind, row->id, &o, err) < 0)
		return -1;
	if (o == NULL)
		return state_gone(job->state, row->kind, row->name, err);
	if (!mark_is_anothers(kind, o, job->uuid))
		view_put(v, kind, row->name, row->id, o);
	return 0;
}

static int look_at_rows(const struct removal_job *job, struct view *v, struct error **err)
{
	struct resource *rows = NULL;
	size_t n = 0;
	int r = 0;

	if (job->state == NULL)
		return 0;
	if (state_resources(job->state, &rows, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < n && r == 0; i++)
		if (!view_has_id(v, rows[i].id))
			r = look_at_row(job, v, &rows[i], err);
	resource_list_free(rows, n);
	return r;
}

int removal_look(const struct removal_job *job, struct view **ret, struct error **err)
{
	CLEANUP_VIEW struct view *v = NULL;

	if (provision_look(job->cloud, NULL, job->uuid, &v, err) < 0 || look_at_rows(job, v, err) < 0)
		return -1;
	*ret = steal_ptr(v);
	return 0;
}

/* What is true where nobody may say whether one is left. */
static int not_listed(const struct removal *r, const char *denied, struct error **err)
{
	CLEANUP_FREE char *name = mark_name(r->job->cluster, r->job->uuid);

	if (denied == NULL || !credential_is_possible(r->job->state))
		return 0;
	return error_set(err, ERROR_LEFTOVERS,
			 "nothing else of cluster \"%s\" is left in the cloud, but it may have an application credential \"%s\": %s; run delete again "
			 "with a login that may list them, or have its user revoke it (openstack application credential delete %s)",
			 r->job->cluster, name, denied, name);
}

/* Lists every kind again: what is on its way out (cinder deletes in the background) is given time, what stays is told. */
static int prove(struct removal *r, struct error **err)
{
	int64_t began = clock_ms(), pause = 500;

	for (;;) {
		CLEANUP_VIEW struct view *v = NULL;
		CLEANUP(workload_free) struct workload w = {0};
		CLEANUP_JSON struct json_object *credentials = NULL;
		CLEANUP_FREE char *denied = NULL;

		if (removal_look(r->job, &v, err) < 0 || workload_find(r->cloud, &r->scope, r->job->uuid, &w, err) < 0 ||
		    credential_look(r->cloud, r->job->uuid, &credentials, &denied, err) < 0)
			return -1;
		if (count(v, &w) + json_len(credentials) == 0)
			return not_listed(r, denied, err);
		if (r->problems.n > 0 || clock_ms() - began > (is_deleting(v) ? REMOVAL_STALL_MS : SETTLE_MS))
			return leftovers(r, v, &w, credentials, err);
		if (cancel_sleep(pause, err) < 0)
			return -1;
		pause = pause < PAUSE_MAX_MS ? pause + pause / 4 : pause;
	}
}

/* What the steps begin with: what bears the mark, and what Kubernetes has made by now. */
static int begin(struct removal *r, struct error **err)
{
	r->scope = (struct workload_scope){.cluster = r->job->cluster,
					   .volumes = r->job->volumes,
					   .services = r->job->services,
					   .keep_volumes = r->job->keep_volumes};
	if (removal_look(r->job, &r->view, err) < 0)
		return -1;
	workload_scope_fill(&r->scope, r->view);
	return workload_find(r->cloud, &r->scope, r->job->uuid, &r->workload, err);
}

static void end(struct removal *r)
{
	view_free(r->view);
	workload_scope_clear(&r->scope);
	workload_free(&r->workload);
	strv_free(&r->problems);
	pthread_mutex_destroy(&r->lock);
}

/* Floating IPs of services hold the router's interface as well; where there are none, nobody waits for the look at them. */
static int run(struct removal *r, struct error **err)
{
	static const struct flow_hooks hooks = {.stop = stop};
	struct flow_step table[STEP_COUNT];
	int failed;

	memcpy(table, steps, sizeof(table));
	if (r->workload.n > 0)
		table[STEP_INTERFACES].needs |= AFTER(BALANCERS);
	r->servers = watch_new(r->cloud, KIND_SERVER, r->job->uuid, NULL);
	r->volumes = watch_new(r->cloud, KIND_VOLUME, r->job->uuid, NULL);
	failed = flow_run(table, STEP_COUNT, &hooks, r, err) < 0 || prove(r, err) < 0 ? -1 : 0;
	watch_free(r->servers);
	watch_free(r->volumes);
	return failed;
}

int provision_remove(const struct removal_job *job, struct error **err)
{
	struct removal r = {.job = job, .cloud = job->cloud, .lock = PTHREAD_MUTEX_INITIALIZER, .problems = STRV_INIT};
	int failed = begin(&r, err);

	if (failed == 0) {
		event_begin(job->events, "network", "delete");
		failed = run(&r, err);
		if (failed == 0)
			event_end(job->events, "network", "delete");
		else
			event_fail(job->events, "network", "delete", err != NULL ? error_message(*err) : "");
	}
	end(&r);
	return failed;
}

static void add_change(struct changes *c, enum change_action action, const char *kind, const char *name, const char *reason)
{
	changes_add(c, action, kind, name, xstrdup(reason));
}

static void add_unseen(struct changes *c, const struct removal_job *job, const char *denied)
{
	CLEANUP_FREE char *name = mark_name(job->cluster, job->uuid);

	changes_add(c, CHANGE_NONE, "application credential", name,
		    xasprintf("nobody could look for it: %s%s", denied,
			      credential_is_possible(job->state) ? "" : "; none was made for this cluster, as its state knows"));
}

int provision_removal(const struct removal_job *job, struct changes *ret, struct error **err)
{
	struct removal r = {.job = job, .cloud = job->cloud, .lock = PTHREAD_MUTEX_INITIALIZER, .problems = STRV_INIT};
	CLEANUP_JSON struct json_object *credentials = NULL;
	CLEANUP_FREE char *denied = NULL;
	int failed = begin(&r, err) < 0 ? -1 : credential_look(job->cloud, job->uuid, &credentials, &denied, err);

	if (failed == 0 && denied != NULL)
		add_unseen(ret, job, denied);
	for (size_t i = 0; failed == 0 && i < json_len(credentials); i++) {
		struct json_object *o = json_object_array_get_idx(credentials, i);

		add_change(ret, CHANGE_DELETE, "application credential", json_get_str(o, "name", ""), json_get_str(o, "id", ""));
	}
	for (size_t i = 0; failed == 0 && i < r.workload.n; i++) {
		const struct workload_item *it = &r.workload.items[i];

		add_change(ret, it->kept != NULL ? CHANGE_NONE : CHANGE_DELETE, workload_kind_name(it->kind), it->name,
			   it->kept != NULL ? it->kept : "made by Kubernetes");
	}
	for (int kind = KIND_COUNT - 1; failed == 0 && kind >= 0; kind--) {
		size_t n = 0;
		CLEANUP_FREE const struct item **all = view_all(r.view, (enum kind)kind, &n);

		for (size_t i = 0; i < n; i++)
			add_change(ret, CHANGE_DELETE, kind_info((enum kind)kind)->name, all[i]->name, all[i]->id);
	}
	end(&r);
	return failed;
}
