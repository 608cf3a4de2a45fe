/* swarm_restore: what files of cmd/swarm_restore*.c share. */
#pragma once
#include "cmd/restoring.h"
#include "bootstrap/swarm_restore.h"
#include "provision/finding.h"

/* The vendor's restoration takes MKE off every node before it, which nobody has tried here. */
#define SWARM_RESTORE_OF_MKE "it is restored as the vendor's documentation says (davit(1), MKE), with what \"davit swarm show BACKUP --to FILE\" takes out of a backup"

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
	bool back; /* to the data of before it (--abort) */
	struct seat *seats; /* managers, then workers */
	size_t n, n_managers;
	struct seat *first; /* the manager that begins: the backup's, or the first that can be reached */
	struct swarm_offer offer;
};

/* Managers and workers of the plan; b and r are set. */
int swarm_restore_seats(struct swarm_restore *r, struct error **err) MUST_USE;
/* Connects to all managers, which stay connected, looks at their data, and, on the way forth, chooses the one that begins. */
int swarm_restore_visit(struct swarm_restore *r, struct findings *ret, struct error **err) MUST_USE;
/* The state knows of it (SWARM_RESTORE_KEY) from before anything is touched; at the end the caller takes that away. */
int swarm_restore_phases(struct swarm_restore *r, struct error **err) MUST_USE;
/* In a session with a manager: until the workers that the swarm knows are back (is_back), or nobody waits any longer. */
int swarm_restore_await(struct ssh *s, struct swarm_restore *r, struct error **err) MUST_USE;
struct json_object *swarm_restore_json(const struct swarm_restore *r);
void swarm_restore_print(const struct swarm_restore *r);

/* "swarm restore --abort": what was begun is taken back.  r: empty; the caller clears. */
int swarm_abort(struct swarm_restore *r, const struct options *o, struct error **err) MUST_USE;
