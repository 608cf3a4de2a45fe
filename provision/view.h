/*
 * view: what the cloud has of what the file names, and of this cluster.  Read by provision_look(), kept up to date while
 * resources are made.  Thread-safe; items stay valid until view_free(), also when they are gone meanwhile.
 */
#pragma once
#include "core/base/strv.h"
#include "provision/facts.h"
#include "provision/kind.h"
#include "provision/provision.h"
#include <pthread.h>

struct item {
	enum kind kind;
	char *name; /* a floating IP's is that of the port it points to, or its address */
	char *id;
	struct json_object *json; /* as the cloud told last; only to be read: json-c's reference counts are not atomic */
	bool duplicate;		  /* an older one of this kind and name exists: made twice by an unlucky repeat */
	bool gone;
};

struct items {
	struct item **items;
	size_t n, cap;
};

struct view {
	char *uuid;		/* NULL: a cluster that was never made, so nothing can bear its mark */
	char *external_default; /* of clouds.yaml, or NULL */
	bool services[CLOUD_SERVICES];
	/* what the file names */
	struct json_object *images;	/* of those names or ids */
	struct json_object *all_images; /* read only where one is missing */
	struct {
		struct json_object *networks, *subnets, *routers, *router_ports, *groups;
	} existing; /* each NULL where the file names none */
	struct {
		struct json_object *networks, *subnets; /* all, and those of the networks that pools name */
	} nics; /* nics.h; each NULL where the file names none */
	struct json_object *volume_zones; /* cinder's; NULL where no volume is in a zone */
	struct json_object *flavors, *externals;
	/* who asks, and when, from the login */
	struct strv roles;
	bool by_credential; /* an application credential, whose roles may be fewer than its user's */
	bool restricted;    /* one that may make no others */
	int64_t clock_skew_ms; /* of the cloud's clock before this machine's */
	bool clock_known;
	/* what the checks before the first write weigh besides */
	bool surveyed;
	struct fact_answer facts[FACT_COUNT];
	pthread_mutex_t lock; /* of what follows */
	struct items kinds[KIND_COUNT];
};

struct view *view_new(const char *uuid) MUST_USE;
/* Puts in the list's marked members; the oldest of one name counts, the others become duplicates. */
void view_add_list(struct view *v, enum kind kind, struct json_object *list);
/* One resource, replacing what was known of that id.  json is referenced, not taken. */
const struct item *view_put(struct view *v, enum kind kind, const char *name, const char *id, struct json_object *json);
void view_drop(struct view *v, const struct item *item);
const struct item *view_find(struct view *v, enum kind kind, const char *name); /* NULL where there is none */
const char *view_id(struct view *v, enum kind kind, const char *name);		/* NULL where there is none */
bool view_has_id(struct view *v, const char *id);				/* of any kind; false for NULL */
bool view_dropped(struct view *v, enum kind kind, const char *id);		/* it was there, and view_drop() took it */
/* All that are there, duplicates too; the caller frees the array. */
const struct item **view_all(struct view *v, enum kind kind, size_t *ret_n) MUST_USE;
