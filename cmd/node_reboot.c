#include "cmd/swarm_lock.h"
#include "cmd/upkeep.h"
#include "cmd/verbs.h"
#include "bootstrap/boot.h"
#include "bootstrap/leave.h"
#include "bootstrap/nodes.h"
#include "bootstrap/platform.h"
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include "core/base/log.h"

enum {
	CONNECT_MS = 30 * 1000,
	ATTEMPT_MS = 15 * 1000, /* to connect while it may be on its way down or up */
	ANSWER_MS = 30 * 1000,
	BACK_MS = 15 * 60 * 1000, /* for a server to come back, and for its kubelet to be Ready */
	AGAIN_MS = 1000,
};

/*
 * What is known of one reboot.  In the state from before the node is cordoned until it is uncordoned, as "CORDONED MARK": whether
 * somebody else had cordoned it before, and the start that is to end.  A run that was interrupted is taken up from there.
 */
struct reboot {
	struct upkeep *u;
	const char *node;
	bool member; /* of Kubernetes */
	bool was_cordoned;
	struct boot before, now; /* before: UNKNOWN where the node did not answer, which --hard does not need */
};
#define UNKNOWN "unknown"

static void clear(struct reboot *r)
{
	boot_clear(&r->before);
	boot_clear(&r->now);
}

static int read_boot(struct reboot *r, int64_t connect_ms, struct error **err)
{
	CLEANUP_SSH struct ssh *s = NULL;

	boot_clear(&r->now);
	if (reach_ssh(r->u->l.reach, r->node, clock_deadline(connect_ms), &s, err) < 0)
		return -1;
	return boot_read(s, clock_deadline(ANSWER_MS), &r->now, err);
}

static bool is_cordoned(const struct reboot *r)
{
	return json_get_bool(leave_node(r->u->l.facts, r->node), "spec.unschedulable", false);
}

/* What did not answer before is back as soon as it does. */
static int read_before(struct reboot *r, struct error **err)
{
	struct error *why = NULL;

	if (read_boot(r, CONNECT_MS, &why) == 0)
		return 0;
	if (!r->u->c.o->hard || error_is(why, ERROR_CANCELLED))
		return error_move(err, why);
	log_warning("%s does not answer: %s", r->node, error_message(why));
	error_free(why);
	return 0;
}

static int note(const struct reboot *r, struct error **err)
{
	CLEANUP_FREE char *key = upkeep_reboot_key(r->node), *value = xasprintf("%d %s", r->was_cordoned, r->before.mark);

	return state_set(r->u->c.state, key, value, err);
}

/* What an interrupted run has noted, or what is so now. */
static int begin(struct reboot *r, struct error **err)
{
	CLEANUP_FREE char *key = upkeep_reboot_key(r->node), *noted = state_get(r->u->c.state, key);

	if (read_before(r, err) < 0)
		return -1;
	if (noted != NULL && strlen(noted) > 2) {
		r->was_cordoned = noted[0] == '1';
		r->before.mark = xstrdup(noted + 2);
		return 0;
	}
	r->was_cordoned = r->member && is_cordoned(r);
	r->before.mark = xstrdup(r->now.mark != NULL ? r->now.mark : UNKNOWN);
	return note(r, err);
}

static bool is_back(const struct reboot *r)
{
	return r->now.mark != NULL && strcmp(r->now.mark, r->before.mark) != 0;
}

static int empty(const struct reboot *r, struct error **err)
{
	CLEANUP_STRV struct strv one = STRV_INIT;

	if (!r->member)
		return 0;
	strv_add(&one, r->node);
	if (!r->was_cordoned && leaving_cordon(&r->u->l, &one, err) < 0)
		return -1;
	return leaving_drain(&r->u->l, r->node, r->now.mark != NULL, r->u->events, err);
}

static int switch_off_and_on(struct reboot *r, struct error **err)
{
	CLEANUP_CLOUD struct cloud *cloud = NULL;
	struct node n = {0};
	int result;

	if (cloud_open(context_cloud(&r->u->c), &cloud, err) < 0 || context_check_project(r->u->c.state, cloud, err) < 0)
		return -1;
	if (!inventory_get(r->u->c.inventory, r->node, &n) || n.server_id == NULL)
		result = error_set(err, ERROR_NOT_FOUND, "it has no server; \"davit apply\" makes it");
	else
		result = provision_reboot(cloud, state_uuid(r->u->c.state), r->u->c.spec->name, &n, err);
	node_clear(&n);
	return result;
}

static int restart(struct reboot *r, struct error **err)
{
	CLEANUP_SSH struct ssh *s = NULL;

	if (reach_ssh(r->u->l.reach, r->node, clock_deadline(CONNECT_MS), &s, err) < 0)
		return -1;
	return boot_again(s, clock_deadline(ANSWER_MS), err);
}

/* Refusals too are of a system that goes down or comes up; another host key is not. */
static bool passes(const struct error *why, int64_t deadline)
{
	return clock_ms() < deadline && !error_is(why, ERROR_CANCELLED) && !error_is(why, ERROR_CONFLICT);
}

static int wait_for_start(struct reboot *r, struct error **err)
{
	int64_t deadline = clock_deadline(BACK_MS);

	for (;;) {
		struct error *why = NULL;

		if (read_boot(r, ATTEMPT_MS, &why) == 0 && is_back(r))
			return 0;
		if (why == NULL && clock_ms() >= deadline)
			return error_set(err, ERROR_TIMEOUT, "it has not gone down; \"davit node reboot --hard\" switches it off and on again");
		if (why != NULL && !passes(why, deadline)) {
			error_wrap(&why, "it does not come back");
			return error_move(err, why);
		}
		error_free(why);
		if (cancel_sleep(AGAIN_MS, err) < 0)
			return -1;
	}
}

