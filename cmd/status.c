#include "cmd/certs_survey.h"
#include "cmd/msr.h"
#include "cmd/output.h"
#include "cmd/planes.h"
#include "cmd/portainer.h"
#include "cmd/reach.h"
#include "cmd/swarm_lock.h"
#include "cmd/upgrade.h"
#include "cmd/verbs.h"
#include "bootstrap/health.h"
#include "bootstrap/nodes.h"
#include "bootstrap/platform.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/parallel.h"
#include "core/cluster/frozen.h"

enum { WARN_DAYS = 60 };

struct status {
	struct context *c;
	struct json_object *kubernetes; /* kubectl get nodes, at wall_ms; NULL where the API gave no answer */
	int64_t wall_ms;
	struct health health;
	struct strv locked; /* managers of a swarm */
	struct strv ailing; /* whose replica of MSR is not well */
	bool upgrading;	    /* an upgrade has not come to its end */
	struct changes changes;
	struct error *cloud_error, *cluster_error;
};

static int ask_cloud(void *context, struct error **err)
{
	struct status *s = context;
	CLEANUP_CLOUD struct cloud *cloud = NULL;
	CLEANUP_VIEW struct view *view = NULL;

	(void)err; /* told beside the other half of the answer */
	if (cloud_open(context_cloud(s->c), &cloud, &s->cloud_error) == 0 &&
	    provision_look(cloud, s->c->plan, state_uuid(s->c->state), &view, &s->cloud_error) == 0 &&
	    provision_compare(s->c->plan, view, &s->changes, &s->cloud_error) == 0)
		return 0;
	return 0;
}

static int ask_plane(struct ssh *ssh, void *context, struct error **err)
{
	struct status *s = context;

	json_object_put(steal_ptr(s->kubernetes));
	strv_free(&s->ailing);
	if (platform_of(s->c->spec)->status(ssh, &s->kubernetes, err) < 0 || msr_ailing(s->c, ssh, &s->ailing, err) < 0)
		return -1;
	return kubernetes_clock(ssh, &s->wall_ms, err);
}

static int ask_cluster(void *context, struct error **err)
{
	struct status *s = context;
	CLEANUP_REACH struct reach *reach = reach_new(s->c->spec, s->c->state, s->c->inventory);
	CLEANUP_FREE char *locked = NULL;

	if (swarm_lock_find(s->c, reach, &s->locked, err) < 0)
		return -1;
	if (s->locked.n > 0 && context_plane_but(s->c, &s->locked) == NULL) {
		locked = verb_names(&s->locked);
		error_set(&s->cluster_error, ERROR_NODE, "all managers are locked, since their engines were restarted (%s): \"davit apply\" unlocks them", locked);
		return 0;
	}
	if (planes_ask(s->c, reach, ask_plane, s, NULL, &s->cluster_error) < 0)
		json_object_put(steal_ptr(s->kubernetes));
	return 0;
}

static void warn_of(const struct survey_item *first, size_t n)
{
	const struct certificate_facts *f = survey_first(first);
	CLEANUP_FREE char *end = clock_rfc3339(f->not_after * 1000);

	log_warning("%zu certificates end within %d days, or have ended, the first one (%s%s%s) on %.10s: %s", n, WARN_DAYS,
		    first->node != NULL ? first->node : "", first->node != NULL ? ": " : "", first->path, end,
		    first->kind == SURVEY_AUTHORITY ? "an authority, which the whole cluster goes by"
		    : first->by_node		    ? "its node should have renewed it; \"davit certs show\" asks the nodes, \"davit apply\" takes up what they have, and makes the rest anew"
						    : "\"davit certs renew\" makes them anew");
}

/* Of what the state knows; no node is asked.  ret: NULL, or what programs are told. */
static void look_at_certificates(const struct context *c, struct json_object *ret)
{
	CLEANUP_SURVEY struct survey survey = {0};
	CLEANUP_ERROR struct error *why = NULL;
	const struct survey_item *first;
	size_t n = 0;

	if (!context_has_keys(c) || certs_known(c, &survey, &why) < 0) {
		if (why != NULL)
			log_warning("certificates of the state: %s", error_message(why));
		return;
	}
	first = certs_ending(&survey, clock_wall_ms() / 1000, WARN_DAYS, &n);
	if (first != NULL)
		warn_of(first, n);
	if (ret != NULL)
		json_add_int(ret, "certificatesEnding", (int64_t)n);
}

/* "not Ready for 12m: Kubelet stopped posting node status; \"davit apply\" repairs it" */
static struct json_object *why(const struct ailing *a)
{
	CLEANUP_FREE char *text =
		xasprintf("%s; %s", a->why, a->late ? "\"davit apply\" repairs it" : "that is not yet as long as its pool's repairAfter");

	return json_object_new_string(text);
}

static struct json_object *row(const struct status *s, const struct node *n)
{
	struct json_object *o = json_object_new_object(), *k = node_find(s->kubernetes, n->name);
	const char *state = node_standing(k);
	const struct ailing *ails = health_find(&s->health, n->name);

