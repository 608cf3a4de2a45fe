/*
 * etcd: the cluster's data base, asked, taken a snapshot of, and restored, by etcdctl and etcdutl on control planes.
 */
#pragma once
#include "core/base/digest.h"
#include "core/cluster/plan.h"
#include "core/net/ssh.h"

/* ---- a snapshot */

struct etcd_snapshot {
	int64_t size, revision, keys;
	char sha256[DIGEST_HEX_LEN + 1];
	char version[32]; /* "3.6.16", of the node's programs */
	char storage[32]; /* "3.6.0", of the data */
	bool alone;	  /* the member has no quorum: others may know of more */
};
/* Where it goes, piece by piece; begin() before the first. */
struct etcd_sink {
	int (*begin)(const struct etcd_snapshot *snapshot, void *context, struct error **err);
	int (*write)(const void *p, size_t n, void *context, struct error **err);
	void *context;
};
/* This control plane's, compared by its digest on the way.  May be done again after a failure, from begin() on. */
int etcd_take_snapshot(struct ssh *s, const struct etcd_sink *sink, struct error **err) MUST_USE;

/* One that the node has made by the cluster's schedule. */
struct etcd_kept {
	char name[32];	  /* "20261126T030000Z.db" */
	int64_t taken_ms; /* since 1970 */
	int64_t size;
};
/* Whether that may be the name of one; *ret_taken_ms: when it was made, which it tells. */
bool etcd_kept_is_name(const char *name, int64_t *ret_taken_ms);
/* Of the lines that the node prints, newest first; lines that are none are left out.  The caller frees. */
struct etcd_kept *etcd_read_kept(const char *lines, size_t *ret_n) MUST_USE;
int etcd_list_kept(struct ssh *s, struct etcd_kept **ret, size_t *ret_n, struct error **err) MUST_USE;
/* As etcd_take_snapshot(), of one that is there. */
int etcd_fetch_kept(struct ssh *s, const char *name, const struct etcd_sink *sink, struct error **err) MUST_USE;
/* The line before it.  Pure; ERROR_NODE. */
int etcd_read_snapshot(const char *line, struct etcd_snapshot *ret, struct error **err) MUST_USE;

/* ---- how it is */

struct etcd_member {
	uint64_t id;
	char *name; /* "" while it has not begun */
	char *endpoint; /* where it was asked, or would be */
	char *version;	/* NULL: it has not answered; so are the next ones 0 then */
	int64_t size, in_use, quota; /* bytes of its data base */
	uint64_t raft_index, raft_term;
	bool leader, learner;
	struct strv alarms; /* "NOSPACE", "CORRUPT" */
	char *trouble;	    /* why it is not healthy; NULL: it is */
};
struct etcd_status {
	struct etcd_member *members; /* by name */
	size_t n, cap;
};
void etcd_status_clear(struct etcd_status *s);
#define CLEANUP_ETCD_STATUS CLEANUP(etcd_status_clear)

/* By one control plane, of all members.  ERROR_NODE: etcd gave it no answer at all. */
int etcd_status(struct ssh *s, const struct plan *plan, int64_t deadline, struct etcd_status *ret, struct error **err) MUST_USE;
/* What the node has said.  Pure; ERROR_NODE. */
int etcd_read_status(const char *text, size_t len, struct etcd_status *ret, struct error **err) MUST_USE;
/* What is not well, a sentence each: by the members' own words, and by the control planes that there are to be. */
void etcd_ailments(const struct etcd_status *s, const struct plan *plan, struct strv *ret);

/* ---- and goes back to what it was: each may be done again */

struct etcd_restoration {
	const char *id;		  /* of this restoration, another one each time: also the new cluster's token */
	const char *stamp;	  /* "2026-11-26T06-15-00Z": where the data of before is kept */
	const char *sha256;	  /* of the snapshot */
	int64_t size;		  /* likewise */
	int64_t bump;		  /* is added to its revision, the same on all members */
};
/* So that revisions go on far beyond those that anybody has seen, and no watch and no cache takes the old for the new: also where a snapshot is put
 * back that an earlier restoration has raised from already. raised: up to where that one did (0: there was none); taken_up: it is this one.  Pure. */
int64_t etcd_bump(int64_t revision, int64_t raised, bool taken_up);
struct etcd_place {
	char *version;	  /* of etcdutl: "3.6.16" */
	bool done;	  /* this restoration has put its data there already */
	bool has_data;	  /* there is some: of before, which will be kept, or its own where it is done */
	bool has_before;  /* what was there is kept */
	int64_t free;	  /* bytes, where the data is */
	int64_t run_free; /* and where the snapshot is put first; the same file system has_one_disk */
	bool has_one_disk;
	char *before;	  /* folder that the data of before goes to */
};
void etcd_place_clear(struct etcd_place *p);
bool etcd_place_had_data(const struct etcd_place *p); /* before this restoration, however far that came */
int etcd_look(struct ssh *s, const struct etcd_restoration *r, struct etcd_place *ret, struct error **err) MUST_USE;
int etcd_read_place(const char *text, struct etcd_place *ret, struct error **err) MUST_USE; /* pure; ERROR_NODE */
/* The snapshot, onto the node. */
int etcd_push(struct ssh *s, const struct etcd_restoration *r, ssh_read *read, void *context, struct error **err) MUST_USE;
int etcd_stop_api(struct ssh *s, struct error **err) MUST_USE; /* and what uses it: before etcd is stopped anywhere, or they hang */
int etcd_stop(struct ssh *s, struct error **err) MUST_USE;
/* Puts the snapshot's data in the place of what is there, as that of member `node` of the plan's control planes. */
int etcd_swap(struct ssh *s, const struct etcd_restoration *r, const struct plan *plan, const struct plan_node *node, struct error **err) MUST_USE;
/* The other way: what it has put there goes, the data of before comes back. */
int etcd_back(struct ssh *s, const struct etcd_restoration *r, struct error **err) MUST_USE;
/* Begun, on all of them at the same time: waits for a quorum. */
int etcd_begin(struct ssh *s, int64_t deadline, struct error **err) MUST_USE;
int etcd_begin_api(struct ssh *s, struct error **err) MUST_USE; /* does not wait */
