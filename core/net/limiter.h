/*
 * limiter: room for requests, a throttle for each service.  Thread-safe.
 *
 * Services of a cloud often stand behind one host and port: they are told apart by name ("compute").  What has no name goes by its
 * origin ("https://dl.k8s.io:443").
 */
#pragma once
#include "core/base/error.h"
#include "core/net/throttle.h"

#define LIMITER_MAX 8u

struct limiter;

struct limiter *limiter_new(void);
void limiter_free(struct limiter *l);
/* Begin with this width instead of LIMITER_MAX, up to which it grows; before the service's first request. */
void limiter_begin_with(struct limiter *l, const char *service, unsigned width);

/* Waits for room.  TIMEOUT at the deadline, CANCELLED. */
int limiter_enter(struct limiter *l, const char *service, int64_t deadline, struct error **err) MUST_USE;
/* Ends what limiter_enter() began. */
void limiter_leave(struct limiter *l, const char *service, enum throttle_news news, int64_t asked_ms);
unsigned limiter_width(struct limiter *l, const char *service); /* now */
