#include "bootstrap/upgrade.h"
#include "bootstrap/artifacts.h"
#include "bootstrap/kubectl.h"
#include "bootstrap/remote.h"
#include "bootstrap/run.h"
#include "bootstrap/texts.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/digest.h"
#include <inttypes.h>
#include <stdlib.h>

enum { QUICK_MS = 2 * 60 * 1000, STEADY_S = 5, NOTHING_KEPT = 3 };

void upgrade_view_clear(struct upgrade_view *v)
{
	free(v->version);
	free(v->last);
	free(v->well);
	json_object_put(v->facts);
	strv_free(&v->ailing);
	strv_free(&v->deprecated);
	*v = (struct upgrade_view){0};
}

static int run_text(struct ssh *s, const char *what, const char *text, const char *argument, struct error **err)
{
	CLEANUP_BUF struct buf command = BUF_INIT;
	struct ssh_command c = {.deadline = clock_deadline(QUICK_MS)};

	remote_command(&command, text);
	if (argument != NULL) {
		buf_add_char(&command, ' ');
		buf_add_shell(&command, argument);
	}
	c.command = buf_str(&command);
	return remote_run(s, what, &c, err);
}

int bootstrap_keep(struct ssh *s, const char *target, struct error **err)
{
	return run_text(s, "keeping what the node has", text_keep, target, err);
}

int bootstrap_prune(struct ssh *s, struct error **err)
{
	return run_text(s, "removing the programs of before", text_prune, NULL, err);
}

static int put_back(struct ssh *s, char **ret_id, struct error **err)
{
	CLEANUP_BUF struct buf command = BUF_INIT, out = BUF_INIT, errors = BUF_INIT;
	CLEANUP_FREE char *words = NULL;
	struct ssh_command c = {.out = &out, .errors = &errors, .deadline = clock_deadline(QUICK_MS)};
	int status = 0;

	remote_command(&command, text_restore);
	c.command = buf_str(&command);
	if (ssh_run(s, &c, &status, err) < 0)
		return error_wrap(err, "putting back what the node had");
	words = remote_words(buf_str(&errors));
	if (status != 0)
		return error_set(err, status == NOTHING_KEPT ? ERROR_NOT_FOUND : ERROR_NODE, "putting back what the node had: %s", words);
	*ret_id = xstrndup(buf_str(&out), strcspn(buf_str(&out), "\n"));
	return 0;
}

int bootstrap_restore(struct ssh *s, const struct bootstrap_run *run, struct error **err)
{
	CLEANUP_FREE char *id = NULL;

	return put_back(s, &id, err) < 0 ? -1 : run_again(s, run, id, err);
}

int bootstrap_healthy(struct ssh *s, int64_t deadline, struct error **err)
{
	CLEANUP_BUF struct buf command = BUF_INIT;
	struct ssh_command c = {.deadline = deadline + QUICK_MS};

	remote_command(&command, text_healthy);
	buf_addf(&command, " %" PRId64 " %d", kubectl_seconds(deadline), STEADY_S);
	c.command = buf_str(&command);
	return remote_run(s, "the wait for its services", &c, err);
}

int bootstrap_room(struct ssh *s, const struct bootstrap_run *run, int64_t *ret_need, int64_t *ret_free, struct error **err)
{
	CLEANUP_BUF struct buf list = BUF_INIT, command = BUF_INIT, out = BUF_INIT;
	struct ssh_command c = {.out = &out, .deadline = clock_deadline(QUICK_MS)};
	char *end = NULL;
	int64_t need;

	if (artifacts_text(run, &list, err) < 0)
		return -1;
	remote_command(&command, text_room);
	c.command = buf_str(&command);
	c.in = list.data;
	c.in_len = list.len;
	if (remote_run(s, "looking at its disk", &c, err) < 0)
		return -1;
	need = strtoll(buf_str(&out), &end, 10);
	if (end == buf_str(&out) || *end != ' ')
		return error_set(err, ERROR_NODE, "looking at its disk: it answered \"%s\"", buf_str(&out));
	*ret_need = need;
	*ret_free = strtoll(end, NULL, 10);
	return 0;
}
