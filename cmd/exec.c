#include "cmd/lines.h"
#include "cmd/output.h"
#include "cmd/reach.h"
#include "cmd/select.h"
#include "cmd/verbs.h"
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/parallel.h"
#include <signal.h>
#include <sys/param.h>
#include <unistd.h>

enum {
	CONNECT_MS = 30 * 1000,
	KEPT_MAX = 1024 * 1024, /* of each stream of a node, for -o json */
	STATUS_PIPE = 128 + SIGPIPE,
};

/* What a node has said, for -o json. */
struct kept {
	struct buf text;
	bool cut;
};

struct run {
	const char *name;
	enum { NOT_BEGUN, BEGUN, ENDED } state;
	int status; /* of ENDED */
	struct kept out, errors;
};

struct exec {
	struct context c;
	struct reach *reach;
	struct strv names;
	char *command;
	struct run *runs;
	struct error **failures; /* of each run that did not end */
	struct lines *lines; /* NULL: the output is kept */
};

static void clear(struct exec *e)
{
	for (size_t i = 0; i < e->names.n; i++) {
		buf_free(&e->runs[i].out.text);
		buf_free(&e->runs[i].errors.text);
		error_free(e->failures[i]);
	}
	free(e->runs);
	free(e->failures);
	lines_free(e->lines);
	reach_free(e->reach);
	strv_free(&e->names);
	free(e->command);
	context_close(&e->c);
}

static int keep(const void *p, size_t n, void *context, struct error **err UNUSED)
{
	struct kept *k = context;
	size_t room = KEPT_MAX - k->text.len;

	buf_add_mem(&k->text, p, MIN(n, room));
	k->cut = k->cut || n > room;
	return 0;
}

static int run_shown(struct exec *e, struct run *r, struct ssh *s, struct error **err)
{
	struct line_stream out = {e->lines, r->name, STDOUT_FILENO, BUF_INIT}, errors = {e->lines, r->name, STDERR_FILENO, BUF_INIT};
	struct ssh_command c = {.command = e->command,
				.write = lines_write,
				.write_context = &out,
				.write_errors = lines_write,
				.errors_context = &errors};
	int result = ssh_run(s, &c, &r->status, err);
	int ends[] = {lines_end(&out, result == 0 ? err : NULL), lines_end(&errors, NULL)};

	return result < 0 ? -1 : ends[0];
}

static int run_kept(struct exec *e, struct run *r, struct ssh *s, struct error **err)
{
	struct ssh_command c = {.command = e->command,
				.write = keep,
				.write_context = &r->out,
				.write_errors = keep,
				.errors_context = &r->errors};

	return ssh_run(s, &c, &r->status, err);
}

/* Once: a command may do what must not be done twice. */
static int run_on(size_t i, void *context, struct error **err)
{
	struct exec *e = context;
	struct run *r = &e->runs[i];
	CLEANUP_SSH struct ssh *s = NULL;

	if (reach_ssh(e->reach, r->name, clock_deadline(CONNECT_MS), &s, err) < 0)
		return -1;
	r->state = BEGUN;
	if ((e->lines != NULL ? run_shown(e, r, s, err) : run_kept(e, r, s, err)) < 0)
		return -1;
	r->state = ENDED;
	return 0;
}

static int prepare(const struct options *o, struct exec *ret, struct error **err)
{
	int width = 0;

	if (context_open(o, CONTEXT_READ, &ret->c, err) < 0 || select_nodes(&ret->c, &ret->names, err) < 0) {
		strv_free(&ret->names);
		return -1;
	}
	ret->runs = xnew_n(struct run, ret->names.n);
	ret->failures = xnew_n(struct error *, ret->names.n);
	for (size_t i = 0; i < ret->names.n; i++) {
		ret->runs[i].name = ret->names.v[i];
		width = MAX(width, (int)strlen(ret->names.v[i]));
	}
	ret->command = strv_join(&o->args, " ");
	ret->reach = reach_new(ret->c.spec, ret->c.state, ret->c.inventory);
	if (o->format == OUTPUT_TABLE)
		ret->lines = lines_new(width);
	return 0;
}

