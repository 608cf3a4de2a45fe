/*
 * inventory: the cluster's servers, and how far each is; where the stages meet.  Thread-safe: provision tells, pipelines wait.
 */
#pragma once
#include "core/base/error.h"
#include "core/base/strv.h"

enum node_role { NODE_CONTROL_PLANE, NODE_WORKER, NODE_REGISTRY, NODE_BASTION }; /* by number in the state: append */

/* How far the cloud is with a server. */
enum node_cloud { NODE_PLANNED, NODE_BUILDING, NODE_ACTIVE, NODE_FAILED };

struct node {
	char *name;	   /* "demo-cp-1": the server's, the host's and Kubernetes' node name */
	enum node_role role;
	char *pool;	   /* "control-plane", "workers", "registry", "bastion" */
	char *address;	   /* in the cluster's network */
	char *floating_ip; /* NULL: none (yet) */
	char *server_id;   /* nova's, NULL until created */
	char *host_key;	   /* "ssh-ed25519 AAAA…" to be expected; NULL until known */
	enum node_cloud cloud;
	char *fault;	   /* why NODE_FAILED */
	bool leaving;	   /* chosen to be removed: it is no part of the plan any more */
};

struct inventory;

struct inventory *inventory_new(void);
void inventory_free(struct inventory *i);
/* A copy of n goes in (replacing one of that name). */
void inventory_put(struct inventory *i, const struct node *n);
void inventory_remove(struct inventory *i, const char *name);
size_t inventory_len(struct inventory *i);
/* Copies, for the caller to node_clear()/node_list_free(); false/NULL where there is none. */
bool inventory_get(struct inventory *i, const char *name, struct node *ret);
struct node *inventory_list(struct inventory *i, size_t *ret_n); /* by role, then name with numbers in order */
void node_clear(struct node *n);
void node_list_free(struct node *nodes, size_t n);
void node_copy(struct node *to, const struct node *from);
const char *node_role_name(enum node_role role); /* "control-plane", "worker", "registry", "bastion" */
bool node_runs_kubernetes(enum node_role role);

/* The cloud's news of one server; strings are copied, NULL leaves the field as it is.  Wakes waiters. */
void inventory_cloud(struct inventory *i, const char *name, enum node_cloud cloud, const char *server_id,
		     const char *floating_ip, const char *fault);
void inventory_address(struct inventory *i, const char *name, const char *address); /* as the cloud chose it */
void inventory_host_key(struct inventory *i, const char *name, const char *host_key); /* NULL: it is not known any more */
void inventory_leaving(struct inventory *i, const char *name, bool leaving);
/* No more news will come (provisioning ended, *why may be NULL): waiters for servers that are not there fail with it. */
void inventory_close(struct inventory *i, const struct error *why);
/* The floating IP of an API that has an address of its own (api.endpoint: vip, octavia); NULL: none yet.  The caller of the second frees. */
void inventory_set_api(struct inventory *i, const char *floating_ip);
char *inventory_api(struct inventory *i) MUST_USE;
void inventory_open(struct inventory *i); /* a new round: there will be news again */
/* Wait until the server is ACTIVE (and, when asked, has its floating IP): 0 with *ret a copy; -1: failed, closed without it
 * (what to do is told), cancelled or late. */
int inventory_wait(struct inventory *i, const char *name, bool floating_ip, int64_t deadline, struct node *ret, struct error **err) MUST_USE;
