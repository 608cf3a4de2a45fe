#include "core/base/fileset.h"
#include "core/base/alloc.h"

static void file_clear(struct file *f)
{
	free(f->path);
	free(f->link);
	free(f->source);
	free(f->identity);
	buf_wipe(&f->content);
	*f = (struct file){0};
}

static struct file *slot(struct fileset *s, const char *path, unsigned mode)
{
	struct file *f = (struct file *)fileset_find(s, path);

	if (f != NULL) {
		file_clear(f);
	} else {
		array_grow(s->files, s->n, s->cap);
		f = &s->files[s->n++];
	}
	*f = (struct file){.path = xstrdup(path), .mode = mode};
	return f;
}

struct file *fileset_add(struct fileset *s, const char *path, unsigned mode, const char *content)
{
	return fileset_add_mem(s, path, mode, content, strlen(content));
}

struct file *fileset_add_mem(struct fileset *s, const char *path, unsigned mode, const void *p, size_t n)
{
	struct file *f = slot(s, path, mode);

	buf_add_mem(&f->content, p, n);
	return f;
}

struct file *fileset_add_secret(struct fileset *s, const char *path, unsigned mode, const char *content)
{
	struct file *f = fileset_add(s, path, mode, content);

	f->secret = true;
	return f;
}

struct file *fileset_link(struct fileset *s, const char *path, const char *target)
{
	struct file *f = slot(s, path, 0777);

	f->link = xstrdup(target);
	return f;
}

struct file *fileset_source(struct fileset *s, const char *path, unsigned mode, const char *source)
{
	struct file *f = slot(s, path, mode);

	f->source = xstrdup(source);
	return f;
}

const struct file *fileset_find(const struct fileset *s, const char *path)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->files[i].path, path) == 0)
			return &s->files[i];
	return NULL;
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct file *)a)->path, ((const struct file *)b)->path);
}

void fileset_sort(struct fileset *s)
{
	if (s->n > 1)
		qsort(s->files, s->n, sizeof(s->files[0]), compare);
}

void fileset_free(struct fileset *s)
{
	for (size_t i = 0; i < s->n; i++)
		file_clear(&s->files[i]);
	free(s->files);
	*s = FILESET_INIT;
}
