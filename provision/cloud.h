/*
 * cloud: one OpenStack project, logged in to; every call of its services goes through here.  Threads may share it.
 *
 * Renews its token before it ends, once for all threads; finds endpoints in the catalog; repeats by retry class; turns the
 * error bodies of all services into one message: `create server "demo-w-1": No valid host was found (HTTP 403, req-…)`.
 */
#pragma once
#include "core/base/json.h"
#include "core/base/strv.h"
#include "core/net/retry.h"

struct cloud;

/* name: of clouds.yaml, or NULL: $OS_CLOUD, else the OS_* variables, else the only cloud of the file.  Logs in. */
int cloud_open(const char *name, struct cloud **ret, struct error **err) MUST_USE;
void cloud_close(struct cloud *c);
void cloud_close_ptr(struct cloud **c);
#define CLEANUP_CLOUD CLEANUP(cloud_close_ptr)

enum cloud_service {
	CLOUD_IDENTITY,
	CLOUD_COMPUTE,
	CLOUD_NETWORK,
	CLOUD_IMAGE,
	CLOUD_VOLUME,
	CLOUD_LOAD_BALANCER,
	CLOUD_PLACEMENT,
	CLOUD_OBJECT_STORE,
	CLOUD_SERVICES
};

struct cloud_call {
	enum cloud_service service;
	const char *method;
	const char *path;	  /* behind the versioned endpoint: "/servers/detail?name=x" */
	struct json_object *body; /* borrowed; NULL: none */
	const char *microversion; /* "2.37", or NULL */
	enum retry_class retry;
	const char *what; /* for errors: `create server "demo-w-1"`; NULL: method and path */
	bool not_found_ok,
		conflict_ok; /* 404 or 409 is no error: *ret NULL and ret_status tells; a quota, which neutron refuses by 409, is one */
	bool unversioned; /* path is behind the service's root, where its version document is: "/" */
	int64_t deadline; /* clock_ms(); 0: 10 minutes from now */
};

/* *ret: the answer's JSON (the caller puts), NULL where there is no body.  ret_status may be NULL.
 * Errors: AUTH 401/403, NOT_FOUND 404, CONFLICT 409, QUOTA (each service's own way), REMOTE else; NETWORK, TIMEOUT.
 * ret_ambiguous (may be NULL): set when the service may have applied the call although it failed. */
int cloud_call(struct cloud *c, const struct cloud_call *call, struct json_object **ret, int *ret_status, bool *ret_ambiguous,
	       struct error **err) MUST_USE;
/* GET of a collection, all pages: *ret is a new array of the members of answer[key]. */
int cloud_list(struct cloud *c, enum cloud_service service, const char *path, const char *key, const char *microversion,
	       struct json_object **ret, struct error **err) MUST_USE;

/* One request of the object store, of bytes instead of JSON.  0 for every status that was answered; ret is always valid. */
struct cloud_bytes {
	const char *method;
	const char *path; /* "/container/object": escaped, with its query */
	const void *body; /* NULL: none */
	size_t len;
	http_write *write; /* takes what a 2xx answer brings, and is then not repeated; NULL: ret has it */
	void *context;
};
int cloud_bytes(struct cloud *c, const struct cloud_bytes *b, struct http_response *ret, struct error **err) MUST_USE;

bool cloud_has(struct cloud *c, enum cloud_service service); /* in the catalog */
uint64_t cloud_requests(struct cloud *c); /* sent so far, repeats included */
const char *cloud_project_id(struct cloud *c);
const char *cloud_user_id(struct cloud *c);
const char *cloud_auth_url(struct cloud *c); /* keystone's, "https://keystone:5000/v3" */
const char *cloud_region(struct cloud *c);   /* or NULL: the only one */
const char *cloud_application_credential(struct cloud *c); /* id or name of the one that this login is made with, or NULL */
char *
cloud_describe(struct cloud *c) MUST_USE; /* "cloud \"lab\" of /etc/openstack/clouds.yaml, project demo, region RegionOne" */
/* The names of the login's roles in the project; borrowed. */
const struct strv *cloud_roles(struct cloud *c);
bool cloud_is_restricted(struct cloud *c); /* the login is by an application credential that may make no others */
/* By how much keystone's clock was before this machine's at the login, to the second; false where it did not say. */
bool cloud_clock_skew(struct cloud *c, int64_t *ret_ms);
/* Networks that clouds.yaml marks routes_externally; NULL where none. */
const char *cloud_external_network(struct cloud *c);
