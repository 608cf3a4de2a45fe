#include "provision/workload.h"
#include "core/base/alloc.h"
#include "core/base/parallel.h"
#include "provision/census.h"
#include "provision/optional.h"
#include "provision/view.h"

#define CSI_CLUSTER "cinder.csi.openstack.org/cluster"
#define DEFAULT_NAME "kubernetes" /* --cluster-name of the cloud controller, --cluster of the CSI driver */

/* What the choice of one item rests on. */
enum proof {
	PROOF_NONE,
	PROOF_NAME, /* it bears the cluster's name; so might another cluster */
	PROOF_SURE  /* it is in the cluster's own network, or the cluster itself says so */
};

typedef enum proof prove_item(const struct workload_scope *s, const struct workload *w, struct json_object *o);

static prove_item prove_floating_ip, prove_balancer, prove_snapshot, prove_volume, prove_group;

/* Filled in the order in which the proofs rest on one another: load balancers, then the floating IPs that point to them. */
static const struct {
	const char *name, *key, *keys;
	enum cloud_service service;
	const char *path, *list, *delete_query;
	prove_item *prove;
	bool required; /* every cloud has it, or the service would not be in the catalog */
} kinds[WORKLOAD_KINDS] = {
	[WORKLOAD_FLOATING_IP] = {"floating IP", "floatingip", "floatingips", CLOUD_NETWORK, "/floatingips", "/floatingips", "",
				  prove_floating_ip},
	[WORKLOAD_BALANCER] = {"load balancer", "loadbalancer", "loadbalancers", CLOUD_LOAD_BALANCER, "/loadbalancers",
			       "/loadbalancers", "?cascade=true", prove_balancer},
	[WORKLOAD_SNAPSHOT] = {"snapshot", "snapshot", "snapshots", CLOUD_VOLUME, "/snapshots", "/snapshots/detail", "",
			       prove_snapshot},
	[WORKLOAD_VOLUME] = {"volume", "volume", "volumes", CLOUD_VOLUME, "/volumes", "/volumes/detail", "", prove_volume,
			     .required = true},
	[WORKLOAD_GROUP] = {"security group", "security_group", "security_groups", CLOUD_NETWORK, "/security-groups",
			    "/security-groups", "", prove_group, .required = true},
};

const char *workload_kind_name(enum workload_kind kind)
{
	return kinds[kind].name;
}

static bool starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

/* "PREFIX… from cluster demo" */
static bool is_described(struct json_object *o, const char *prefix, const char *before, const char *cluster)
{
	const char *text = json_get_str(o, "description", "");
	CLEANUP_FREE char *end = xasprintf(" %s %s", before, cluster);
	size_t n = strlen(text), m = strlen(end);

	return starts(text, prefix) && n > m && strcmp(text + n - m, end) == 0;
}

static enum proof prove_balancer(const struct workload_scope *s, const struct workload *w UNUSED, struct json_object *o)
{
	const char *name = json_get_str(o, "name", ""), *network = json_get_str(o, "vip_network_id", "");
	CLEANUP_FREE char *ours = xasprintf("kube_service_%s_", s->cluster);

	if (strcmp(json_get_str(o, "provisioning_status", ""), "DELETED") == 0)
		return PROOF_NONE;
	if (strv_has(&s->own_networks, network) && starts(name, "kube_service_"))
		return PROOF_SURE; /* of whatever name: the controller was given none */
	return strv_has(&s->networks, network) && starts(name, ours) ? PROOF_SURE : PROOF_NONE;
}

static bool is_vip(const struct workload *w, const char *port)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->items[i].kind == WORKLOAD_BALANCER && strcmp(json_get_str(w->items[i].json, "vip_port_id", ""), port) == 0)
			return true;
	return false;
}

/* One that points to something else has been given to somebody else. */
static enum proof prove_floating_ip(const struct workload_scope *s, const struct workload *w, struct json_object *o)
{
	static const char prefix[] = "Floating IP for Kubernetes external service ";
	const char *port = json_get_str(o, "port_id", "");

	if (!starts(json_get_str(o, "description", ""), prefix))
		return PROOF_NONE;
	if (*port != '\0')
		return is_vip(w, port) ? PROOF_SURE : PROOF_NONE;
	return is_described(o, prefix, "from cluster", s->cluster) ? PROOF_NAME : PROOF_NONE;
}

static bool is_claimed(const struct workload_scope *s, struct json_object *o)
{
	return strcmp(json_get_key(json_at(o, "metadata"), CSI_CLUSTER, ""), s->cluster) == 0;
}

