/*
 * mke: Mirantis Kubernetes Engine on a swarm: its installation on the first manager, and what of struct platform is not a swarm's: a
 * manager is well when its MKE is, too.  Written from the vendor's documentation (core/cluster/mke.h), untested against its images.
 */
#pragma once
#include "bootstrap/platform.h"

struct mke_install {
	const struct spec *spec;
	const char *address; /* of the manager, which has begun the swarm */
	const struct strv *sans; /* names and addresses that it is reached by from outside */
	const char *password, *license; /* secret; license NULL: none */
};
/* Until it answers; one that does is left as it is.  An installation that was cut off goes on, one that failed is taken off and begun again. */
int mke_install(struct ssh *s, const struct mke_install *install, int64_t deadline, struct error **err) MUST_USE;

/* Pure: managers (of the nodes as the engine's API lists them) whose MKE does not answer 200 are not Ready in that shape.  said: lines "ADDRESS STATUS". */
void mke_mark(struct json_object *shape, struct json_object *nodes, const char *said);

/* The same of all managers, which are asked. */
int mke_mark_all(struct ssh *s, struct json_object *shape, struct error **err) MUST_USE;

/* In a session with a node: "3.9.2", what of MKE runs there; the caller frees. */
int mke_version(struct ssh *s, char **ret, struct error **err) MUST_USE;
int mke_await_version(struct ssh *s, const char *version, int64_t deadline, struct error **err) MUST_USE;
/* In a session with a manager: MKE's own backup, of which version; it goes into the copy of the swarm's data of that id, if one is made, and is sent and
 * dropped else as the one of the id "ID.mke" (swarm_backup.h).  The caller frees. */
int mke_backup_take(struct ssh *s, const char *id, char **ret_version, struct error **err) MUST_USE;

extern const struct platform_upgrade mke_upgrade;
/* Whether what a *_ping.sh said has the line "ADDRESS 200". */
bool mke_is_well(const char *said, const char *address);

/* Of struct platform; all else is a swarm's (swarm.c). */
int mke_status(struct ssh *s, struct json_object **ret, struct error **err) MUST_USE;
int mke_settle(struct ssh *s, const struct plan *plan, struct json_object *worn, struct events *events, int64_t deadline, struct error **err) MUST_USE;
int mke_wait_ready(struct ssh *s, const char *node, int64_t deadline, struct error **err) MUST_USE;
