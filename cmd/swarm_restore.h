/* swarm_restore: what files of cmd/swarm_restore*.c share. */
#pragma once
#include "cmd/restoring.h"
#include "bootstrap/swarm_restore.h"
#include "provision/finding.h"

/* A manager or a worker. */
struct seat {
	const struct node *n;
	bool lost;	  /* it cannot be reached, and is left to apply */
	bool has_quorum;  /* a manager that is answered by its swarm */
	bool is_locked;
	bool is_back;	  /* a worker that the new swarm has */
	struct swarm_place place; /* of a manager */
	struct ssh *session;
};

struct swarm_restore {
	struct restoring b;
	struct swarm_restoration r;
	struct seat *seats; /* managers, then workers */
	size_t n, n_managers;
	struct seat *first; /* the manager that begins: the backup's, or the first that can be reached */
	struct swarm_offer offer;
};

/* Connects to all managers, which stay connected, looks at their data, and chooses the one that begins. */
int swarm_restore_visit(struct swarm_restore *r, struct findings *ret, struct error **err) MUST_USE;
int swarm_restore_phases(struct swarm_restore *r, struct error **err) MUST_USE;
struct json_object *swarm_restore_json(const struct swarm_restore *r);
void swarm_restore_print(const struct swarm_restore *r);
