#include "cmd/verbs.h"

const struct command certs_actions[] = {
	{"certs csr", NULL, "Write the request for a certificate of the authority of the site's beneath which the cluster's own are to be issued",
	 "For \"pki: {ca: {certificate: demo-ca.crt}}\" without a key in the file: davit makes the key, keeps it in the state, and writes demo-ca.csr. apply does so by\n"
	 "itself where the certificate is missing.", 0, 0,
	 OPT_FILE | OPT_STATE, verb_certs_csr},
	{"certs renew", NULL, "Make certificates anew that are near their end, and put them where they belong",
	 "From the same authorities.  The registry first, then the control planes one by one, each until etcd and the API server are well, then the\n"
	 "workers, without a drain.  What a node has and what the state knows stay together: where one cannot be reached nothing is begun, and after an\n"
	 "interruption the same command goes on.", 0, 0,
	 OPT_FILE | OPT_STATE | OPT_OUTPUT | OPT_DRY_RUN | OPT_MIRROR | OPT_BUNDLE | OPT_WARN_DAYS | OPT_RENEW, verb_certs_renew},
	{"certs rotate-ca", NULL, "Replace the authorities, and with them all certificates, in three rolling passes",
	 "First the new ones are trusted everywhere beside the old ones, then all certificates are made anew by them, then the old ones are trusted no more.\n"
	 "The new ones are as the file says (pki). Each pass goes through the registry, the control planes one by one, and the workers, without a drain. An\n"
	 "interrupted run is gone on with by the same command. With --service-account the last pass has to wait for an hour, for the tokens of pods.", 0, 0,
	 OPT_FILE | OPT_STATE | OPT_OUTPUT | OPT_YES | OPT_DRY_RUN | OPT_MIRROR | OPT_BUNDLE | OPT_ROTATE, verb_certs_rotate},
	{"certs show", NULL, "Show every certificate: whose, for which names, until when, and whether the node has the one that the state knows",
	 "All nodes are read at the same time, without their keys; where one gives no answer, what the state knows is shown.  Exit status 8 when\n"
	 "something ends within --warn-days or has ended, else 5 when a node gave no answer: made for monitoring.", 0, 0,
	 OPT_FILE | OPT_STATE | OPT_OUTPUT | OPT_WARN_DAYS, verb_certs_show},
	{0},
};
