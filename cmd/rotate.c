#include "cmd/rotate.h"
#include "cmd/live.h"
#include "cmd/verbs.h"
#include "core/base/alloc.h"

static int check(const struct context *c, const char *key, const char *what, const char *command, struct error **err)
{
	CLEANUP_FREE char *begun = state_get(c->state, key);

	return begun == NULL ? 0
			     : error_set(err, ERROR_CONFIG, "%s of cluster %s are being replaced, and that has not come to its end: \"davit %s\" goes on from there", what,
					 c->spec->name, command);
}

int rotate_check_no_ca(const struct context *c, struct error **err)
{
	return check(c, ROTATE_CA_KEY, "the authorities", "certs rotate-ca", err);
}

int rotate_check_no_secrets(const struct context *c, struct error **err)
{
	return check(c, ROTATE_SECRETS_KEY, "the keys that encrypt Secrets", "secrets rotate-keys", err);
}

int rotate_check_none(const struct context *c, struct error **err)
{
	return rotate_check_no_ca(c, err) < 0 ? -1 : rotate_check_no_secrets(c, err);
}

int rotate_open(const struct context *c, struct events *events, struct work *ret, struct error **err)
{
	if (work_open(c, events, ret, err) < 0 || context_bundle(c, events, &ret->artifacts, &ret->bundle_folder, err) < 0)
		return -1;
	latch_open(ret->bundle, NULL);
	pki_renew(ret->pki, (struct pki_renewal){.within = INT64_MIN});
	return 0;
}

int rotate_run(const struct context *c, struct work *w, struct events **ret_events, const char *command, int (*run)(void *context, struct error **err),
	       void *context, struct error **err)
{
	struct events *events = *ret_events = events_new();
	struct live *live = live_new(events, c->state, c->o);
	int r = run(context, err);

	if (r == 0)
		live_phases(live);
	live_free(live);
	work_close(w);
	events_free(events);
	*ret_events = NULL;
	return verb_interrupted(r, command, err);
}
