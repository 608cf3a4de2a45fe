/* swarm: what a node of a swarm goes through after its engine runs: the first manager begins the swarm, the others join it. */
#pragma once
#include "cmd/latch.h"
#include "bootstrap/swarm.h"
#include <stdatomic.h>

struct state;
struct work;

/* Of one run: whoever needs it first asks a manager how one joins, the rest wait for that. */
struct swarm_work {
	bool begun; /* as the state knows when the run begins: there is a swarm to be joined */
	atomic_flag claimed;
	struct latch *offered;
	struct swarm_offer offer; /* once `offered` is open */
};

/* The first manager has made it, and with MKE installed that. */
bool swarm_has_begun(struct state *state);
int swarm_note_begun(struct state *state, struct error **err) MUST_USE;
void swarm_work_init(struct work *w);
void swarm_work_clear(struct work *w);
/* Until it is a member. */
int swarm_enter(struct work *w, const struct node *n, struct ssh **s, struct error **err) MUST_USE;
