/*
 * bootstrap: a server becomes a node: one archive, one detached run, progress followed; then Kubernetes through kubectl.
 */
#pragma once
#include "core/base/fileset.h"
#include "core/base/json.h"
#include "core/cluster/artifact.h"
#include "core/cluster/events.h"
#include "core/cluster/plan.h"
#include "core/net/ssh.h"

/* cloud-init user-data that seeds one ed25519 host key, made for this server alone; *ret_host_key is its public half. */
int bootstrap_user_data(const char *node, char **ret_user_data, char **ret_host_key, struct error **err) MUST_USE;

/* Replace the seeded host key by one made on the node.  Called between the two halves: pin(context, "old\nnew") before the
 * switch; the caller pins *ret_host_key alone afterwards. */
int bootstrap_rotate_host_key(struct ssh *s, const char *old_key, int (*pin)(void *context, const char *keys, struct error **err),
			      void *context, char **ret_host_key, struct error **err) MUST_USE;

struct bootstrap_run {
	const char *node; /* its name: subject of the events */
	enum platform_type platform;
	enum node_role role;
	struct fileset *files;		   /* configuration; gets install.sh and artifacts.txt added */
	const struct strv *units;	   /* to be enabled and (re)started, in order */
	const struct artifacts *artifacts; /* those of the role are installed */
	const char *registry_address;	   /* where blobs are fetched; NULL: they are in files (the registry server itself) */
	const char *registry_password;
	struct events *events;
	int64_t deadline;
	const char *only; /* NULL, or the step from which to start again (resume does that by itself) */
};
/* "/opt/davit/artifacts/sha256:…": where on a node a blob lies that is pushed to it over SSH instead of fetched from the registry.
 * The caller puts it into files (fileset_source()); it is sent only while the node has not installed it.  The caller frees. */
char *bootstrap_artifact_path(const struct artifact *a) MUST_USE;
/* install.sh, artifacts.txt and steps into run->files, without touching a node: what `davit render` shows. */
int bootstrap_prepare(struct bootstrap_run *run, struct error **err) MUST_USE;
/* Push (only what changed since the last run of this node, by digest), start detached, follow to the end.  A dropped connection
 * is an ERROR_NETWORK; calling again with a new session takes the same run up where it is.  A run that is ended from outside is taken
 * up once.  ERROR_NODE: a step failed, with its name, its last lines and how to go on. *ret_changed: whether anything was done. */
int bootstrap_node(struct ssh *s, struct bootstrap_run *run, bool *ret_changed, struct error **err) MUST_USE;

/* kubectl on a control-plane node.  stdin may be NULL. */
int kubectl(struct ssh *s, const char *arguments, const void *in, size_t in_len, struct buf *ret_out,
	    struct error **err) MUST_USE;
/* Wait for /readyz, apply rbac with super_pem (which stays in memory of the node, /dev/shm, 0600, and goes at once), apply add-ons. */
int kubernetes_addons(struct ssh *s, const char *super_pem, const char *rbac, const char *addons, struct events *events,
		      const char *subject, int64_t deadline, struct error **err) MUST_USE;
/* Labels, annotations and taints by the plan, without those of earlier files (worn.h, or NULL), and waits until all nodes are Ready, less those
 * whose node.cloud in the plan is NODE_FAILED; ERROR_NODE names those that are not and why, at the deadline or when nothing has moved for 10 minutes. */
int kubernetes_nodes(struct ssh *s, const struct plan *plan, struct json_object *worn, struct events *events, int64_t deadline,
		     struct error **err) MUST_USE;
/* Wait until all Deployments and DaemonSets that davit has applied are out; gives up as kubernetes_nodes() does. */
int kubernetes_rollout(struct ssh *s, struct events *events, const char *subject, int64_t deadline, struct error **err) MUST_USE;
/* `kubectl get nodes -o json`, for status. */
int kubernetes_status(struct ssh *s, struct json_object **ret, struct error **err) MUST_USE;
int kubernetes_clock(struct ssh *s, int64_t *ret_wall_ms, struct error **err) MUST_USE; /* the node's, to the second */
/* Until the node is there and Ready. */
int kubernetes_wait_ready(struct ssh *s, const char *node, int64_t deadline, struct error **err) MUST_USE;
/* `kubectl get nodes,pods,poddisruptionbudgets -A -o json`: what leave.h judges by. */
int kubernetes_facts(struct ssh *s, int64_t deadline, struct json_object **ret, struct error **err) MUST_USE;
/* No new pods and no balancer's traffic for these, which must be known. */
int kubernetes_cordon(struct ssh *s, const struct strv *nodes, int64_t deadline, struct error **err) MUST_USE;
int kubernetes_uncordon(struct ssh *s, const struct strv *nodes, int64_t deadline, struct error **err) MUST_USE; /* and back */
struct node_drain {
	const char *node;
	bool ready;		/* else its kubelet confirms nothing, and nobody waits for it */
	int64_t force_after_ms; /* when budgets, and pods that nothing makes again, are not regarded any more; below 0: never */
	int64_t deadline;
	struct events *events; /* what is waited for, as progress of the node's phase "drain" */
};
/* Evicts its pods and waits until its volumes are detached.  ERROR_NODE names the budgets and pods that do not allow it. */
int kubernetes_drain(struct ssh *s, const struct node_drain *d, struct error **err) MUST_USE;
int kubernetes_forget(struct ssh *s, const char *node, int64_t deadline, struct error **err) MUST_USE; /* the Node; none is no error */
/* What Kubernetes has made in the cloud for its users: ids of cinder's volumes that its claims had made (and that would go with
 * them), uids of services of type LoadBalancer. */
int kubernetes_claims(struct ssh *s, int64_t deadline, struct strv *ret_volumes, struct strv *ret_services, struct error **err) MUST_USE;
/* The recovery file (core/cluster/recovery.h): onto a control plane, for root alone; and back from there, secret.  ERROR_NOT_FOUND
 * where the node has none. */
int bootstrap_keep_recovery(struct ssh *s, const struct buf *text, struct error **err) MUST_USE;
int bootstrap_get_recovery(struct ssh *s, struct buf *ret, struct error **err) MUST_USE;
