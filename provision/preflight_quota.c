/*
 * Quotas of nova, neutron and cinder, each read in the service's own form.
 */
#include "provision/preflight.h"

#define CHECK "quota"

void preflight_quota(struct preflight *p, const struct quota *q)
{
	int64_t used = q->used > 0 ? q->used : 0, left = q->limit > used ? q->limit - used : 0;
	CLEANUP_FREE char *fix = NULL;

	if (q->needed <= 0 || q->limit == INT64_MIN)
		return;
	if (q->limit < 0 || q->needed <= left) {
		findings_pass_count(p->findings, CHECK, q->what, q->needed, q->used, q->limit < 0 ? -1 : q->limit);
		return;
	}
	fix = xasprintf("ask the cloud's operator for %lld%s more, delete what is not needed any more, or make the cluster smaller",
			(long long)(q->needed - left), q->unit);
	REFUSE(p, CHECK, "the cloud would refuse them in the middle of the run", fix,
	       "quota of %s: %lld%s are needed, %lld of %lld%s are free", q->what, (long long)q->needed, q->unit, (long long)left,
	       (long long)q->limit, q->unit);
}

int64_t preflight_amount(struct json_object *o, const char *path, int64_t fallback)
{
	const int64_t most = 1000LL * 1000 * 1000 * 1000 * 1000;
	int64_t n = json_get_int(o, path, fallback);

	if (n == fallback)
		return n;
	return n > most ? most : n < -most ? -most : n;
}

struct json_object *preflight_fact(struct preflight *p, enum fact fact, const char *check, const char *what)
{
	const struct fact_answer *a = &p->view->facts[fact];

	if (a->failure != NULL)
		WARN(p, check, "a shortage shows only when the cloud refuses, in the middle of the run",
		     "compare by hand, or ask the cloud's operator to let the project read it", "%s cannot be read: %s", what, a->failure);
	return a->json;
}

/* ---- nova ---- */

static void check_absolute(struct preflight *p, struct json_object *limits, const char *what, const char *unit, int64_t needed,
			   const char *limit, const char *used)
{
	struct json_object *absolute = json_at(limits, "limits.absolute");
	struct quota q = {what, unit, needed, preflight_amount(absolute, used, -1), preflight_amount(absolute, limit, INT64_MIN)};

	preflight_quota(p, &q);
}

static size_t count_members(const struct plan *plan, const char *group)
{
	size_t n = 0;

	for (size_t i = 0; i < plan->n_nodes; i++)
		n += plan->nodes[i].server_group != NULL && strcmp(plan->nodes[i].server_group, group) == 0;
	return n;
}

/* Each pool is one server group: all its members count, also those that are there. */
static void check_members(struct preflight *p, struct json_object *limits)
{
	int64_t limit = preflight_amount(limits, "limits.absolute.maxServerGroupMembers", INT64_MIN);

	for (size_t i = 0; i < p->plan->n_server_groups && limit != INT64_MIN; i++) {
		const char *group = p->plan->server_groups[i].name;
		size_t members = count_members(p->plan, group);
		CLEANUP_FREE char *what = xasprintf("members of server group \"%s\"", group);
		CLEANUP_FREE char *fix = xasprintf("write serverGroupSize: %lld, or ask the cloud's operator for a larger quota of "
						   "server_group_members", (long long)(limit > 0 ? limit : 1));

		if (limit < 0 || (int64_t)members <= limit)
			findings_pass_count(p->findings, CHECK, what, (int64_t)members, 0, limit < 0 ? -1 : limit);
		else
			REFUSE(p, CHECK, "nova refuses the servers beyond it", fix,
			       "quota of %s: %zu servers are to be in it, the cloud allows %lld", what, members,
			       (long long)limit);
	}
}

void check_compute_quota(struct preflight *p)
{
	struct json_object *limits = preflight_fact(p, FACT_COMPUTE_LIMITS, CHECK, "quota of compute (nova)");
	struct json_object *pairs = json_at(p->view->facts[FACT_KEYPAIRS].json, "keypairs");
	const int64_t *kinds = p->needs.kinds;
	struct quota keypairs = {"keypairs of the user", "", kinds[KIND_KEYPAIR], (int64_t)json_len(pairs),
				 preflight_amount(limits, "limits.absolute.maxTotalKeypairs", INT64_MIN)};

	if (limits == NULL)
		return;
	check_absolute(p, limits, "instances", "", kinds[KIND_SERVER], "maxTotalInstances", "totalInstancesUsed");
	check_absolute(p, limits, "cores", "", p->needs.cores, "maxTotalCores", "totalCoresUsed");
	check_absolute(p, limits, "memory", " MiB", p->needs.ram_mib, "maxTotalRAMSize", "totalRAMUsed");
	check_absolute(p, limits, "server groups", "", kinds[KIND_SERVER_GROUP], "maxServerGroups", "totalServerGroupsUsed");
	if (pairs != NULL)
		preflight_quota(p, &keypairs);
	check_members(p, limits);
}

/* ---- neutron ---- */

