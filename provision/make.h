/*
 * make: what the steps of provision_create() share, and the one way in which resources are POSTed: intent row, create (many in
 * one call where neutron allows it), adoption of what an unlucky call may have made all the same, row with the id.
 */
#pragma once
#include "provision/body.h"
#include "provision/gate.h"
#include "provision/view.h"
#include "provision/watch.h"
#include <stdatomic.h>

/* What the progress display shows a line for, beside the servers. */
enum subject { SUBJECT_NETWORK, SUBJECT_SECURITY, SUBJECT_VOLUMES, SUBJECT_COUNT };

struct maker {
	const struct provision_job *job;
	struct cloud *cloud;
	const struct plan *plan;
	struct view *view;
	char *mark, *keypair; /* "davit:UUID"; the keypair's name */
	const char *external_id;
	struct watch *servers, *volumes;
	struct gate *gate;	  /* POSTs of servers */
	atomic_size_t leaders;	  /* registry and control planes that are still being made */
	int leaders_fd;		  /* readable when there are none */
	int64_t head_start_until; /* clock_ms(): workers are not begun before, unless the leaders are there */
	atomic_bool stopped;	  /* something failed for good: do not begin or wait any more */
	pthread_mutex_t lock;	  /* of what follows */
	enum node_cloud *states;  /* what the inventory was told, by plan node */
	bool begun[SUBJECT_COUNT];
};

void maker_init(struct maker *m, const struct provision_job *job);
void maker_finish(struct maker *m);

/* One wanted resource: name as view and state know it; body is the maker's afterwards. */
struct want {
	const char *name;
	struct json_object *body;
};

enum { MAKE_WIDTH = 8 /* writes at the same time to one service */, MAKE_ATTEMPTS = 3 };

/* Makes those wants that the view does not hold.  Frees the bodies (also on failure); wants may be empty. */
int make_all(struct maker *m, enum kind kind, struct want *wants, size_t n, struct error **err) MUST_USE;
/* The same, one call each. */
int make_singly(struct maker *m, enum kind kind, struct want *wants, size_t n, struct error **err) MUST_USE;
int make_one(struct maker *m, enum kind kind, const char *name, struct json_object *body, struct error **err) MUST_USE;
/* As make_one(), for a body that is whole already ({"server": …, "os:scheduler_hints": …}) and may need a microversion of its own, or NULL. */
int make_whole(struct maker *m, enum kind kind, const char *name, struct json_object *body, const char *microversion,
	       struct error **err) MUST_USE;

/* PUT of one resource's fields: `update port "demo-w-1"`.  fields is freed; the view gets the answer. */
int make_update(struct maker *m, const struct item *item, struct json_object *fields, struct error **err) MUST_USE;
/* Points a floating IP at a port, by which it has another name from now on, in view and state.  fields: as of make_update(). */
int make_point_floating_ip(struct maker *m, const struct item *item, struct json_object *fields, const char *name, struct error **err) MUST_USE;
/* The id of what an earlier step made; a missing one is a bug of the steps' needs. */
const char *made_id(struct maker *m, enum kind kind, const char *name);

void make_stop(struct maker *m);
int make_check(struct maker *m, struct error **err) MUST_USE; /* ERROR_CANCELLED after make_stop() */
const char *subject_name(enum subject subject);
void make_begin(struct maker *m, enum kind kind); /* the subject's line of the display begins, once */

/* News of plan->nodes[i] for the inventory; floating_ip and fault may be NULL. */
void make_tell(struct maker *m, size_t i, enum node_cloud cloud, const char *server_id, const char *fault);
void make_tell_floating_ip(struct maker *m, size_t i, const char *floating_ip);
