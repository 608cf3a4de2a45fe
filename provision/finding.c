#include "provision/finding.h"
#include "core/base/alloc.h"
#include "core/base/buf.h"

void findings_add(struct findings *f, enum severity severity, const char *check, char *what, char *why, char *fix)
{
	array_grow(f->items, f->n, f->cap);
	f->items[f->n++] = (struct finding){severity, check, what, why, fix};
}

static struct passed *pass(struct findings *f, const char *check, char *what)
{
	array_grow(f->passed, f->n_passed, f->cap_passed);
	f->passed[f->n_passed] = (struct passed){.check = check, .what = what, .needed = -1};
	return &f->passed[f->n_passed++];
}

void findings_pass(struct findings *f, const char *check, char *what)
{
	pass(f, check, what);
}

void findings_pass_count(struct findings *f, const char *check, const char *what, int64_t needed, int64_t used, int64_t limit)
{
	struct passed *p = pass(f, check, xstrdup(what));

	p->needed = needed;
	p->used = used;
	p->limit = limit;
}

void findings_move(struct findings *to, struct findings *from)
{
	for (size_t i = 0; i < from->n; i++)
		findings_add(to, from->items[i].severity, from->items[i].check, from->items[i].what, from->items[i].why,
			     from->items[i].fix);
	for (size_t i = 0; i < from->n_passed; i++) {
		array_grow(to->passed, to->n_passed, to->cap_passed);
		to->passed[to->n_passed++] = from->passed[i];
	}
	free(from->items);
	free(from->passed);
	*from = (struct findings){0};
}

bool findings_refused_by(const struct findings *f, const char *check)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->items[i].severity == SEVERITY_ERROR && strcmp(f->items[i].check, check) == 0)
			return true;
	return false;
}

size_t findings_count(const struct findings *f, enum severity severity)
{
	size_t n = 0;

	for (size_t i = 0; i < f->n; i++)
		n += f->items[i].severity == severity;
	return n;
}

char *passed_text(const struct passed *p)
{
	long long needed = p->needed, used = p->used, limit = p->limit;

	if (needed < 0)
		return xstrdup(p->what);
	if (limit < 0)
		return xasprintf("%s: %lld, without a limit", p->what, needed);
	if (used < 0)
		return xasprintf("%s: %lld, the limit is %lld", p->what, needed, limit);
	return xasprintf("%s: %lld of %lld that are free (limit %lld)", p->what, needed, limit - used, limit);
}

char *finding_text(const struct finding *f)
{
	CLEANUP_BUF struct buf b = BUF_INIT;

	buf_add(&b, f->what);
	if (f->why != NULL)
		buf_addf(&b, "\n    why: %s", f->why);
	if (f->fix != NULL)
		buf_addf(&b, "\n    do: %s", f->fix);
	return buf_steal(&b);
}

int findings_refuse(const struct findings *f, struct error **err)
{
	CLEANUP_BUF struct buf text = BUF_INIT;
	size_t errors = findings_count(f, SEVERITY_ERROR);

	if (errors == 0)
		return 0;
	for (size_t i = 0; i < f->n; i++) {
		CLEANUP_FREE char *one = finding_text(&f->items[i]);

		if (f->items[i].severity == SEVERITY_ERROR)
			buf_addf(&text, "\n  %s", one);
	}
	return error_set(err, ERROR_PREFLIGHT, "%s before the first write; nothing was changed:%s",
			 errors == 1 ? "one check refuses" : "some checks refuse", buf_str(&text));
}

const char *severity_name(enum severity severity)
{
	return severity == SEVERITY_ERROR ? "error" : "warning";
}

static struct json_object *finding_json(const struct finding *f)
{
	struct json_object *o = json_object_new_object();

	json_add_str(o, "severity", severity_name(f->severity));
	json_add_str(o, "check", f->check);
	json_add_str(o, "what", f->what);
	json_add_str(o, "why", f->why);
	json_add_str(o, "do", f->fix);
	return o;
}

static struct json_object *passed_json(const struct passed *p)
{
	struct json_object *o = json_object_new_object();

	json_add_str(o, "check", p->check);
	json_add_str(o, "what", p->what);
	if (p->needed < 0)
		return o;
	json_add_int(o, "needed", p->needed);
	if (p->used >= 0)
		json_add_int(o, "used", p->used);
	json_add_int(o, "limit", p->limit);
	return o;
}

struct json_object *findings_json(const struct findings *f)
{
	struct json_object *o = json_object_new_object(), *items = json_object_new_array(), *passed = json_object_new_array();

	for (size_t i = 0; i < f->n; i++)
		json_object_array_add(items, finding_json(&f->items[i]));
	for (size_t i = 0; i < f->n_passed; i++)
		json_object_array_add(passed, passed_json(&f->passed[i]));
	json_add(o, "findings", items);
	json_add(o, "checked", passed);
	return o;
}

void findings_free(struct findings *f)
{
	for (size_t i = 0; i < f->n; i++) {
		free(f->items[i].what);
		free(f->items[i].why);
		free(f->items[i].fix);
	}
	for (size_t i = 0; i < f->n_passed; i++)
		free(f->passed[i].what);
	free(f->items);
	free(f->passed);
	*f = (struct findings){0};
}
