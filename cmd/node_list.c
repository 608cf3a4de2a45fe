#include "cmd/output.h"
#include "cmd/planes.h"
#include "cmd/verbs.h"
#include "bootstrap/platform.h"
#include "bootstrap/nodes.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/cluster/platform.h"

struct question {
	const struct platform *platform;
	struct json_object **ret;
};

static int ask_plane(struct ssh *s, void *context, struct error **err)
{
	struct question *q = context;

	json_object_put(steal_ptr(*q->ret));
	return q->platform->status(s, q->ret, err);
}

/* The members, from the first control plane that answers. */
static int ask(const struct context *c, struct json_object **ret, struct error **err)
{
	CLEANUP_REACH struct reach *reach = reach_new(c->spec, c->state, c->inventory);
	struct question q = {platform_of(c->spec), ret};

	if (context_plane(c) == NULL)
		return error_set(err, ERROR_NOT_FOUND, "no control plane was installed yet; \"davit apply\" goes on with that");
	return planes_ask(c, reach, ask_plane, &q, NULL, err);
}

static const char *server(const struct node *n)
{
	if (n->leaving)
		return "leaving";
	return n->server_id != NULL ? "made" : "planned";
}

static void add_member(const char *platform, struct json_object *row, struct json_object *node)
{
	const char *standing = node_standing(node), *created = json_get_str(node, "metadata.creationTimestamp", NULL);
	int64_t since = 0;
	CLEANUP_FREE char *age = created != NULL && clock_parse(created, &since) ? clock_age(clock_wall_ms() - since) : NULL;

	json_add_str(row, platform, standing != NULL ? standing : "NotReported");
	json_add_bool(row, "ready", node_is_ready(node));
	json_add_bool(row, "cordoned", json_get_bool(node, "spec.unschedulable", false));
	json_add_str(row, "version", json_get_str(node, "status.nodeInfo.kubeletVersion", NULL));
	json_add_str(row, "created", created);
	json_add_str(row, "age", age);
}

/* kubernetes: NULL where the API gave no answer. */
static struct json_object *row(const struct context *c, const struct node *n, struct json_object *kubernetes)
{
	const char *platform = platform_name(c->spec->platform);
	const struct plan_node *planned = plan_find(c->plan, n->name);
	struct json_object *o = json_object_new_object(), *node = node_find(kubernetes, n->name);

	json_add_str(o, "name", n->name);
	json_add_str(o, "role", node_role_name(n->role));
	json_add_str(o, "pool", n->pool);
	json_add_str(o, "zone", planned != NULL ? planned->zone : NULL);
	json_add_str(o, "address", n->address);
	json_add_str(o, "floatingIP", n->floating_ip);
	json_add_str(o, "server", server(n));
	json_add_str(o, "serverID", n->server_id);
	if (node != NULL)
		add_member(platform, o, node);
	else if (node_runs_kubernetes(n->role))
		json_add_str(o, platform, kubernetes != NULL ? "NotJoined" : "Unknown");
	return o;
}

static struct json_object *rows(const struct context *c, struct json_object *kubernetes)
{
	struct json_object *list = json_object_new_array();
	size_t n;
	struct node *nodes = inventory_list(c->inventory, &n);

	for (size_t i = 0; i < n; i++)
		json_object_array_add(list, row(c, &nodes[i], kubernetes));
	node_list_free(nodes, n);
	return list;
}

static void print(const struct context *c, struct json_object *list)
{
	bool swarm = platform_is_swarm(c->spec->platform);
	const char *const headings[] = {"NAME", "ROLE", "POOL", "ZONE", "ADDRESS", "SERVER", swarm ? "SWARM" : "KUBERNETES", "VERSION", "AGE"};
	const char *const keys[] = {"name", "role", "pool", "zone", "address", "server", platform_name(c->spec->platform), "version", "age"};

	table_of(headings, keys, ARRAY_SIZE(headings), list);
	json_object_put(list);
}

static void print_json(const struct context *c, struct json_object *list, const struct error *why)
{
	struct json_object *whole = json_object_new_object();

	json_add_str(whole, "cluster", c->spec->name);
	json_add(whole, "nodes", list);
	json_add_str(whole, "unanswered", why != NULL ? error_message(why) : NULL);
	output_json(whole);
}

int verb_node_list(const struct options *o, struct error **err)
{
	CLEANUP_CONTEXT struct context c = {0};
	CLEANUP_JSON struct json_object *kubernetes = NULL;
	CLEANUP_ERROR struct error *why = NULL;

	if (context_open(o, CONTEXT_READ, &c, err) < 0)
		return -1;
	if (ask(&c, &kubernetes, &why) < 0 && error_is(why, ERROR_CANCELLED))
		return error_move(err, steal_ptr(why));
	if (why != NULL)
		log_warning("%s was not asked: %s", platform_title(c.spec->platform), error_message(why));
	if (o->format == OUTPUT_JSON)
		print_json(&c, rows(&c, kubernetes), why);
	else
		print(&c, rows(&c, kubernetes));
	return 0;
}
