#include "core/base/strv.h"
#include "core/base/alloc.h"
#include "core/base/buf.h"

void strv_take(struct strv *l, char *s)
{
	array_grow(l->v, l->n, l->cap);
	l->v[l->n++] = s;
}

void strv_add(struct strv *l, const char *s)
{
	strv_take(l, xstrdup(s));
}

void strv_addf(struct strv *l, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	strv_take(l, xvasprintf(fmt, ap));
	va_end(ap);
}

bool strv_has(const struct strv *l, const char *s)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->v[i], s) == 0)
			return true;
	return false;
}

char *strv_join(const struct strv *l, const char *separator)
{
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < l->n; i++) {
		if (i > 0)
			buf_add(&b, separator);
		buf_add(&b, l->v[i]);
	}
	return buf_steal(&b);
}

void strv_split(struct strv *l, const char *s, const char *separators)
{
	while (*(s += strspn(s, separators)) != '\0') {
		size_t n = strcspn(s, separators);

		strv_take(l, xstrndup(s, n));
		s += n;
	}
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void strv_sort(struct strv *l)
{
	if (l->n > 1)
		qsort(l->v, l->n, sizeof(l->v[0]), compare);
}

void strv_copy(struct strv *to, const struct strv *from)
{
	for (size_t i = 0; i < from->n; i++)
		strv_add(to, from->v[i]);
}

void strv_free(struct strv *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i]);
	free(l->v);
	*l = STRV_INIT;
}

/* Levenshtein distance over one row; long names are not worth the time. */
static size_t distance(const char *a, const char *b)
{
	size_t row[64], n = strlen(b), m = strlen(a);

	if (n >= ARRAY_SIZE(row) || m >= ARRAY_SIZE(row))
		return SIZE_MAX;
	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 1; i <= m; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			size_t up = row[j], best = diagonal + (a[i - 1] != b[j - 1]);

			if (up + 1 < best)
				best = up + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
			diagonal = up;
		}
	}
	return row[n];
}

const char *str_nearest(const char *s, const char *const *names, size_t n)
{
	const char *best = NULL;
	size_t least = strlen(s) / 3 + 2;

	for (size_t i = 0; i < n; i++) {
		size_t d = distance(s, names[i]);

		if (d < least) {
			least = d;
			best = names[i];
		}
	}
	return best;
}

char *str_meant(const char *s, const struct strv *names)
{
	const char *nearest = str_nearest(s, (const char *const *)names->v, names->n);

	return nearest != NULL ? xasprintf("; did you mean \"%s\"?", nearest) : xstrdup("");
}
