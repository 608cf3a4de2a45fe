/*
 * finding: what the checks before the first write have found: what is wrong, why that matters, what to do; and what is right, with
 * its numbers.  All are collected first and told at once.
 */
#pragma once
#include "core/base/error.h"
#include "core/base/json.h"

enum severity { SEVERITY_WARNING, SEVERITY_ERROR /* refuses: nothing is written */ };

struct finding {
	enum severity severity;
	const char *check; /* "quota", "image", …: static */
	char *what;	   /* `quota of instances: 4 are needed, 2 of 10 are free` */
	char *why, *fix;   /* or NULL */
};

/* Something that was checked and is right. */
struct passed {
	const char *check; /* static */
	char *what;	   /* "instances", "image \"debian-12\"" */
	int64_t needed, used, limit; /* of a quota; needed -1: it has no numbers; used -1: unknown; limit -1: there is none */
};

struct findings {
	struct finding *items;
	size_t n, cap;
	struct passed *passed;
	size_t n_passed, cap_passed;
};

/* Takes what, why and fix. */
void findings_add(struct findings *f, enum severity severity, const char *check, char *what, char *why, char *fix);
void findings_pass(struct findings *f, const char *check, char *what); /* takes what */
void findings_pass_count(struct findings *f, const char *check, const char *what, int64_t needed, int64_t used, int64_t limit);
void findings_move(struct findings *to, struct findings *from); /* appends; from is empty afterwards */
bool findings_refused_by(const struct findings *f, const char *check); /* an error of that check is among them */
size_t findings_count(const struct findings *f, enum severity severity);
/* "instances: 4 of the 8 that are free (2 of 10 are used)"; the caller frees. */
char *passed_text(const struct passed *p) MUST_USE;
/* What, why and what to do, a line each, the latter two indented; the caller frees. */
char *finding_text(const struct finding *f) MUST_USE;
/* All errors in one of kind ERROR_PREFLIGHT; 0 where there is none. */
int findings_refuse(const struct findings *f, struct error **err) MUST_USE;
/* {"findings": [{"severity", "check", "what", "why", "do"}], "checked": [{"check", "what", "needed", "used", "limit"}]} */
struct json_object *findings_json(const struct findings *f) MUST_USE;
const char *severity_name(enum severity severity);
void findings_free(struct findings *f);
#define CLEANUP_FINDINGS CLEANUP(findings_free)
