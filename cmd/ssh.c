#include <string.h>

#include "cmd/reach.h"
#include "cmd/verbs.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"

enum { CONNECT_MS = 30 * 1000 };

int verb_ssh(const struct options *o, struct error **err)
{
	CLEANUP_CONTEXT struct context c = {0};
	CLEANUP_REACH struct reach *reach = NULL;
	CLEANUP_SSH struct ssh *s = NULL;
	CLEANUP_STRV struct strv words = STRV_INIT;
	CLEANUP_FREE char *name = NULL, *command = NULL;
	int status = 0;

	if (context_open(o, CONTEXT_READ, &c, err) < 0 || context_node_name(&c, o->args.v[0], &name, err) < 0)
		return -1;
	/* as ssh(1) does: a "--" before them is nobody's, the words are joined, the node's shell reads them */
	for (size_t i = o->args.n > 1 && strcmp(o->args.v[1], "--") == 0 ? 2 : 1; i < o->args.n; i++)
		strv_add(&words, o->args.v[i]);
	if (words.n > 0)
		command = strv_join(&words, " ");
	reach = reach_new(c.spec, c.state, c.inventory);
	if (o->host_key != NULL && reach_accept(reach, name, o->host_key, err) < 0)
		return -1;
	if (reach_ssh(reach, name, clock_deadline(CONNECT_MS), &s, err) < 0 || ssh_interact(s, command, &status, err) < 0)
		return error_wrap(err, "%s", name);
	return status;
}
