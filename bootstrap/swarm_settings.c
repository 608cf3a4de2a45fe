#include "bootstrap/docker.h"
#include "bootstrap/swarm.h"
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"

enum { AGAIN_MS = 500, PENDING_MS = 60 * 1000, NS_A_MS = 1000 * 1000, MS_AN_HOUR = 3600 * 1000, TRIES = 10 };

/* As the engine calls them. */
static const char *const standings[] = {[SWARM_OUTSIDE] = "inactive", [SWARM_PENDING] = "pending", [SWARM_MEMBER] = "active", [SWARM_LOCKED] = "locked", [SWARM_BROKEN] = "error"};

int swarm_standing(struct ssh *s, int64_t deadline, enum swarm_standing *ret, struct error **err)
{
	CLEANUP_JSON struct json_object *info = NULL;
	const char *state;

	if (docker_call(s, "GET", "/info", NULL, deadline, &info, err) < 0)
		return -1;
	state = json_get_str(info, "Swarm.LocalNodeState", "inactive");
	*ret = SWARM_BROKEN;
	for (size_t i = 0; i < ARRAY_SIZE(standings); i++)
		if (strcmp(state, standings[i]) == 0)
			*ret = (enum swarm_standing)i;
	return 0;
}

/* ---- settings */

int swarm_update(struct ssh *s, const char *query, swarm_change *change, const void *what, int64_t deadline, struct error **err)
{
	for (int i = 1;; i++) {
		CLEANUP_JSON struct json_object *swarm = NULL;
		CLEANUP_FREE char *path = NULL;
		struct json_object *spec = NULL;
		struct error *why = NULL;

		if (docker_call(s, "GET", "/swarm", NULL, deadline, &swarm, err) < 0 || json_need_object(swarm, "Spec", &spec, err) < 0)
			return -1;
		if (change != NULL)
			change(spec, what);
		path = xasprintf("/swarm/update?version=%lld%s", (long long)json_get_int(swarm, "Version.Index", 0), query);
		if (docker_call(s, "POST", path, spec, deadline, NULL, &why) == 0)
			return 0;
		/* somebody else may have changed it since the look: then once more */
		if (strstr(error_message(why), "out of sequence") == NULL || i == TRIES)
			return error_move(err, why);
		error_free(why);
	}
}

static struct json_object *child(struct json_object *o, const char *key)
{
	struct json_object *have = json_at(o, key);

	if (have == NULL) {
		have = json_object_new_object();
		json_add(o, key, have);
	}
	return have;
}

static void set(struct json_object *at, const void *what)
{
	const struct spec *spec = what;

	json_add_int(child(at, "CAConfig"), "NodeCertExpiry", spec->swarm.cert_expiry * NS_A_MS);
	json_add_bool(child(at, "EncryptionConfig"), "AutoLockManagers", spec->swarm.autolock);
}

static const char *on_off(bool on)
{
	return on ? "on" : "off";
}

void swarm_differs(struct json_object *swarm, const struct spec *spec, struct strv *ret)
{
	bool locks = json_get_bool(swarm, "Spec.EncryptionConfig.AutoLockManagers", false);
	int64_t expiry = json_get_int(swarm, "Spec.CAConfig.NodeCertExpiry", 0) / NS_A_MS;

	if (locks != spec->swarm.autolock)
		strv_addf(ret, "autolock is %s, and goes %s", on_off(locks), on_off(spec->swarm.autolock));
	if (expiry != spec->swarm.cert_expiry)
		strv_addf(ret, "certExpiry is %lldh, and becomes %lldh", (long long)(expiry / MS_AN_HOUR), (long long)(spec->swarm.cert_expiry / MS_AN_HOUR));
}

int swarm_compare(struct ssh *s, const struct spec *spec, int64_t deadline, struct strv *ret, struct error **err)
{
	CLEANUP_JSON struct json_object *swarm = NULL;

	if (docker_call(s, "GET", "/swarm", NULL, deadline, &swarm, err) < 0)
		return -1;
	swarm_differs(swarm, spec, ret);
	return 0;
}

int swarm_set(struct ssh *s, const struct spec *spec, int64_t deadline, struct error **err)
{
	CLEANUP_STRV struct strv differs = STRV_INIT;

	if (swarm_compare(s, spec, deadline, &differs, err) < 0)
		return -1;
	return differs.n == 0 ? 0 : swarm_update(s, "", set, spec, deadline, err);
}

/* ---- the lock */

int swarm_key_read(struct ssh *s, int64_t deadline, char **ret, struct error **err)
{
	CLEANUP_JSON struct json_object *answer = NULL;
	const char *key;

	if (docker_call(s, "GET", "/swarm/unlockkey", NULL, deadline, &answer, err) < 0)
		return -1;
	key = json_get_str(answer, "UnlockKey", "");
	*ret = *key != '\0' ? xstrdup(key) : NULL;
	return 0;
}

int swarm_key_rotate(struct ssh *s, int64_t deadline, struct error **err)
{
	return swarm_update(s, "&rotateManagerUnlockKey=true", NULL, NULL, deadline, err);
}

/* ERROR_AUTH: the key is another one. */
static int try_key(struct ssh *s, const char *key, int64_t deadline, struct error **err)
{
	CLEANUP_JSON struct json_object *body = json_object_new_object();
	struct error *why = NULL;

	json_add_str(body, "UnlockKey", key);
	if (docker_call(s, "POST", "/swarm/unlock", body, deadline, NULL, &why) == 0 || error_is(why, ERROR_CONFLICT)) { /* it is not locked any more */
		error_free(why);
		return 0;
	}
	return error_move(err, why);
}

static int try_keys(struct ssh *s, const struct strv *keys, int64_t deadline, struct error **err)
{
	for (size_t i = 0; i < keys->n; i++) {
		struct error *why = NULL;

		if (try_key(s, keys->v[i], deadline, &why) == 0)
			return 0;
		if (!error_is(why, ERROR_AUTH))
			return error_move(err, why);
		error_free(why);
	}
	return error_set(err, ERROR_NODE,
			 "it is locked, and %s opens it: unlock it there with the right one (docker swarm unlock), or replace the node",
			 keys->n == 0 ? "the state has no key that" : "no key of the state");
}

/* One that has begun anew is with the others soon; a join that finds nobody stays as it is. */
static bool is_on_its_way(enum swarm_standing now, int64_t since)
{
	return now == SWARM_PENDING && clock_ms() - since < PENDING_MS;
}

int swarm_unlock(struct ssh *s, const struct strv *keys, int64_t deadline, enum swarm_standing *ret, struct error **err)
{
	int64_t since = clock_ms();

	for (;;) {
		if (swarm_standing(s, deadline, ret, err) < 0)
			return -1;
		if (*ret != SWARM_LOCKED && !is_on_its_way(*ret, since))
			return 0;
		if (*ret == SWARM_LOCKED && try_keys(s, keys, deadline, err) < 0)
			return -1;
		if (clock_ms() + AGAIN_MS >= deadline)
			return *ret == SWARM_LOCKED ? error_set(err, ERROR_NODE, "its engine takes the key, and is locked all the same; see: davit logs NODE docker") : 0;
		if (cancel_sleep(AGAIN_MS, err) < 0)
			return -1;
	}
}
