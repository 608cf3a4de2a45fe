#include "cmd/output.h"
#include "core/base/alloc.h"
#include <errno.h>
#include <libsmartcols.h>
#include <stdio.h>
#include <unistd.h>

struct table {
	struct libscols_table *table;
	size_t n;
};

struct table *table_new(const char *const *headings, size_t n)
{
	struct table *t = xnew(struct table);

	scols_init_debug(0);
	t->table = scols_new_table();
	if (t->table == NULL)
		abort();
	t->n = n;
	scols_table_enable_maxout(t->table, 0);
	for (size_t i = 0; i < n; i++)
		if (scols_table_new_column(t->table, headings[i], 0, 0) == NULL)
			abort();
	return t;
}

void table_row(struct table *t, const char *const *cells)
{
	struct libscols_line *line = scols_table_new_line(t->table, NULL);

	if (line == NULL)
		abort();
	for (size_t i = 0; i < t->n; i++)
		if (scols_line_set_data(line, i, cells[i] != NULL && cells[i][0] != '\0' ? cells[i] : "-") != 0)
			abort();
}

void table_print(struct table *t)
{
	scols_print_table(t->table);
	fflush(stdout);
	scols_unref_table(t->table);
	free(t);
}

void output_json(struct json_object *o)
{
	puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(o);
}

void table_of(const char *const *headings, const char *const *keys, size_t n, struct json_object *list)
{
	CLEANUP_FREE const char **cells = xnew_n(const char *, n);
	struct table *table = table_new(headings, n);

	for (size_t i = 0; i < json_len(list); i++) {
		for (size_t k = 0; k < n; k++)
			cells[k] = json_get_str(json_object_array_get_idx(list, i), keys[k], NULL);
		table_row(table, cells);
	}
	table_print(table);
}

int output_confirm(bool yes, const char *question, struct error **err)
{
	char answer[16] = "";

	if (yes)
		return 0;
	if (!isatty(STDIN_FILENO))
		return error_set(err, ERROR_USAGE, "%s: standard input is no terminal to ask on; give --yes", question);
	fprintf(stderr, "%s? [y/N] ", question);
	fflush(stderr);
	if (fgets(answer, sizeof(answer), stdin) == NULL || (answer[0] != 'y' && answer[0] != 'Y'))
		return error_set(err, ERROR_CANCELLED, "not confirmed: nothing was done");
	return 0;
}
