#include "bootstrap/progress.h"
#include <stdlib.h>
#include <string.h>

enum { HAS_STEP = 1, HAS_STATUS = 2, HAS_TEXT = 4 };

static const struct {
	const char *name;
	enum progress_verb verb;
	unsigned has;
} verbs[] = {
	{"artifact", PROGRESS_ARTIFACT, HAS_TEXT},
	{"begin", PROGRESS_BEGIN, HAS_STEP},
	{"drift", PROGRESS_DRIFT, HAS_TEXT},
	{"end", PROGRESS_END, HAS_STATUS},
	{"fail", PROGRESS_FAIL, HAS_STEP | HAS_STATUS},
	{"log", PROGRESS_LOG, HAS_STEP | HAS_TEXT},
	{"note", PROGRESS_NOTE, HAS_STEP | HAS_TEXT},
	{"ok", PROGRESS_OK, HAS_STEP},
	{"push", PROGRESS_PUSH, 0},
	{"skip", PROGRESS_SKIP, HAS_STEP},
	{"unchanged", PROGRESS_UNCHANGED, 0},
};

/* The next word of *at; its length; *at goes behind the space that ends it. */
static size_t word(const char **at, const char **ret)
{
	size_t n = strcspn(*at, " ");

	*ret = *at;
	*at += n;
	if (**at == ' ')
		(*at)++;
	return n;
}

static bool take_step(const char **at, char ret[PROGRESS_STEP_MAX])
{
	const char *w = NULL;
	size_t n = word(at, &w);

	if (n == 0 || n >= PROGRESS_STEP_MAX)
		return false;
	memcpy(ret, w, n);
	ret[n] = '\0';
	return true;
}

static bool take_status(const char **at, int *ret)
{
	const char *w = NULL;
	size_t n = word(at, &w);

	if (n == 0 || n > 3 || strspn(w, "0123456789") != n)
		return false;
	*ret = atoi(w);
	return true;
}

static bool take(const char *at, unsigned has, struct progress *p)
{
	if ((has & HAS_STEP) && !take_step(&at, p->step))
		return false;
	if ((has & HAS_STATUS) && !take_status(&at, &p->status))
		return false;
	p->text = (has & HAS_TEXT) ? at : "";
	return (has & HAS_TEXT) || *at == '\0';
}

void progress_parse(const char *line, struct progress *ret)
{
	const char *at = line, *w = NULL;
	size_t n = 0;

	*ret = (struct progress){.text = ""};
	n = word(&at, &w);
	if (n != 5 || strncmp(w, "davit", 5) != 0)
		return;
	n = word(&at, &w);
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		struct progress p = {.verb = verbs[i].verb, .text = ""};

		if (strlen(verbs[i].name) != n || strncmp(w, verbs[i].name, n) != 0)
			continue;
		if (take(at, verbs[i].has, &p))
			*ret = p;
		return;
	}
}

static void keep(struct progress_lines *l, unsigned char c)
{
	if (l->n < PROGRESS_LINE_MAX)
		l->text[l->n++] = c < 0x20 || c == 0x7f ? ' ' : (char)c;
}

int progress_feed(struct progress_lines *l, const void *p, size_t n, struct error **err)
{
	const char *s = p;

	for (size_t i = 0; i < n; i++) {
		if (s[i] != '\n') {
			keep(l, (unsigned char)s[i]);
			continue;
		}
		l->text[l->n] = '\0';
		l->n = 0;
		if (l->line(l->text, l->context, err) < 0)
			return -1;
	}
	return 0;
}
