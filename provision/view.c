#include "provision/view.h"
#include "core/base/alloc.h"

struct view *view_new(const char *uuid)
{
	struct view *v = xnew(struct view);

	pthread_mutex_init(&v->lock, NULL);
	v->uuid = xstrdup(uuid);
	return v;
}

static void item_free(struct item *it)
{
	json_object_put(it->json);
	free(it->name);
	free(it->id);
	free(it);
}

void view_free(struct view *v)
{
	if (v == NULL)
		return;
	for (size_t k = 0; k < KIND_COUNT; k++) {
		for (size_t i = 0; i < v->kinds[k].n; i++)
			item_free(v->kinds[k].items[i]);
		free(v->kinds[k].items);
	}
	json_object_put(v->images);
	json_object_put(v->all_images);
	json_object_put(v->volume_zones);
	json_object_put(v->existing.networks);
	json_object_put(v->existing.subnets);
	json_object_put(v->existing.routers);
	json_object_put(v->existing.router_ports);
	json_object_put(v->existing.groups);
	json_object_put(v->nics.networks);
	json_object_put(v->nics.subnets);
	json_object_put(v->flavors);
	json_object_put(v->externals);
	strv_free(&v->roles);
	for (size_t i = 0; i < FACT_COUNT; i++)
		fact_clear(&v->facts[i]);
	pthread_mutex_destroy(&v->lock);
	free(v->uuid);
	free(v->external_default);
	free(v);
}

void view_free_ptr(struct view **v)
{
	view_free(*v);
	*v = NULL;
}

static struct item *find(const struct items *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (!l->items[i]->gone && !l->items[i]->duplicate && strcmp(l->items[i]->name, name) == 0)
			return l->items[i];
	return NULL;
}

static struct item *find_id(const struct items *l, const char *id)
{
	for (size_t i = 0; i < l->n; i++)
		if (!l->items[i]->gone && strcmp(l->items[i]->id, id) == 0)
			return l->items[i];
	return NULL;
}

static struct item *put(struct view *v, enum kind kind, const char *name, const char *id, struct json_object *json)
{
	struct items *l = &v->kinds[kind];
	struct item *old = find_id(l, id), *it = xnew(struct item);

	if (old != NULL)
		old->gone = true; /* readers may still hold it */
	*it = (struct item){.kind = kind, .name = xstrdup(name), .id = xstrdup(id), .json = json_object_get(json)};
	it->duplicate = find(l, name) != NULL;
	array_grow(l->items, l->n, l->cap);
	l->items[l->n++] = it;
	return it;
}

const struct item *view_put(struct view *v, enum kind kind, const char *name, const char *id, struct json_object *json)
{
	const struct item *it;

	pthread_mutex_lock(&v->lock);
	it = put(v, kind, name, id, json);
	pthread_mutex_unlock(&v->lock);
	return it;
}

/* Floating IPs have no name: that of what it points to stands for it, a node's port or a load balancer. */
static const char *item_name(struct view *v, enum kind kind, struct json_object *o)
{
	const struct items *balancers = &v->kinds[KIND_BALANCER];
	const char *port_id = json_get_str(o, "port_id", "");
	const struct item *port;

	if (kind != KIND_FLOATING_IP)
		return json_get_str(o, "name", "");
	port = find_id(&v->kinds[KIND_PORT], port_id);
	for (size_t i = 0; i < balancers->n && port == NULL && *port_id != '\0'; i++)
		if (!balancers->items[i]->gone && strcmp(json_get_str(balancers->items[i]->json, "vip_port_id", ""), port_id) == 0)
			port = balancers->items[i];
	return port != NULL ? port->name : json_get_str(o, "floating_ip_address", "");
}

/* Older ones first, what is in ERROR last. */
static int by_age(const void *a, const void *b)
{
	struct json_object *x = *(struct json_object *const *)a, *y = *(struct json_object *const *)b;
	/* nova writes "created", neutron and cinder "created_at" */
	const char *s = json_get_str(x, "created_at", json_get_str(x, "created", ""));
	const char *t = json_get_str(y, "created_at", json_get_str(y, "created", ""));
	bool bad = strcmp(json_get_str(x, "status", ""), "ERROR") == 0,
	     worse = strcmp(json_get_str(y, "status", ""), "ERROR") == 0;
	int c = bad != worse ? bad - worse : strcmp(s, t);

	return c != 0 ? c : strcmp(json_get_str(x, "id", ""), json_get_str(y, "id", ""));
}

void view_add_list(struct view *v, enum kind kind, struct json_object *list)
{
	size_t n = json_len(list);
	CLEANUP_FREE struct json_object **sorted = xnew_n(struct json_object *, n + 1);

	for (size_t i = 0; i < n; i++)
		sorted[i] = json_object_array_get_idx(list, i);
	qsort(sorted, n, sizeof(*sorted), by_age);
	pthread_mutex_lock(&v->lock);
	for (size_t i = 0; i < n; i++) {
		const char *id = kind_item_id(kind, sorted[i]);

		if (id != NULL && v->uuid != NULL && mark_is_on(kind, sorted[i], v->uuid))
			put(v, kind, item_name(v, kind, sorted[i]), id, sorted[i]);
	}
	pthread_mutex_unlock(&v->lock);
}

void view_drop(struct view *v, const struct item *item)
{
	struct items *l = &v->kinds[item->kind];

	pthread_mutex_lock(&v->lock);
	for (size_t i = 0; i < l->n; i++)
		if (l->items[i] == item)
			l->items[i]->gone = true;
	pthread_mutex_unlock(&v->lock);
}

bool view_has_id(struct view *v, const char *id)
{
	bool found = false;

	pthread_mutex_lock(&v->lock);
	for (size_t k = 0; k < KIND_COUNT && id != NULL && !found; k++)
		found = find_id(&v->kinds[k], id) != NULL;
	pthread_mutex_unlock(&v->lock);
	return found;
}

bool view_dropped(struct view *v, enum kind kind, const char *id)
{
	struct items *l = &v->kinds[kind];
	bool dropped = false;

	pthread_mutex_lock(&v->lock);
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->items[i]->id, id) == 0)
			dropped = l->items[i]->gone;
	pthread_mutex_unlock(&v->lock);
	return dropped;
}

const struct item *view_find(struct view *v, enum kind kind, const char *name)
{
	const struct item *it;

	pthread_mutex_lock(&v->lock);
	it = find(&v->kinds[kind], name);
	pthread_mutex_unlock(&v->lock);
	return it;
}

const char *view_id(struct view *v, enum kind kind, const char *name)
{
	const struct item *it = view_find(v, kind, name);

	return it != NULL ? it->id : NULL;
}

const struct item **view_all(struct view *v, enum kind kind, size_t *ret_n)
{
	struct items *l = &v->kinds[kind];
	const struct item **all;
	size_t n = 0;

	pthread_mutex_lock(&v->lock);
	all = xnew_n(const struct item *, l->n + 1);
	for (size_t i = 0; i < l->n; i++)
		if (!l->items[i]->gone)
			all[n++] = l->items[i];
	pthread_mutex_unlock(&v->lock);
	*ret_n = n;
	return all;
}
