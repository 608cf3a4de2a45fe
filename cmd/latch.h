/*
 * latch: a value that one thread makes and others wait for, once: the bastion, the bundle, the registry.
 */
#pragma once
#include "core/base/error.h"

struct latch;
struct latch *latch_new(void);
void latch_free(struct latch *g);
void latch_open(struct latch *g, void *value);			   /* the value stays the opener's */
void latch_fail(struct latch *g, const char *what, const struct error *why); /* waiters get "what: why"; no effect on an open latch */
int latch_wait(struct latch *g, int64_t deadline, void **ret, struct error **err) MUST_USE; /* ret may be NULL */
