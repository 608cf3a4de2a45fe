/* manifests_fixture: what is rendered for a server of a cluster: what the tests of manifests look at. */
#pragma once
#include "manifests/manifests.h"
#include "tests/unit/test.h"

#define PASSWORD "0123456789abcdef0123456789abcdef"
#define ENCRYPTION_KEY "ZW5jcnlwdGlvbiBrZXkgb2YgdGVzdHMsIDMyIGJ5dGU="
#define VOLUME "4f0f2e6c-1b1d-4d0c-9a3e-52f64f1ee4c1"
/* The beginning of a cluster's file, and pools for it. */
#define HEAD                                                                                                                     \
	"apiVersion: davit/v1\nkind: Cluster\nmetadata: {name: demo}\nspec:\n"                                                   \
	"  platform: {type: kubernetes, version: 1.36.3}\n  openstack: {cloud: lab, image: debian-12}\n"                         \
	"  controlPlane: {count: 1, flavor: small}\n"
#define WORKERS "  workerPools: [{name: w, count: 2, flavor: small}]\n"

extern struct artifacts manifests_bundle;
extern struct manifest_values manifests_secrets;

/* A cluster from a file's text, with what is rendered for one of its servers. */
struct rendered {
	struct spec *spec;
	struct plan *plan;
	struct fileset files;
	struct strv units;
};
void rendered_clear(struct rendered *r);
#define CLEANUP_RENDERED CLEANUP(rendered_clear)

char *golden_path(const char *relative); /* the caller frees */
int render_text(const char *text, const char *node_name, struct rendered *r, struct error **err);
void render_file(const char *file, const char *node_name, struct rendered *r); /* of the golden files */
void render(const char *node_name, struct rendered *r);			       /* of cluster.yaml there */
const char *content(const struct rendered *r, const char *path);	       /* fails where it is not rendered */
/* How many there are in a text of YAML; fails where one cannot be read, or, if they are objects, is none of Kubernetes'. */
size_t check_documents(const char *name, const char *text, bool objects);
/* Of a group of tests: the bundle has images meanwhile. */
int manifests_setup(void **state);
int manifests_teardown(void **state);
