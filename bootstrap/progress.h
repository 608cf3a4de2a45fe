/*
 * progress: what a node says while it is made: lines "davit VERB …" among any others.  Input from the network: every byte
 * sequence is taken.
 */
#pragma once
#include "core/base/error.h"

#define PROGRESS_LINE_MAX 2048 /* what is longer is cut */
#define PROGRESS_STEP_MAX 64

enum progress_verb {
	PROGRESS_OTHER,	    /* no line of ours */
	PROGRESS_BEGIN,	    /* STEP */
	PROGRESS_OK,	    /* STEP */
	PROGRESS_SKIP,	    /* STEP: nothing to do */
	PROGRESS_FAIL,	    /* STEP STATUS */
	PROGRESS_NOTE,	    /* STEP text */
	PROGRESS_LOG,	    /* STEP text: of the last lines of a step that fails */
	PROGRESS_END,	    /* 0 or 1: the last line of a run */
	PROGRESS_PUSH,	    /* the archive is wanted */
	PROGRESS_UNCHANGED, /* there is nothing to do */
	PROGRESS_DRIFT,	    /* path of a file that was changed on the node */
	PROGRESS_ARTIFACT   /* digest of a blob that is wanted */
};

struct progress {
	enum progress_verb verb;
	char step[PROGRESS_STEP_MAX]; /* "" where the verb has none */
	int status;		      /* of FAIL and END */
	const char *text;	      /* of NOTE, LOG, DRIFT, ARTIFACT; else "" ; points into the line */
};

/* line: without its newline. */
void progress_parse(const char *line, struct progress *ret);

/* Bytes as they come → lines. */
struct progress_lines {
	int (*line)(const char *line, void *context, struct error **err); /* control characters in it are spaces */
	void *context;
	char text[PROGRESS_LINE_MAX + 1];
	size_t n;
};
int progress_feed(struct progress_lines *l, const void *p, size_t n, struct error **err) MUST_USE;
