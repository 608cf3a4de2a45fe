#include "cmd/openssh.h"
#include "cmd/output.h"
#include "cmd/verbs.h"
#include "core/base/alloc.h"
#include "core/base/log.h"
#include "core/base/path.h"
#include "core/cluster/way.h"

/*
 * Ansible's protocol for inventory scripts: https://docs.ansible.com/ansible/latest/dev_guide/developing_inventory.html
 * Its names of groups are Python's identifiers.  A pool's has a prefix, since "registry" may be one.
 */

/* What is the same for all hosts. */
struct way_in {
	const struct context *c;
	char *entry, *key_file, *config, *known_hosts, *control_folder;
};

static void clear(struct way_in *w)
{
	free(w->entry);
	free(w->key_file);
	free(w->config);
	free(w->known_hosts);
	free(w->control_folder);
}

/*
 * Ansible keeps connections in sockets that are named by a digest of address, port and user: two clusters may have all three in common,
 * and a socket asks for no host key.
 */
static int prepare(const struct context *c, struct way_in *ret, struct error **err)
{
	CLEANUP_FREE char *key_file = state_path(c->state, "ssh/id_ed25519"), *config = state_path(c->state, "ssh/config");
	CLEANUP_BUF struct buf text = BUF_INIT, key = BUF_INIT;

	openssh_escape(&key, key_file);
	*ret = (struct way_in){.c = c,
			       .entry = way_entry(c->spec, c->inventory),
			       .key_file = buf_steal(&key),
			       .control_folder = xasprintf("~/.ansible/cp/davit-%.8s", state_uuid(c->state))};
	if (verb_openssh(c, &ret->known_hosts, &text, err) < 0 || path_write(config, buf_str(&text), text.len, 0600, err) < 0)
		return -1;
	ret->config = steal_ptr(config);
	return 0;
}

static struct json_object *variables(const struct way_in *w, const struct node *n)
{
	const struct context *c = w->c;
	const struct plan_node *planned = plan_find(c->plan, n->name);
	struct json_object *o = json_object_new_object();
	CLEANUP_BUF struct buf arguments = BUF_INIT;

	openssh_arguments(c->spec, w->entry, n, w->config, w->known_hosts, &arguments);
	json_add_str(o, "ansible_host", openssh_address(c->spec, w->entry, n));
	json_add_str(o, "ansible_user", c->spec->access.user);
	json_add_str(o, "ansible_ssh_private_key_file", w->key_file);
	json_add_str(o, "ansible_ssh_common_args", buf_str(&arguments));
	json_add_str(o, "ansible_control_path_dir", w->control_folder);
	json_add_str(o, "davit_cluster", c->spec->name);
	json_add_str(o, "davit_role", node_role_name(n->role));
	json_add_str(o, "davit_pool", n->pool);
	json_add_str(o, "davit_zone", planned != NULL ? planned->zone : NULL);
	json_add_str(o, "davit_address", n->address);
	json_add_str(o, "davit_floating_ip", n->floating_ip);
	json_add_str(o, "davit_server_id", n->server_id);
	return o;
}

static struct json_object *member(struct json_object *o, const char *key, bool list)
{
	struct json_object *found = NULL;

	if (!json_object_object_get_ex(o, key, &found)) {
		found = list ? json_object_new_array() : json_object_new_object();
		json_add(o, key, found);
	}
	return found;
}

static void add_child(struct json_object *groups, const char *group, const char *child)
{
	struct json_object *children = member(member(groups, group, false), "children", true);

	for (size_t i = 0; i < json_len(children); i++)
		if (strcmp(json_object_get_string(json_object_array_get_idx(children, i)), child) == 0)
			return;
	json_object_array_add(children, json_object_new_string(child));
}

static char *identifier(const char *prefix, const char *name)
{
	char *text = xasprintf("%s%s", prefix, name);

	for (char *p = text; *p != '\0'; p++)
		if (*p == '-')
			*p = '_';
	return text;
}

static void add_host(struct json_object *groups, const struct context *c, const struct node *n)
{
	CLEANUP_FREE char *cluster = identifier("cluster_", c->spec->name), *role = identifier("", node_role_name(n->role));
	CLEANUP_FREE char *pool = identifier("pool_", n->pool);
	bool pooled = n->role == NODE_WORKER;

	if (node_runs_kubernetes(n->role)) {
		add_child(groups, cluster, "kubernetes");
		add_child(groups, "kubernetes", role);
	} else {
		add_child(groups, cluster, role);
	}
	if (pooled)
		add_child(groups, role, pool);
	json_object_array_add(member(member(groups, pooled ? pool : role, false), "hosts", true), json_object_new_string(n->name));
}

/* Groups, and under _meta the variables of all hosts, so that nobody asks for them one by one. */
static struct json_object *list(const struct way_in *w)
{
	struct json_object *groups = json_object_new_object(), *hosts = member(member(groups, "_meta", false), "hostvars", false);
	size_t n;
	struct node *nodes = inventory_list(w->c->inventory, &n);

	for (size_t i = 0; i < n; i++) {
		if (openssh_address(w->c->spec, w->entry, &nodes[i]) == NULL) {
			log_warning("%s was not reached yet: it is left out", nodes[i].name);
			continue;
		}
		json_add(hosts, nodes[i].name, variables(w, &nodes[i]));
		add_host(groups, w->c, &nodes[i]);
	}
	node_list_free(nodes, n);
	return groups;
}

static int host(const struct way_in *w, const char *word, struct json_object **ret, struct error **err)
{
	CLEANUP_FREE char *name = NULL;
	struct node n = {0};
	int r = 0;

	if (context_node_name(w->c, word, &name, err) < 0 || !inventory_get(w->c->inventory, name, &n))
		return -1;
	if (openssh_address(w->c->spec, w->entry, &n) == NULL)
		r = error_set(err, ERROR_NODE, "%s was not reached yet; \"davit apply\" goes on with it", name);
	else
		*ret = variables(w, &n);
	node_clear(&n);
	return r;
}

int verb_inventory(const struct options *o, struct error **err)
{
	CLEANUP_CONTEXT struct context c = {0};
	CLEANUP(clear) struct way_in w = {0};
	struct json_object *answer = NULL;

	if (o->list && o->host != NULL)
		return error_set(err, ERROR_USAGE, "inventory: --list and --host exclude each other");
	if (context_open(o, CONTEXT_READ, &c, err) < 0 || prepare(&c, &w, err) < 0)
		return -1;
	if (o->host == NULL)
		answer = list(&w);
	else if (host(&w, o->host, &answer, err) < 0)
		return -1;
	output_json(answer);
	return 0;
}
