/*
 * nics: the ports that a node has besides the one in the cluster's own network: one in each network that its pool names (`networks`), in that
 * order.  Such a network was there before, and is never changed.  Their names are the node's with the beginning of the network's id,
 * "demo-w-1.1a2b3c4d", whatever the file calls it.
 */
#pragma once
#include "provision/fixed.h"
#include "provision/view.h"

/* Reads the networks that are there, and the subnets of those that the file names, into the view; no call where it names none. */
int nics_look(struct cloud *c, const struct plan *plan, struct view *v, struct error **err) MUST_USE;
/* The one that the word can mean; NULL where there is none, or several. */
struct json_object *nics_network(const struct view *v, const char *word);
/* Appends the networks of the node, less those that the view has not: their ids, and the names of the ports. */
void nics_of(const struct view *v, const struct plan_node *node, struct strv *ret_networks, struct strv *ret_ports);
/* Whether any node is to have one; or has one already. */
bool nics_wanted(const struct plan *plan);
bool nics_any(const struct plan *plan, struct view *v);
/* Whether that port is one of these of the node. */
bool nics_is_of(const char *port, const char *node);
/* Whether security groups say what passes in the network. */
bool nics_is_guarded(const struct view *v, const char *network_id);
/* Its subnets have routes of their own to give. */
bool nics_has_routes(const struct view *v, const char *network_id);
/* A server that is there has its networks from its first boot: a port that it lacks, or that is too much, makes it one to be replaced.
 * ret_taken: names of ports that are too much, and go with it. */
void nics_fixed(struct view *v, const struct plan_node *node, struct fixed *ret, struct strv *ret_taken);
