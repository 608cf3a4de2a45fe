#include "cmd/output.h"
#include "cmd/verbs.h"
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/log.h"
#include "core/base/parallel.h"
#include "core/base/path.h"
#include <stdio.h>

/* What is done, in one word for a column, and as the line that counts has it. */
static const struct {
	const char *name, *counted;
} actions[] = {
	[CHANGE_NONE] = {"keep", "to keep"},
	[CHANGE_CREATE] = {"create", "to create"},
	[CHANGE_UPDATE] = {"update", "to change"},
	[CHANGE_REPLACE] = {"replace", "to replace"},
	[CHANGE_DELETE] = {"delete", "to delete"},
	[CHANGE_MANUAL] = {"leave", "left as they are"},
};

static size_t count(const struct changes *changes, size_t action)
{
	size_t n = 0;

	for (size_t i = 0; i < changes->n; i++)
		n += changes->items[i].action == (enum change_action)action;
	return n;
}

size_t verb_to_do(const struct changes *changes)
{
	return changes->n - count(changes, CHANGE_MANUAL) - count(changes, CHANGE_NONE);
}

size_t verb_leaving(const struct changes *changes)
{
	size_t n = 0;

	for (size_t i = 0; i < changes->n; i++)
		n += changes->items[i].leaving;
	return n;
}

char *verb_names(const struct strv *names)
{
	enum { SHOWN = 8 };
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < names->n && i < SHOWN; i++)
		buf_addf(&b, "%s%s", i > 0 ? ", " : "", names->v[i]);
	if (names->n > SHOWN)
		buf_addf(&b, " and %zu more", names->n - SHOWN);
	return buf_steal(&b);
}

int verb_interrupted(int r, const char *command, struct error **err)
{
	if (r == 0 || !cancel_by_user())
		return r;
	error_clear(err);
	return error_set(err, ERROR_CANCELLED, "interrupted; nothing is lost: the same \"davit %s\" goes on from here", command);
}

static bool has_failed(const struct error *e)
{
	return e != NULL && !error_is(e, ERROR_CANCELLED);
}

size_t verb_failed(struct error *const *errors, size_t n)
{
	size_t failed = 0;

	for (size_t i = 0; i < n; i++)
		failed += has_failed(errors[i]);
	return failed;
}

int verb_sum_up(struct error *const *errors, size_t n, const char *head, const char *tail, struct error **err)
{
	CLEANUP_STRV struct strv lines = STRV_INIT;
	CLEANUP_FREE char *text = NULL;
	enum error_kind kind = ERROR_INTERNAL;

	for (size_t i = 0; i < n; i++) {
		if (!has_failed(errors[i]))
			continue;
		strv_add(&lines, error_message(errors[i]));
		if (!error_is(errors[i], ERROR_INTERNAL))
			kind = ERROR_NODE;
	}
	text = strv_join(&lines, "\n");
	return lines.n == 0 ? cancel_check(err) : error_set(err, kind, "%s%s%s", head, text, tail);
}

int verb_parallel(size_t n, unsigned width, int (*job)(size_t i, void *context, struct error **err), void *context, const char *tail, struct error **err)
{
	CLEANUP_FREE struct error **errors = xnew_n(struct error *, n + 1);
	int r = parallel_for(n, width, job, context, errors, NULL);

	if (r < 0)
		r = verb_sum_up(errors, n, "", tail, err);
	for (size_t i = 0; i < n; i++)
		error_free(errors[i]);
	return r;
}

void verb_warn_left(const struct changes *changes)
{
	enum { TOLD_MAX = 10 };
	size_t told = 0, left = count(changes, CHANGE_MANUAL);

	for (size_t i = 0; i < changes->n && told < TOLD_MAX; i++) {
		const struct change *c = &changes->items[i];

		if (c->action != CHANGE_MANUAL)
			continue;
		told++;
		log_warning("%s %s is left as it is: %s", c->kind, c->name, c->reason);
	}
	if (told < left)
		log_warning("%zu more are left as they are; \"davit plan\" lists them", left - told);
}

static struct json_object *change_json(const struct change *c)
{
	struct json_object *o = json_object_new_object();

