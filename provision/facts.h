/*
 * facts: what the cloud says about itself that only the checks before the first write weigh: quotas, zones, extensions, versions.
 * Asked for beside the lists of the look; one that cannot be read is no failure, its check says so.
 */
#pragma once
#include "core/base/json.h"

enum fact {
	FACT_COMPUTE_LIMITS,	/* {"limits": {"absolute": {…}}} */
	FACT_NETWORK_QUOTA,	/* {"quota": {"port": {"limit", "used", "reserved"}, …}}; numbers alone where details are unknown */
	FACT_VOLUME_QUOTA,	/* {"quota_set": {"volumes": {"limit", "in_use", "reserved"}, …}} */
	FACT_KEYPAIRS,		/* {"keypairs": […]}: of the user, whole */
	FACT_COMPUTE_ZONES,	/* {"availabilityZoneInfo": [{"zoneName", "zoneState": {"available"}}]} */
	FACT_VOLUME_ZONES,	/* the same of cinder */
	FACT_VOLUME_TYPES,	/* {"volume_types": [{"name"}]} */
	FACT_COMPUTE_VERSIONS,	/* {"versions": [{"id", "version", "min_version"}]} */
	FACT_VOLUME_VERSIONS,
	FACT_EXTENSIONS,	/* {"extensions": [{"alias"}]} of neutron */
	FACT_SUBNETS,		/* {"subnets": […]}: all that may be seen */
	FACT_FREE_ADDRESSES,	/* {"network_ip_availabilities": [{"network_id", "total_ips", "used_ips"}]}: for administrators */
	FACT_BALANCER_QUOTA,	/* {"quota": {"load_balancer": 10, …}}: limits alone, -1: none */
	FACT_BALANCERS,		/* {"loadbalancers": [{"listeners": [{"id"}], "pools": [{"id"}]}]}: of the project */
	FACT_BALANCER_PROVIDERS, /* {"providers": [{"name"}]} of octavia */
	FACT_CREDENTIALS,	/* {"application_credentials": […]}: of the user */
	FACT_COUNT
};

struct fact_answer {
	struct json_object *json; /* NULL: not asked for, or not answered */
	char *failure;		  /* why; NULL where it was not asked for */
	int status;		  /* HTTP's of a failure; 0 where there was no answer */
};

struct cloud;
struct plan;
/* Does this plan need to know it?  Pure. */
bool fact_wanted(enum fact fact, const struct plan *plan);
/* Asks; only being interrupted is a failure. */
int fact_ask(struct cloud *c, enum fact fact, struct fact_answer *ret, struct error **err) MUST_USE;
void fact_clear(struct fact_answer *a);
