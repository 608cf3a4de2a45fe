/* certs_survey: what "davit certs" knows of a cluster's certificates: the state's, and what each node really has. */
#pragma once
#include "cmd/context.h"
#include "pki/survey.h"

struct certs_survey {
	struct survey survey;
	struct strv names;	 /* of the nodes that were asked */
	struct error **failures; /* why one of them gave no answer, else NULL */
};

/* The state's alone. */
int certs_known(const struct context *c, struct survey *ret, struct error **err) MUST_USE;
/* What ends within so many days of now (seconds since 1970), or has ended: how many, and the first of them; NULL: nothing does. */
const struct survey_item *certs_ending(const struct survey *s, int64_t now, int days, size_t *ret_n);
/* All nodes that have certificates, or those of `only` (NULL: all), are asked at the same time; one that gives no answer is no error. */
int certs_look(const struct context *c, const struct strv *only, struct certs_survey *ret, struct error **err) MUST_USE;
void certs_survey_clear(struct certs_survey *s);
#define CLEANUP_CERTS CLEANUP(certs_survey_clear)
