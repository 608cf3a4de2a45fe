/* needs: how much of each quota the cluster still takes: what the view already has is not counted, and what goes
 * before anything is made (plan->first) gives its place: a number may be below 0.  Pure. */
#pragma once
#include "provision/view.h"

struct needs {
	int64_t kinds[KIND_COUNT]; /* to be made */
	int64_t cores, ram_mib;	   /* of servers whose flavor is known */
	int64_t rules;		   /* with those that neutron gives each new group */
	int64_t ports;		   /* with the DHCP agent's in a new network, and a load balancer's */
	int64_t gib;
	struct needs_volume {
		const char *name_of; /* of the node: borrowed from the plan */
		const char *type;    /* NULL: the cloud's default */
		int64_t gib;
		bool freed; /* one that goes before: its type and size are free by then */
	} *volumes; /* to be made */
	size_t n_volumes, cap_volumes;
};

int needs_count(const struct plan *plan, struct view *view, struct needs *ret, struct error **err) MUST_USE;
void needs_free(struct needs *n);
