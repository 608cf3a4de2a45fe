#include "cmd/etcd_restore.h"
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/parallel.h"
#include "core/base/path.h"
#include "core/cluster/encryption.h"
#include "core/cluster/recovery.h"
#include "core/cluster/version.h"
#include <stdio.h>

enum { CONNECT_MS = 60 * 1000 };
#define WAL_BYTES ((int64_t)256 << 20) /* etcd lays its log out beforehand, in files of 64 MiB */

/* ---- what stands against it */

static void check_keys(const struct restore *r, struct findings *ret)
{
	CLEANUP_SECRET char *key = state_get(r->b.c.state, "encryption-key");
	const char *then = json_get_key(json_at(r->b.recovery, "values"), "encryption-key", "");

	if (key != NULL && encryption_covers(key, then))
		findings_pass(ret, "keys", xstrdup("the key that encrypts Secrets is that of the backup"));
	else
		findings_add(ret, SEVERITY_ERROR, "keys", xstrdup("the key that encrypts Secrets is another one than when the backup was made"),
			     xstrdup("the API server could read none of the backup's Secrets"),
			     xasprintf("move %s away, \"davit recover --archive %s\" brings the backup's keys, \"davit apply\" puts them on the nodes; then this",
				       state_folder(r->b.c.state), r->b.file.path));
}

/* Other authorities do no harm to the data: what pods have of them is made anew. */
static void check_authorities(const struct restore *r, struct findings *ret)
{
	static const char *const names[] = {"pki/ca.crt", "pki/sa.pub"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		CLEANUP_FREE char *path = state_path(r->b.c.state, names[i]);
		CLEANUP_BUF struct buf text = BUF_INIT;

		(void)!path_read(path, &text, NULL);
		if (strcmp(buf_str(&text), json_get_key(json_at(r->b.recovery, "files"), names[i], "")) == 0)
			continue;
		findings_add(ret, SEVERITY_WARNING, "keys", xasprintf("%s is another one than when the backup was made", names[i]),
			     xstrdup("tokens and certificates of before are worth nothing any more"), xstrdup("nothing: they are made anew"));
	}
}

static const char *oldest(const struct restore *r)
{
	const char *oldest = NULL;
	struct version least = {0}, v = {0};

	for (size_t i = 0; i < r->n; i++) {
		if (r->places[i].version == NULL || !version_parse(r->places[i].version, &v))
			continue;
		if (oldest == NULL || version_compare(&v, &least) < 0) {
			oldest = r->places[i].version;
			least = v;
		}
	}
	return oldest;
}

static void check_versions(const struct restore *r, struct findings *ret)
{
	CLEANUP_STRV struct strv why = STRV_INIT;
	const char *etcd = oldest(r);

	if (etcd == NULL)
		return;
	backup_refusals(&r->b.file.header, r->kubernetes, etcd, &why);
	for (size_t i = 0; i < why.n; i++)
		findings_add(ret, SEVERITY_ERROR, "version", xstrdup(why.v[i]), NULL, xstrdup("\"davit upgrade\" to that version first, or take an older backup"));
	if (why.n == 0)
		findings_pass(ret, "version", xasprintf("etcd %s and Kubernetes %s read it", etcd, r->kubernetes));
}

static void check_place(const struct restore *r, size_t i, struct findings *ret)
{
	const struct etcd_place *p = &r->places[i];
	int64_t data = r->b.file.header.size + WAL_BYTES, run = r->b.file.header.size;

	if (p->done || p->version == NULL)
		return;
	if (p->has_one_disk)
		data += run;
	if (p->free < data || (!p->has_one_disk && p->run_free < run))
		findings_add(ret, SEVERITY_ERROR, "disk",
			     xasprintf("%s: %lld MiB are free for etcd's data and %lld in /opt/davit/run, and it takes %lld and %lld",
				  r->b.c.plan->nodes[r->planes[i]].node.name, (long long)(p->free >> 20),
				  (long long)(p->run_free >> 20), (long long)(data >> 20), (long long)(run >> 20)),
			xstrdup("what is there stays, beside what comes"),
			xstrdup("make room there; an earlier /var/lib/etcd.before-… may go"));
}

/* ---- all control planes */

static int look(struct ssh *s, void *context, struct error **err)
{
	struct restore *r = ((void **)context)[0];
	struct etcd_place *place = ((void **)context)[1];

	etcd_place_clear(place);
	return etcd_look(s, &r->r, place, err);
}

static int visit(size_t i, void *context, struct error **err)
{
	struct restore *r = context;
	const struct node *n = &r->b.c.plan->nodes[r->planes[i]].node;
	void *both[] = {r, &r->places[i]};

	if (n->address == NULL)
		return error_set(err, ERROR_CONFIG, "it has no address yet");
	return reach_ssh(r->b.reach, n->name, clock_deadline(CONNECT_MS), &r->sessions[i], err) < 0 ||
			       reach_run(r->b.reach, n->name, &r->sessions[i], look, both, err) < 0
		       ? -1
		       : 0;
}

static void tell_visits(const struct restore *r, struct error *const *errors, struct findings *ret)
{
	for (size_t i = 0; i < r->n; i++)
		if (errors[i] != NULL)
			findings_add(ret, SEVERITY_ERROR, "reach", xasprintf("%s: %s", r->b.c.plan->nodes[r->planes[i]].node.name, error_message(errors[i])),
				     xstrdup("one that is left out would go on with what it has, and its API server hang"),
				     xstrdup("start it or mend it; one whose server is gone \"davit apply\" makes anew, with an empty etcd"));
}

int etcd_restore_visit(struct restore *r, struct findings *ret, struct error **err)
{
	struct error **errors = xnew_n(struct error *, r->n + 1);

	(void)!parallel_for(r->n, 0, visit, r, errors, NULL);
	tell_visits(r, errors, ret);
	for (size_t i = 0; i < r->n; i++)
		error_free(errors[i]);
	free(errors);
	return cancel_check(err);
}

int etcd_restore_look(struct restore *r, struct findings *ret, struct error **err)
{
	check_keys(r, ret);
	check_authorities(r, ret);
	if (etcd_restore_visit(r, ret, err) < 0)
		return -1;
	for (size_t i = 0; i < r->n; i++)
		check_place(r, i, ret);
	check_versions(r, ret);
	return 0;
}
