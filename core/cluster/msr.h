/*
 * msr: Mirantis Secure Registry 2 (once Docker Trusted Registry) on a pool of MKE's workers: what of the file it takes, and who of the nodes has a replica
 * of it.  Written from the vendor's documentation (https://docs.mirantis.com/msr/2.9/, https://docs.mirantis.com/msr/2.10/), untested against its images.
 */
#pragma once
#include "core/cluster/inventory.h"
#include "core/cluster/spec.h"
#include "core/cluster/state.h"

struct yaml;
struct yaml_node;

#define MSR_CERTIFICATE "/etc/davit/msr/registry" /* on each node of its pool: .crt, .key */
enum { MSR_ID_LEN = 12 /* hexadecimal digits */ };

/* Of "mke.msr" in the file: what it cannot take. */
int msr_check(const struct yaml *y, const struct yaml_node *file, const struct spec *s, struct error **err) MUST_USE;
/* "mirantis/dtr": the image of that version's installer; NULL where the version is none that is known. */
const char *msr_image(const char *version);
/* Whether the node is of the pool that has its replicas. */
bool msr_is_on(const struct spec *s, const struct node *n);

/* ---- the state: which replica a node has, by its id
 * It is there from before the installation begins, so that a run that goes on asks for the same one. */
char *msr_replica(struct state *s, const char *node) MUST_USE; /* installed; NULL: none.  The caller frees, as below */
char *msr_begun(struct state *s, const char *node) MUST_USE;	/* its installation has begun, and is not known to have come to its end */
int msr_note_begun(struct state *s, const char *node, const char *id, struct error **err) MUST_USE;
int msr_note_replica(struct state *s, const struct spec *spec, const char *node, const char *id, struct error **err) MUST_USE;
int msr_note_gone(struct state *s, const char *node, struct error **err) MUST_USE;
bool msr_is_installed(struct state *s); /* it was, on some node */
char *msr_version(struct state *s) MUST_USE; /* that it has; NULL: it was not installed */
int msr_note_version(struct state *s, const struct spec *spec, const char *version, struct error **err) MUST_USE;
/* ERROR_CONFIG where the file wants something else of an MSR that was installed than it has, or none; of its version an older one. */
int msr_check_kept(const struct spec *spec, struct state *s, struct error **err) MUST_USE;
