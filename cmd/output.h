/* output: tables and JSON on standard output, questions on the terminal. */
#pragma once
#include "core/base/json.h"

struct table;
struct table *table_new(const char *const *headings, size_t n);
void table_row(struct table *t, const char *const *cells); /* n cells; NULL: "-" */
void table_print(struct table *t);			    /* and frees it */
/* A row an object of the list: its strings of those keys, below their headings. */
void table_of(const char *const *headings, const char *const *keys, size_t n, struct json_object *list);

void output_json(struct json_object *o); /* pretty, with a newline; puts o */
/* "NAME? [y/N]" on the terminal: ERROR_USAGE where there is none and --yes was not given, ERROR_CANCELLED for a no. */
int output_confirm(bool yes, const char *question, struct error **err) MUST_USE;
