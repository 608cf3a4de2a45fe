#include "bootstrap/docker.h"
#include "bootstrap/download.h"
#include "bootstrap/mke.h"
#include "bootstrap/nodes.h"
#include "bootstrap/remote.h"
#include "bootstrap/swarm.h"
#include "bootstrap/swarm_backup.h"
#include "bootstrap/texts.h"
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"

/* MKE gives up after 20 minutes in which nothing has moved, and workers come one after the other. */
enum { WHOLE_MS = 3 * 60 * 60 * 1000, ARRIVED_MS = 15 * 60 * 1000, BACKUP_MS = 60 * 60 * 1000, ANSWER_MS = 60 * 1000, AGAIN_MS = 1000 };

static int run(struct ssh *s, const char *what, const char *text, const char *const *words, size_t n, int64_t patience_ms, struct buf *ret, struct error **err)
{
	CLEANUP_BUF struct buf command = BUF_INIT;
	struct ssh_command c = {.out = ret, .deadline = clock_deadline(patience_ms)};

	remote_installer(&command, text);
	remote_arguments(&command, words, n);
	c.command = buf_str(&command);
	return remote_run(s, what, &c, err);
}

int mke_version(struct ssh *s, char **ret, struct error **err)
{
	CLEANUP_BUF struct buf said = BUF_INIT;

	if (run(s, "asking for MKE's version", text_mke_version, NULL, 0, ANSWER_MS, &said, err) < 0)
		return -1;
	*ret = xstrndup(buf_str(&said), strcspn(buf_str(&said), "\r\n"));
	return 0;
}

/* ---- before it */

static int look(struct ssh *s, const struct spec *target, int64_t deadline, struct upgrade_view *ret, struct error **err)
{
	CLEANUP_FREE char *engines = NULL;

	if (swarm_upgrade.look(s, target, deadline, ret, err) < 0 || mke_mark_all(s, ret->facts, err) < 0)
		return -1;
	free(steal_ptr(ret->version));
	if (mke_version(s, &ret->version, err) < 0)
		return -1;
	engines = steal_ptr(ret->well);
	ret->well = xasprintf("%s, and MKE %s", engines, ret->version);
	return 0;
}

static void refusals(const char *version, const struct spec *target, const struct upgrade_node *engines, size_t n, struct strv *ret)
{
	upgrade_mke_refusals(version, target->version, ret);
	upgrade_engine_refusals(target->mke.engine.version, engines, n, ret);
}

static int node(struct ssh *s, const char *name, int64_t deadline, struct json_object **ret, struct error **err)
{
	return swarm_upgrade.node(s, name, deadline, ret, err);
}

int mke_backup_take(struct ssh *s, const char *id, char **ret_version, struct error **err)
{
	CLEANUP_FREE char *version = NULL;

	if (mke_version(s, &version, err) < 0 || run(s, "MKE's own backup", text_mke_backup, (const char *const[]){version, id}, 2, BACKUP_MS, NULL, err) < 0)
		return -1;
	*ret_version = steal_ptr(version);
	return 0;
}

static int snapshot(struct ssh *s, const char *path, struct error **err)
{
	CLEANUP_FREE char *id = random_uuid(), *mke_id = xasprintf("%s.mke", id), *version = NULL;
	struct error *why = NULL;
	int r = mke_backup_take(s, id, &version, err);

	if (r == 0)
		r = swarm_backup_fetch(s, mke_id, path, err);
	if (r == 0)
		return swarm_backup_drop(s, mke_id, err);
	(void)!swarm_backup_drop(s, mke_id, &why);
	error_free(why);
	return -1;
}

/* ---- after it */

static int await(struct ssh *s, const struct node *n, const char *version, int64_t patience_ms, struct error **err)
{
	return swarm_upgrade.await(s, n, version, patience_ms, err);
}

/* Not before it takes part again: nothing says which of MKE's parts run on a manager that is drained. */
static int settled(struct ssh *s, const struct node *n, int64_t patience_ms, struct error **err)
{
	return mke_wait_ready(s, n->name, clock_deadline(patience_ms), err);
}

static int whole(struct ssh *s, const struct spec *target, struct error **err)
{
	CLEANUP_JSON struct json_object *swarm = NULL;

	if (docker_call(s, "GET", "/swarm", NULL, clock_deadline(ANSWER_MS), &swarm, err) < 0)
		return -1;
	return run(s, "the upgrade of MKE", text_mke_upgrade, (const char *const[]){target->version, json_get_str(swarm, "ID", "")}, 2, WHOLE_MS, NULL, err);
}

int mke_await_version(struct ssh *s, const char *version, int64_t deadline, struct error **err)
{
	for (;;) {
		CLEANUP_ERROR struct error *why = NULL;
		CLEANUP_FREE char *has = NULL;

		if (mke_version(s, &has, &why) < 0 && !error_is(why, ERROR_NODE))
			return error_move(err, steal_ptr(why));
		if (has != NULL && strcmp(has, version) == 0)
			return 0;
		if (clock_ms() + AGAIN_MS >= deadline)
			return error_set(err, ERROR_NODE, "its MKE is %s, not %s", has != NULL ? has : error_message(why), version);
		if (cancel_sleep(AGAIN_MS, err) < 0)
			return -1;
	}
}

static int arrived(struct ssh *s, const struct spec *target, struct error **err)
{
	return mke_await_version(s, target->version, clock_deadline(ARRIVED_MS), err);
}

const struct platform_upgrade mke_upgrade = {
	.look = look,
	.refusals = refusals,
	.why = "Mirantis supports no other way",
	.programs = "engines",
	.node = node,
	.snapshot = snapshot,
	.keeper = "MKE",
	.suffix = ".tar",
	.await = await,
	.settled = settled,
	.whole = whole,
	.arrived = arrived,
	.parts = UPGRADE_WITH_SNAPSHOT | UPGRADE_WITH_WHOLE,
	.restarts_planes = true,
};
