#include "cmd/swarm_rekey.h"
#include "cmd/output.h"
#include "cmd/planes.h"
#include "cmd/rotate.h"
#include "cmd/swarm_lock.h"
#include "cmd/verbs.h"
#include "bootstrap/swarm.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/log.h"

enum { REKEY_MS = 2 * 60 * 1000 };

#define PASS "the swarm makes another key, and all managers that are up take it over; the state keeps the former one for those that are not"

static int need_key(const struct context *c, const char *key, struct error **err)
{
	return key != NULL ? 0
			   : error_set(err, ERROR_CONFIG, "the managers of cluster %s are not locked yet (swarm.autolock), and have no key: \"davit apply\" does that",
				       c->spec->name);
}

/* From before the change until the new key is in the state it says that there is one to be asked for. */
static int change(struct ssh *s, const struct context *c, const char *key, int64_t deadline, struct error **err)
{
	if (swarm_key_keep(c->state, key, err) < 0 || state_set(c->state, ROTATE_SECRETS_KEY, "autolock", err) < 0)
		return -1;
	return swarm_key_rotate(s, deadline, err);
}

static int rekey(struct ssh *s, void *context, struct error **err)
{
	const struct context *c = context;
	int64_t deadline = clock_deadline(REKEY_MS);
	CLEANUP_FREE char *begun = state_get(c->state, ROTATE_SECRETS_KEY);
	CLEANUP_SECRET char *key = NULL, *after = NULL;

	if (swarm_key_read(s, deadline, &key, err) < 0 || need_key(c, key, err) < 0)
		return -1;
	if ((begun == NULL || swarm_key_is_newest(c->state, key)) && change(s, c, key, deadline, err) < 0)
		return -1;
	if (swarm_key_read(s, deadline, &after, err) < 0 || need_key(c, after, err) < 0 || swarm_key_keep(c->state, after, err) < 0)
		return -1;
	return state_set(c->state, ROTATE_SECRETS_KEY, NULL, err);
}

static void print(const struct context *c)
{
	static const char *const headings[] = {"PASS", "WHAT", "STATE"};
	CLEANUP_FREE char *begun = state_get(c->state, ROTATE_SECRETS_KEY);
	struct table *table = table_new(headings, ARRAY_SIZE(headings));

	table_row(table, (const char *[]){"1", PASS, begun != NULL ? "begun" : "to do"});
	table_print(table);
}

int swarm_rekey(struct context *c, struct error **err)
{
	CLEANUP_REACH struct reach *reach = reach_new(c->spec, c->state, c->inventory);
	CLEANUP_FREE char *question = xasprintf("Replace the key that unlocks the managers of cluster %s? Go on", c->spec->name), *names = NULL;
	CLEANUP_STRV struct strv locked = STRV_INIT;

	if (c->o->dry_run) {
		print(c);
		return 0;
	}
	if (swarm_lock_find(c, reach, &locked, err) < 0)
		return -1;
	names = verb_names(&locked);
	if (locked.n > 0)
		return error_set(err, ERROR_NODE, "%s: locked, and would not take another key: \"davit apply\" unlocks them first", names);
	if (output_confirm(c->o->yes, question, err) < 0)
		return -1;
	if (verb_interrupted(planes_ask(c, reach, rekey, c, NULL, err), "secrets rotate-keys", err) < 0)
		return -1;
	log_info("the managers of cluster %s have another key; the state has it, and the former one for a manager that was away: keep a copy of the state elsewhere",
		 c->spec->name);
	return 0;
}
