/*
 * throttle: how many requests a service gets at the same time, and when it gets none.  Pure arithmetic for the limiter; times are
 * the caller's.
 *
 * The width halves once for each burst of refusals (those that were in flight meanwhile are of the same burst) and grows by
 * one after every 2 × width good answers.  A service that asked for silence gets it from all threads, not only from the one whose
 * request was refused: for its Retry-After, or else for 1 s, doubled (8 s at most) as long as no good answer comes between.
 */
#pragma once
#include "core/base/macros.h"

enum throttle_news {
	THROTTLE_GOOD,	  /* an answer, of any other status */
	THROTTLE_NOTHING, /* none: that says nothing about how busy it is */
	THROTTLE_BUSY,	  /* 503: fewer at a time */
	THROTTLE_LIMITED, /* a rate limit: fewer, and not now */
};

struct throttle {
	unsigned width, max, in_flight;
	unsigned credit;  /* good answers since the width changed */
	unsigned same;	  /* in flight when the width was halved */
	unsigned strikes; /* bursts of refusals without a good answer between */
	int64_t closed_until_ms;
};

void throttle_init(struct throttle *t, unsigned width, unsigned max);
/* 0: one more may begin; else milliseconds until it is worth asking again, -1: when one has ended. */
int64_t throttle_wait(const struct throttle *t, int64_t now_ms);
void throttle_begin(struct throttle *t);
/* asked_ms: of Retry-After, -1 where it said nothing. */
void throttle_end(struct throttle *t, enum throttle_news news, int64_t asked_ms, int64_t now_ms);
