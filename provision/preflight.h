/*
 * preflight: the checks before the first write.  Each is pure: it reads plan and view and adds findings; what it has no answer to
 * weigh by it says nothing of, or a warning.
 */
#pragma once
#include "core/base/alloc.h"
#include "provision/needs.h"
#include "provision/view.h"

struct preflight {
	const struct plan *plan;
	struct view *view;
	struct needs needs; /* what would be made */
	struct findings *findings;
};

/* Of what the file names: preflight_names.c */
void check_services(struct preflight *p);
void check_image(struct preflight *p);
void check_external(struct preflight *p);
void check_flavors(struct preflight *p);
void check_existing(struct preflight *p); /* preflight_existing.c */
void check_nics(struct preflight *p);
void check_server_groups(struct preflight *p); /* check_modes.c */
void check_volume_zones(struct preflight *p);
/* By the answers of view->facts. */
void check_zones(struct preflight *p); /* preflight_zones.c */
void check_volume_types(struct preflight *p);
void check_compute_quota(struct preflight *p); /* preflight_quota.c */
void check_network_quota(struct preflight *p);
void check_volume_quota(struct preflight *p);
void check_balancer_quota(struct preflight *p); /* preflight_balancer.c */
void check_provider(struct preflight *p);
void check_external_addresses(struct preflight *p); /* preflight_network.c */
void check_nic_addresses(struct preflight *p);
void check_overlaps(struct preflight *p);
void check_subnet(struct preflight *p);
void check_mtu(struct preflight *p);
void check_roles(struct preflight *p); /* preflight_cloud.c */
void check_credential(struct preflight *p);
void check_clock(struct preflight *p);
void check_microversions(struct preflight *p);
void check_extensions(struct preflight *p);

/* As findings_add() for an error; what is formatted. */
#define REFUSE(p, check, why, fix, ...)                                                                                          \
	findings_add((p)->findings, SEVERITY_ERROR, check, xasprintf(__VA_ARGS__), xstrdup(why), xstrdup(fix))
#define WARN(p, check, why, fix, ...)                                                                                            \
	findings_add((p)->findings, SEVERITY_WARNING, check, xasprintf(__VA_ARGS__), xstrdup(why), xstrdup(fix))
#define PASS(p, check, ...) findings_pass((p)->findings, check, xasprintf(__VA_ARGS__))

struct quota {
	const char *what, *unit; /* "instances", ""; "memory", " MiB" */
	int64_t needed, used, limit; /* used -1: unknown; limit -1: none, INT64_MIN: the cloud did not say */
};
/* What is not needed, or has no limit that is known, is not told. */
void preflight_quota(struct preflight *p, const struct quota *q);
/* The fact's answer; NULL where there is none, after a warning that `what` could not be checked and is found out later. */
struct json_object *preflight_fact(struct preflight *p, enum fact fact, const char *check, const char *what);
/* A number of the cloud's, kept within what can be added and subtracted without care; the fallback as it is. */
int64_t preflight_amount(struct json_object *o, const char *path, int64_t fallback);
/* `WHAT "NAME": the cloud has no such WHAT; it has …; did you mean …?`  key: where the file names it. */
void preflight_missing(struct preflight *p, const char *what, const char *key, const char *name, const struct strv *names,
		       const char *have);
