#include "bootstrap/swarm_backup.h"
#include "bootstrap/docker.h"
#include "bootstrap/remote.h"
#include "bootstrap/swarm.h"
#include "bootstrap/swarm_node.h"
#include "bootstrap/texts.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"

/* The engine ends containers within 10 s, and systemd it within 90. */
enum { COPY_MS = 10 * 60 * 1000, SEND_MS = 30 * 60 * 1000, DROP_MS = 60 * 1000 };

/* ---- by which manager */

struct managers {
	size_t all, reachable;
	struct json_object *follower; /* the first that is reachable and does not lead; NULL: none is */
	struct json_object *leader;
};

static struct managers count(struct json_object *nodes)
{
	struct managers m = {0};

	for (size_t i = 0; i < json_len(nodes); i++) {
		struct json_object *node = json_object_array_get_idx(nodes, i);

		if (!swarm_node_manages(node))
			continue;
		m.all++;
		if (!swarm_node_is_reachable(node))
			continue;
		m.reachable++;
		if (swarm_node_leads(node))
			m.leader = node;
		else if (m.follower == NULL)
			m.follower = node;
	}
	return m;
}

int swarm_backup_choose(struct json_object *nodes, struct swarm_source *ret, struct error **err)
{
	struct managers m = count(nodes);
	struct json_object *node = m.all == 1 ? m.leader : m.follower;

	if (node == NULL || (m.all > 1 && m.reachable - 1 < m.all / 2 + 1))
		return error_set(err, ERROR_NODE,
				 "a backup stops the engine of one manager, and without it the others would have no majority: of "
				 "%zu managers %zu can be reached",
				 m.all, m.reachable);
	*ret = (struct swarm_source){.node = xstrdup(swarm_node_name(node)),
				     .engine = xstrdup(swarm_node_engine(node)),
				     .alone = m.all == 1};
	return 0;
}

void swarm_source_clear(struct swarm_source *s)
{
	free(s->node);
	free(s->engine);
	secret_free(s->key);
	*s = (struct swarm_source){0};
}

int swarm_backup_look(struct ssh *s, int64_t deadline, struct swarm_source *ret, struct error **err)
{
	CLEANUP_JSON struct json_object *nodes = NULL;
	CLEANUP_SECRET char *key = NULL;

	if (swarm_list_nodes(s, deadline, &nodes, err) < 0 || swarm_key_read(s, deadline, &key, err) < 0)
		return -1;
	swarm_source_clear(ret);
	if (swarm_backup_choose(nodes, ret, err) < 0)
		return -1;
	ret->key = steal_ptr(key);
	return 0;
}

/* ---- on that manager */

static void command(const char *verb, const char *id, struct buf *ret)
{
	remote_command(ret, text_swarm_backup);
	buf_addf(ret, " %s ", verb);
	buf_add_shell(ret, id);
}

static int run(struct ssh *s, const char *what, const char *verb, const char *id, int64_t patience_ms, struct error **err)
{
	CLEANUP_BUF struct buf text = BUF_INIT;
	struct ssh_command c = {.deadline = clock_deadline(patience_ms)};

	command(verb, id, &text);
	c.command = buf_str(&text);
	return remote_run(s, what, &c, err);
}

int swarm_backup_copy(struct ssh *s, const char *id, struct error **err)
{
	return run(s, "copying the swarm's data", "copy", id, COPY_MS, err);
}

int swarm_backup_send(struct ssh *s, const char *id, const struct download_sink *sink, struct error **err)
{
	CLEANUP_BUF struct buf text = BUF_INIT;

	command("send", id, &text);
	return download_run(s, "fetching the swarm's data", buf_str(&text), clock_deadline(SEND_MS), sink, err);
}

int swarm_backup_fetch(struct ssh *s, const char *id, const char *path, struct error **err)
{
	CLEANUP_BUF struct buf text = BUF_INIT;

	command("send", id, &text);
	return download_file(s, "fetching it", buf_str(&text), clock_deadline(SEND_MS), path, err);
}

int swarm_backup_drop(struct ssh *s, const char *id, struct error **err)
{
	return run(s, "removing the copy of the swarm's data", "drop", id, DROP_MS, err);
}
