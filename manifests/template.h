/*
 * template: text with {{name}} in it, and lines from {{#name}} to {{/name}} (each on a line of its own) that are there only
 * where the value is.  Templates are the files below templates/, put into the program when it is built.
 *
 * Values go in as they are.  They are names, addresses, versions and base64: a value with any other character (a quote, a space,
 * a newline) could change the meaning of the file around it, and is refused.
 */
#pragma once
#include "core/base/buf.h"
#include "core/base/error.h"

struct template_file {
	const char *name, *text;
};
extern const struct template_file templates[];
extern const size_t templates_n;

struct template_value {
	const char *name;
	char *text; /* NULL: not there, its section is left out */
};

struct template_values {
	struct template_value *items;
	size_t n, cap;
};
#define TEMPLATE_VALUES_INIT ((struct template_values){0})

void template_set(struct template_values *v, const char *name, const char *text); /* a copy; names are not copied */
void template_setf(struct template_values *v, const char *name, const char *fmt, ...) PRINTF_LIKE(3, 4);
void template_set_flag(struct template_values *v, const char *name, bool on);
void template_values_clear(struct template_values *v); /* wipes: some are secrets */
#define CLEANUP_TEMPLATE_VALUES CLEANUP(template_values_clear)

/* Appends the expanded text.  ERROR_CONFIG names a value that is refused, and does not show it: it may be a secret.  A template,
 * a name or a section that does not exist, and a value that is wanted and not there, is a bug: the program aborts. */
int template_expand(const char *name, const struct template_values *v, struct buf *ret, struct error **err) MUST_USE;
/* The same of a text; what: named in bugs. */
int template_expand_text(const char *what, const char *text, const struct template_values *v, struct buf *ret,
			 struct error **err) MUST_USE;
