#include "cmd/authorities.h"
#include "cmd/live.h"
#include "cmd/output.h"
#include "cmd/reach.h"
#include "cmd/verbs.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "pki/pki.h"

static void show(const struct artifacts *a, const char *folder, int format)
{
	static const char *const headings[] = {"NAME", "VERSION", "SIZE", "DIGEST"};
	struct json_object *list = json_object_new_array(), *whole = json_object_new_object();
	struct table *table = table_new(headings, ARRAY_SIZE(headings));

	for (size_t i = 0; i < a->n; i++) {
		CLEANUP_FREE char *size = xasprintf("%.1f MB", (double)a->items[i].size / 1e6);
		struct json_object *o = json_object_new_object();

		table_row(table, (const char *[]){a->items[i].name, a->items[i].version, size, a->items[i].digest});
		json_add_str(o, "name", a->items[i].name);
		json_add_str(o, "version", a->items[i].version);
		json_add_int(o, "size", a->items[i].size);
		json_add_str(o, "digest", a->items[i].digest);
		json_object_array_add(list, o);
	}
	json_add_str(whole, "folder", folder);
	json_add(whole, "artifacts", list);
	list = json_object_new_array();
	for (size_t i = 0; i < a->images.n; i++) {
		table_row(table, (const char *[]){a->images.v[i], NULL, NULL, "image"});
		json_object_array_add(list, json_object_new_string(a->images.v[i]));
	}
	json_add(whole, "images", list);
	if (format == OUTPUT_JSON) {
		output_json(whole);
		return;
	}
	json_object_put(whole);
	table_print(table);
	log_info("bundle %s", folder);
}

static int push(const struct context *c, const struct artifacts *a, const char *folder, struct events *events, struct error **err)
{
	CLEANUP_REACH struct reach *reach = reach_new(c->spec, c->state, c->inventory);
	CLEANUP_FREE char *host = xasprintf("%s:%d", c->plan->registry_address, REGISTRY_PORT);
	CLEANUP_PKI struct pki *pki = NULL;
	CLEANUP_SECRET char *password = state_get(c->state, "registry-password");
	CLEANUP(http_free_ptr) struct http *http = NULL;
	struct http_options options = {.dial = reach_dial, .dial_context = reach, .no_proxy = true};
	struct registry_push p = {.folder = folder, .artifacts = a, .host = host, .user = REGISTRY_USER, .password = password,
				  .events = events, .subject = "bundle"};

	if (authorities_open(c, &pki, err) < 0)
		return -1;
	options.ca_pem = pki_ca_pem(pki, "registry-ca");
	if (http_new(&options, &http, err) < 0)
		return -1;
	p.http = http;
	return registry_push(&p, err);
}

static int act(const struct options *o, const struct context *c, const char *action, struct events *events, struct error **err)
{
	const char *named = o->bundle != NULL ? o->bundle : c->spec->artifacts.bundle;
	CLEANUP(artifacts_free) struct artifacts a = {0};
	CLEANUP_FREE char *folder = named != NULL ? xstrdup(named) : bundle_default_folder(c->spec);

	if (strcmp(action, "create") == 0) {
		if (bundle_create(c->spec, folder, c->spec->artifacts.mirror, events, &a, err) < 0)
			return -1;
	} else if (bundle_load(c->spec, folder, strcmp(action, "verify") == 0, &a, err) < 0) {
		return -1;
	}
	if (strcmp(action, "push") == 0)
		return push(c, &a, folder, events, err);
	show(&a, folder, o->format);
	return 0;
}

int verb_bundle(const struct options *o, struct error **err)
{
	static const char *const actions[] = {"create", "show", "push", "verify"};
	const char *action = NULL;
	CLEANUP_CONTEXT struct context c = {0};
	struct events *events;
	struct live *live;
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(actions); i++)
		if (strcmp(o->args.v[0], actions[i]) == 0)
			action = actions[i];
	if (action == NULL)
		return error_set(err, ERROR_USAGE, "bundle: \"%s\" is not known; allowed: create, show, push, verify", o->args.v[0]);
	if (context_open(o, strcmp(action, "push") == 0 ? CONTEXT_READ : CONTEXT_LOOK, &c, err) < 0)
		return -1;
	events = events_new();
	live = live_new(events, NULL, o);
	r = act(o, &c, action, events, err);
	live_free(live);
	events_free(events);
	return r;
}
