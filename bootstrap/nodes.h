/*
 * nodes: the nodes of the plan against those that Kubernetes has: labels, annotations, taints, readiness; and the commands that make up the
 * difference.  Pure.
 */
#pragma once
#include "core/base/buf.h"
#include "core/base/json.h"
#include "core/cluster/plan.h"

/* The one of that name in `kubectl get nodes -o json`; NULL where there is none, or list is NULL. */
struct json_object *node_find(struct json_object *list, const char *name);
/* "Ready", "Ready,cordoned", "NotReady" or "NotReady,cordoned"; NULL where node is NULL or has not reported yet. */
const char *node_standing(struct json_object *node);
/* "1.36.3" that it has; "": it does not say, or node is NULL. */
const char *node_version(struct json_object *node);
/* One of `kubectl get nodes`, or NULL: its condition of that type, NULL where it has none; whether it is Ready. */
struct json_object *node_condition(struct json_object *node, const char *type);
bool node_is_ready(struct json_object *node);

struct node_state {
	const char *name;
	bool registered, ready;
	char *reason;	    /* why not ready, as the kubelet says; NULL: it says nothing */
	struct strv labels; /* "key=value" to be set, "key-" to be taken off: as kubectl writes it */
	struct strv annotations; /* likewise */
	struct strv taints; /* "key=value:Effect" to be set, "key:Effect-" to be taken off */
};

struct node_states {
	struct node_state *items;
	size_t n;
};

/* One entry for each Kubernetes node of the plan whose server has not failed; list: `kubectl get nodes -o json`; worn: by worn.h, what they may
 * have from earlier files, or NULL. */
int node_states_read(const struct plan *plan, struct json_object *worn, struct json_object *list, struct node_states *ret,
		     struct error **err) MUST_USE;
void node_states_free(struct node_states *s);
bool node_states_done(const struct node_states *s);
size_t node_states_progress(const struct node_states *s); /* grows as they come */
/* "lacks the label tier=a; has the taint gpu:NoSchedule, which the file no longer wants" of one that is registered; NULL: nothing differs.
 * The caller frees. */
char *node_state_differs(const struct node_state *s) MUST_USE;
/* Shell commands (with "$k" as kubectl) that set and take off labels, annotations and taints and wait, at most so many seconds, until all are Ready:
 * each prints "node/NAME condition met" for one that is.  Ends with status 0 when they are. */
void node_states_script(const struct node_states *s, int64_t seconds, struct buf *ret);
/* "demo-w-1 has not registered …; demo-w-2: KubeletNotReady: …" of those that are not ready.  The caller frees. */
char *node_states_why(const struct node_states *s, size_t *ret_n) MUST_USE;
