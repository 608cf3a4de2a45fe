/*
 * upgrade: which steps lead from one version of Kubernetes, of a swarm's engines, or of MKE, to another, and which versions may meet.  Pure.
 *
 * The rules for Kubernetes are those of kubernetes.io/releases/version-skew-policy: the API server goes on by one minor version at a time; a kubelet
 * is never newer than it, and at most three minor versions older.  Nothing goes back, within a minor version neither: what a newer
 * patch release has stored or mended is tried with older ones by nobody.
 */
#pragma once
#include "core/cluster/plan.h"

enum { UPGRADE_KUBELET_MINORS = 3 }; /* how many a kubelet may be behind the API server */

struct upgrade_node {
	const char *node, *version; /* "v1.35.4" */
};

/* Why a cluster whose API server and kubelets are of these versions cannot go to the target ("1.36.3"); a sentence each. */
void upgrade_refusals(const char *api, const char *target, const struct upgrade_node *kubelets, size_t n, struct strv *ret);

/* The same of a swarm's engines ("29.9.3"): managers and workers of different versions may meet, but none goes back. */
void upgrade_engine_refusals(const char *target, const struct upgrade_node *engines, size_t n, struct strv *ret);

/* The same of MKE ("3.9.2") itself: one minor version at a time, and never back. */
void upgrade_mke_refusals(const char *mke, const char *target, struct strv *ret);

enum upgrade_phase {
	UPGRADE_BUNDLE,	  /* programs and images of the target are on this machine */
	UPGRADE_REGISTRY, /* and in the registry, beside those of before */
	UPGRADE_SNAPSHOT, /* of etcd, or MKE's own backup, in the state's folder: before the first control plane is touched */
	UPGRADE_PLANE,	  /* one control plane */
	UPGRADE_ADDONS,	  /* of the target */
	UPGRADE_WORKER,	  /* one worker; those of a pool that follow one another may go at the same time */
	UPGRADE_WHOLE,	  /* MKE itself, by its own command, when all nodes have its images and engines */
	UPGRADE_RETIRE	  /* the programs of before are removed from the nodes */
};

struct upgrade_step {
	enum upgrade_phase phase;
	const struct plan_node *node; /* of UPGRADE_REGISTRY, _PLANE and _WORKER; else NULL */
};

struct upgrade_steps {
	struct upgrade_step *items;
	size_t n, cap;
};

/* Which of the steps that not every platform has there are. */
enum { UPGRADE_WITH_SNAPSHOT = 1, UPGRADE_WITH_ADDONS = 2, UPGRADE_WITH_WHOLE = 4 };
/* In order; done(): a node that needs nothing any more is left out, and so is the snapshot where neither a control plane nor UPGRADE_WHOLE is left. */
void upgrade_make_steps(const struct plan *plan, unsigned parts, bool (*done)(const struct plan_node *p, void *context), void *context,
			struct upgrade_steps *ret);
void upgrade_steps_free(struct upgrade_steps *s);
#define CLEANUP_UPGRADE_STEPS CLEANUP(upgrade_steps_free)
/* The step of that control plane comes after those of the others; NULL, or one without a step: nothing changes. */
void upgrade_put_last(struct upgrade_steps *s, const char *plane);
/* How many from `first` on are workers of one pool. */
size_t upgrade_pool_len(const struct upgrade_steps *s, size_t first);
const char *upgrade_phase_name(enum upgrade_phase phase); /* "bundle", "registry", "snapshot", "control-plane", "add-ons", "worker", "mke", "retire" */
