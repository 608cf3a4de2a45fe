#include "bootstrap/swarm_restore.h"
#include "bootstrap/docker.h"
#include "bootstrap/remote.h"
#include "bootstrap/texts.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "pki/swarm_key.h"

/* The engine ends containers within 10 s, and systemd it within 90. */
enum { LOOK_MS = 60 * 1000, PUSH_MS = 30 * 60 * 1000, ENGINE_MS = 10 * 60 * 1000 };

static int run(struct ssh *s, const char *what, const char *verb, const struct swarm_restoration *r, struct ssh_command *c, struct error **err)
{
	const char *const words[] = {verb, r->id, r->stamp, r->sha256};
	CLEANUP_BUF struct buf command = BUF_INIT;

	remote_command(&command, text_swarm_restore);
	remote_arguments(&command, words, ARRAY_SIZE(words));
	c->command = buf_str(&command);
	return remote_run(s, what, c, err);
}

/* ---- before */

void swarm_place_clear(struct swarm_place *p)
{
	free(p->engine);
	free(p->before);
	*p = (struct swarm_place){0};
}

int swarm_read_place(const char *text, struct swarm_place *ret, struct error **err)
{
	CLEANUP_STRV struct strv words = STRV_INIT;

	strv_split(&words, text, " \n");
	if (words.n != 5)
		return error_set(err, ERROR_NODE, "where the swarm's data is cannot be understood: %.200s", text);
	*ret = (struct swarm_place){.engine = xstrdup(words.v[0]),
				    .done = strcmp(words.v[1], "done") == 0,
				    .has_data = strcmp(words.v[2], "data") == 0,
				    .before = xstrdup(words.v[3]),
				     .kept = strcmp(words.v[4], "kept") == 0};
	return 0;
}

int swarm_restore_look(struct ssh *s, const struct swarm_restoration *r, struct swarm_place *ret, struct error **err)
{
	CLEANUP_BUF struct buf out = BUF_INIT;
	struct ssh_command c = {.out = &out, .deadline = clock_deadline(LOOK_MS)};

	return run(s, "looking at the swarm's data", "look", r, &c, err) < 0 ? -1 : swarm_read_place(buf_str(&out), ret, err);
}

/* ---- on the manager that begins */

static int open_key(struct ssh *s, const struct swarm_restoration *r, const char *unlock, struct error **err)
{
	CLEANUP(buf_wipe) struct buf locked = BUF_INIT, opened = BUF_INIT;
	struct ssh_command from = {.out = &locked, .deadline = clock_deadline(LOOK_MS)};
	struct ssh_command to = {.deadline = clock_deadline(LOOK_MS)};

	if (run(s, "reading the manager's key", "locked", r, &from, err) < 0 || swarm_key_open(locked.data, locked.len, unlock, &opened, err) < 0)
		return -1;
	to.in = opened.data;
	to.in_len = opened.len;
	return opened.len == 0 ? 0 : run(s, "writing the manager's key", "opened", r, &to, err);
}

int swarm_restore_push(struct ssh *s, const struct swarm_restoration *r, ssh_read *read, void *context, const char *unlock, struct error **err)
{
	struct ssh_command c = {.read = read, .read_context = context, .deadline = clock_deadline(PUSH_MS)};

	if (run(s, "pushing the swarm's data", "push", r, &c, err) < 0)
		return -1;
	return unlock != NULL ? open_key(s, r, unlock, err) : 0;
}

int swarm_restore_take(struct ssh *s, const struct swarm_restoration *r, struct error **err)
{
	struct ssh_command c = {.deadline = clock_deadline(ENGINE_MS)};

	return run(s, "putting the swarm's data in place", "take", r, &c, err);
}

static bool leads(struct ssh *s, int64_t deadline)
{
	CLEANUP_JSON struct json_object *nodes = NULL;

	return swarm_list_nodes(s, deadline, &nodes, NULL) == 0;
}

int swarm_restore_begin(struct ssh *s, const struct spec *spec, const char *address, const struct strv *keys, int64_t deadline, struct error **err)
{
	enum swarm_standing now;

	if (swarm_unlock(s, keys, deadline, &now, err) < 0)
		return -1;
	return now == SWARM_MEMBER && leads(s, deadline) ? 0 : swarm_begin_anew(s, spec, address, deadline, err);
}

/* ---- on the others */

int swarm_restore_leave(struct ssh *s, const struct swarm_restoration *r, int64_t deadline, struct error **err)
{
	struct ssh_command keep = {.deadline = clock_deadline(ENGINE_MS)}, mark = {.deadline = clock_deadline(LOOK_MS)};

	if (run(s, "keeping the swarm's data", "keep", r, &keep, err) < 0 || swarm_leave_by_force(s, deadline, err) < 0)
		return -1;
	return run(s, "noting that the manager has left", "mark", r, &mark, err);
}

/* ---- back */

/* What is there once this restoration is through with it is that of the new swarm. */
bool swarm_place_had_data(const struct swarm_place *p)
{
	return p->kept || (p->has_data && !p->done);
}

int swarm_restore_back(struct ssh *s, const struct swarm_restoration *r, struct error **err)
{
	struct ssh_command c = {.deadline = clock_deadline(ENGINE_MS)};

	return run(s, "putting back what the manager had", "back", r, &c, err);
}

int swarm_restore_start(struct ssh *s, const struct swarm_restoration *r, struct error **err)
{
	struct ssh_command c = {.deadline = clock_deadline(ENGINE_MS)};

	return run(s, "starting the engine", "begin", r, &c, err);
}
