/*
 * rolling: the installation of apply on nodes that run, so that the API and what runs on them go on meanwhile: the registry, then the control
 * planes one after the other, each until etcd and the API server are well, then the workers, some at a time and without a drain, since
 * what runs on a node outlives its kubelet's restart.
 *
 * What a node has come to is the caller's to keep: it tells which nodes are still to be done, and is told when one is begun with and
 * when it is well.
 */
#pragma once
#include "cmd/work.h"

struct rolling {
	struct work *w;
	bool restart; /* services begin again though their own files stay the same: the pairs that they have were read before */
	bool (*takes)(const struct node *n, void *context);
	/* Once the node is connected to, before anything is written there (may be NULL); and when all of it runs and is Ready.  Several threads. */
	int (*begin)(const struct node *n, void *context, struct error **err);
	int (*done)(const struct node *n, void *context, struct error **err);
	void *context;
};
/* The first node but a worker that is not well ends it; of workers all are tried, and those that are not well are told (ERROR_NODE). */
int rolling_run(const struct rolling *r, struct error **err) MUST_USE;
/*
 * Nothing but what the caller is about to change may travel along: ERROR_CONFIG names nodes that it takes, that `is_begun` (NULL: none) does not
 * know as begun with, and that differ from what the file and the state want already.
 */
int rolling_check(const struct rolling *r, bool (*is_begun)(const struct node *n, void *context), const char *what, struct error **err) MUST_USE;
