#include "cmd/output.h"
#include "cmd/verbs.h"
#include "core/base/alloc.h"
#include "core/base/path.h"
#include <stdio.h>

static const char *const action_names[] = {"keep", "create", "update", "replace", "delete"};

void verb_print_changes(const struct changes *changes, int format)
{
	static const char *const headings[] = {"ACTION", "KIND", "NAME", "REASON"};
	struct json_object *list = json_object_new_array();
	struct table *table;

	for (size_t i = 0; i < changes->n; i++) {
		struct json_object *o = json_object_new_object();

		json_add_str(o, "action", action_names[changes->items[i].action]);
		json_add_str(o, "kind", changes->items[i].kind);
		json_add_str(o, "name", changes->items[i].name);
		json_add_str(o, "reason", changes->items[i].reason);
		json_object_array_add(list, o);
	}
	if (format == OUTPUT_JSON) {
		output_json(list);
		return;
	}
	json_object_put(list);
	table = table_new(headings, ARRAY_SIZE(headings));
	for (size_t i = 0; i < changes->n; i++)
		table_row(table, (const char *[]){action_names[changes->items[i].action], changes->items[i].kind, changes->items[i].name,
						  changes->items[i].reason});
	table_print(table);
}

int verb_api_url(const struct context *c, char **ret, struct error **err)
{
	size_t n;
	struct node *nodes;

	if (c->spec->api.endpoint == API_INTERNAL) {
		*ret = xasprintf("https://%s:6443", c->plan->api_address);
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

int verb_write(const struct options *o, const char *text, size_t len, unsigned mode, struct error **err)
{
	if (o->output_file != NULL)
		return path_write(o->output_file, text, len, mode, err);
	if (fwrite(text, 1, len, stdout) != len || fflush(stdout) != 0)
		return error_set(err, ERROR_INTERNAL, "cannot write to standard output");
	return 0;
}
