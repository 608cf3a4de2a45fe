#include "core/cluster/members.h"
#include "core/base/alloc.h"
#include <stdlib.h>

enum { DIGITS_MAX = 6 };

struct zone {
	size_t members;
	int next; /* its lowest number that may be free */
};

struct choice {
	struct members *members;
	size_t cap;
	bool *used; /* by number */
	struct zone *zones;
	size_t n_zones; /* 1 where the file names none */
};

int members_number(const char *cluster, const char *pool, const char *name)
{
	CLEANUP_FREE char *prefix = xasprintf("%s-%s-", cluster, pool);
	size_t n = strlen(prefix), digits;

	if (strncmp(name, prefix, n) != 0)
		return 0;
	digits = strspn(name + n, "0123456789");
	if (digits == 0 || digits > DIGITS_MAX || name[n + digits] != '\0' || name[n] == '0')
		return 0;
	return (int)strtol(name + n, NULL, 10);
}

const char *members_zone(const struct pool_spec *pool, int number)
{
	return pool->zones.n > 0 ? pool->zones.v[(size_t)(number - 1) % pool->zones.n] : NULL;
}

static void add(struct choice *c, int number)
{
	array_grow(c->members->numbers, c->members->n, c->cap);
	c->members->numbers[c->members->n++] = number;
	c->used[number] = true;
	c->zones[(size_t)(number - 1) % c->n_zones].members++;
}

/* The zone with the fewest members; of several that with the lowest free number. */
static int free_number(struct choice *c)
{
	struct zone *best = NULL;

	for (size_t i = 0; i < c->n_zones; i++) {
		struct zone *z = &c->zones[i];

		while (c->used[z->next])
			z->next += (int)c->n_zones;
		if (best == NULL || z->members < best->members || (z->members == best->members && z->next < best->next))
			best = z;
	}
	return best->next;
}

static int by_number(const void *a, const void *b)
{
	const int *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* The pool's number of a node, or 0. */
static int number_in(const struct spec *spec, const struct pool_spec *pool, const struct node *n)
{
	return n->role == NODE_WORKER && strcmp(n->pool, pool->name) == 0 ? members_number(spec->name, pool->name, n->name) : 0;
}

void members_find(const struct spec *spec, const struct pool_spec *pool, const struct node *known, size_t n, struct members *ret)
{
	struct choice c = {.members = ret, .n_zones = pool->zones.n > 0 ? pool->zones.n : 1};
	int highest = 0;

	*ret = (struct members){0};
	for (size_t i = 0; i < n; i++)
		highest = number_in(spec, pool, &known[i]) > highest ? number_in(spec, pool, &known[i]) : highest;
	/* a zone may get all of the new ones, behind the highest number that is there */
	c.used = xnew_n(bool, (size_t)highest + ((size_t)pool->count + 2) * c.n_zones + 1);
	c.zones = xnew_n(struct zone, c.n_zones);
	for (size_t i = 0; i < c.n_zones; i++)
		c.zones[i].next = (int)i + 1;
	for (size_t i = 0; i < n; i++) {
		int number = number_in(spec, pool, &known[i]);

		if (number > 0 && known[i].leaving)
			c.used[number] = true;
		else if (number > 0)
			add(&c, number);
	}
	while (ret->n < (size_t)pool->count)
		add(&c, free_number(&c));
	if (ret->n > 1)
		qsort(ret->numbers, ret->n, sizeof(*ret->numbers), by_number);
	free(c.used);
	free(c.zones);
}
