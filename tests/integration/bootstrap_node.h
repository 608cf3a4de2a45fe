/*
 * bootstrap_node: this machine as a node of its own, in a mount namespace: /etc an overlay, /opt and /run empty, and programs that
 * stand for systemd, sudo and kubectl (tests/integration/bootstrap) in /usr/local/bin; a real sshd leads to it, and a registry that
 * does to each blob what the test wants is there for curl.
 */
#pragma once
#include "bootstrap/bootstrap.h"
#include "tests/integration/server.h"
#include "tests/integration/sshd.h"
#include <pthread.h>

struct node_blob {
	char digest[80]; /* "sha256:…" */
	struct buf content;
	int missing;	 /* so many times 404 first; -1: for ever */
	int status;	 /* instead of 200, when not 0 */
	bool cut;	 /* the next answer ends in the middle */
	bool damaged;	 /* one byte is another */
	bool whole_only; /* no ranges */
};

struct node_world {
	struct sshd sshd;
	struct server *registry;
	pthread_mutex_t lock; /* of the blobs */
	struct node_blob blobs[4];
	size_t n_blobs;
	unsigned ranges; /* answers that were parts */

	struct fileset files; /* of the node, and its run */
	struct strv units;
	struct artifacts artifacts;
	struct bootstrap_run run;
};

/* Once, before any thread: the namespace.  False where it is not allowed or needs what is not here (status 77). */
bool node_enter(void);
void node_open(struct node_world *w); /* an empty node, and a registry role with two units, one file and one tar artifact */
void node_close(struct node_world *w);
struct node_blob *node_blob(struct node_world *w, const char *artifact);
void node_reset(struct node_world *w, const char *path, const char *text); /* one file of the set anew */
int node_run(struct node_world *w, bool *ret_changed, struct error **err); /* in a session of its own */
/* The text of a file, "" where there is none; the caller frees. */
char *node_read(const char *path);
void node_write(const char *path, const char *text);
void node_holds(const char *path, const char *text); /* fails the test where the file holds another one */
