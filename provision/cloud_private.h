/* cloud_private: the cloud as cloud.c and request.c know it. */
#pragma once
#include "provision/auth.h"
#include "provision/cloud.h"

struct cloud {
	struct cloud_config *config;
	struct http *http;
	struct auth *auth;
	char *request_id;		 /* "req-UUID": of this run, in every request */
	char *endpoints[CLOUD_SERVICES]; /* NULL where the catalog has none, and then: */
	struct error *missing[CLOUD_SERVICES];
};