/* {"limit": 10, "used": 2, "reserved": 0}, or the limit alone. */
static struct quota network_quota(struct json_object *quotas, const char *what, const char *key, int64_t needed)
{
	struct json_object *o = json_at(quotas, key);

	if (json_object_is_type(o, json_type_object))
		return (struct quota){what, "", needed, preflight_amount(o, "used", 0) + preflight_amount(o, "reserved", 0),
				      preflight_amount(o, "limit", INT64_MIN)};
	return (struct quota){what, "", needed, -1, preflight_amount(quotas, key, INT64_MIN)};
}

/* A project that has no security group yet gets one named "default", which counts too: with four rules. */
static int64_t of_default_group(struct json_object *quotas, const struct needs *n, int64_t count)
{
	struct quota groups = network_quota(quotas, "", "security_group", 0);

	return n->kinds[KIND_GROUP] > 0 && groups.used == 0 ? count : 0;
}

void check_network_quota(struct preflight *p)
{
	struct json_object *quotas = json_at(preflight_fact(p, FACT_NETWORK_QUOTA, CHECK, "quota of network (neutron)"), "quota");
	const struct needs *n = &p->needs;
	const struct {
		const char *what, *key;
		int64_t needed;
	} wanted[] = {
		{"networks", "network", n->kinds[KIND_NETWORK]},
		{"subnets", "subnet", n->kinds[KIND_SUBNET]},
		{"routers", "router", n->kinds[KIND_ROUTER]},
		{"ports", "port", n->ports},
		{"security groups", "security_group", n->kinds[KIND_GROUP] + of_default_group(quotas, n, 1)},
		{"security group rules", "security_group_rule", n->rules + of_default_group(quotas, n, 4)},
		{"floating IPs", "floatingip", n->kinds[KIND_FLOATING_IP]},
	};

	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		struct quota q = network_quota(quotas, wanted[i].what, wanted[i].key, wanted[i].needed);

		preflight_quota(p, &q);
	}
}

/* ---- cinder ---- */

static void check_set(struct preflight *p, struct json_object *set, const char *what, const char *unit, const char *key,
		      int64_t needed)
{
	struct json_object *o = json_at(set, key);
	struct quota q = {what, unit, needed, preflight_amount(o, "in_use", 0) + preflight_amount(o, "reserved", 0),
			  preflight_amount(o, "limit", INT64_MIN)};

	preflight_quota(p, &q);
}

/* "volumes_ssd" and "gigabytes_ssd": of each type that the file names. */
static void check_type(struct preflight *p, struct json_object *set, const char *type)
{
	CLEANUP_FREE char *volumes = xasprintf("volumes_%s", type), *gigabytes = xasprintf("gigabytes_%s", type);
	CLEANUP_FREE char *count = xasprintf("volumes of type \"%s\"", type), *size = xasprintf("volumes' size of type \"%s\"", type);
	int64_t n = 0, gib = 0;

	for (size_t i = 0; i < p->needs.n_volumes; i++) {
		const struct needs_volume *v = &p->needs.volumes[i];

		if (v->type == NULL || strcmp(v->type, type) != 0)
			continue;
		n += v->freed ? -1 : 1;
		gib += v->freed ? -v->gib : v->gib;
	}
	check_set(p, set, count, "", volumes, n);
	check_set(p, set, size, " GiB", gigabytes, gib);
}

static void check_types(struct preflight *p, struct json_object *set)
{
	CLEANUP_STRV struct strv seen = STRV_INIT;

	for (size_t i = 0; i < p->needs.n_volumes; i++) {
		const char *type = p->needs.volumes[i].type;

		if (type == NULL || strv_has(&seen, type))
			continue;
		strv_add(&seen, type);
		check_type(p, set, type);
	}
}

/* The largest volume alone. */
static void check_largest(struct preflight *p, struct json_object *set)
{
	const struct needs_volume *largest = NULL;
	struct json_object *o = json_at(set, "per_volume_gigabytes");
	int64_t limit = preflight_amount(o, "limit", -1);

	for (size_t i = 0; i < p->needs.n_volumes; i++)
		if (!p->needs.volumes[i].freed && (largest == NULL || p->needs.volumes[i].gib > largest->gib))
			largest = &p->needs.volumes[i];
	if (largest == NULL || limit < 0 || largest->gib <= limit)
		return;
	REFUSE(p, CHECK, "cinder refuses larger ones", "make the volume smaller, or ask the cloud's operator",
	       "quota of one volume's size: %s gets one of %lld GiB, the cloud allows %lld GiB", largest->name_of,
	       (long long)largest->gib, (long long)limit);
}

void check_volume_quota(struct preflight *p)
{
	struct json_object *set;

	if (p->needs.n_volumes == 0)
		return;
	set = json_at(preflight_fact(p, FACT_VOLUME_QUOTA, CHECK, "quota of volume (cinder)"), "quota_set");
	check_set(p, set, "volumes", "", "volumes", p->needs.kinds[KIND_VOLUME]);
	check_set(p, set, "volumes' size", " GiB", "gigabytes", p->needs.gib);
	check_types(p, set);
	check_largest(p, set);
}
