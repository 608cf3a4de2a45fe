/* registry_fixture: what tests of bundles and registries need: a small mirror, a real registry, a hostile web server. */
#pragma once
#include "core/base/buf.h"
#include "core/cluster/spec.h"
#include "core/net/http.h"
#include <sys/types.h>

char *fixture_folder(void);					       /* a new one below /tmp; the caller frees */
void fixture_remove(char *folder);				       /* and frees */
void fixture_write(const char *path, const void *p, size_t n);	       /* makes the folders above it */
struct spec *fixture_spec(const char *version, const char *artifacts); /* artifacts: what stands in the braces of artifacts: {} */
/* Everything of the catalogue as files of the kinds that upstream has, containerd's of `large` bytes, below root. */
void fixture_mirror(const char *root, const struct spec *spec, size_t large);
/* The path of an artifact's file in such a mirror; the caller frees. */
char *fixture_artifact(const char *root, const struct spec *spec, const char *name);

/* CNCF distribution on the loopback: TLS, htpasswd (davit:secret), storage below folder, log in folder/log. */
struct fixture_registry {
	pid_t pid;
	char *folder, *host, *ca_pem;
};
/* NULL, or why there can be none on this machine. */
const char *fixture_registry_missing(void);
void fixture_registry_start(struct fixture_registry *r);
void fixture_registry_stop(struct fixture_registry *r);
struct http *fixture_http(const struct fixture_registry *r);
/* Requests of that method whose path holds `part`, by the registry's own access log. */
size_t fixture_registry_requests(const struct fixture_registry *r, const char *method, const char *part);

/* A web server that behaves as its paths say; see the table in the source. */
struct hostile;
struct hostile *hostile_start(const void *file, size_t len);
/* The same with answers by the caller: head is the request's line and headers. */
typedef void hostile_answer(int fd, const char *path, const char *head, void *context);
struct hostile *hostile_start_with(hostile_answer *own, void *context);
void hostile_put(int fd, const void *p, size_t n);
void hostile_put_head(int fd, const char *status, size_t length, const char *more); /* more: lines that end with CRLF */
char *hostile_url(const struct hostile *h, const char *path);			    /* the caller frees */
size_t hostile_requests(struct hostile *h);
/* The n-th request's line and headers, from 0; valid until hostile_stop(). */
const char *hostile_request(struct hostile *h, size_t n);
void hostile_stop(struct hostile *h);
