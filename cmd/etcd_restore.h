/* etcd_restore: what files of cmd/etcd_restore*.c share. */
#pragma once
#include "cmd/etcd.h"
#include "cmd/restoring.h"
#include "bootstrap/etcd.h"
#include "provision/finding.h"

struct restore {
	struct restoring b;
	char *kubernetes; /* that the cluster has */
	struct etcd_restoration r;
	bool back; /* to the data of before it (--abort) */
	size_t *planes; /* indices in the plan */
	size_t n;
	struct etcd_place *places; /* of each of them */
	struct ssh **sessions;	   /* likewise */
};

/* Who is asked; the rest of r is set. */
int etcd_restore_planes(struct restore *r, struct error **err) MUST_USE;
void etcd_restore_clear(struct restore *r);
/* Connects to all control planes, which stay connected, looks at their data, and tells of those that cannot be reached. */
int etcd_restore_visit(struct restore *r, struct findings *ret, struct error **err) MUST_USE;
/* Likewise, and tells all that stands against it. */
int etcd_restore_look(struct restore *r, struct findings *ret, struct error **err) MUST_USE;

/*
 * What all control planes do, forth or back: each at the same time on all of them, before any begins with the next, and each may be done again.
 * The state knows of it (ETCD_RESTORE_KEY) from before anything is stopped; at the end the caller takes that away.
 */
int etcd_phases_run(struct restore *r, struct error **err) MUST_USE;
struct json_object *etcd_phases_json(const struct restore *r);
void etcd_phases_print(const struct restore *r);

/* "etcd restore --abort": what was begun is taken back.  r: empty; the caller clears. */
int etcd_abort(struct restore *r, const struct options *o, struct error **err) MUST_USE;
