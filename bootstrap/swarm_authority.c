#include "bootstrap/docker.h"
#include "bootstrap/swarm.h"
#include "bootstrap/swarm_node.h"
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"

enum { AGAIN_MS = 500 };

/* PEM may differ in blanks at its end. */
static bool is_same(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);

	while (n > 0 && a[n - 1] == '\n')
		n--;
	while (m > 0 && b[m - 1] == '\n')
		m--;
	return n == m && strncmp(a, b, n) == 0;
}

struct authority {
	const char *pem, *key;
};

static void set_authority(struct json_object *spec, const void *what)
{
	const struct authority *a = what;
	struct json_object *ca = json_at(spec, "CAConfig");

	if (ca == NULL) {
		ca = json_object_new_object();
		json_add(spec, "CAConfig", ca);
	}
	json_add_str(ca, "SigningCACert", a->pem);
	json_add_str(ca, "SigningCAKey", a->key);
}

void swarm_down(struct json_object *nodes, struct strv *ret)
{
	for (size_t i = 0; i < json_len(nodes); i++) {
		struct json_object *node = json_object_array_get_idx(nodes, i);
		const char *name = swarm_node_name(node);

		if (!swarm_node_is(node, "ready"))
			strv_add(ret, *name != '\0' ? name : json_get_str(node, "ID", ""));
	}
}

int swarm_check_all_up(struct ssh *s, int64_t deadline, struct error **err)
{
	CLEANUP_JSON struct json_object *nodes = NULL;
	CLEANUP_STRV struct strv down = STRV_INIT;
	CLEANUP_FREE char *list = NULL;

	if (docker_call(s, "GET", "/nodes", NULL, deadline, &nodes, err) < 0)
		return -1;
	swarm_down(nodes, &down);
	list = strv_join(&down, ", ");
	return down.n == 0 ? 0
			   : error_set(err, ERROR_NODE,
				       "the swarm waits for each node that it knows before it goes over to another authority, and these are down: %s: mend them (davit "
				       "apply), or take them out (docker node rm)",
				       list);
}

/* Why it takes so long: a node that is down, more often than not. */
static int not_in_time(struct ssh *s, const struct error *why, struct error **err)
{
	CLEANUP_ERROR struct error *down = NULL;
	const char *reason = "its rotation has not come to an end";

	if (why != NULL)
		reason = error_message(why);
	else if (swarm_check_all_up(s, 0, &down) < 0)
		reason = error_message(down);
	return error_set(err, ERROR_NODE, "the swarm did not take its certificate authority in time: %s", reason);
}

int swarm_take_authority(struct ssh *s, const char *ca_pem, const char *ca_key, int64_t deadline, struct error **err)
{
	struct authority authority = {ca_pem, ca_key};

	for (;;) {
		CLEANUP_JSON struct json_object *swarm = NULL;
		CLEANUP_ERROR struct error *why = NULL;
		bool ours, turning;

		if (docker_call(s, "GET", "/swarm", NULL, deadline, &swarm, &why) < 0 && !error_is(why, ERROR_NODE))
			return error_move(err, steal_ptr(why));
		ours = is_same(json_get_str(swarm, "TLSInfo.TrustRoot", ""), ca_pem);
		turning = json_get_bool(swarm, "RootRotationInProgress", false);
		if (ours && !turning)
			return 0;
		if (swarm != NULL && !ours && !turning && swarm_update(s, "", set_authority, &authority, deadline, err) < 0)
			return -1;
		if (clock_ms() + AGAIN_MS >= deadline)
			return not_in_time(s, why, err);
		if (cancel_sleep(AGAIN_MS, err) < 0)
			return -1;
	}
}