	json_add_str(o, "name", n->name);
	json_add_str(o, "role", node_role_name(n->role));
	json_add_str(o, "pool", n->pool);
	json_add_str(o, "address", n->address);
	json_add_str(o, "floatingIP", n->floating_ip);
	json_add_str(o, "serverID", n->server_id);
	json_add_str(o, "version", k != NULL ? json_get_str(k, "status.nodeInfo.kubeletVersion", NULL) : NULL);
	if (node_runs_kubernetes(n->role))
		json_add_str(o, "status", state != NULL ? state : s->kubernetes != NULL ? "NotJoined" : "Unknown");
	if (n->leaving)
		json_add_str(o, "reason", "it leaves: \"davit apply\" or \"davit scale-down\" goes on with that");
	else if (ails != NULL)
		json_add(o, "reason", why(ails));
	else if (state != NULL && !node_is_ready(k))
		json_add_str(o, "reason", json_get_str(node_condition(k, "Ready"), "message", NULL));
	else if (strv_has(&s->ailing, n->name))
		json_add_str(o, "reason", "its replica of MSR is not well; see: davit logs NODE docker");
	if (strv_has(&s->locked, n->name)) {
		json_add_str(o, "status", "Locked");
		json_add_str(o, "reason", s->upgrading ? "its engine was restarted: \"davit upgrade\", which has not come to its end, unlocks it" : "its engine was restarted: \"davit apply\" unlocks it");
	}
	return o;
}

/* What the file says is refused where it cannot be done: then there is nothing to tell. */
static void look_at_version(const struct context *c, const char *under_way, struct json_object *ret)
{
	CLEANUP_FREE char *due = NULL;

	if (frozen_check(c->spec, c->state, FROZEN_ALLOW_UPGRADE, NULL) == 0)
		due = upgrade_due(c);
	if (ret != NULL)
		json_add_str(ret, "upgrade", under_way != NULL ? under_way : due != NULL ? c->spec->version : NULL);
	else if (under_way != NULL)
		log_warning("the upgrade to %s has not come to its end: \"davit upgrade\" goes on", under_way);
	else if (due != NULL)
		log_info("%s", due);
}

static struct json_object *rows(const struct status *s)
{
	struct json_object *list = json_object_new_array();
	size_t n;
	struct node *nodes = inventory_list(s->c->inventory, &n);

	for (size_t i = 0; i < n; i++)
		json_object_array_add(list, row(s, &nodes[i]));
	node_list_free(nodes, n);
	return list;
}

static void print_table(const struct status *s, struct json_object *list)
{
	static const char *const headings[] = {"NAME", "ROLE", "STATUS", "VERSION", "ADDRESS", "FLOATING IP", "REASON"};
	static const char *const keys[] = {"name", "role", "status", "version", "address", "floatingIP", "reason"};

	table_of(headings, keys, ARRAY_SIZE(headings), list);
	if (s->changes.n > 0) {
		log_info("the cloud differs from %s:", s->c->spec->path);
		verb_print_changes(&s->changes, OUTPUT_TABLE);
	}
}

int verb_status(const struct options *o, struct error **err)
{
	CLEANUP_CONTEXT struct context c = {0};
	struct status s = {.c = &c};
	struct parallel_task tasks[] = {{ask_cloud, &s}, {ask_cluster, &s}};
	struct json_object *list, *whole;
	CLEANUP_FREE char *url = NULL, *page = NULL, *msr = NULL, *under_way = NULL;
	int r = 0;

	if (context_open(o, CONTEXT_READ, &c, err) < 0 || parallel_run(tasks, ARRAY_SIZE(tasks), err) < 0)
		return -1;
	if (c.spec->platform != PLATFORM_SWARM)
		(void)!verb_api_url(&c, &url, NULL); /* NULL as long as it has none */
	page = portainer_url(&c);
	msr = msr_url(&c);
	under_way = c.state != NULL ? state_get(c.state, UPGRADE_KEY) : NULL;
	s.upgrading = under_way != NULL;
	if (s.kubernetes != NULL)
		health_read(c.plan, s.kubernetes, s.wall_ms, &STRV_INIT, &s.health);
	list = rows(&s);
	if (o->format == OUTPUT_JSON) {
		whole = json_object_new_object();
		json_add_str(whole, "cluster", c.spec->name);
		json_add_str(whole, "api", url);
		json_add_str(whole, "portainer", page);
		json_add_str(whole, "msr", msr);
		json_add(whole, "nodes", list);
		json_add_int(whole, "differences", (int64_t)s.changes.n);
		look_at_version(&c, under_way, whole);
		look_at_certificates(&c, whole);
		output_json(whole);
	} else {
		print_table(&s, list);
		if (url != NULL)
			log_info("the API is at %s%s", url, c.spec->api.endpoint == API_INTERNAL ? ", inside the servers' network; see \"davit tunnel\"" : "");
		if (page != NULL)
			log_info("Portainer is at %s, for browsers that trust %s/pki/portainer-ca.crt", page, state_folder(c.state));
		if (msr != NULL)
			log_info("MSR is at %s, for clients that trust %s/pki/mke-ca.crt", msr, state_folder(c.state));
		json_object_put(list);
		look_at_version(&c, under_way, NULL);
		look_at_certificates(&c, NULL);
	}
	json_object_put(s.kubernetes);
	strv_free(&s.locked);
	strv_free(&s.ailing);
	changes_free(&s.changes);
	health_free(&s.health);
	if (s.cluster_error != NULL)
		r = error_move(err, s.cluster_error), error_free(s.cloud_error);
	else if (s.cloud_error != NULL)
		r = error_move(err, s.cloud_error);
	return r;
}