static enum proof prove_volume(const struct workload_scope *s, const struct workload *w UNUSED, struct json_object *o)
{
	if (s->volumes != NULL && strv_has(s->volumes, json_get_str(o, "id", "")))
		return PROOF_SURE;
	return is_claimed(s, o) ? PROOF_NAME : PROOF_NONE;
}

/* Snapshots that somebody took by hand are a backup: they keep their volume. */
static enum proof prove_snapshot(const struct workload_scope *s, const struct workload *w UNUSED, struct json_object *o)
{
	return is_claimed(s, o) ? PROOF_NAME : PROOF_NONE;
}

static enum proof prove_group(const struct workload_scope *s, const struct workload *w UNUSED, struct json_object *o)
{
	const char *name = json_get_str(o, "name", "");

	for (size_t i = 0; s->services != NULL && i < s->services->n; i++) {
		CLEANUP_FREE char *ours = xasprintf("lb-sg-%s-", s->services->v[i]);

		if (starts(name, ours))
			return PROOF_SURE;
	}
	return starts(name, "lb-sg-") && is_described(o, "Security Group for ", "Service LoadBalancer in cluster", s->cluster)
		       ? PROOF_NAME
		       : PROOF_NONE;
}

static char *keep(const struct workload_scope *s, enum workload_kind kind, enum proof proof)
{
	if (s->keep_volumes && (kind == WORKLOAD_VOLUME || kind == WORKLOAD_SNAPSHOT))
		return xstrdup("kept, as asked");
	return proof == PROOF_NAME ? xstrdup(s->ambiguous) : NULL;
}

static void choose(const struct workload_scope *s, enum workload_kind kind, struct json_object *list, struct workload *ret)
{
	for (size_t i = 0; i < json_len(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);
		enum proof proof = kinds[kind].prove(s, ret, o);
		const char *id = json_get_str(o, "id", NULL);
		const char *name = json_get_str(o, kind == WORKLOAD_FLOATING_IP ? "floating_ip_address" : "name", "");

		if (proof == PROOF_NONE || id == NULL)
			continue;
		array_grow(ret->items, ret->n, ret->cap);
		ret->items[ret->n++] = (struct workload_item){.kind = kind,
							      .id = xstrdup(id),
							      .name = xstrdup(*name != '\0' ? name : id),
							      .json = json_object_get(o),
							      .kept = keep(s, kind, proof)};
	}
}

static int by_kind(const void *a, const void *b)
{
	const struct workload_item *x = a, *y = b;

	return x->kind != y->kind ? (int)x->kind - (int)y->kind : strcmp(x->name, y->name);
}

void workload_choose(const struct workload_scope *s, struct json_object *const lists[WORKLOAD_KINDS], struct workload *ret)
{
	static const enum workload_kind order[] = {WORKLOAD_BALANCER, WORKLOAD_FLOATING_IP, WORKLOAD_SNAPSHOT, WORKLOAD_VOLUME,
						   WORKLOAD_GROUP};

	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		choose(s, order[i], lists[order[i]], ret);
	if (ret->n > 0)
		qsort(ret->items, ret->n, sizeof(*ret->items), by_kind);
}

void workload_free(struct workload *w)
{
	for (size_t i = 0; i < w->n; i++) {
		free(w->items[i].id);
		free(w->items[i].name);
		free(w->items[i].kept);
		json_object_put(w->items[i].json);
	}
	free(w->items);
	*w = (struct workload){0};
}

static void add_ids(struct view *view, enum kind kind, const char *key, struct strv *ret)
{
	size_t n = 0;
	CLEANUP_FREE const struct item **all = view_all(view, kind, &n);

	for (size_t i = 0; i < n; i++) {
		const char *id = json_get_str(all[i]->json, key, "");

		if (*id != '\0' && !strv_has(ret, id))
			strv_add(ret, id);
	}
}

void workload_scope_fill(struct workload_scope *s, struct view *view)
{
	add_ids(view, KIND_NETWORK, "id", &s->own_networks);
	add_ids(view, KIND_NETWORK, "id", &s->networks);
	add_ids(view, KIND_PORT, "network_id", &s->networks);
	add_ids(view, KIND_SERVER, "id", &s->servers);
}

void workload_scope_clear(struct workload_scope *s)
{
	strv_free(&s->own_networks);
	strv_free(&s->networks);
	strv_free(&s->servers);
	free(s->ambiguous);
	s->ambiguous = NULL;
}

