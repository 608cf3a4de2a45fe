#include "core/cluster/inventory.h"
#include "core/base/alloc.h"
#include "core/base/cond.h"

struct inventory {
	struct cond news;
	struct node *nodes;
	size_t n, cap;
	bool closed;
	enum error_kind why_kind;
	char *why; /* NULL: provisioning ended well */
	char *api; /* its floating IP, or NULL */
};

struct inventory *inventory_new(void)
{
	struct inventory *i = xnew(struct inventory);

	cond_init(&i->news);
	return i;
}

void inventory_free(struct inventory *i)
{
	if (i == NULL)
		return;
	node_list_free(i->nodes, i->n);
	cond_destroy(&i->news);
	free(i->why);
	free(i->api);
	free(i);
}

static char *const *strings(const struct node *n, size_t k)
{
	char *const *const all[] = {&n->name, &n->pool, &n->address, &n->floating_ip, &n->server_id, &n->host_key, &n->fault};

	return k < ARRAY_SIZE(all) ? all[k] : NULL;
}

void node_clear(struct node *n)
{
	for (size_t k = 0; strings(n, k) != NULL; k++)
		free(*strings(n, k));
	*n = (struct node){0};
}

void node_copy(struct node *to, const struct node *from)
{
	*to = *from;
	for (size_t k = 0; strings(to, k) != NULL; k++)
		*(char **)strings(to, k) = xstrdup(*strings(from, k));
}

void node_list_free(struct node *nodes, size_t n)
{
	for (size_t k = 0; k < n; k++)
		node_clear(&nodes[k]);
	free(nodes);
}

const char *node_role_name(enum node_role role)
{
	static const char *const names[] = {"control-plane", "worker", "registry", "bastion"};

	return names[role];
}

bool node_runs_kubernetes(enum node_role role)
{
	return role == NODE_CONTROL_PLANE || role == NODE_WORKER;
}

void inventory_set_api(struct inventory *i, const char *floating_ip)
{
	char *copy = xstrdup(floating_ip);

	cond_lock(&i->news);
	free(i->api);
	i->api = copy;
	cond_unlock(&i->news);
}

char *inventory_api(struct inventory *i)
{
	char *copy;

	cond_lock(&i->news);
	copy = xstrdup(i->api);
	cond_unlock(&i->news);
	return copy;
}

/* under the lock */
static struct node *find(struct inventory *i, const char *name)
{
	for (size_t k = 0; k < i->n; k++)
		if (strcmp(i->nodes[k].name, name) == 0)
			return &i->nodes[k];
	return NULL;
}

void inventory_put(struct inventory *i, const struct node *n)
{
	struct node *at;

	cond_lock(&i->news);
	at = find(i, n->name);
	if (at != NULL) {
		node_clear(at);
	} else {
		array_grow(i->nodes, i->n, i->cap);
		at = &i->nodes[i->n++];
	}
	node_copy(at, n);
	cond_tell(&i->news);
	cond_unlock(&i->news);
}

void inventory_remove(struct inventory *i, const char *name)
{
	struct node *at;

	cond_lock(&i->news);
	at = find(i, name);
	if (at != NULL) {
		node_clear(at);
		*at = i->nodes[--i->n];
	}
	cond_unlock(&i->news);
}

size_t inventory_len(struct inventory *i)
{
	size_t n;

	cond_lock(&i->news);
	n = i->n;
	cond_unlock(&i->news);
	return n;
}

bool inventory_get(struct inventory *i, const char *name, struct node *ret)
{
	const struct node *at;

	cond_lock(&i->news);
	at = find(i, name);
	if (at != NULL)
		node_copy(ret, at);
	cond_unlock(&i->news);
	return at != NULL;
}

static int compare(const void *a, const void *b)
{
	const struct node *x = a, *y = b;

	if (x->role != y->role)
		return x->role < y->role ? -1 : 1;
	return strverscmp(x->name, y->name);
}

