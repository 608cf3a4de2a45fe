/* certs_nodes: what goes between the state and nodes that renew certificates by themselves (pki.renewedOnNodes); nothing where the file names none. */
#pragma once
#include "cmd/certs_survey.h"
#include "cmd/work.h"

/* What control planes are to sign anew, of nodes whose certificates are others than when this was done last; where the file names none any more all goes. */
int certs_publish(struct work *w, struct error **err) MUST_USE;
/* Before nodes are compared with what they should have: of nodes that have certificates which, by the state, are near their end, the state takes up what
 * they have renewed.  One that gives no answer is no error. */
int certs_adopt(const struct context *c, struct error **err) MUST_USE;
/* The same of a survey that was looked at. */
int certs_adopt_from(const struct context *c, struct survey *s, struct error **err) MUST_USE;
