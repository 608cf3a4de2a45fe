/* catalog: where the services of a cloud are.  Pure. */
#pragma once
#include "provision/cloud_config.h"

/*
 * The URL behind which the paths of a service begin, without a slash at its end; the caller frees.  endpoint_override comes
 * first; else the first entry of the catalog whose type (exact before aliases), interface and region match and whose URL is
 * not empty.  neutron gets /v2.0, glance /v2, octavia /v2.0/lbaas, keystone /v3 behind its root, whatever version stood there;
 * nova's, cinder's and swift's stay as they are, and get /v2.1, /v3 and /v1 where they name no version.
 * ERROR_NOT_FOUND lists the services, interfaces and regions that are there.
 */
int catalog_find(struct json_object *catalog, const struct cloud_config *c, enum cloud_service service, char **ret,
		 struct error **err) MUST_USE;

/* Without trailing slashes and a last path segment such as v3 or v2.0 (and octavia's lbaas); the caller frees. */
char *catalog_strip_version(const char *url) MUST_USE;

/* What stands before the first path segment such as v3 or v2.1, where the version document is; the caller frees. */
char *catalog_root(const char *url) MUST_USE;

/*
 * The URL of the version whose id is or begins with id ("v3": also "v3.14") in a version document, which keystone nests as
 * versions.values and others have as versions or version.  Only the path of its link is taken: behind a front end scheme
 * and host are often wrong.  NULL where there is none; the caller frees.
 */
char *catalog_version_url(struct json_object *document, const char *id, const char *asked_url) MUST_USE;
