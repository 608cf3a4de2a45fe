/* apply_parts: what files of cmd/apply*.c share. */
#pragma once
#include "cmd/apply.h"
#include "cmd/leaving.h"
#include "cmd/repair.h"
#include "cmd/turnover.h"
#include "cmd/work.h"
#include "provision/provision.h"

struct apply {
	struct context *c;
	struct work *w;
	struct cloud *cloud;
	struct view *view;
	bool complete; /* the last run came to its end: likely there is nothing to make */
	char *public_key;
	const struct apply_scope *scope;
	struct leaving leaving;
	struct repair repair;
	struct turnover turnover;
	bool made;	    /* something */
	unsigned pass;	    /* 1…: nodes are replaced batch by batch, and each time all is looked at anew */
	struct strv agreed; /* nodes that may go, by an answer in an earlier pass */
};

/* Makes cloud and nodes as the plan says, side by side; nodes that failed do not hold up the others. */
int apply_converge(struct apply *a, struct error **err) MUST_USE;
