/* pki_internal: what files of pki/ share of a PKI that is open. */
#pragma once
#include "pki/authority.h"
#include "pki/pki.h"
#include "pki/table.h"
#include <pthread.h>

struct pki {
	char *folder;
	enum key_algorithm algorithm; /* of what is made from now on */
	struct authority authorities[PKI_SIGNERS]; /* read-only once open */
	char *sa_key, *sa_pub;			   /* PEM; signs the tokens of service accounts */
	struct pki_renewal renewal;
	pthread_mutex_t admin_lock;		   /* the one leaf that is no node's own */
};