	json_add_str(o, "action", actions[c->action].name);
	json_add_str(o, "kind", c->kind);
	json_add_str(o, "name", c->name);
	json_add_str(o, "reason", c->reason);
	return o;
}

struct json_object *verb_changes_json(const struct changes *changes)
{
	struct json_object *o = json_object_new_object(), *list = json_object_new_array(), *summary = json_object_new_object();

	for (size_t i = 0; i < changes->n; i++)
		json_object_array_add(list, change_json(&changes->items[i]));
	for (size_t a = 0; a < ARRAY_SIZE(actions); a++)
		json_add_int(summary, actions[a].name, (int64_t)count(changes, a));
	json_add(o, "changes", list);
	json_add(o, "summary", summary);
	return o;
}

/* "21 to create, 1 to change" */
static void print_summary(const struct changes *changes)
{
	CLEANUP_STRV struct strv parts = STRV_INIT;
	CLEANUP_FREE char *text = NULL;

	for (size_t a = 0; a < ARRAY_SIZE(actions); a++)
		if (count(changes, a) > 0)
			strv_addf(&parts, "%zu %s", count(changes, a), actions[a].counted);
	text = strv_join(&parts, ", ");
	printf("\n%s\n", text);
	fflush(stdout);
}

void verb_print_changes(const struct changes *changes, int format)
{
	static const char *const headings[] = {"ACTION", "KIND", "NAME", "REASON"};
	struct table *table;

	if (format == OUTPUT_JSON) {
		output_json(verb_changes_json(changes));
		return;
	}
	table = table_new(headings, ARRAY_SIZE(headings));
	for (size_t i = 0; i < changes->n; i++) {
		const struct change *c = &changes->items[i];

		table_row(table, (const char *[]){actions[c->action].name, c->kind, c->name, c->reason});
	}
	table_print(table);
	print_summary(changes);
}

int verb_api_url(const struct context *c, char **ret, struct error **err)
{
	size_t n;
	struct node *nodes;

	if (c->spec->api.endpoint == API_INTERNAL) {
		*ret = xasprintf("https://%s:6443", c->plan->api_address);
		return 0;
	}
	if (spec_api_has_address(c->spec)) {
		if (c->plan->api_floating_ip && c->plan->api_outside == NULL)
			return error_set(err, ERROR_NOT_FOUND, "the API of cluster %s has no floating IP yet; run \"davit apply\"", c->spec->name);
		*ret = xasprintf("https://%s:6443", c->plan->api_floating_ip ? c->plan->api_outside : c->plan->api_inside);
		return 0;
	}
	nodes = inventory_list(c->inventory, &n);
	for (size_t i = 0; i < n && *ret == NULL; i++)
		if (nodes[i].role == NODE_CONTROL_PLANE && nodes[i].floating_ip != NULL)
			*ret = xasprintf("https://%s:6443", nodes[i].floating_ip);
	node_list_free(nodes, n);
	if (*ret != NULL)
		return 0;
	return error_set(err, ERROR_NOT_FOUND, "the control plane of cluster %s has no floating IP yet; run \"davit apply\"", c->spec->name);
}

int verb_keep_kubeconfig(const struct context *c, struct pki *pki, struct error **err)
{
	CLEANUP(buf_wipe) struct buf text = BUF_INIT;
	CLEANUP_FREE char *url = NULL, *path = state_path(c->state, "kubeconfig");

	if (c->spec->platform != PLATFORM_KUBERNETES)
		return 0;
	if (verb_api_url(c, &url, err) < 0 || pki_admin_kubeconfig(pki, c->spec->name, url, &text, err) < 0)
		return -1;
	return path_write(path, text.data, text.len, 0600, err);
}

int verb_write(const struct options *o, const char *text, size_t len, unsigned mode, struct error **err)
{
	if (o->output_file != NULL)
		return path_write(o->output_file, text, len, mode, err);
	if (fwrite(text, 1, len, stdout) != len || fflush(stdout) != 0)
		return error_set(err, ERROR_INTERNAL, "cannot write to standard output");
	return 0;
}
