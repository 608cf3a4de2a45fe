#include "cmd/reach.h"
#include "cmd/verbs.h"
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include "manifests/manifests.h"
#include <signal.h>
#include <unistd.h>

enum { CONNECT_MS = 30 * 1000, LAST_LINES = 100, STATUS_PIPE = 128 + SIGPIPE };

/* Those of davit, without their ending: of the node's role, and the run that installs it. */
static void known_units(const struct context *c, const struct node *n, struct strv *ret)
{
	CLEANUP_STRV struct strv units = STRV_INIT;

	manifests_units(c->plan, n, &units);
	for (size_t i = 0; i < units.n; i++)
		strv_take(ret, xstrndup(units.v[i], strcspn(units.v[i], ".")));
	strv_add(ret, "davit-install");
}

static int check_units(const struct options *o, const struct node *n, const struct strv *known, struct error **err)
{
	for (size_t i = 1; i < o->args.n; i++) {
		const char *unit = o->args.v[i];
		CLEANUP_FREE char *all = strv_join(known, ", "), *meant = str_meant(unit, known);

		if (!strv_has(known, unit) && strchr(unit, '.') == NULL)
			return error_set(err, ERROR_USAGE,
					 "%s has no unit of davit's called \"%s\"; it has: %s; others by their whole name: \"%s.service\"%s", n->name, unit,
					 all, unit, meant);
	}
	return 0;
}

static void add_option(struct buf *b, const char *option, const char *value)
{
	buf_addf(b, " %s", option);
	buf_add_shell(b, value);
}

/* "10m" is ten minutes ago; all else is journalctl's. */
static void add_since(struct buf *b, const char *since)
{
	size_t digits = strspn(since, "0123456789");
	bool span = digits > 0 && since[digits] != '\0' && strchr("smhd", since[digits]) != NULL && since[digits + 1] == '\0';
	CLEANUP_FREE char *text = xasprintf("%s%s", span ? "-" : "", since);

	add_option(b, "--since=", text);
}

static void command(const struct options *o, const struct strv *known, struct buf *ret)
{
	int lines = o->lines > 0 ? o->lines : o->since == NULL ? LAST_LINES : 0;

	buf_addf(ret, "sudo -n journalctl --no-pager --quiet %s", o->format == OUTPUT_JSON ? "--output=json" : "--output=short-iso --no-hostname");
	for (size_t i = 1; i < o->args.n; i++)
		add_option(ret, "--unit=", o->args.v[i]);
	for (size_t i = 0; o->args.n == 1 && known->n > 1 && i < known->n; i++) /* on a bastion davit runs nothing: all there is */
		add_option(ret, "--unit=", known->v[i]);
	if (o->since != NULL)
		add_since(ret, o->since);
	if (lines > 0)
		buf_addf(ret, " --lines=%d", lines);
	if (o->follow)
		buf_add(ret, " --follow");
}

static int show(const void *p, size_t n, void *context, struct error **err)
{
	int fd = *(const int *)context;
	int r = cancel_write(fd, p, n, err);

	if (r > 0)
		return error_set(err, ERROR_INTERNAL, "nobody reads it any more");
	return r;
}

static int follow(const struct context *c, const struct node *n, const char *text, struct error **err)
{
	CLEANUP_REACH struct reach *reach = reach_new(c->spec, c->state, c->inventory);
	CLEANUP_SSH struct ssh *s = NULL;
	CLEANUP_ERROR struct error *why = NULL;
	int out = STDOUT_FILENO, errors = STDERR_FILENO, status = 0;
	struct ssh_command command = {
		.command = text, .write = show, .write_context = &out, .write_errors = show, .errors_context = &errors};

	if (reach_ssh(reach, n->name, clock_deadline(CONNECT_MS), &s, err) < 0)
		return -1;
	if (ssh_run(s, &command, &status, &why) == 0)
		return status;
	if (error_is(why, ERROR_INTERNAL))
		return STATUS_PIPE;
	if (error_is(why, ERROR_CANCELLED) && c->o->follow) /* which is how that ends */
		return error_exit_status(why);
	return error_move(err, steal_ptr(why));
}

int verb_logs(const struct options *o, struct error **err)
{
	CLEANUP_CONTEXT struct context c = {0};
	CLEANUP_STRV struct strv known = STRV_INIT;
	CLEANUP_FREE char *name = NULL;
	CLEANUP_BUF struct buf text = BUF_INIT;
	struct node n = {0};
	int r;

	if (context_open(o, CONTEXT_READ, &c, err) < 0 || context_node_name(&c, o->args.v[0], &name, err) < 0)
		return -1;
	if (!inventory_get(c.inventory, name, &n))
		return error_set(err, ERROR_INTERNAL, "%s is not in the inventory", name);
	known_units(&c, &n, &known);
	command(o, &known, &text);
	r = check_units(o, &n, &known, err) < 0 ? -1 : follow(&c, &n, buf_str(&text), err);
	node_clear(&n);
	return r;
}
