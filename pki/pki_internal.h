/* pki_internal: what files of pki/ share of a PKI that is open. */
#pragma once
#include "pki/authority.h"
#include "pki/pki.h"
#include "pki/site.h"
#include "pki/table.h"
#include <pthread.h>

/* Authorities that were made together: those of the folder itself, or those of its folder "new" while they are about to take over. */
struct generation {
	struct authority authorities[PKI_SIGNERS];
	STACK_OF(X509) *above;	/* of the site: who has issued them, and so on up; NULL: they are roots */
	char *sa_key, *sa_pub;	/* PEM; signs the tokens of service accounts; NULL in "new" where that key stays */
};
/* Reads the folder.  What is missing is made where `make` says so, the key for tokens only with `sa`. */
int generation_open(const char *folder, const struct pki_options *options, bool make, bool sa, struct generation *ret, struct error **err) MUST_USE;
/* That key alone. */
int generation_sa(const char *folder, struct generation *g, struct error **err) MUST_USE;
void generation_clear(struct generation *g);

struct pki {
	char *folder;
	struct pki_options options;
	enum pki_pass pass;
	struct generation signer; /* read-only once open, as all that follows */
	struct generation other;  /* trusted as well; without authorities: none is */
	char *anchors[PKI_SIGNERS]; /* PEM: which authorities are trusted, the one that signs first */
	char *published;	  /* PEM: by which the API server is known: those of the cluster, and what is above them */
	char *above;		  /* PEM: what servers show behind their own certificate so that who knows the root alone takes it; "": nothing */
	const char *sa_key;	  /* of one of the two generations */
	char *sa_pub;
	struct pki_renewal renewal;
	pthread_mutex_t admin_lock; /* the one leaf that is no node's own */
};