struct node *inventory_list(struct inventory *i, size_t *ret_n)
{
	struct node *list;

	cond_lock(&i->news);
	list = xnew_n(struct node, i->n);
	for (size_t k = 0; k < i->n; k++)
		node_copy(&list[k], &i->nodes[k]);
	*ret_n = i->n;
	cond_unlock(&i->news);
	qsort(list, *ret_n, sizeof(*list), compare);
	return list;
}

static void replace(char **field, const char *value)
{
	if (value == NULL)
		return;
	free(*field);
	*field = xstrdup(value);
}

void inventory_cloud(struct inventory *i, const char *name, enum node_cloud cloud, const char *server_id, const char *floating_ip,
		     const char *fault)
{
	struct node *at;

	cond_lock(&i->news);
	at = find(i, name);
	if (at != NULL) {
		at->cloud = cloud;
		replace(&at->server_id, server_id);
		replace(&at->floating_ip, floating_ip);
		replace(&at->fault, fault);
		cond_tell(&i->news);
	}
	cond_unlock(&i->news);
}

void inventory_address(struct inventory *i, const char *name, const char *address)
{
	struct node *at;

	cond_lock(&i->news);
	at = find(i, name);
	if (at != NULL)
		replace(&at->address, address);
	cond_unlock(&i->news);
}

void inventory_host_key(struct inventory *i, const char *name, const char *host_key)
{
	struct node *at;

	cond_lock(&i->news);
	at = find(i, name);
	if (at != NULL) {
		free(at->host_key);
		at->host_key = xstrdup(host_key);
	}
	cond_unlock(&i->news);
}

void inventory_leaving(struct inventory *i, const char *name, bool leaving)
{
	struct node *at;

	cond_lock(&i->news);
	at = find(i, name);
	if (at != NULL)
		at->leaving = leaving;
	cond_unlock(&i->news);
}

void inventory_open(struct inventory *i)
{
	cond_lock(&i->news);
	i->closed = false;
	free(steal_ptr(i->why));
	cond_unlock(&i->news);
}

void inventory_close(struct inventory *i, const struct error *why)
{
	cond_lock(&i->news);
	i->closed = true;
	if (why != NULL && i->why == NULL) {
		i->why = xstrdup(error_message(why));
		i->why_kind = error_kind(why);
	}
	cond_tell(&i->news);
	cond_unlock(&i->news);
}

/* 1 there, 0 not yet, -1 never; under the lock */
static int look(struct inventory *i, const char *name, bool floating_ip, struct node *ret, struct error **err)
{
	const struct node *at = find(i, name);

	if (at == NULL)
		return error_set(err, ERROR_INTERNAL, "there is no node %s", name);
	if (at->cloud == NODE_FAILED)
		return error_set(err, ERROR_NODE, "%s", at->fault ? at->fault : "its server could not be made");
	if (at->cloud == NODE_ACTIVE && (!floating_ip || at->floating_ip != NULL)) {
		node_copy(ret, at);
		return 1;
	}
	if (i->closed && at->cloud == NODE_ACTIVE && i->why == NULL)
		return error_set(err, ERROR_NODE, "it has no floating IP, through which it is to be reached; \"davit apply\" gives it one");
	if (i->closed && i->why != NULL)
		return error_set(err, i->why_kind, "%s", i->why);
	if (i->closed)
		return error_set(err, ERROR_NODE, "its server was not made; \"davit apply\" makes it");
	return 0;
}

int inventory_wait(struct inventory *i, const char *name, bool floating_ip, int64_t deadline, struct node *ret, struct error **err)
{
	int r = 0, waited = 1;

	cond_lock(&i->news);
	while (waited > 0 && (r = look(i, name, floating_ip, ret, err)) == 0)
		waited = cond_wait(&i->news, deadline, err);
	cond_unlock(&i->news);
	if (waited == 0)
		return error_set(err, ERROR_TIMEOUT, "its server did not become ACTIVE in time");
	return r > 0 ? 0 : -1;
}
