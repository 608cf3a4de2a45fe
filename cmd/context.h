/* context: what nearly every verb begins with: the file, the state, the nodes that are known, the plan. */
#pragma once
#include "cmd/options.h"
#include "core/cluster/plan.h"
#include "core/cluster/state.h"
#include "registry/registry.h"

struct site;

struct context {
	const struct options *o;
	struct spec *spec;
	struct state *state;	     /* NULL: there is none and CONTEXT_LOOK was asked for */
	struct inventory *inventory; /* the nodes of the state */
	struct plan *plan;
	struct site *site; /* what pki.ca of the file names, once it was read (site.h); NULL: not yet */
};

enum context_mode {
	CONTEXT_READ, /* the cluster must have been made here */
	CONTEXT_LOOK, /* a missing state is no error */
	CONTEXT_WRITE, /* makes the state where there is none, and holds the lock */
	CONTEXT_EXISTING /* holds the lock of a state that is there */
};

/* What "complete" of the state says while one pool is worked on, before its name: the rest is whole. */
#define COMPLETE_BUT_POOL "pool:"

int context_open(const struct options *o, enum context_mode mode, struct context *ret, struct error **err) MUST_USE;
/* Another file's content in place of the one that was read; the plan is to be made again.  spec becomes the context's. */
void context_take_spec(struct context *c, struct spec *spec);
/* All pools but that one (NULL: all) as they are, whatever the file says of their numbers; the plan is to be made again. */
void context_pin_pools(struct context *c, const char *but);
/* The plan again, with what the inventory knows by now. */
int context_replan(struct context *c, struct error **err) MUST_USE;
/* Nodes of the pool that are not on their way out. */
size_t context_members(const struct context *c, const char *pool);
void context_close(struct context *c);
#define CLEANUP_CONTEXT CLEANUP(context_close)
const char *context_cloud(const struct context *c);  /* --os-cloud, else the file's, else NULL */
/* What a later run without the file needs: cloud and project, and a copy of the file (cluster.yaml in the state). */
struct cloud;
int context_remember(const struct context *c, struct cloud *cloud, struct error **err) MUST_USE;
int context_remember_file(const struct context *c, struct error **err) MUST_USE; /* the copy alone */
/* False for a state that was rebuilt from the cloud alone: no keys, so that no node can be reached or compared. */
bool context_has_keys(const struct context *c);
/* The cluster's own SSH key pair, in the state, made where there is none; never the user's.  The caller frees the public half. */
int context_key_pair(const struct context *c, char **ret_public, struct error **err) MUST_USE;
int context_need_keys(const struct context *c, struct error **err) MUST_USE;
/* ERROR_CONFIG where the cluster was made in another project than the one that these credentials are for. */
int context_check_project(struct state *state, struct cloud *cloud, struct error **err) MUST_USE;
/* The bundle of the file: made or completed where none is named. ret_folder: the caller frees. */
int context_bundle(const struct context *c, struct events *events, struct artifacts *ret, char **ret_folder, struct error **err) MUST_USE;
/* The first control plane, where one was installed: before that there is no Kubernetes to ask; else NULL. */
const char *context_plane(const struct context *c);
const char *context_plane_but(const struct context *c, const struct strv *lost); /* and that is none of these */
/* ERROR_USAGE on another platform; instead: what its users do, "use davit docker-context". */
int context_need_kubernetes(const struct context *c, const char *instead, struct error **err) MUST_USE;
/* Likewise; mke NULL: MKE is one as well, else what its users do. */
int context_need_swarm(const struct context *c, const char *mke, struct error **err) MUST_USE;
/* "cp-1" or "demo-cp-1": the whole name, which the caller frees; ERROR_USAGE with the names that there are. */
int context_node_name(const struct context *c, const char *word, char **ret, struct error **err) MUST_USE;
/* Appends the whole names, each once. */
int context_node_names(const struct context *c, const struct strv *words, struct strv *ret, struct error **err) MUST_USE;
/* Whether the last run came to its end, or would have but for this pool. */
bool context_is_whole(const struct context *c, const char *pool);
