/* mke: what the first manager of an MKE goes through when it has begun the swarm. */
#pragma once
#include "core/base/error.h"

struct context;
struct node;
struct ssh;
struct work;

/* Whether what the installer is given is there, where it is still to be installed: ERROR_CONFIG with the place in the file. */
int mke_check_given(const struct context *c, struct error **err) MUST_USE;
/* Until MKE is installed and answers. */
int mke_begin(struct work *w, const struct node *n, struct ssh *s, struct error **err) MUST_USE;
