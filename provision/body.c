#include "provision/body.h"
#include "core/base/alloc.h"
#include "core/base/digest.h"
#include "provision/kind.h"

enum { USER_DATA_MAX = 65535 /* characters of base64, nova's limit */ };

char *name_group(const struct plan *plan, const char *group)
{
	return xasprintf("%s-%s", plan->spec->name, group);
}

char *name_server_group(const struct plan *plan, const char *group, const char *uuid)
{
	CLEANUP_FREE char *name = name_group(plan, group);

	return mark_name(name, uuid);
}

char *name_keypair(const struct plan *plan, const char *uuid)
{
	return mark_name(plan->spec->name, uuid);
}

char *name_gateway(const struct plan *plan)
{
	return xasprintf("%s-gateway", plan->spec->name);
}

char *name_api(const struct plan *plan)
{
	return xasprintf("%s-api", plan->spec->name);
}

char *name_root(const struct plan_node *node)
{
	return xasprintf("%s-root", node->node.name);
}

static struct json_object *named(const char *name, const char *mark)
{
	struct json_object *o = json_object_new_object();

	json_add_str(o, "name", name);
	json_add_str(o, "description", mark);
	return o;
}

static struct json_object *array_of(struct json_object *member)
{
	struct json_object *a = json_object_new_array();

	json_object_array_add(a, member);
	return a;
}

struct json_object *body_keypair(const char *name, const char *public_key)
{
	struct json_object *o = named(name, NULL);

	json_add_str(o, "type", "ssh");
	json_add_str(o, "public_key", public_key);
	return o;
}

struct json_object *body_network(const struct plan *plan, const char *mark)
{
	return named(plan->spec->name, mark);
}

struct json_object *body_subnet(const struct plan *plan, const char *mark, const char *network_id)
{
	struct json_object *o = named(plan->spec->name, mark), *pool = json_object_new_object(), *dns = json_object_new_array();

	json_add_str(o, "network_id", network_id);
	json_add_int(o, "ip_version", 4);
	json_add_str(o, "cidr", plan->spec->network.cidr);
	json_add_str(o, "gateway_ip", plan->gateway);
	json_add_bool(o, "enable_dhcp", true);
	for (size_t i = 0; i < plan->spec->network.dns.n; i++)
		json_object_array_add(dns, json_object_new_string(plan->spec->network.dns.v[i]));
	json_add(o, "dns_nameservers", dns);
	json_add_str(pool, "start", plan->allocation_start);
	json_add_str(pool, "end", plan->allocation_end);
	json_add(o, "allocation_pools", array_of(pool));
	return o;
}

struct json_object *body_router(const struct plan *plan, const char *mark, const char *external_id)
{
	struct json_object *o = named(plan->spec->name, mark), *gateway = json_object_new_object();

	json_add_str(gateway, "network_id", external_id);
	json_add(o, "external_gateway_info", gateway);
	return o;
}

struct json_object *body_group(const struct plan *plan, const char *mark, const char *group)
{
	CLEANUP_FREE char *name = name_group(plan, group);

	return named(name, mark);
}

struct json_object *body_rule(const struct plan_rule *rule, const char *group_id, const char *from_group_id)
{
	struct json_object *o = json_object_new_object();

	json_add_str(o, "security_group_id", group_id);
	json_add_str(o, "direction", "ingress");
	json_add_str(o, "ethertype", "IPv4");
	json_add_str(o, "protocol", rule->protocol);
	if (rule->port_min > 0) {
		json_add_int(o, "port_range_min", rule->port_min);
		json_add_int(o, "port_range_max", rule->port_max);
	}
	json_add_str(o, "remote_group_id", from_group_id);
	json_add_str(o, "remote_ip_prefix", rule->from_cidr);
	json_add_str(o, "description", rule->why);
	return o;
}

struct json_object *body_server_group(const char *name, enum server_group_policy policy)
{
	struct json_object *o = named(name, NULL);

	json_add(o, "policies", array_of(json_object_new_string(server_group_policy(policy))));
	return o;
}

static struct json_object *port(const char *name, const char *mark, const char *network_id, const char *subnet_id,
				const char *address)
{
	struct json_object *o = named(name, mark), *ip = json_object_new_object();

	json_add_str(o, "network_id", network_id);
	json_add_str(ip, "subnet_id", subnet_id);
	json_add_str(ip, "ip_address", address); /* NULL: the cloud chooses */
	json_add(o, "fixed_ips", array_of(ip));
	return o;
}

