#include "bootstrap/docker.h"
#include "bootstrap/swarm.h"
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include "core/base/log.h"

/* A join that finds nobody goes on in the background while the engine says after 20 s that it has failed. */
enum { AGAIN_MS = 500, PENDING_MS = 60 * 1000, PORT = 2377, NS_A_MS = 1000 * 1000 };

/* ---- the first */

static struct json_object *init_body(const struct spec *spec, const char *address)
{
	struct json_object *o = json_object_new_object(), *pools = json_object_new_array(), *inner = json_object_new_object();
	struct json_object *ca = json_object_new_object();

	json_add_str(o, "ListenAddr", "0.0.0.0:2377");
	json_add_str(o, "AdvertiseAddr", address);
	for (size_t i = 0; i < spec->swarm.address_pools.n; i++)
		json_object_array_add(pools, json_object_new_string(spec->swarm.address_pools.v[i]));
	json_add(o, "DefaultAddrPool", pools);
	json_add_int(o, "SubnetSize", spec->swarm.mask_length);
	json_add_int(ca, "NodeCertExpiry", spec->swarm.cert_expiry * NS_A_MS);
	json_add(inner, "CAConfig", ca);
	json_add(o, "Spec", inner);
	return o;
}

static int init(struct ssh *s, const struct spec *spec, const char *address, int64_t deadline, struct error **err)
{
	CLEANUP_JSON struct json_object *body = init_body(spec, address);
	enum swarm_standing now;

	if (swarm_standing(s, deadline, &now, err) < 0)
		return -1;
	return now == SWARM_MEMBER ? 0 : docker_call(s, "POST", "/swarm/init", body, deadline, NULL, err);
}

int swarm_begin(struct ssh *s, const struct spec *spec, const char *address, const char *ca_pem, const char *ca_key, int64_t deadline,
		struct error **err)
{
	if (init(s, spec, address, deadline, err) < 0)
		return -1;
	return ca_pem != NULL ? swarm_take_authority(s, ca_pem, ca_key, deadline, err) : 0;
}

int swarm_begin_anew(struct ssh *s, const struct spec *spec, const char *address, int64_t deadline, struct error **err)
{
	CLEANUP_JSON struct json_object *body = init_body(spec, address);
	struct json_object *lock = json_object_new_object();

	json_add_bool(body, "ForceNewCluster", true);
	json_add_bool(lock, "AutoLockManagers", spec->swarm.autolock);
	json_add(json_at(body, "Spec"), "EncryptionConfig", lock);
	return docker_call(s, "POST", "/swarm/init", body, deadline, NULL, err);
}

/* ---- the others */

int swarm_offer_read(struct ssh *s, const char *address, int64_t deadline, struct swarm_offer *ret, struct error **err)
{
	CLEANUP_JSON struct json_object *swarm = NULL;
	const char *worker = NULL, *manager = NULL;

	if (docker_call(s, "GET", "/swarm", NULL, deadline, &swarm, err) < 0 || json_need_str(swarm, "JoinTokens.Worker", &worker, err) < 0 ||
	    json_need_str(swarm, "JoinTokens.Manager", &manager, err) < 0)
		return -1;
	*ret = (struct swarm_offer){xstrdup(address), xstrdup(worker), xstrdup(manager)};
	return 0;
}

void swarm_offer_clear(struct swarm_offer *o)
{
	free(o->address);
	secret_free(o->worker);
	secret_free(o->manager);
	*o = (struct swarm_offer){0};
}

static struct json_object *join_body(const struct node *n, const struct swarm_offer *offer)
{
	struct json_object *o = json_object_new_object(), *remotes = json_object_new_array();
	CLEANUP_FREE char *remote = xasprintf("%s:%d", offer->address, PORT);

	json_add_str(o, "ListenAddr", "0.0.0.0:2377");
	json_add_str(o, "AdvertiseAddr", n->address);
	json_object_array_add(remotes, json_object_new_string(remote));
	json_add(o, "RemoteAddrs", remotes);
	json_add_str(o, "JoinToken", n->role == NODE_CONTROL_PLANE ? offer->manager : offer->worker);
	return o;
}

int swarm_leave_by_force(struct ssh *s, int64_t deadline, struct error **err)
{
	enum swarm_standing now;

	if (swarm_standing(s, deadline, &now, err) < 0)
		return -1;
	return now == SWARM_OUTSIDE ? 0 : docker_call(s, "POST", "/swarm/leave?force=true", NULL, deadline, NULL, err);
}

/* One try; *ret_why: why it has not joined yet. */
static int try_to_join(struct ssh *s, struct json_object *body, int64_t *pending_since, int64_t deadline, bool *ret_joined, struct error **ret_why,
		       struct error **err)
{
	enum swarm_standing now;

	if (swarm_standing(s, deadline, &now, err) < 0)
		return -1;
	*ret_joined = now == SWARM_MEMBER;
	if (*ret_joined)
		return 0;
	if (now == SWARM_OUTSIDE) {
		*pending_since = clock_ms();
		error_clear(ret_why);
		if (docker_call(s, "POST", "/swarm/join", body, deadline, NULL, ret_why) < 0)
			return error_is(*ret_why, ERROR_NETWORK) || error_is(*ret_why, ERROR_CANCELLED) ? error_move(err, steal_ptr(*ret_why)) : 0;
		return 0;
	}
	if (now == SWARM_PENDING && clock_ms() - *pending_since < PENDING_MS)
		return 0;
	if (now == SWARM_LOCKED) /* it has data of a swarm, which by force would be lost */
		return error_set(err, ERROR_NODE, "it is locked: \"davit apply\" unlocks it");
	/* what a join that came to nothing has left: the next one would be refused because of it */
	return swarm_leave_by_force(s, deadline, err);
}

int swarm_join(struct ssh *s, const struct node *n, const struct swarm_offer *offer, int64_t deadline, struct error **err)
{
	CLEANUP_JSON struct json_object *body = join_body(n, offer);
	CLEANUP_ERROR struct error *why = NULL;
	int64_t pending_since = clock_ms();
	bool joined = false;

	for (;;) {
		if (try_to_join(s, body, &pending_since, deadline, &joined, &why, err) < 0)
			return -1;
		if (joined)
			return 0;
		if (clock_ms() + AGAIN_MS >= deadline)
			return error_set(err, ERROR_NODE, "it did not join the swarm at %s in time: %s", offer->address,
					 why != NULL ? error_message(why) : "it is pending");
		if (cancel_sleep(AGAIN_MS, err) < 0)
			return -1;
	}
}
