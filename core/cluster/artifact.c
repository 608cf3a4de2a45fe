#include "core/cluster/artifact.h"
#include "core/base/alloc.h"

void artifacts_free(struct artifacts *a)
{
	for (size_t i = 0; i < a->n; i++) {
		free(a->items[i].name);
		free(a->items[i].version);
		free(a->items[i].digest);
		free(a->items[i].content);
		free(a->items[i].source);
		strv_free(&a->items[i].programs);
	}
	free(a->items);
	strv_free(&a->images);
	*a = (struct artifacts){0};
}

const struct artifact *artifacts_find(const struct artifacts *a, const char *name)
{
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->items[i].name, name) == 0)
			return &a->items[i];
	return NULL;
}