struct round {
	struct cloud *cloud;
	struct json_object *lists[WORKLOAD_KINDS];
};

static int list_kind(size_t kind, void *context, struct error **err)
{
	struct round *r = context;
	CLEANUP_FREE char *path = xasprintf("%s%s%s", kinds[kind].list, kinds[kind].service == CLOUD_VOLUME ? "" : "?project_id=",
					    kinds[kind].service == CLOUD_VOLUME ? "" : cloud_project_id(r->cloud));
	int failed;

	if (!cloud_has(r->cloud, kinds[kind].service))
		return 0;
	failed = kinds[kind].required ? cloud_list(r->cloud, kinds[kind].service, path, kinds[kind].keys, NULL, &r->lists[kind], err)
				      : optional_list(r->cloud, kinds[kind].service, path, kinds[kind].keys, &r->lists[kind], err);
	return failed < 0 ? error_wrap(err, "list the %ss", kinds[kind].name) : 0;
}

static bool is_told_by_name(const struct workload *w)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->items[i].kind != WORKLOAD_BALANCER && w->items[i].kept == NULL)
			return true;
	return false;
}

/* Whether a name may be trusted is asked only where something is told by its name. */
static int find_namesakes(struct cloud *c, struct workload_scope *s, const char *uuid, struct error **err)
{
	CLEANUP_CENSUS struct census census = {0};
	const struct census_cluster *found[2] = {NULL};
	size_t n;

	if (strcmp(s->cluster, DEFAULT_NAME) == 0) {
		s->ambiguous = xstrdup("left: any cluster is called \"" DEFAULT_NAME "\" that was given no name of its own");
		return 0;
	}
	if (census_take(c, &census, err) < 0)
		return -1;
	n = census_named(&census, s->cluster, found, ARRAY_SIZE(found));
	for (size_t i = 0; i < n && i < ARRAY_SIZE(found) && s->ambiguous == NULL; i++)
		if (strcmp(found[i]->uuid, uuid) != 0)
			s->ambiguous = xasprintf("left: it may be of the other cluster \"%s\", %s", s->cluster, found[i]->uuid);
	return 0;
}

int workload_find(struct cloud *c, struct workload_scope *s, const char *uuid, struct workload *ret, struct error **err)
{
	struct round r = {.cloud = c};
	int failed = parallel_for(WORKLOAD_KINDS, 0, list_kind, &r, NULL, err);

	if (failed == 0)
		workload_choose(s, r.lists, ret);
	if (failed == 0 && s->ambiguous == NULL && is_told_by_name(ret)) {
		failed = find_namesakes(c, s, uuid, err);
		workload_free(ret);
		if (failed == 0)
			workload_choose(s, r.lists, ret);
	}
	for (size_t i = 0; i < WORKLOAD_KINDS; i++)
		json_object_put(r.lists[i]);
	return failed;
}

static char *path_of(const struct workload_item *it, const char *query)
{
	CLEANUP_FREE char *escaped = http_escape(it->id);

	return xasprintf("%s/%s%s", kinds[it->kind].path, escaped, query);
}

int workload_delete(struct cloud *c, const struct workload_item *it, struct error **err)
{
	CLEANUP_FREE char *path = path_of(it, kinds[it->kind].delete_query);
	CLEANUP_FREE char *what = xasprintf("delete %s \"%s\"", kinds[it->kind].name, it->name);
	CLEANUP_JSON struct json_object *answer = NULL;
	struct cloud_call call = {.service = kinds[it->kind].service,
				  .method = "DELETE",
				  .path = path,
				  .retry = RETRY_A,
				  .what = what,
				  .not_found_ok = true};

	return cloud_call(c, &call, &answer, NULL, NULL, err);
}

int workload_get(struct cloud *c, const struct workload_item *it, struct json_object **ret, struct error **err)
{
	CLEANUP_FREE char *path = path_of(it, ""), *what = xasprintf("read %s \"%s\"", kinds[it->kind].name, it->name);
	CLEANUP_JSON struct json_object *answer = NULL;
	struct cloud_call call = {.service = kinds[it->kind].service,
				  .method = "GET",
				  .path = path,
				  .retry = RETRY_A,
				  .what = what,
				  .not_found_ok = true};

	if (cloud_call(c, &call, &answer, NULL, NULL, err) < 0)
		return -1;
	*ret = json_object_get(json_at(answer, kinds[it->kind].key));
	return 0;
}
