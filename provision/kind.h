/*
 * kind: the kinds of resources that a cluster has in the cloud, as one table: where their API is, how they are written in
 * JSON, and how each bears the cluster's mark.
 *
 * Marks: neutron's have it as description ("davit:UUID", which can be set on POST and filtered on), servers and volumes as
 * metadata {"davit": UUID}; keypairs and server groups have neither, so their names end in "-" and the UUID's first 8 digits.
 */
#pragma once
#include "provision/cloud.h"

enum kind {
	KIND_KEYPAIR,
	KIND_NETWORK,
	KIND_SUBNET,
	KIND_ROUTER,
	KIND_GROUP,
	KIND_SERVER_GROUP,
	KIND_PORT,
	KIND_BALANCER,
	KIND_FLOATING_IP, /* after ports and load balancers: takes its name from what it points to */
	KIND_VOLUME,
	KIND_SERVER,
	KIND_COUNT
};

enum mark { MARK_DESCRIPTION, MARK_METADATA, MARK_NAME };

struct kind_info {
	const char *name;	/* for people and in the state: "security group" */
	const char *key, *keys; /* in JSON: {"port": {…}}, {"ports": […]} */
	enum cloud_service service;
	const char *path;	  /* of the collection; one resource is PATH/ID */
	const char *list;	  /* path of the list with details */
	const char *microversion; /* that creation needs */
	enum mark mark;
	bool bulk;     /* many in one POST */
	bool optional; /* a cloud without such things has none: its 404 for the list is no failure */
};

const struct kind_info *kind_info(enum kind kind);
enum kind kind_of_name(const char *name); /* "security group": KIND_GROUP; KIND_COUNT where there is none */
/* The list of those that may bear the mark (the caller checks each); uuid NULL: any mark.  cluster may be NULL; given, it narrows
 * the list of servers. */
char *kind_list_path(enum kind kind, const char *project_id, const char *uuid, const char *cluster) MUST_USE;
/* The members of the list, each without a wrapper such as {"keypair": …}; of volumes none where the catalog has no cinder. */
int kind_list(struct cloud *c, enum kind kind, const char *uuid, const char *cluster, struct json_object **ret,
	      struct error **err) MUST_USE;
/* DELETE; what is not there counts as deleted. */
int kind_delete(struct cloud *c, enum kind kind, const char *id, const char *name, struct error **err) MUST_USE;
/* GET of one; *ret NULL when there is none. */
int kind_get(struct cloud *c, enum kind kind, const char *id, struct json_object **ret, struct error **err) MUST_USE;

char *mark_text(const char *uuid) MUST_USE;		      /* "davit:UUID" */
#define TAGS_MICROVERSION "2.52" /* servers are made with tags, by which people may filter: openstack server list --tags davit:UUID */
char *mark_name(const char *name, const char *uuid) MUST_USE; /* "NAME-1a2b3c4d"; uuid "": "NAME" */
bool mark_is_on(enum kind kind, struct json_object *o, const char *uuid);
const char *mark_of(enum kind kind, struct json_object *o); /* the UUID that it bears in full, whose cluster it may be; or NULL */
bool mark_is_anothers(enum kind kind, struct json_object *o, const char *uuid); /* it bears the mark of another UUID */
const char *kind_item_id(enum kind kind, struct json_object *o); /* a keypair's is its name; NULL where there is none */
