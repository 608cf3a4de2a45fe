/*
 * msr: Mirantis Secure Registry 2 on workers of MKE: its installer's commands in sessions with the nodes that have its replicas, and what replicas say.
 * Written from the vendor's documentation (core/cluster/msr.h), untested against its images.
 */
#pragma once
#include "core/base/json.h"
#include "core/cluster/msr.h"
#include "core/net/ssh.h"

/* In a session with the node that has the replica, or is to have it. */
struct msr_job {
	const struct spec *spec;
	const char *mke;      /* address of a manager */
	const char *version;  /* of MSR, as it runs; of what is installed anew, and of an upgrade, the file's */
	const char *node;     /* its name */
	const char *id;	      /* of its replica */
	const char *password; /* of MKE's administrator; secret */
};

/* Until it answers.  What was cut off goes on, what failed is taken off and begun again, a replica that is there stays.  existing: one of MSR's
 * replicas that is well, to which this one is added; NULL: there is none, it is the first. */
int msr_install(struct ssh *s, const struct msr_job *job, const char *existing, int64_t deadline, struct error **err) MUST_USE;
/* The node's certificate and the file's host become those of MSR, and it restarts. */
int msr_reconfigure(struct ssh *s, const struct msr_job *job, int64_t deadline, struct error **err) MUST_USE;
/* All replicas go to the file's version: https://docs.mirantis.com/msr/2.9/cli-ref/upgrade/ */
int msr_upgrade(struct ssh *s, const struct msr_job *job, int64_t deadline, struct error **err) MUST_USE;
/* Another replica goes, as this one tells the rest: by the rule of msr_may_go().  None of that id is no error. */
int msr_remove(struct ssh *s, const struct msr_job *job, const char *gone, int64_t deadline, struct error **err) MUST_USE;

/* The replica on a node by its containers.  whole: nothing of an installation is left.  id NULL: there is none; version NULL: its containers do not say. */
struct msr_found {
	char *id, *version;
	bool whole;
};
int msr_look(struct ssh *s, struct msr_found *ret, int64_t deadline, struct error **err) MUST_USE;
void msr_found_clear(struct msr_found *f);
/* In a session with any node of the cluster: lines "ADDRESS STATUS", 200 where that address' replica is well. */
int msr_ping(struct ssh *s, const struct spec *spec, const struct strv *addresses, int64_t deadline, struct buf *ret, struct error **err) MUST_USE;

/* Pure, of what /api/v0/meta/cluster_status says: whether a replica may be taken out.  ERROR_NODE where not: all others have to be well, or it
 * is not, and the others that are have a majority; then *ret_force. */
int msr_may_go(struct json_object *status, const char *id, bool *ret_known, bool *ret_force, struct error **err) MUST_USE;
