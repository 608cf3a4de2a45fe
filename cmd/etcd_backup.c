#include "cmd/etcd.h"
#include "cmd/making.h"
#include "cmd/planes.h"
#include "cmd/verbs.h"
#include "bootstrap/etcd.h"
#include "core/base/alloc.h"
#include "core/base/log.h"
#include "core/cluster/frozen.h"

struct etcd_making {
	struct making m;
	char *kubernetes;
	char *node, *snapshot; /* one that this node has made; NULL: one is made now */
};

static void clear(struct etcd_making *e)
{
	making_clear(&e->m);
	free(e->kubernetes);
	free(e->node);
	free(e->snapshot);
}

/* ---- on its way */

static int on_begin(const struct etcd_snapshot *s, void *context, struct error **err)
{
	struct etcd_making *e = context;
	CLEANUP_BACKUP struct backup header = {.kubernetes = xstrdup(e->kubernetes),
					       .etcd = xstrdup(s->version),
					       .storage = xstrdup(s->storage),
					       .size = s->size,
					       .revision = s->revision,
					       .keys = s->keys};

	if (s->alone)
		log_warning("%s has no quorum behind it: the others may know of more than it does", e->m.node);
	memcpy(header.sha256, s->sha256, sizeof(header.sha256));
	return making_begin(&e->m, &header, err);
}

static int on_piece(const void *p, size_t n, void *context, struct error **err)
{
	struct etcd_making *e = context;

	return making_add(p, n, &e->m, err);
}

static int take(struct ssh *s, void *context, struct error **err)
{
	struct etcd_making *e = context;
	struct etcd_sink sink = {on_begin, on_piece, e};

	making_anew(&e->m);
	return e->snapshot != NULL ? etcd_fetch_kept(s, e->snapshot, &sink, err) : etcd_take_snapshot(s, &sink, err);
}

/* ---- one that is there */

/* "latest", or "NODE/NAME" as etcd snapshots prints it; its name tells when it was taken. */
static int choose(struct etcd_making *e, struct reach *reach, struct error **err)
{
	const char *word = e->m.c.o->snapshot, *slash;
	CLEANUP_JSON struct json_object *found = NULL;
	CLEANUP_FREE char *node = NULL;

	if (word == NULL)
		return 0;
	if (strcmp(word, "latest") == 0) {
		if (etcd_find_kept(&e->m.c, reach, &found, err) < 0)
			return -1;
		word = json_get_str(found != NULL ? json_object_array_get_idx(found, 0) : NULL, "name", NULL);
		if (word == NULL)
			return error_set(err, ERROR_NODE,
					 "the control planes have no snapshots; etcd.snapshots of %s is their schedule",
					 e->m.c.spec->path);
	}
	slash = strchr(word, '/');
	if (slash == NULL || !etcd_kept_is_name(slash + 1, &e->m.taken_ms))
		return error_set(err, ERROR_USAGE, "--snapshot: \"%s\" is none; write latest, or NODE/NAME as \"davit etcd snapshots\" prints it", word);
	node = xstrndup(word, (size_t)(slash - word));
	e->snapshot = xstrdup(slash + 1);
	return context_node_name(&e->m.c, node, &e->node, err) < 0 ? -1 : making_place(&e->m, err);
}

static int fetch(struct etcd_making *e, struct reach *reach, struct error **err)
{
	CLEANUP_SSH struct ssh *s = NULL;

	if (e->node == NULL)
		return planes_ask(&e->m.c, reach, take, e, &e->m.node, err);
	e->m.node = e->node;
	return reach_run(reach, e->node, &s, take, e, err);
}

/* ---- the whole */

static int prepare(struct etcd_making *e, const struct options *o, struct error **err)
{
	struct context *c = &e->m.c;

	if (context_open(o, CONTEXT_READ, c, err) < 0 || context_need_kubernetes(c, ETCD_OF_SWARM, err) < 0 ||
	    context_need_keys(c, err) < 0)
		return -1;
	e->kubernetes = frozen_version(c->state);
	if (e->kubernetes == NULL)
		return error_set(err, ERROR_CONFIG, "cluster %s has no control plane yet: there is nothing to keep",
				 c->spec->name);
	if (o->snapshot == NULL && making_place(&e->m, err) < 0)
		return -1;
	return making_prepare(&e->m, err);
}

int verb_etcd_backup(const struct options *o, struct error **err)
{
	CLEANUP(clear) struct etcd_making e = {0};
	CLEANUP_REACH struct reach *reach = NULL;
	struct making *m = &e.m;

	making_init(m, "etcd backup");
	if (prepare(&e, o, err) < 0)
		return -1;
	reach = reach_new(m->c.spec, m->c.state, m->c.inventory);
	if (choose(&e, reach, err) < 0 || fetch(&e, reach, err) < 0 || making_end(m, err) < 0)
		return -1;
	log_info("etcd of cluster %s as it %s on %s: %lld keys in %lld bytes, with the cluster's keys; SHA-256 of the file: %s",
		 m->c.spec->name, e.snapshot != NULL ? "was" : "is", m->node, (long long)m->header.keys,
		 (long long)m->header.size, m->sha256);
	return making_deliver(m, err);
}
