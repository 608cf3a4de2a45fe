/* going_back: "etcd restore --abort" and "swarm restore --abort": what a restoration that has not come to its end has done is undone. */
#pragma once
#include "cmd/restoring.h"
#include "provision/finding.h"

struct going_back {
	struct restoring *b;
	const char *done; /* "is as it was": of etcd, or the swarm, before the restoration */
	void *of;	  /* what the others are given */
	/* Connects to all that it is done on, and tells what stands against it. */
	int (*check)(void *of, struct findings *ret, struct error **err);
	struct json_object *(*steps)(const void *of);
	void (*print)(const void *of);
	/* To the end.  It may be done again; that the state knows of no restoration any more comes last. */
	int (*run)(void *of, struct error **err);
};

/* With b->c open: which restoration it is.  ERROR_CONFIG where none is under way. */
int going_back_open(struct restoring *b, struct error **err) MUST_USE;
/* Checks, asks, and does it; or, with --dry-run, says what it would do. */
int going_back(const struct going_back *g, struct error **err) MUST_USE;
/* Of `all`, these have nothing to go back to: where most have not nobody would lead. */
void going_back_without(struct restoring *b, const struct strv *names, size_t all, const char *why, const char *way, struct findings *ret);
