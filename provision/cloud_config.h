/* cloud_config: all that is said of one cloud, checked, with openstacksdk's defaults.  Read from settings, whatever their source. */
#pragma once
#include "provision/cloud.h"
#include "provision/settings.h"

enum auth_type { AUTH_PASSWORD, AUTH_TOKEN, AUTH_APPLICATION_CREDENTIAL };

struct service_config {
	char *endpoint_override, *region, *interface, *type; /* each NULL where nothing is said */
};

/* Strings are NULL where nothing is said, except name, source, auth_url and interface. */
struct cloud_config {
	char *name;   /* "lab"; "" for the OS_* variables */
	char *source; /* for people: "cloud \"lab\" of /etc/openstack/clouds.yaml" */
	enum auth_type type;
	char *auth_url;
	char *username, *user_id, *user_domain_name, *user_domain_id, *password, *passcode;
	char *project_name, *project_id, *project_domain_name, *project_domain_id;
	char *domain_name, *domain_id, *system_scope, *trust_id;
	char *token;
	char *application_credential_id, *application_credential_name, *application_credential_secret;
	char *region, *interface; /* "public", "internal", "admin" */
	bool insecure;
	char *cacert, *cert, *key;
	int64_t api_timeout_ms; /* 0: the default */
	char *external_network; /* the first of networks[] with routes_externally */
	struct service_config services[CLOUD_SERVICES];
};

/* name, source: as in the structure.  The keys of "auth" are taken from the top as well, where they are not below "auth". */
int cloud_config_read(const struct settings *s, const char *name, const char *source, struct cloud_config **ret,
		      struct error **err) MUST_USE;
void cloud_config_free(struct cloud_config *c); /* wipes the secrets */
void cloud_config_free_ptr(struct cloud_config **c);
#define CLEANUP_CLOUD_CONFIG CLEANUP(cloud_config_free_ptr)
const char *cloud_service_name(enum cloud_service service); /* "compute", "load-balancer" */
