/*
 * limiter: how many requests are in flight to each host.  Starts at 8; halves when the host asks for less (429, 503) and
 * grows by one after every `2 × limit` answers without such a request, up to 8 again.  Thread-safe.
 */
#pragma once
#include "core/base/error.h"

#define LIMITER_MAX 8u

struct limiter;

struct limiter *limiter_new(void);
void limiter_free(struct limiter *l);

/* Waits for room at the host ("https://nova:8774").  TIMEOUT at the deadline, CANCELLED. */
int limiter_enter(struct limiter *l, const char *host, int64_t deadline, struct error **err) MUST_USE;
/* Ends what limiter_enter() began; overloaded: the host answered 429 or 503. */
void limiter_leave(struct limiter *l, const char *host, bool overloaded);
unsigned limiter_limit(struct limiter *l, const char *host); /* the current limit */
