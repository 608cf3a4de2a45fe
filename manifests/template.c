#include "manifests/template.h"
#include "core/base/alloc.h"
#include "core/base/log.h"
#include <ctype.h>
#include <string.h>

enum { DEPTH_MAX = 4 };

/* One line is expanded after the other; a line is left out while any of the sections around it is off. */
struct expansion {
	const char *what;
	const struct template_values *values;
	struct buf *out;
	const struct template_value *sections[DEPTH_MAX];
	size_t depth;
};

static struct template_value *add(struct template_values *v, const char *name)
{
	array_grow(v->items, v->n, v->cap);
	v->items[v->n] = (struct template_value){.name = name};
	return &v->items[v->n++];
}

void template_set(struct template_values *v, const char *name, const char *text)
{
	add(v, name)->text = xstrdup(text);
}

void template_setf(struct template_values *v, const char *name, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(v, name)->text = xvasprintf(fmt, ap);
	va_end(ap);
}

void template_set_flag(struct template_values *v, const char *name, bool on)
{
	template_set(v, name, on ? "true" : NULL);
}

void template_values_clear(struct template_values *v)
{
	for (size_t i = 0; i < v->n; i++)
		secret_free(v->items[i].text);
	free(v->items);
	*v = TEMPLATE_VALUES_INIT;
}

static void bug(const struct expansion *x, const char *why, const char *name, size_t len)
{
	log_error("bug: template %s: %s {{%.*s}}", x->what, why, (int)len, name);
	abort();
}

static const struct template_value *find(const struct expansion *x, const char *name, size_t len)
{
	for (size_t i = 0; i < x->values->n; i++)
		if (strncmp(x->values->items[i].name, name, len) == 0 && x->values->items[i].name[len] == '\0')
			return &x->values->items[i];
	bug(x, "there is no value for", name, len);
	return NULL;
}

static int check(const struct template_value *v, struct error **err)
{
	for (const char *p = v->text; *p != '\0'; p++)
		if (!isalnum((unsigned char)*p) && strchr("._:/=,@+-", *p) == NULL)
			return error_set(err, ERROR_CONFIG,
					 "%s: 0x%02x cannot stand in files of nodes; letters, digits and . _ : / = , @ + - can",
					 v->name, (unsigned char)*p);
	return 0;
}

static bool shown(const struct expansion *x)
{
	for (size_t i = 0; i < x->depth; i++)
		if (x->sections[i]->text == NULL)
			return false;
	return true;
}

/* Whether the line is a section's beginning or end, which is then taken note of. */
static bool section(struct expansion *x, const char *line, size_t len)
{
	const char *name = line + 3;
	size_t n = len < 5 ? 0 : len - 5;

	if (len < 6 || strncmp(line, "{{", 2) != 0 || strncmp(line + len - 2, "}}", 2) != 0 || strchr("#/", line[2]) == NULL)
		return false;
	if (line[2] == '#') {
		if (x->depth == DEPTH_MAX)
			bug(x, "too deep:", name, n);
		x->sections[x->depth++] = find(x, name, n);
		return true;
	}
	if (x->depth == 0 || x->sections[x->depth - 1] != find(x, name, n))
		bug(x, "an end without its beginning:", name, n);
	x->depth--;
	return true;
}

static int expand_line(struct expansion *x, const char *line, size_t len, struct error **err)
{
	const char *end = line + len;

	for (;;) {
		const char *open = memmem(line, (size_t)(end - line), "{{", 2);
		const char *close = open == NULL ? NULL : memmem(open, (size_t)(end - open), "}}", 2);
		const struct template_value *v;

		if (close == NULL)
			break;
		v = find(x, open + 2, (size_t)(close - open - 2));
		if (v->text == NULL)
			bug(x, "the value is not there outside of its section:", open + 2, (size_t)(close - open - 2));
		if (check(v, err) < 0)
			return -1;
		buf_add_mem(x->out, line, (size_t)(open - line));
		buf_add(x->out, v->text);
		line = close + 2;
	}
	buf_add_mem(x->out, line, (size_t)(end - line));
	buf_add_char(x->out, '\n');
	return 0;
}

int template_expand_text(const char *what, const char *text, const struct template_values *v, struct buf *ret, struct error **err)
{
	struct expansion x = {.what = what, .values = v, .out = ret};

	while (*text != '\0') {
		size_t len = strcspn(text, "\n");

		if (!section(&x, text, len) && shown(&x) && expand_line(&x, text, len, err) < 0)
			return -1;
		text += len + (text[len] == '\n');
	}
	if (x.depth > 0)
		bug(&x, "a section without an end:", x.sections[0]->name, strlen(x.sections[0]->name));
	return 0;
}

int template_expand(const char *name, const struct template_values *v, struct buf *ret, struct error **err)
{
	struct expansion none = {.what = name};

	for (size_t i = 0; i < templates_n; i++)
		if (strcmp(templates[i].name, name) == 0)
			return template_expand_text(name, templates[i].text, v, ret, err);
	bug(&none, "there is no such template", "", 0);
	return -1;
}
