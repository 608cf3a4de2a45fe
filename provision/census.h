/*
 * census: everything in the project that bears a mark of davit's, whoever's cluster it is, by the clusters' UUIDs.
 *
 * Keypairs and server groups bear 8 digits of the UUID only: they are counted to the one cluster that begins with them and has
 * the name, and else are unsure.
 */
#pragma once
#include "provision/kind.h"
#include "core/base/strv.h"

struct census_cluster {
	char *uuid;
	struct strv names; /* of the cluster, as its networks tell; more than one where something was renamed */
	struct strv hints; /* as other resources tell: its names where it has no networks */
	size_t counts[KIND_COUNT], all;
	char *created; /* when the oldest that tells was made; or NULL */
};

struct census {
	struct census_cluster *clusters; /* by name, then UUID */
	size_t n, cap;
	struct strv unsure; /* "keypair demo-1a2b3c4d" */
};

int census_take(struct cloud *c, struct census *ret, struct error **err) MUST_USE;
/* lists: by kind, arrays or NULL: pure. */
void census_count(struct json_object *const lists[KIND_COUNT], struct census *ret);
void census_free(struct census *c);
#define CLEANUP_CENSUS CLEANUP(census_free)
/* The clusters of that name: up to max of them into ret; how many there are. */
size_t census_named(const struct census *c, const char *name, const struct census_cluster **ret, size_t max);
const char *census_name(const struct census_cluster *c); /* the first of its names, "?" where nothing tells */
char *census_kinds(const struct census_cluster *c) MUST_USE; /* "1 network, 3 servers"; the caller frees */
