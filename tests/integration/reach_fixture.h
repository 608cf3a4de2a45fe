/* reach_fixture: a cluster whose servers all are one sshd on the loopback, with a state; for cmocka. */
#pragma once
#include "cmd/reach.h"
#include "tests/integration/sshd.h"

enum { PATIENCE_MS = 120 * 1000 }; /* on a busy machine */

struct cluster {
	char *folder;
	struct spec *spec;
	struct state *state;
	struct inventory *inventory;
	struct reach *reach;
};

/* A cluster of demo-cp-1, whose file says so of access; folder NULL: a new one. */
struct cluster cluster_open_on(const struct sshd *d, char *folder, const char *access);
char *cluster_close(struct cluster *c); /* returns the folder */
void cluster_end(struct cluster *c);
void cluster_add(struct cluster *c, const char *name, enum node_role role); /* one more node */
/* For `access`: a jump host of the operator's own, reached at port; the caller frees. */
char *jump_access(const struct sshd *jump, uint16_t port, const char *host_key);