static struct json_object *run_json(const struct run *r, const struct error *why)
{
	struct json_object *o = json_object_new_object();

	json_add_str(o, "name", r->name);
	if (r->state == ENDED)
		json_add_int(o, "status", r->status);
	else
		json_add_str(o, "error", error_message(why));
	json_add_str(o, "stdout", buf_str(&r->out.text));
	json_add_str(o, "stderr", buf_str(&r->errors.text));
	if (r->out.cut || r->errors.cut)
		json_add_bool(o, "truncated", true);
	return o;
}

static void print_json(const struct exec *e)
{
	struct json_object *whole = json_object_new_object(), *list = json_object_new_array();

	for (size_t i = 0; i < e->names.n; i++)
		json_object_array_add(list, run_json(&e->runs[i], e->failures[i]));
	json_add_str(whole, "cluster", e->c.spec->name);
	json_add_str(whole, "command", e->command);
	json_add(whole, "nodes", list);
	output_json(whole);
}

/* Those of one exit status in one line; *ret_n: how many. */
static void add_status(const struct exec *e, int status, struct buf *ret)
{
	CLEANUP_STRV struct strv names = STRV_INIT;
	CLEANUP_FREE char *list = NULL;

	for (size_t i = 0; i < e->names.n; i++)
		if (e->runs[i].state == ENDED && e->runs[i].status == status)
			strv_add(&names, e->names.v[i]);
	list = verb_names(&names);
	buf_addf(ret, "\n  exit status %d: %s", status, list);
}

static bool is_first(const struct exec *e, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (e->runs[k].state == ENDED && e->runs[k].status == e->runs[i].status)
			return false;
	return true;
}

static int sum_up(const struct exec *e, struct error **err)
{
	CLEANUP_BUF struct buf text = BUF_INIT;
	size_t good = 0;

	for (size_t i = 0; i < e->names.n; i++) {
		good += e->runs[i].state == ENDED && e->runs[i].status == 0;
		if (e->runs[i].state != ENDED)
			buf_addf(&text, "\n  %s: %s", e->names.v[i], error_message(e->failures[i]));
		else if (e->runs[i].status != 0 && is_first(e, i))
			add_status(e, e->runs[i].status, &text);
	}
	if (good == e->names.n) {
		log_info("exit status 0 on all of %zu nodes", good);
		return 0;
	}
	return error_set(err, ERROR_NODE, "exit status 0 on %zu of %zu nodes%s", good, e->names.n, buf_str(&text));
}

static int interrupted(const struct exec *e, struct error **err)
{
	CLEANUP_STRV struct strv running = STRV_INIT;
	CLEANUP_FREE char *list = NULL;

	for (size_t i = 0; i < e->names.n; i++)
		if (e->runs[i].state == BEGUN)
			strv_add(&running, e->names.v[i]);
	list = verb_names(&running);
	if (running.n == 0)
		return error_set(err, ERROR_CANCELLED, "interrupted; it runs on no node any more");
	return error_set(err, ERROR_CANCELLED, "interrupted; it may still run on %s", list);
}

int verb_exec(const struct options *o, struct error **err)
{
	CLEANUP(clear) struct exec e = {0};

	if (prepare(o, &e, err) < 0)
		return -1;
	(void)!parallel_for(e.names.n, (unsigned)o->width, run_on, &e, e.failures, NULL);
	if (e.lines != NULL && lines_gone(e.lines))
		return STATUS_PIPE;
	if (cancel_requested())
		return interrupted(&e, err);
	if (e.lines == NULL)
		print_json(&e);
	if (e.names.n == 1 && e.runs[0].state == ENDED)
		return e.runs[0].status;
	return sum_up(&e, err);
}
