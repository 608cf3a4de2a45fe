#include "cmd/output.h"
#include "cmd/verbs.h"
#include "core/base/alloc.h"

struct span {
	const struct state_event *begin, *end;
};

static const struct state_event *end_of(const struct state_event *e, size_t n, size_t begin)
{
	for (size_t i = begin + 1; i < n; i++)
		if (strcmp(e[i].type, "begin") != 0 && strcmp(e[i].subject, e[begin].subject) == 0 && strcmp(e[i].phase, e[begin].phase) == 0)
			return &e[i];
	return NULL;
}

static struct json_object *row(const struct state_event *first, const struct span *s)
{
	struct json_object *o = json_object_new_object();
	CLEANUP_FREE char *from = xasprintf("%.1f", (double)(s->begin->wall_ms - first->wall_ms) / 1000);
	CLEANUP_FREE char *took = s->end == NULL ? NULL : xasprintf("%.1f", (double)(s->end->wall_ms - s->begin->wall_ms) / 1000);

	json_add_str(o, "subject", s->begin->subject);
	json_add_str(o, "phase", s->begin->phase);
	json_add_str(o, "from", from);
	json_add_str(o, "seconds", took);
	json_add_str(o, "result", s->end == NULL ? "cut off" : strcmp(s->end->type, "fail") == 0 ? "failed" : "done");
	return o;
}

static void print(struct json_object *list)
{
	static const char *const headings[] = {"SUBJECT", "PHASE", "FROM", "SECONDS", "RESULT"};
	static const char *const keys[] = {"subject", "phase", "from", "seconds", "result"};

	table_of(headings, keys, ARRAY_SIZE(headings), list);
}

int verb_report(const struct options *o, struct error **err)
{
	CLEANUP_CONTEXT struct context c = {0};
	struct json_object *list;
	struct state_event *e = NULL;
	size_t n = 0;

	if (context_open(o, CONTEXT_READ, &c, err) < 0 || state_last_run(c.state, &e, &n, err) < 0)
		return -1;
	list = json_object_new_array();
	for (size_t i = 0; i < n; i++) {
		struct span s = {&e[i], end_of(e, n, i)};

		if (strcmp(e[i].type, "begin") == 0)
			json_object_array_add(list, row(&e[0], &s));
	}
	if (o->format == OUTPUT_JSON) {
		output_json(list);
	} else {
		print(list);
		json_object_put(list);
	}
	state_events_free(e, n);
	return 0;
}
