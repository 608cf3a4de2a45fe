#include "bootstrap/run.h"
#include "bootstrap/artifacts.h"
#include "bootstrap/paths.h"
#include "bootstrap/progress.h"
#include "bootstrap/remote.h"
#include "bootstrap/tarball.h"
#include "bootstrap/texts.h"
#include "bootstrap/units.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include <inttypes.h>

#define LAST_LINES 10
#define WAIT_DEFAULT_S 900
#define WAIT_MARGIN_S 10

/* One call of enter.sh on the node, and what it said. */
struct talk {
	const struct bootstrap_run *run;
	char id[DIGEST_HEX_LEN + 1];
	bool push, unchanged, ended, pushing, installing;
	int status;			/* of the closing line */
	char step[PROGRESS_STEP_MAX];	/* the one that runs, or "" */
	char failed[PROGRESS_STEP_MAX]; /* the step that failed, or "" */
	struct strv log;		/* its last lines */
	struct strv drift;		/* files that were changed on the node */
	struct strv missing;		/* digests of blobs that are to be pushed */
};

static void talk_clear(struct talk *t)
{
	strv_free(&t->log);
	strv_free(&t->drift);
	strv_free(&t->missing);
}

static void begin_install(struct talk *t)
{
	if (t->pushing)
		event_end(t->run->events, t->run->node, "push");
	t->pushing = false;
	if (!t->installing)
		event_begin(t->run->events, t->run->node, "install");
	t->installing = true;
}

static int on_line(const char *line, void *context, struct error **err UNUSED)
{
	struct talk *t = context;
	struct progress p = {0};

	progress_parse(line, &p);
	log_debug("%s: %s", t->run->node, line);
	switch (p.verb) {
	case PROGRESS_BEGIN:
		begin_install(t);
		memcpy(t->step, p.step, sizeof(t->step));
		event_progress(t->run->events, t->run->node, "install", "%s", p.step);
		break;
	case PROGRESS_NOTE:
		log_verbose("%s: %s: %s", t->run->node, p.step, p.text);
		break;
	case PROGRESS_FAIL:
		memcpy(t->failed, p.step, sizeof(t->failed));
		break;
	case PROGRESS_LOG:
		if (t->log.n < LAST_LINES)
			strv_add(&t->log, p.text);
		break;
	case PROGRESS_END:
		t->ended = true;
		t->status = p.status;
		break;
	case PROGRESS_PUSH:
		t->push = true;
		break;
	case PROGRESS_UNCHANGED:
		t->unchanged = true;
		break;
	case PROGRESS_DRIFT:
		strv_add(&t->drift, p.text);
		log_verbose("%s: %s was changed on the node: it is put back", t->run->node, p.text);
		break;
	case PROGRESS_ARTIFACT:
		strv_add(&t->missing, p.text);
		break;
	case PROGRESS_OK:
	case PROGRESS_SKIP:
	case PROGRESS_OTHER:
		break;
	}
	return 0;
}

static int on_output(const void *p, size_t n, void *context, struct error **err)
{
	return progress_feed(context, p, n, err);
}

/* How long steps may wait: a bit less than we do, so that it is the node that says what it waited for. */
static int64_t seconds_left(const struct bootstrap_run *run)
{
	int64_t left = WAIT_DEFAULT_S;

	if (run->deadline > 0 && run->deadline != CLOCK_NEVER)
		left = (run->deadline - clock_ms()) / 1000;
	left -= left / 4 < WAIT_MARGIN_S ? left / 4 : WAIT_MARGIN_S;
	return left > 0 ? left : 0;
}

/* The artifacts whose blobs come by SSH: those that are in the set. */
static void add_pushed(const struct bootstrap_run *run, struct buf *command)
{
	const struct artifact *a = NULL;

	for (size_t at = 0; (a = artifacts_next(run, &at)) != NULL;) {
		CLEANUP_FREE char *path = bootstrap_artifact_path(a);

		if (fileset_find(run->files, path) != NULL)
			buf_addf(command, " %s/%s %s %" PRId64, a->name, a->version, path + strlen(ARTIFACTS_FOLDER), a->size);
	}
}

/* Units whose files were changed behind our back may run with them: they are to be restarted. */
static void add_forgotten(const struct bootstrap_run *run, const struct strv *drift, struct buf *command)
{
	for (size_t i = 0; run->units != NULL && i < run->units->n; i++) {
		CLEANUP_FREE char *unit = unit_full_name(run->units->v[i]);

		for (size_t k = 0; k < drift->n; k++) {
			if (unit_uses(run, unit, drift->v[k])) {
				buf_add(command, " forget ");
				buf_add_shell(command, unit);
				break;
			}
		}
	}
}

static void make_command(const struct talk *t, const char *mode, struct buf *ret)
{
	remote_command(ret, text_enter);
	buf_addf(ret, " %s %s %" PRId64 " %" PRId64 " ", mode, t->id, seconds_left(t->run), clock_wall_ms() / 1000);
	buf_add_shell(ret, t->run->only != NULL ? t->run->only : "");
	add_pushed(t->run, ret);
	add_forgotten(t->run, &t->drift, ret);
}

/* What an error of the connection interrupted. */
static char *what_is_done(const struct talk *t, bool packed)
{
	if (t->step[0] != '\0')
		return xasprintf("following step %s on %s", t->step, t->run->node);
	return xasprintf("%s %s", packed ? "sending the files of" : "looking at", t->run->node);
}

