#include "cmd/rotate.h"
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
