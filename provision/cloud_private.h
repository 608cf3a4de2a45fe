/* cloud_private: the cloud as cloud.c and request.c know it. */
#pragma once
#include "provision/auth.h"
#include "provision/cloud.h"
#include <pthread.h>

struct cloud {
	struct cloud_config *config;
	struct http *http;
	struct auth *auth;
	char *request_id;		 /* "req-UUID": of this run, in every request */
	struct error *missing[CLOUD_SERVICES]; /* why the first catalog has none, else NULL */
	pthread_mutex_t lock;		       /* of what follows */
	char *endpoints[CLOUD_SERVICES];       /* NULL where there is none */
	uint64_t catalog;		       /* the login that they come from */
};

/* Where the service is by the newest login's catalog; the caller frees; NULL where it is not. */
char *cloud_endpoint(struct cloud *c, enum cloud_service service) MUST_USE;
