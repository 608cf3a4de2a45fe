#include "cmd/verbs.h"

const struct command certs_actions[] = {
	{"certs show", NULL, "Show every certificate: whose, for which names, until when, and whether the node has the one that the state knows",
	 "All nodes are read at the same time, without their keys; where one gives no answer, what the state knows is shown.  Exit status 8 when\n"
	 "something ends within --warn-days or has ended, else 5 when a node gave no answer: made for monitoring.", 0, 0,
	 OPT_FILE | OPT_STATE | OPT_OUTPUT | OPT_WARN_DAYS, verb_certs_show},
	{0},
};
