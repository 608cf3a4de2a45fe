/*
 * stacks: services of a swarm by Compose files, which the cluster file names: what is to be deployed, as compared with what was, which the state
 * knows by its digest ("stack:NAME"). What is deployed is the file's text, read by the docker client of a manager, which has no other file of this machine.
 */
#pragma once
#include "core/base/digest.h"
#include "core/cluster/spec.h"
#include "core/cluster/state.h"

#define PORTAINER_STACK "portainer" /* davit's own, where the file has swarm.portainer */

struct stack {
	char *name;
	struct buf text;
	char digest[DIGEST_HEX_LEN + 1];
	bool is_new;
};
struct stacks {
	struct stack *items; /* to be deployed, in the order of the file */
	size_t n, cap;
	struct strv removed; /* names of those that were deployed, and that the file does not name any more */
};

/* portainer: the text of that stack, or NULL; it comes last.  state may be NULL: nothing was deployed.  ERROR_CONFIG: a file that cannot be read, or that a manager could not (its place). */
int stacks_compare(const struct spec *spec, const struct buf *portainer, struct state *state, struct stacks *ret, struct error **err) MUST_USE;
bool stacks_has(struct state *state, const char *name); /* whether it was deployed; of state NULL: no */
int stacks_note(struct state *state, const char *name, const char *digest, struct error **err) MUST_USE; /* NULL: it was removed */
/* What the file names counts as not deployed any more: the swarm has become another one. */
int stacks_renounce(const struct spec *spec, struct state *state, struct error **err) MUST_USE;
void stacks_clear(struct stacks *s);
#define CLEANUP_STACKS CLEANUP(stacks_clear)

/* Pure: a Compose file that says all by itself: name is the file's, for messages. */
int stack_check(const char *name, const char *text, size_t len, struct error **err) MUST_USE;
