/* fake_private: what the files of the cloud in memory share; one a service, fake_cloud.c has the rest. Under the lock. */
#pragma once
#include "tests/unit/fake_cloud.h"
#include "provision/cloud.h"
#include <pthread.h>
#include <string.h>

struct fake {
	pthread_mutex_t lock;
	struct json_object *kinds[FAKE_KINDS];
	unsigned calls, fault_at, ids, broken_times;
	enum fake_fault fault;
	char broken[64];
	const char *login; /* id of an application credential, or NULL */
	bool no_bulk, interface_after_server;
	unsigned hidden[FAKE_KINDS]; /* lists that are to come without what is there */
	const struct fake_console *consoles;
	size_t n_consoles;
	struct {
		const char *path, *text;
	} answers[16];
	size_t n_answers;
	const char *without[4];
	size_t n_without;
};
extern struct fake fake;

static inline const char *str(struct json_object *o, const char *key)
{
	return json_get_str(o, key, "");
}

static inline bool is(struct json_object *o, const char *key, const char *value)
{
	return strcmp(str(o, key), value) == 0;
}

struct json_object *fake_by(int kind, const char *key, const char *value, size_t *ret_index);
void fake_erase(int kind, const char *key, const char *value);
int fake_refuse(int status, enum error_kind kind, const char *text, int *ret_status, struct error **err);
struct json_object *fake_copy(struct json_object *o);
bool fake_lacks(const char *path);
bool fake_answered(const struct cloud_call *c, struct json_object **ret, int *ret_status); /* by fake_answer() */
/* fake_network.c: neutron */
int fake_settle_port(struct json_object *o, int *s, struct error **err);
int fake_settle_floating_ip(struct json_object *o, int *s, struct error **err);
void fake_delete_rule(const char *id);
int fake_post_rules(struct json_object *body, int *s, struct error **err);
int fake_put_interface(const char *router, struct json_object *body, bool add, int *s, struct error **err);
struct json_object *fake_filter(const char *path, struct json_object *all);
/* fake_compute.c: nova */
void fake_attach(const char *volume_id, struct json_object *server);
int fake_settle_server(struct json_object *o, int *s, struct error **err);
int fake_act(const char *server, const char *verb, struct json_object *body, struct json_object **ret, int *s, struct error **err);
void fake_plug(const char *port_id, struct json_object *server);
void fake_join_group(const char *group, const char *server); /* group: its id; NULL: none */
void fake_begin(struct json_object *server); /* what was built runs, or is in ERROR */
void fake_release(const char *server); /* what it holds is free, before it goes */
/* fake_extras.c: octavia, snapshots, application credentials */
void fake_settle_balancer(struct json_object *o);
int fake_post_balancer_part(const struct cloud_call *c, int *s, struct error **err);
int fake_call_balancer_part(const struct cloud_call *c, const char *id, struct json_object **ret, int *s, struct error **err);
int fake_call_balancer(const struct cloud_call *c, const char *id, struct json_object **ret, int *s, struct error **err);
int fake_call_snapshot(const struct cloud_call *c, const char *id, struct json_object **ret, int *s, struct error **err);
int fake_call_credential(const struct cloud_call *c, const char *id, struct json_object **ret, int *s, struct error **err);