struct json_object *body_gateway(const struct plan *plan, const char *mark, const char *network_id, const char *subnet_id)
{
	CLEANUP_FREE char *name = name_gateway(plan);
	struct json_object *o = port(name, mark, network_id, subnet_id, plan->gateway);

	json_add(o, "security_groups", json_object_new_array()); /* else neutron gives it the project's default group */
	return o;
}

bool pods_on_the_wire(const struct plan *plan)
{
	return strcmp(plan->spec->network.plugin, "flannel") != 0;
}

void body_pairs(const struct plan *plan, const struct plan_node *node, struct strv *ret)
{
	if (pods_on_the_wire(plan))
		strv_add(ret, plan->spec->network.pod_cidr);
	if (plan->spec->api.endpoint == API_VIP && node->node.role == NODE_CONTROL_PLANE)
		strv_add(ret, plan->api_inside);
}

struct json_object *body_pair_list(const struct strv *pairs)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < pairs->n; i++) {
		struct json_object *pair = json_object_new_object();

		json_add_str(pair, "ip_address", pairs->v[i]);
		json_object_array_add(list, pair);
	}
	return list;
}

struct json_object *body_api_port(const struct plan *plan, const char *mark, const char *network_id, const char *subnet_id)
{
	CLEANUP_FREE char *name = name_api(plan);
	struct json_object *o = port(name, mark, network_id, subnet_id, plan->api_inside);

	json_add(o, "security_groups", json_object_new_array()); /* the control planes' ports have theirs */
	return o;
}

static void add_groups(struct json_object *port, const struct strv *group_ids)
{
	struct json_object *groups = json_object_new_array();

	for (size_t i = 0; i < group_ids->n; i++)
		json_object_array_add(groups, json_object_new_string(group_ids->v[i]));
	json_add(port, "security_groups", groups);
}

struct json_object *body_port(const struct plan *plan, const struct plan_node *node, const char *mark, const char *network_id,
			      const char *subnet_id, const struct strv *group_ids)
{
	struct json_object *o = port(node->node.name, mark, network_id, subnet_id, plan->own_network ? node->node.address : NULL);
	CLEANUP_STRV struct strv pairs = STRV_INIT;

	add_groups(o, group_ids);
	body_pairs(plan, node, &pairs);
	if (pairs.n > 0)
		json_add(o, "allowed_address_pairs", body_pair_list(&pairs));
	return o;
}

/* neutron_lib: VALID_BLANK_EXTRA_DHCP_OPTS; an empty one takes the place of what the DHCP server would tell. */
static void silence(struct json_object *options, const char *name)
{
	struct json_object *option = json_object_new_object();

	json_add_str(option, "opt_name", name);
	json_add_str(option, "opt_value", "");
	json_add_int(option, "ip_version", 4);
	json_object_array_add(options, option);
}

/* A default route comes as "router", and where there are others among the "classless-static-route"s (RFC 3442). */
struct json_object *body_nic(const char *name, const char *mark, const char *network_id, const struct strv *group_ids, bool keep_routes)
{
	struct json_object *o = named(name, mark), *options = json_object_new_array();

	json_add_str(o, "network_id", network_id);
	if (group_ids != NULL)
		add_groups(o, group_ids);
	silence(options, "router");
	if (!keep_routes)
		silence(options, "classless-static-route");
	json_add(o, "extra_dhcp_opts", options);
	return o;
}

struct json_object *body_floating_ip(const char *mark, const char *external_id, const char *port_id)
{
	struct json_object *o = json_object_new_object();

	json_add_str(o, "description", mark);
	json_add_str(o, "floating_network_id", external_id);
	json_add_str(o, "port_id", port_id);
	return o;
}

static struct json_object *metadata(const struct plan *plan, const char *uuid)
{
	struct json_object *o = json_object_new_object();

	json_add_str(o, "davit", uuid);
	for (size_t i = 0; i < plan->spec->openstack.metadata.n; i++) {
		const char *pair = plan->spec->openstack.metadata.v[i];
		CLEANUP_FREE char *key = xstrndup(pair, strcspn(pair, "="));

		json_add_str(o, key, pair + strlen(key) + 1);
	}
	return o;
}

struct json_object *body_volume(const struct plan *plan, const struct body_volume *v)
{
	struct json_object *o = named(v->name, NULL);

