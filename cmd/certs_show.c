#include "cmd/certs_survey.h"
#include "cmd/output.h"
#include "cmd/verbs.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/log.h"

static const char *const kinds[] = {[SURVEY_AUTHORITY] = "authority",
				    [SURVEY_ADMIN] = "administrator",
				    [SURVEY_LEAF] = "certificate",
				    [SURVEY_COPY] = "copy",
				    [SURVEY_KUBELET] = "kubelet"};

/* As programs are told of it, and people. */
static const struct {
	const char *word, *cell;
} standings[] = {[SURVEY_UNREAD] = {"unread", "not read"},
		 [SURVEY_SAME] = {"same", "same"},
		 [SURVEY_RENEWED] = {"renewed", "renewed there"},
		 [SURVEY_OTHER] = {"other", "ANOTHER ONE"},
		 [SURVEY_MISSING] = {"missing", "MISSING"}};

struct show {
	struct context c;
	struct certs_survey s;
	int64_t now; /* seconds since 1970 */
	size_t ending, unread;
};

static void clear(struct show *s)
{
	certs_survey_clear(&s->s);
	context_close(&s->c);
}

/* Kubelets that have not renewed theirs yet have none of their own. */
static bool is_shown(const struct survey_item *i)
{
	return i->kind != SURVEY_KUBELET || survey_facts(i) != NULL;
}

static struct json_object *names_json(const struct strv *names)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < names->n; i++)
		json_object_array_add(list, json_object_new_string(names->v[i]));
	return list;
}

static void add_facts(struct json_object *o, const struct certificate_facts *f, int64_t now)
{
	CLEANUP_FREE char *from = clock_rfc3339(f->not_before * 1000), *until = clock_rfc3339(f->not_after * 1000);

	json_add_str(o, "subject", f->subject);
	json_add_str(o, "issuer", f->issuer);
	json_add(o, "names", names_json(&f->sans));
	json_add_str(o, "notBefore", from);
	json_add_str(o, "notAfter", until);
	json_add_int(o, "daysLeft", survey_days(f, now));
	json_add_str(o, "sha256", f->fingerprint);
}

static struct json_object *item_json(const struct show *s, const struct survey_item *i)
{
	struct json_object *o = json_object_new_object();
	const struct certificate_facts *f = survey_facts(i);

	json_add_str(o, "node", i->node);
	json_add_str(o, "file", i->path);
	json_add_str(o, "kubeconfig", i->kubeconfig);
	json_add_str(o, "kind", kinds[i->kind]);
	if (f != NULL)
		add_facts(o, f, s->now);
	if (i->node != NULL)
		json_add_str(o, "onNode", standings[i->standing].word);
	if (i->node != NULL && i->known.subject != NULL)
		json_add_str(o, "stateSha256", i->known.fingerprint);
	json_add_bool(o, "ending", survey_is_ending(i, s->now, s->c.o->warn_days));
	return o;
}

static struct json_object *unanswered_json(const struct show *s)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < s->s.names.n; i++) {
		struct json_object *o;

		if (s->s.failures[i] == NULL)
			continue;
		o = json_object_new_object();
		json_add_str(o, "node", s->s.names.v[i]);
		json_add_str(o, "why", error_message(s->s.failures[i]));
		json_object_array_add(list, o);
	}
	return list;
}

static void print_json(const struct show *s)
{
	struct json_object *whole = json_object_new_object(), *list = json_object_new_array();

	for (size_t i = 0; i < s->s.survey.n; i++)
		if (is_shown(&s->s.survey.items[i]))
			json_object_array_add(list, item_json(s, &s->s.survey.items[i]));
	json_add_str(whole, "cluster", s->c.spec->name);
	json_add_int(whole, "warnDays", s->c.o->warn_days);
	json_add_int(whole, "ending", (int64_t)s->ending);
	json_add(whole, "certificates", list);
	json_add(whole, "unanswered", unanswered_json(s));
	output_json(whole);
}

