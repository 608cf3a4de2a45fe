#include "bootstrap/remote.h"
#include "bootstrap/swarm.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"

/* The client of the node: what of a Compose file becomes which service is its own. */
#define DOCKER "/opt/davit/bin/docker"
enum { SPARE_MS = 30 * 1000, TIMED_OUT = 124 };

static int run(struct ssh *s, const char *what, const char *arguments, const char *name, const struct buf *in, int64_t deadline, struct error **err)
{
	CLEANUP_BUF struct buf command = BUF_INIT, errors = BUF_INIT, out = BUF_INIT;
	int64_t seconds = (deadline - clock_ms()) / 1000;
	struct ssh_command c = {.out = &out, .errors = &errors, .deadline = deadline + SPARE_MS};
	CLEANUP_FREE char *words = NULL;
	int status = 0;

	buf_addf(&command, "sudo -n timeout %lld " DOCKER " stack %s ", (long long)(seconds < 1 ? 1 : seconds), arguments);
	buf_add_shell(&command, name);
	c.command = buf_str(&command);
	if (in != NULL) {
		c.in = in->data;
		c.in_len = in->len;
	}
	if (ssh_run(s, &c, &status, err) < 0)
		return error_wrap(err, "%s %s", what, name);
	if (status == 0)
		return 0;
	words = remote_words(buf_str(&errors));
	return status == TIMED_OUT ? error_set(err, ERROR_NODE, "stack %s: its services did not all come up in time; see: docker stack ps %s", name, name)
				   : error_set(err, ERROR_NODE, "stack %s: docker stack %s ended with status %d: %s", name, what, status, words);
}

int swarm_stack_deploy(struct ssh *s, const char *name, const struct buf *text, int64_t deadline, struct error **err)
{
	return run(s, "deploy", "deploy --compose-file - --with-registry-auth --prune --detach=false", name, text, deadline, err);
}

int swarm_stack_remove(struct ssh *s, const char *name, int64_t deadline, struct error **err)
{
	return run(s, "rm", "rm --detach=false", name, NULL, deadline, err);
}
