/*
 * watch: waits for many resources of one kind by one list poll, however many there are.  One thread asks (each second while
 * something moves, later each 2 and 5 s); those who wait are woken when theirs has settled.
 */
#pragma once
#include "provision/kind.h"

struct watch;

/* cluster: narrows the poll (see kind_list_path()), or NULL. */
struct watch *watch_new(struct cloud *c, enum kind kind, const char *uuid, const char *cluster) MUST_USE;
typedef bool watch_settled(struct json_object *o);
/*
 * Until settled(resource), or it is gone (*ret NULL), or nothing about it has changed for stall_ms: ERROR_TIMEOUT.
 * *ret: the resource as listed (the caller puts).  ERROR_CANCELLED after watch_stop().
 */
int watch_wait(struct watch *w, const char *id, watch_settled *settled, int64_t stall_ms, struct json_object **ret,
	       struct error **err) MUST_USE;
void watch_stop(struct watch *w); /* any thread */
void watch_free(struct watch *w); /* when nobody waits any more; NULL is fine */