/* "demo-cp-1 and 10 more", all of them are in the JSON; a client has no names, but perhaps a kubeconfig that is meant for it. */
static char *names_cell(const struct survey_item *i, const struct certificate_facts *f)
{
	if (f == NULL || f->sans.n == 0)
		return xstrdup(i->kubeconfig);
	return f->sans.n == 1 ? xstrdup(f->sans.v[0]) : xasprintf("%s and %zu more", f->sans.v[0], f->sans.n - 1);
}

static char *left_cell(const struct certificate_facts *f, int64_t now)
{
	int64_t days = survey_days(f, now);

	return days < 0 ? xasprintf("ended %lld days ago", (long long)-days) : xasprintf("%lld days", (long long)days);
}

static void row(const struct show *s, const struct survey_item *i, struct table *table)
{
	const struct certificate_facts *f = survey_facts(i);
	CLEANUP_FREE char *names = names_cell(i, f), *until = f != NULL ? clock_rfc3339(f->not_after * 1000) : NULL;
	CLEANUP_FREE char *day = until != NULL ? xstrndup(until, strlen("2026-11-26")) : NULL, *left = f != NULL ? left_cell(f, s->now) : NULL;
	const char *cells[] = {i->node != NULL ? i->node : "state",
			       i->path,
			       f != NULL ? f->subject : NULL,
			       names,
			       f != NULL ? f->issuer : NULL,
			       day,
			       left,
			       i->node != NULL ? standings[i->standing].cell : NULL};

	table_row(table, cells);
}

/* Copies of authorities are shown where something is the matter with them. */
static void print_table(const struct show *s)
{
	static const char *const headings[] = {"WHERE", "FILE", "SUBJECT", "NAMES OR KUBECONFIG", "ISSUER", "UNTIL", "LEFT", "ON THE NODE"};
	struct table *table = table_new(headings, ARRAY_SIZE(headings));

	for (size_t i = 0; i < s->s.survey.n; i++) {
		const struct survey_item *item = &s->s.survey.items[i];

		if (is_shown(item) && (item->kind != SURVEY_COPY || item->standing == SURVEY_OTHER || item->standing == SURVEY_MISSING))
			row(s, item, table);
	}
	table_print(table);
}

static void warn(struct show *s)
{
	size_t strange = 0;

	(void)certs_ending(&s->s.survey, s->now, s->c.o->warn_days, &s->ending);
	for (size_t i = 0; i < s->s.survey.n; i++) {
		const struct survey_item *item = &s->s.survey.items[i];

		strange += is_shown(item) && (item->standing == SURVEY_OTHER || item->standing == SURVEY_MISSING);
	}
	for (size_t i = 0; i < s->s.names.n; i++) {
		if (s->s.failures[i] == NULL)
			continue;
		s->unread++;
		log_warning("%s was not read, and is shown as the state knows it: %s", s->s.names.v[i], error_message(s->s.failures[i]));
	}
	if (strange > 0)
		log_warning("%zu files on nodes are not what the state knows; \"davit apply\" puts them there", strange);
	if (s->ending > 0)
		log_warning("%zu certificates end within %d days, or have ended; \"davit certs renew\" makes all but authorities anew", s->ending,
			    s->c.o->warn_days);
}

int verb_certs_show(const struct options *o, struct error **err)
{
	CLEANUP(clear) struct show s = {.now = clock_wall_ms() / 1000};

	if (context_open(o, CONTEXT_READ, &s.c, err) < 0 || context_need_keys(&s.c, err) < 0 || certs_look(&s.c, NULL, &s.s, err) < 0)
		return -1;
	warn(&s);
	if (o->format == OUTPUT_JSON)
		print_json(&s);
	else
		print_table(&s);
	if (s.ending > 0)
		return EXIT_ENDING;
	if (s.unread > 0)
		return error_set(err, ERROR_NODE, "%zu of %zu nodes were not read", s.unread, s.s.names.n);
	return 0;
}
