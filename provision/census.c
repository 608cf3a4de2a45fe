#include "provision/census.h"
#include "core/base/alloc.h"
#include "core/base/parallel.h"
#include <ctype.h>

static struct census_cluster *cluster_of(struct census *c, const char *uuid)
{
	for (size_t i = 0; i < c->n; i++)
		if (strcmp(c->clusters[i].uuid, uuid) == 0)
			return &c->clusters[i];
	array_grow(c->clusters, c->n, c->cap);
	c->clusters[c->n] = (struct census_cluster){.uuid = xstrdup(uuid)};
	return &c->clusters[c->n++];
}

static void add_name(struct strv *names, const char *name, size_t len)
{
	CLEANUP_FREE char *copy = xstrndup(name, len);

	if (len > 0 && !strv_has(names, copy))
		strv_add(names, copy);
}

/* "demo-node": how long "demo" is; 0 where the name has no such end. */
static size_t before_end(const char *name, const char *end)
{
	size_t n = strlen(name), m = strlen(end);

	return n > m && strcmp(name + n - m, end) == 0 ? n - m : 0;
}

/* "demo-cp-12": how long "demo" is. */
static size_t before_number(const char *name, const char *end)
{
	size_t n = strlen(name);
	CLEANUP_FREE char *bare = NULL;

	while (n > 0 && isdigit((unsigned char)name[n - 1]))
		n--;
	bare = xstrndup(name, n);
	return name[n] != '\0' ? before_end(bare, end) : 0;
}

/* Networks and routers are called like their cluster; where there are none of its own, others tell by what stands before their end. */
static void tell_name(struct census_cluster *c, enum kind kind, struct json_object *o)
{
	static const char *const groups[] = {"-node", "-control-plane", "-registry"};
	const char *name = json_get_str(o, "name", ""), *role = json_get_str(o, "metadata.davit-role", "");

	if (kind == KIND_NETWORK || kind == KIND_SUBNET || kind == KIND_ROUTER)
		add_name(&c->names, name, strlen(name));
	for (size_t i = 0; kind == KIND_GROUP && i < ARRAY_SIZE(groups); i++)
		add_name(&c->hints, name, before_end(name, groups[i]));
	if (kind == KIND_SERVER && strcmp(role, "control-plane") == 0)
		add_name(&c->hints, name, before_number(name, "-cp-"));
	if (kind == KIND_SERVER && strcmp(role, "registry") == 0)
		add_name(&c->hints, name, before_end(name, "-registry"));
}

static void count(struct census_cluster *c, enum kind kind, struct json_object *o)
{
	const char *created = json_get_str(o, "created_at", json_get_str(o, "created", NULL));

	c->counts[kind]++;
	c->all++;
	tell_name(c, kind, o);
	if (created != NULL && (c->created == NULL || strcmp(created, c->created) < 0)) {
		free(c->created);
		c->created = xstrdup(created);
	}
}

static void count_marked(enum kind kind, struct json_object *list, struct census *ret)
{
	for (size_t i = 0; i < json_len(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);
		const char *uuid = mark_of(kind, o);

		if (uuid != NULL)
			count(cluster_of(ret, uuid), kind, o);
	}
}

/* NAME-1a2b3c4d, or NAME-POOL-1a2b3c4d: how long what stands before the digits is; 0 where the name does not end so. */
static size_t before_digits(const char *name)
{
	size_t n = strlen(name);

	if (n < 10 || name[n - 9] != '-')
		return 0;
	for (size_t i = n - 8; i < n; i++)
		if (!isxdigit((unsigned char)name[i]) || isupper((unsigned char)name[i]))
			return 0;
	return n - 9;
}

/* Its name is one of the cluster's, alone or with something behind. */
static bool has_name_of(const struct census_cluster *c, const char *name, size_t len)
{
	for (size_t i = 0; i < c->names.n; i++) {
		size_t n = strlen(c->names.v[i]);

		if (n <= len && strncmp(name, c->names.v[i], n) == 0 && (n == len || name[n] == '-'))
			return true;
	}
	return false;
}

