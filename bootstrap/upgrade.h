/*
 * upgrade: a node on its way to another version, and back.  What it had is kept on the node itself before anything is changed, so that
 * the way back needs nothing of this machine and no registry: files of before, and the programs that are still in their folder a version.
 */
#pragma once
#include "bootstrap/bootstrap.h"
#include "core/cluster/upgrade.h"

/* Before its run (bootstrap_node()) with another version: the state of its last complete run is kept until bootstrap_prune().  An upgrade
 * to that version that was begun before keeps what it has kept. */
int bootstrap_keep(struct ssh *s, const char *target, struct error **err) MUST_USE;
/* Back to what was kept, units restarted.  run: node, role, events and deadline.  ERROR_NOT_FOUND: nothing was kept. */
int bootstrap_restore(struct ssh *s, const struct bootstrap_run *run, struct error **err) MUST_USE;
/* What was kept goes, and programs of versions that are not in use. */
int bootstrap_prune(struct ssh *s, struct error **err) MUST_USE;
/* Waits until all units have been up without a restart for some seconds, on a control plane etcd and the API, too.  ERROR_NODE tells what
 * is not well. */
int bootstrap_healthy(struct ssh *s, int64_t deadline, struct error **err) MUST_USE;
/* MiB that the programs of this run need on the node's disk, beyond those that it has, and MiB that are free. */
int bootstrap_room(struct ssh *s, const struct bootstrap_run *run, int64_t *ret_need, int64_t *ret_free, struct error **err) MUST_USE;

/* What a cluster says before anything of it is changed. */
struct upgrade_view {
	char *version;		   /* of its control plane, of several the one that leads: "v1.35.4" */
	char *last;		   /* the control plane that goes last; NULL: all are alike */
	char *well;		   /* what is, for people */
	struct json_object *facts; /* as struct platform has them; NULL: it gives no answer */
	struct strv ailing;	   /* what is not well beside single nodes, a sentence each */
	struct strv deprecated;	   /* what somebody has asked for that the target does not have any more */
};
void upgrade_view_clear(struct upgrade_view *v);

/* How the nodes of a platform go to another version.  Each function is given a session with a control plane. */
struct platform_upgrade {
	int (*look)(struct ssh *s, const struct spec *target, int64_t deadline, struct upgrade_view *ret, struct error **err);
	/* Why versions cannot meet, a sentence each; and what stands behind it.  version: the view's. */
	void (*refusals)(const char *version, const struct spec *target, const struct upgrade_node *nodes, size_t n, struct strv *ret);
	const char *why, *programs; /* "kubelets": whose versions those are */
	/* One node of the facts; the caller puts. */
	int (*node)(struct ssh *s, const char *node, int64_t deadline, struct json_object **ret, struct error **err);
	/* What the control planes keep, into a file here, for its owner alone; or NULL.  keeper: whose it is, "etcd", and suffix: ".db" of the file's name. */
	int (*snapshot)(struct ssh *s, const char *path, struct error **err);
	const char *keeper, *suffix;
	/* Until the node is well with that version, NULL: with whichever it has; ERROR_NODE when it is not after so long. */
	int (*await)(struct ssh *s, const struct node *n, const char *version, int64_t patience_ms, struct error **err);
	/* Until that control plane, which takes part again, is well in what await() does not look at: ERROR_NODE.  Or NULL. */
	int (*settled)(struct ssh *s, const struct node *n, int64_t patience_ms, struct error **err);
	/* Where it does not end with the nodes, when they have all that it needs: all at once, in a session with a control plane; and in one with each, until
	 * that has come to it.  Both may be begun again at any time.  Or NULL. */
	int (*whole)(struct ssh *s, const struct spec *target, struct error **err);
	int (*arrived)(struct ssh *s, const struct spec *target, struct error **err);
	unsigned parts; /* of the steps: UPGRADE_WITH_… */
	/* What runs on a control plane does not outlive it, and it cannot be asked meanwhile: it is drained before, and another one is asked. */
	bool restarts_planes;
};
extern const struct platform_upgrade kubernetes_upgrade;

/* etcd's snapshot of this control plane into a file here, for its owner alone, compared by its digest on the way. */
int kubernetes_snapshot(struct ssh *s, const char *path, struct error **err) MUST_USE;
/* Waits until the node is Ready and its kubelet of that version ("1.36.3"); ERROR_NODE when it is not by then. */
int kubernetes_await_version(struct ssh *s, const char *node, const char *version, int64_t deadline, struct error **err) MUST_USE;
/* Waits until controller-manager and scheduler have leaders that renew their leases: before that nobody takes the address of an evicted
 * pod out of its services. */
int kubernetes_await_leaders(struct ssh *s, int64_t deadline, struct error **err) MUST_USE;
/* `kubectl get node NAME -o json`; the caller puts. */
int kubernetes_get_node(struct ssh *s, const char *node, int64_t deadline, struct json_object **ret, struct error **err) MUST_USE;
/* "v1.35.4" of the API server on this node; the caller frees. */
int kubernetes_api_version(struct ssh *s, int64_t deadline, char **ret, struct error **err) MUST_USE;
/* What the target no longer has of the APIs that somebody asked for since that API server was started; see deprecated.h. */
int kubernetes_deprecated(struct ssh *s, const char *target, int64_t deadline, struct strv *ret, struct error **err) MUST_USE;