struct look {
	const struct platform *platform;
	struct json_object *list;
};

static int look(struct ssh *s, void *context, struct error **err)
{
	struct look *l = context;

	json_object_put(steal_ptr(l->list));
	return l->platform->status(s, &l->list, err);
}

/* The API itself may be on that node. */
static int wait_until_ready(struct reboot *r, struct error **err)
{
	int64_t deadline = clock_deadline(BACK_MS);
	CLEANUP_SSH struct ssh *s = NULL;

	for (;;) {
		struct look l = {platform_of(r->u->c.spec), NULL};
		CLEANUP_JSON struct json_object *list = NULL;
		struct error *why = NULL;
		int status = reach_run(r->u->l.reach, context_plane(&r->u->c), &s, look, &l, &why);

		list = l.list;
		if (status == 0 && boot_is_ready(&r->now, node_find(list, r->node)))
			return 0;
		if (why == NULL && clock_ms() >= deadline)
			return error_set(err, ERROR_NODE, "it is up, and not Ready; \"davit logs %s kubelet\" may tell why", r->node);
		if (why != NULL && !passes(why, deadline)) {
			error_wrap(&why, "whether it is Ready");
			return error_move(err, why);
		}
		error_free(why);
		if (cancel_sleep(AGAIN_MS, err) < 0)
			return -1;
	}
}

static int finish(struct reboot *r, struct error **err)
{
	CLEANUP_FREE char *key = upkeep_reboot_key(r->node);
	CLEANUP_STRV struct strv one = STRV_INIT;

	strv_add(&one, r->node);
	if (r->member && !r->was_cordoned)
		return upkeep_uncordon(r->u, &one, err);
	return state_set(r->u->c.state, key, NULL, err);
}

static int phase(struct reboot *r, const char *name, int (*run)(struct reboot *r, struct error **err), struct error **err)
{
	struct error *why = NULL;

	event_begin(r->u->events, r->node, name);
	if (run(r, &why) == 0) {
		event_end(r->u->events, r->node, name);
		return 0;
	}
	if (!error_is(why, ERROR_CANCELLED))
		event_fail(r->u->events, r->node, name, error_message(why));
	return error_move(err, why);
}

static int go_down_and_up(struct reboot *r, struct error **err)
{
	if ((r->u->c.o->hard ? switch_off_and_on(r, err) : restart(r, err)) < 0)
		return -1;
	return wait_for_start(r, err);
}

static int unlock(struct reboot *r, struct error **err)
{
	return swarm_lock_release(&r->u->c, r->u->l.reach, r->node, clock_deadline(BACK_MS), err);
}

static int reboot(struct upkeep *u, const char *node, struct error **err)
{
	CLEANUP(clear) struct reboot r = {.u = u, .node = node, .member = upkeep_is_member(u, node)};

	if (begin(&r, err) < 0)
		return -1;
	if (is_back(&r))
		log_info("%s was rebooted by the run before", node);
	else if (empty(&r, err) < 0 || phase(&r, "reboot", go_down_and_up, err) < 0)
		return -1;
	if (swarm_lock_may(&u->c, node) && phase(&r, "unlock", unlock, err) < 0)
		return -1;
	if (r.member && phase(&r, "ready", wait_until_ready, err) < 0)
		return -1;
	return finish(&r, err);
}

/* Others that a run has left behind. */
static void remind(const char *key, const char *value UNUSED, void *context)
{
	const struct upkeep *u = context;
	const char *colon = strchr(key, ':');

	if (strncmp(key, "rebooting:", 10) == 0 && !strv_has(&u->nodes, colon + 1))
		log_warning("the reboot of %s was interrupted; \"davit node reboot %s\" goes on with it", colon + 1, colon + 1);
}

/* Where nothing of Kubernetes is named, it is not asked. */
static int check(struct upkeep *u, struct error **err)
{
	CLEANUP_STRV struct strv members = STRV_INIT;

	for (size_t i = 0; i < u->nodes.n; i++)
		if (upkeep_is_member(u, u->nodes.v[i]))
			strv_add(&members, u->nodes.v[i]);
	if (state_values(u->c.state, remind, u, err) < 0 || (members.n > 0 && leaving_facts(&u->l, err) < 0))
		return -1;
	for (size_t i = 0; i < members.n; i++) {
		CLEANUP_STRV struct strv one = STRV_INIT; /* they go one after another: the others are there meanwhile */

		strv_add(&one, members.v[i]);
		if (!leave_is_known(u->l.facts, members.v[i]))
			return error_set(err, ERROR_NODE, "%s has not joined Kubernetes; \"davit apply\" goes on with it", members.v[i]);
		if (leaving_check(&u->l, &one, err) < 0)
			return -1;
	}
	return 0;
}

int verb_node_reboot(const struct options *o, struct error **err)
{
	CLEANUP_UPKEEP struct upkeep u = {0};
	CLEANUP_FREE char *names = NULL;

	if (upkeep_open(o, &u, err) < 0 || check(&u, err) < 0)
		return -1;
	for (size_t i = 0; i < u.nodes.n; i++)
		if (reboot(&u, u.nodes.v[i], err) < 0) {
			error_wrap(err, "%s (%zu of %zu; the same command goes on)", u.nodes.v[i], i + 1, u.nodes.n);
			return -1;
		}
	names = verb_names(&u.nodes);
	log_info("rebooted: %s", names);
	return 0;
}
