#include "cmd/authorities.h"
#include "cmd/output.h"
#include "cmd/reach.h"
#include "cmd/verbs.h"
#include "core/base/alloc.h"
#include "pki/pki.h"

static void print(struct json_object *catalogue)
{
	static const char *const headings[] = {"REPOSITORY", "TAG"};
	struct table *table = table_new(headings, ARRAY_SIZE(headings));
	struct json_object *list = json_at(catalogue, "repositories");

	for (size_t i = 0; i < json_len(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i), *tags = json_at(o, "tags");

		for (size_t k = 0; k < json_len(tags); k++)
			table_row(table, (const char *[]){json_get_str(o, "name", NULL),
							  json_object_get_string(json_object_array_get_idx(tags, k))});
	}
	table_print(table);
	json_object_put(catalogue);
}

int verb_registry(const struct options *o, struct error **err)
{
	CLEANUP_CONTEXT struct context c = {0};
	CLEANUP_REACH struct reach *reach = NULL;
	CLEANUP_PKI struct pki *pki = NULL;
	CLEANUP(http_free_ptr) struct http *http = NULL;
	CLEANUP_FREE char *host = NULL;
	CLEANUP_SECRET char *password = NULL;
	struct http_options options = {.dial = reach_dial, .no_proxy = true};
	struct json_object *catalogue = NULL;

	if (strcmp(o->args.v[0], "ls") != 0)
		return error_set(err, ERROR_USAGE, "registry: \"%s\" is not known; allowed: ls", o->args.v[0]);
	if (context_open(o, CONTEXT_READ, &c, err) < 0)
		return -1;
	host = xasprintf("%s:%d", c.plan->registry_address, REGISTRY_PORT);
	password = state_get(c.state, "registry-password");
	reach = reach_new(c.spec, c.state, c.inventory);
	if (authorities_open(&c, &pki, err) < 0)
		return -1;
	options.dial_context = reach;
	options.ca_pem = pki_ca_pem(pki, "registry-ca");
	if (http_new(&options, &http, err) < 0 || registry_catalogue(http, host, REGISTRY_USER, password, &catalogue, err) < 0)
		return -1;
	if (o->format == OUTPUT_JSON)
		output_json(catalogue);
	else
		print(catalogue);
	return 0;
}
