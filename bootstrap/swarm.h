/*
 * swarm: a swarm through the API of its managers' engines (docker.h): how it begins, how nodes join, and struct platform's part.
 *
 * Certificates: managers and workers have certificates of the swarm's own authority, which managers sign with; it is ours, and put in place
 * before anybody joins: join tokens are made with its digest.  Swarm takes P-256 and a single certificate without a pathlen (with pathlen:0 every
 * later rotation hangs).
 */
#pragma once
#include "bootstrap/platform.h"

/* Which begins: the swarm, or, where it has begun, what of it was not done.  ca_key is secret. */
int swarm_begin(struct ssh *s, const struct spec *spec, const char *address, const char *ca_pem, const char *ca_key, int64_t deadline,
		struct error **err) MUST_USE;

/* By whom one joins, and what one has to show: secrets, which change with the authority. */
struct swarm_offer {
	char *address, *worker, *manager;
};
/* Of a manager at that address. */
int swarm_offer_read(struct ssh *s, const char *address, int64_t deadline, struct swarm_offer *ret, struct error **err) MUST_USE;
void swarm_offer_clear(struct swarm_offer *o);

int swarm_is_member(struct ssh *s, int64_t deadline, bool *ret, struct error **err) MUST_USE;
/* Until it is a member; one that is stays so. */
int swarm_join(struct ssh *s, const struct node *n, const struct swarm_offer *offer, int64_t deadline, struct error **err) MUST_USE;

/* Pure: nodes, tasks and services, as the API lists them, in the shape that the rest judges by (platform.h); tasks and services may be NULL.  Of
 * several nodes of one name those that are down are left out where another one is not. */
struct json_object *swarm_shape(struct json_object *nodes, struct json_object *tasks, struct json_object *services);
/* ERROR_NODE where the managers other than that one would have no majority. */
int swarm_spares(struct json_object *nodes, const char *name, struct error **err) MUST_USE;

extern const struct platform platform_swarm;
