/*
 * front: a cluster's API servers as they are reached over SSH, each at its control plane's own loopback, and which of them answers.  One
 * thread of its own asks the chosen one for /readyz again and again; when that fails it chooses another, and ends the connections to the first.
 */
#pragma once
#include "cmd/reach.h"

struct front;

/* ca_pem: what the API servers' certificates are signed by.  ERROR_NOT_FOUND where there is no control plane. */
int front_new(struct reach *reach, struct inventory *inventory, const char *ca_pem, struct front **ret, struct error **err) MUST_USE;
void front_free(struct front *f); /* NULL is fine; nobody may be in front_serve() any more */
/* Waits until one answers: its control plane's name, which lives as long as the front; at the deadline the error says why none did. */
int front_wait(struct front *f, int64_t deadline, const char **ret_name, struct error **err) MUST_USE;
/* What comes from fd goes to the API server that answers, and back, until either ends it or that one is given up.  Any thread. */
int front_serve(struct front *f, int fd, int64_t deadline, struct error **err) MUST_USE;