/* What davit makes of that kind: its keys bear the cluster's name as comment, its server groups spread softly. */
static bool looks_like_ours(enum kind kind, struct json_object *o, const char *name, size_t len)
{
	const char *key = json_get_str(o, "public_key", ""), *comment = strrchr(key, ' ');

	if (kind == KIND_KEYPAIR)
		return comment != NULL && strncmp(comment + 1, name, len) == 0 && strcspn(comment + 1, "\n") == len;
	return strcmp(json_get_str(o, "policies[0]", json_get_str(o, "policy", "")), "soft-anti-affinity") == 0;
}

static void count_named(enum kind kind, struct json_object *list, struct census *ret)
{
	for (size_t i = 0; i < json_len(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);
		const char *name = json_get_str(o, "name", "");
		size_t len = before_digits(name), found = 0, at = 0;

		if (len == 0)
			continue;
		for (size_t k = 0; k < ret->n; k++)
			if (strncmp(ret->clusters[k].uuid, name + len + 1, 8) == 0 && has_name_of(&ret->clusters[k], name, len)) {
				found++;
				at = k;
			}
		if (found == 1)
			count(&ret->clusters[at], kind, o);
		else if (looks_like_ours(kind, o, name, len))
			strv_addf(&ret->unsure, "%s %s", kind_info(kind)->name, name);
	}
}

static int by_name(const void *a, const void *b)
{
	const struct census_cluster *x = a, *y = b;
	int c = strcmp(census_name(x), census_name(y));

	return c != 0 ? c : strcmp(x->uuid, y->uuid);
}

void census_count(struct json_object *const lists[KIND_COUNT], struct census *ret)
{
	for (int kind = 0; kind < KIND_COUNT; kind++)
		count_marked((enum kind)kind, lists[kind], ret);
	for (size_t i = 0; i < ret->n; i++)
		if (ret->clusters[i].names.n == 0)
			strv_copy(&ret->clusters[i].names, &ret->clusters[i].hints);
	for (int kind = 0; kind < KIND_COUNT; kind++)
		if (kind_info((enum kind)kind)->mark == MARK_NAME)
			count_named((enum kind)kind, lists[kind], ret);
	if (ret->n > 0)
		qsort(ret->clusters, ret->n, sizeof(*ret->clusters), by_name);
}

struct round {
	struct cloud *cloud;
	struct json_object *lists[KIND_COUNT];
};

static int list_kind(size_t kind, void *context, struct error **err)
{
	struct round *r = context;

	return kind_list(r->cloud, (enum kind)kind, NULL, NULL, &r->lists[kind], err);
}

int census_take(struct cloud *c, struct census *ret, struct error **err)
{
	struct round r = {.cloud = c};
	int failed = parallel_for(KIND_COUNT, 0, list_kind, &r, NULL, err);

	if (failed == 0)
		census_count(r.lists, ret);
	for (size_t i = 0; i < KIND_COUNT; i++)
		json_object_put(r.lists[i]);
	return failed;
}

void census_free(struct census *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->clusters[i].uuid);
		free(c->clusters[i].created);
		strv_free(&c->clusters[i].names);
		strv_free(&c->clusters[i].hints);
	}
	free(c->clusters);
	strv_free(&c->unsure);
	*c = (struct census){0};
}

size_t census_named(const struct census *c, const char *name, const struct census_cluster **ret, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n; i++)
		if (strv_has(&c->clusters[i].names, name)) {
			if (n < max)
				ret[n] = &c->clusters[i];
			n++;
		}
	return n;
}

const char *census_name(const struct census_cluster *c)
{
	return c->names.n > 0 ? c->names.v[0] : "?";
}

char *census_kinds(const struct census_cluster *c)
{
	CLEANUP_STRV struct strv parts = STRV_INIT;

	for (int kind = KIND_COUNT - 1; kind >= 0; kind--)
		if (c->counts[kind] > 0)
			strv_addf(&parts, "%zu %s%s", c->counts[kind], kind_info((enum kind)kind)->name, c->counts[kind] > 1 ? "s" : "");
	return strv_join(&parts, ", ");
}
