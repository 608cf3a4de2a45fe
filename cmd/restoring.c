#include "cmd/restoring.h"
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include "core/base/digest.h"
#include "core/base/log.h"

int restoring_check_none(const struct context *c, struct error **err)
{
	CLEANUP_FREE char *etcd = state_get(c->state, ETCD_RESTORE_KEY), *swarm = state_get(c->state, SWARM_RESTORE_KEY);

	if (etcd != NULL)
		return error_set(err, ERROR_CONFIG,
				 "a restoration of cluster %s's etcd has not come to its end: \"davit etcd restore\" with the same file goes on from there, with --abort it goes back",
				 c->spec->name);
	if (swarm != NULL)
		return error_set(err, ERROR_CONFIG,
				 "a restoration of the swarm of cluster %s has not come to its end: \"davit swarm restore\" with the same file goes on from there",
				 c->spec->name);
	return 0;
}

void restoring_take_up(struct state *state, const char *key, const char *header_sha256, struct restoring *ret)
{
	CLEANUP_FREE char *noted = state_get(state, key), *now = clock_rfc3339(clock_wall_ms());
	CLEANUP_STRV struct strv words = STRV_INIT;

	strv_split(&words, noted != NULL ? noted : "", " ");
	ret->resumed = words.n == 3 && strcmp(words.v[2], header_sha256) == 0;
	if (words.n == 3 && !ret->resumed)
		log_warning("an earlier restoration, of another backup, has not come to its end: this one takes its place");
	now[13] = now[16] = '-'; /* a colon of a path is something else to scp and rsync */
	ret->id = ret->resumed ? xstrdup(words.v[0]) : random_uuid();
	ret->stamp = ret->resumed ? xstrdup(words.v[1]) : xasprintf("%.19sZ", now);
}

int restoring_note(struct state *state, const char *key, const char *header_sha256, const struct restoring *r, struct error **err)
{
	CLEANUP_FREE char *value = xasprintf("%s %s %s", r->id, r->stamp, header_sha256);

	return state_set(state, key, value, err);
}

void restoring_clear(struct restoring *r)
{
	free(r->id);
	free(r->stamp);
	*r = (struct restoring){0};
}

int restoring_told(int result, const char *onward, struct error **err)
{
	CLEANUP_FREE char *message = NULL;
	enum error_kind kind;

	if (result == 0 || err == NULL || *err == NULL)
		return result;
	kind = error_kind(*err);
	message = xstrdup(error_message(*err));
	error_clear(err);
	if (kind == ERROR_CANCELLED && cancel_by_user())
		return error_set(err, kind, "interrupted; nothing is lost: %s", onward);
	return error_set(err, kind, "%s\nWhen that is mended, %s.", message, onward);
}