/* Runs enter.sh and takes in what it says; packed NULL: nothing is pushed. */
static int talk(struct ssh *s, struct talk *t, const char *mode, struct tarball *packed, struct error **err)
{
	CLEANUP_BUF struct buf command = BUF_INIT, errors = BUF_INIT;
	CLEANUP_FREE char *what = NULL, *words = NULL;
	struct progress_lines lines = {.line = on_line, .context = t};
	struct ssh_command c = {.write = on_output, .write_context = &lines, .errors = &errors, .deadline = t->run->deadline};
	int status = 0;

	t->push = false;
	make_command(t, mode, &command);
	c.command = buf_str(&command);
	if (packed != NULL) {
		c.read = tarball_read;
		c.read_context = packed;
	}
	if (ssh_run(s, &c, &status, err) < 0) {
		what = what_is_done(t, packed != NULL);
		return error_wrap(err, "%s", what);
	}
	if (status == 0)
		return 0;
	what = what_is_done(t, packed != NULL);
	words = remote_words(buf_str(&errors));
	return error_set(err, ERROR_NODE, "%s ended with status %d: %s", what, status, words);
}

/* Everything but blobs that the node has. */
static bool is_wanted(const struct file *f, void *context)
{
	const struct talk *t = context;

	if (strncmp(f->path, ARTIFACTS_FOLDER, strlen(ARTIFACTS_FOLDER)) != 0)
		return true;
	return strv_has(&t->missing, f->path + strlen(ARTIFACTS_FOLDER));
}

static int push(struct ssh *s, struct talk *t, struct error **err)
{
	struct file last = {.path = (char *)RUN_FOLDER "archive.sha256", .mode = 0600};
	CLEANUP_TARBALL struct tarball *packed = NULL;
	bool gzip = t->missing.n == 0;
	int status = 0;

	buf_addf(&last.content, "%s\n", t->id);
	packed = tarball_new(t->run->files, is_wanted, t, &last, gzip);
	event_begin(t->run->events, t->run->node, "push");
	t->pushing = true;
	status = talk(s, t, gzip ? "push-gzip" : "push", packed, err);
	buf_free(&last.content);
	if (status < 0)
		return -1;
	if (t->push)
		return error_set(err, ERROR_NODE,
				 "what was sent to %s did not arrive in full, although the connection held: is its disk full?",
				 t->run->node);
	return 0;
}

static int step_failed(const struct talk *t, struct error **err)
{
	CLEANUP_FREE char *text = strv_join(&t->log, "\n  ");

	return error_set(
		err, ERROR_NODE,
		"step %s failed on %s:\n  %s\nRun the same command again when the cause is mended: it goes on from there. All "
		"that the step said is in /opt/davit/run/log.%s on the node.",
		t->failed, t->run->node, text, t->failed);
}

static int conclude(const struct talk *t, struct error **err)
{
	if (t->unchanged || (t->ended && t->status == 0))
		return 0;
	if (t->failed[0] != '\0')
		return step_failed(t, err);
	return error_set(err, ERROR_NODE,
			 "the installation on %s ended before it was complete (its process was killed, the server restarted, or its disk is full): "
			 "run the same "
			 "command again to take it up",
			 t->run->node);
}

/* Blobs that the node is not known to have are told as missing by enter.sh; the first round sends nothing. */
static int enter_once(struct ssh *s, struct talk *t, struct error **err)
{
	if (talk(s, t, "enter", NULL, err) < 0)
		return -1;
	if (t->push && push(s, t, err) < 0)
		return -1;
	return conclude(t, err);
}

/* What was sent by a connection that was given up may come through after all: it ends what this one does, once. */
static int enter(struct ssh *s, struct talk *t, struct error **err)
{
	CLEANUP_ERROR struct error *why = NULL;

	if (enter_once(s, t, &why) == 0)
		return 0;
	if (!error_is(why, ERROR_NODE) || t->failed[0] != '\0')
		return error_move(err, steal_ptr(why));
	log_verbose("%s: %s; once more", t->run->node, error_message(why));
	talk_clear(t);
	t->step[0] = '\0';
	return enter_once(s, t, err);
}

int bootstrap_node(struct ssh *s, struct bootstrap_run *run, bool *ret_changed, struct error **err)
{
	struct talk t = {.run = run};
	int status = 0;

	if (bootstrap_prepare(run, err) < 0 || tarball_digest(run->files, t.id, err) < 0)
		return -1;
	status = enter(s, &t, err);
	if (status < 0)
		event_fail(run->events, run->node, t.pushing ? "push" : "install", err != NULL ? error_message(*err) : "");
	else if (t.installing)
		event_end(run->events, run->node, "install");
	if (status == 0)
		*ret_changed = !t.unchanged || t.installing;
	talk_clear(&t);
	return status;
}

int run_again(struct ssh *s, const struct bootstrap_run *run, const char *id, struct error **err)
{
	struct talk t = {.run = run};
	int status;

	if (strlen(id) != DIGEST_HEX_LEN || strspn(id, "0123456789abcdef") != DIGEST_HEX_LEN)
		return error_set(err, ERROR_NODE, "the node names \"%s\" as its archive, which is no digest", id);
	memcpy(t.id, id, sizeof(t.id));
	status = talk(s, &t, "enter", NULL, err);
	if (status == 0 && t.push)
		status = error_set(err, ERROR_NODE, "the archive %s is not on %s", id, run->node);
	if (status == 0)
		status = conclude(&t, err);
	if (t.installing && status < 0)
		event_fail(run->events, run->node, "install", err != NULL ? error_message(*err) : "");
	else if (t.installing)
		event_end(run->events, run->node, "install");
	talk_clear(&t);
	return status;
}