	json_add_int(o, "size", v->spec->size_gib);
	json_add_str(o, "volume_type", v->spec->type);
	json_add_str(o, "availability_zone", v->zone);
	json_add_str(o, "imageRef", v->image_id);
	json_add(o, "metadata", metadata(plan, v->uuid));
	return o;
}

static struct json_object *disk(int boot_index, const char *source, const char *destination, const char *id)
{
	struct json_object *o = json_object_new_object();

	json_add_int(o, "boot_index", boot_index);
	json_add_str(o, "source_type", source);
	json_add_str(o, "destination_type", destination);
	json_add_str(o, "uuid", id);
	/* volumes are removed by davit itself, which knows them all; an image's local disk goes with its server */
	json_add_bool(o, "delete_on_termination", strcmp(destination, "local") == 0);
	return o;
}

/* The disks have to be listed only where a volume takes part. */
static struct json_object *disks(const struct body_server *s)
{
	struct json_object *a;

	if (s->root_id == NULL && s->data_ids.n == 0)
		return NULL;
	a = array_of(s->root_id != NULL ? disk(0, "volume", "volume", s->root_id) : disk(0, "image", "local", s->image_id));
	for (size_t i = 0; i < s->data_ids.n; i++)
		json_object_array_add(a, disk(-1, "volume", "volume", s->data_ids.v[i]));
	return a;
}

static int add_user_data(const struct body_server *s, struct json_object *server, struct error **err)
{
	CLEANUP_SECRET char *text = s->user_data != NULL ? base64_encode(s->user_data, strlen(s->user_data)) : NULL;

	if (text != NULL && strlen(text) > USER_DATA_MAX)
		return error_set(err, ERROR_CONFIG, "server \"%s\": its user-data has %zu bytes in base64, nova takes %d",
				 s->node->node.name, strlen(text), USER_DATA_MAX);
	json_add_str(server, "user_data", text);
	return 0;
}

static struct json_object *server_metadata(const struct plan *plan, const struct body_server *s)
{
	struct json_object *o = metadata(plan, s->uuid);

	json_add_str(o, "davit-node", s->node->node.name);
	json_add_str(o, "davit-role", node_role_name(s->node->node.role));
	json_add_str(o, IMAGE_METADATA, s->node->image); /* nova tells the id, and for a root volume not even that */
	return o;
}

/* Who looks at the cloud finds the servers by them; davit goes by the metadata. */
static struct json_object *tags(const struct plan *plan, const char *uuid)
{
	CLEANUP_FREE char *mark = mark_text(uuid), *name = xasprintf("davit-cluster:%s", plan->spec->name);
	struct json_object *list = array_of(json_object_new_string(mark));

	json_object_array_add(list, json_object_new_string(name));
	return list;
}

/* The first is the one that the server is reached by. */
static struct json_object *networks(const struct body_server *s)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i <= s->nic_ids.n; i++) {
		struct json_object *network = json_object_new_object();

		json_add_str(network, "port", i == 0 ? s->port_id : s->nic_ids.v[i - 1]);
		json_object_array_add(list, network);
	}
	return list;
}

int body_server(const struct plan *plan, const struct body_server *s, struct json_object **ret, struct error **err)
{
	CLEANUP_JSON struct json_object *o = json_object_new_object();
	struct json_object *server = json_object_new_object(), *hints;
	struct json_object *mapping = disks(s);

	json_add(o, "server", server);
	json_add_str(server, "name", s->node->node.name);
	json_add_str(server, "flavorRef", s->flavor_id);
	json_add_str(server, "imageRef", s->root_id == NULL ? s->image_id : NULL);
	json_add(server, "networks", networks(s));
	json_add_str(server, "availability_zone", s->node->zone);
	json_add_str(server, "key_name", s->keypair);
	json_add(server, "metadata", server_metadata(plan, s));
	if (s->tagged)
		json_add(server, "tags", tags(plan, s->uuid));
	if (plan->spec->openstack.config_drive)
		json_add_bool(server, "config_drive", true);
	if (mapping != NULL)
		json_add(server, "block_device_mapping_v2", mapping);
	if (s->server_group_id != NULL) {
		hints = json_object_new_object();
		json_add_str(hints, "group", s->server_group_id);
		json_add(o, "os:scheduler_hints", hints);
	}
	if (add_user_data(s, server, err) < 0)
		return -1;
	*ret = steal_ptr(o);
	return 0;
}
