#include "core/base/alloc.h"
#include "core/cluster/msr.h"
#include "core/cluster/platform.h"
#include "manifests/balancer.h"
#include "manifests/htpasswd.h"
#include "manifests/manifests.h"
#include "manifests/overlay.h"
#include "manifests/proxy.h"
#include "manifests/values.h"

#define STRING_(x) #x
#define STRING(x) STRING_(x)
#define UNIT(name) "units/" name, UNITS name
#define UNITS "/etc/systemd/system/"
#define STATIC_PODS "/etc/kubernetes/manifests/"
#define MOUNT_VOLUMES "/opt/davit/libexec/mount-volumes"
#define DOCKER_TRUST "/etc/docker/certs.d/"
#define DOCKER_CERTS DOCKER_TRUST REGISTRY_NAME ":" STRING(REGISTRY_PORT)
#define CERTS "/etc/containerd/certs.d/" REGISTRY_NAME ":" STRING(REGISTRY_PORT)

enum {
	CONTROL = PLACE_CONTROL_PLANE,
	WORKER = PLACE_WORKER,
	KUBERNETES = PLACE_KUBERNETES,
	SWARM = PLACE_SWARM,
	MKE = PLACE_MKE,
	ENGINES = PLACE_ENGINES,
	REGISTRY = PLACE_REGISTRY,
	CERTIFIED = KUBERNETES | PLACE_MKE_MANAGER | PLACE_ENGINE_API | PLACE_PORTAINER | PLACE_MSR | REGISTRY, /* who has certificates of ours */
	ALL = KUBERNETES | ENGINES | REGISTRY,
};

struct row {
	const char *template, *path;
	unsigned mode, places;
	bool secret;
	enum { ALWAYS, IF_FLANNEL, IF_VOLUMES, IF_BALANCED, IF_VIP, IF_SNAPSHOTS, IF_RENEWED } when;
	/* Changes the expanded text, or NULL. */
	int (*finish)(const struct plan *plan, const struct node *node, struct buf *text, struct error **err);
	bool passive; /* a unit that another one starts */
};

static int finish_kubelet(const struct plan *plan, const struct node *node, struct buf *text, struct error **err);
static int finish_kube_proxy(const struct plan *plan, const struct node *node, struct buf *text, struct error **err);
static int finish_timer(const struct plan *plan, const struct node *node, struct buf *text, struct error **err);
static int finish_daemon(const struct plan *plan, const struct node *node, struct buf *text, struct error **err);

/* Units stand in the order in which they are started. */
static const struct row rows[] = {
	{UNIT("davit-volumes.service"), 0644, ALL, false, IF_VOLUMES, NULL},
	{UNIT("etcd.service"), 0644, CONTROL, false, ALWAYS, NULL},
	{UNIT("kube-apiserver.service"), 0644, CONTROL, false, ALWAYS, NULL},
	{UNIT("kube-controller-manager.service"), 0644, CONTROL, false, ALWAYS, NULL},
	{UNIT("kube-scheduler.service"), 0644, CONTROL, false, ALWAYS, NULL},
	{UNIT("davit-vip.service"), 0644, CONTROL, false, IF_VIP, NULL},
	{UNIT("davit-etcd-snapshot.service"), 0644, CONTROL, false, IF_SNAPSHOTS, NULL, true},
	{UNIT("davit-etcd-snapshot.timer"), 0644, CONTROL, false, IF_SNAPSHOTS, finish_timer},
	{UNIT("containerd.service"), 0644, KUBERNETES, false, ALWAYS, NULL},
	{UNIT("kubelet.service"), 0644, KUBERNETES, false, ALWAYS, NULL},
	{UNIT("kube-proxy.service"), 0644, KUBERNETES, false, ALWAYS, NULL},
	{UNIT("flanneld.service"), 0644, KUBERNETES, false, IF_FLANNEL, NULL},
	{UNIT("docker.service"), 0644, SWARM, false, ALWAYS, NULL},
	{"units/mcr.service", UNITS "docker.service", 0644, MKE, false, ALWAYS, NULL},
	{UNIT("davit-registry.service"), 0644, REGISTRY, false, ALWAYS, NULL},
	{UNIT("davit-certificates.service"), 0644, CERTIFIED, false, ALWAYS, NULL, true},
	{UNIT("davit-certificates.timer"), 0644, CERTIFIED, false, ALWAYS, NULL},

	{"node/certificates-check", "/opt/davit/libexec/certificates-check", 0755, CERTIFIED, false, ALWAYS, NULL},
	{"node/certificates-renew", "/opt/davit/libexec/certificates-renew", 0755, KUBERNETES, false, IF_RENEWED, NULL},
	{"node/certificates-sign", "/opt/davit/libexec/certificates-sign", 0755, CONTROL, false, IF_RENEWED, NULL},
	{"node/kubelet-api", "/opt/davit/libexec/kubelet-api", 0755, KUBERNETES, false, ALWAYS, NULL},
	{"node/sysctl.conf", "/etc/sysctl.d/90-davit.conf", 0644, KUBERNETES, false, ALWAYS, NULL},
	{"node/resolved.conf", "/etc/systemd/resolved.conf.d/10-davit.conf", 0644, ALL, false, ALWAYS, NULL},
	{"node/sshd.conf", "/etc/davit/sshd.conf", 0644, ALL, false, ALWAYS, NULL},
	{"node/modules.conf", "/etc/modules-load.d/davit.conf", 0644, KUBERNETES, false, ALWAYS, NULL},
	{"node/containerd.toml", "/etc/containerd/config.toml", 0644, KUBERNETES, false, ALWAYS, NULL},
	{"node/hosts.toml", CERTS "/hosts.toml", 0600, KUBERNETES, true, ALWAYS, NULL},
	{"node/crictl.yaml", "/etc/crictl.yaml", 0644, KUBERNETES, false, ALWAYS, NULL},
	{"node/kubelet.json", "/var/lib/kubelet/config.yaml", 0600, KUBERNETES, false, ALWAYS, finish_kubelet},
	{"node/kube-proxy.json", "/etc/kubernetes/kube-proxy.yaml", 0644, KUBERNETES, false, ALWAYS, finish_kube_proxy},
	{"node/net-conf.json", "/etc/flannel/net-conf.json", 0644, KUBERNETES, false, IF_FLANNEL, NULL},
	{"node/cni-conf", "/opt/davit/libexec/cni-conf", 0755, KUBERNETES, false, IF_FLANNEL, NULL},
	{"node/without-iptables", "/opt/davit/libexec/without-iptables/iptables", 0755, KUBERNETES, false, IF_FLANNEL, NULL},
	{"node/without-iptables", "/opt/davit/libexec/without-iptables/ip6tables", 0755, KUBERNETES, false, IF_FLANNEL, NULL},
	{"node/etcd-snapshot", "/opt/davit/libexec/etcd-snapshot", 0755, CONTROL, false, IF_SNAPSHOTS, NULL},
	{"node/vip", "/opt/davit/libexec/vip", 0755, CONTROL, false, IF_VIP, NULL},
	{"node/haproxy.cfg", "/etc/davit/haproxy.cfg", 0644, WORKER, false, IF_BALANCED, balancer_finish_config},
	{"node/haproxy.json", STATIC_PODS "haproxy.json", 0644, WORKER, false, IF_BALANCED, balancer_finish_pod},

	{"swarm/sysctl.conf", "/etc/sysctl.d/90-davit.conf", 0644, ENGINES, false, ALWAYS, NULL},
	{"swarm/modules.conf", "/etc/modules-load.d/davit.conf", 0644, ENGINES, false, ALWAYS, NULL},
	{"swarm/sysusers.conf", "/etc/sysusers.d/davit-docker.conf", 0644, ENGINES, false, ALWAYS, NULL},
	{"swarm/daemon.json", "/etc/docker/daemon.json", 0644, ENGINES, false, ALWAYS, finish_daemon},
	{"swarm/config.json", "/root/.docker/config.json", 0600, ENGINES, true, ALWAYS, NULL},
	{"swarm/registry-host", "/opt/davit/libexec/registry-host", 0755, ENGINES, false, ALWAYS, NULL},

	{"kubernetes/encryption.yaml", "/etc/kubernetes/encryption.yaml", 0600, CONTROL, true, ALWAYS, NULL},
	{"kubernetes/authentication.yaml", "/etc/kubernetes/authentication.yaml", 0644, CONTROL, false, ALWAYS, NULL},
	{"kubernetes/admission.yaml", "/etc/kubernetes/admission.yaml", 0644, CONTROL, false, ALWAYS, NULL},
	{"kubernetes/audit.yaml", "/etc/kubernetes/audit.yaml", 0644, CONTROL, false, ALWAYS, NULL},

	{"registry/config.yml", "/etc/davit/registry/config.yml", 0600, REGISTRY, true, ALWAYS, NULL},
	{"registry/sysusers.conf", "/etc/sysusers.d/davit-registry.conf", 0644, REGISTRY, false, ALWAYS, NULL},
	{"node/mount-volumes", MOUNT_VOLUMES, 0755, ALL, false, IF_VOLUMES, NULL},
};

/* "key=value:Effect" or "key:Effect" */
static struct json_object *taint(const char *s)
{
	const char *colon = strrchr(s, ':'), *equals = memchr(s, '=', (size_t)(colon - s));
	CLEANUP_FREE char *key = xstrndup(s, (size_t)((equals != NULL ? equals : colon) - s));
	CLEANUP_FREE char *value = equals == NULL ? NULL : xstrndup(equals + 1, (size_t)(colon - equals - 1));
	struct json_object *o = json_object_new_object();

	json_add_str(o, "key", key);
	json_add_str(o, "value", value);
	json_add_str(o, "effect", colon + 1);
	return o;
}

static void add_taints(const struct plan *plan, const struct node *node, struct json_object *config)
{
	const struct plan_node *planned = plan_find(plan, node->name);
	struct json_object *list = json_object_new_array();

	if (node->role == NODE_CONTROL_PLANE)
		json_object_array_add(list, taint("node-role.kubernetes.io/control-plane:NoSchedule"));
	for (size_t i = 0; planned != NULL && planned->pool != NULL && i < planned->pool->taints.n; i++)
		json_object_array_add(list, taint(planned->pool->taints.v[i]));
	if (json_len(list) > 0)
		json_add(config, "registerWithTaints", list);
	else
		json_object_put(list);
}

static int finish_kubelet(const struct plan *plan, const struct node *node, struct buf *text, struct error **err)
{
	const struct plan_node *planned = plan_find(plan, node->name);
	CLEANUP_JSON struct json_object *config = NULL;
	CLEANUP_FREE char *provider = node->server_id == NULL ? NULL : xasprintf("openstack:///%s", node->server_id);

	if (json_parse(text->data, text->len, "node/kubelet.json", &config, err) < 0)
		return -1;
	json_add_str(config, "providerID", provider);
	add_taints(plan, node, config);
	overlay(config, plan->spec->kubelet);
	overlay(config, planned != NULL && planned->pool != NULL ? planned->pool->kubelet : NULL);
	json_pretty(config, text);
	return 0;
}

/* The template is JSON, over which the file may say more. */
static int finish_json(const char *name, struct json_object *over, struct buf *text, struct error **err)
{
	CLEANUP_JSON struct json_object *config = NULL;

	if (json_parse(text->data, text->len, name, &config, err) < 0)
		return -1;
	overlay(config, over);
	json_pretty(config, text);
	return 0;
}

static int finish_kube_proxy(const struct plan *plan, const struct node *node UNUSED, struct buf *text, struct error **err)
{
	return finish_json("node/kube-proxy.json", plan->spec->kube_proxy, text, err);
}

/* It holds what no value of a template may: blanks and stars, and nothing that ends the line (spec.c). */
static int finish_timer(const struct plan *plan, const struct node *node UNUSED, struct buf *text, struct error **err UNUSED)
{
	buf_addf(text, "OnCalendar=%s\n", plan->spec->etcd_snapshots.schedule);
	return 0;
}

/* On the node's own address alone, which is there before the engine begins. */
static void add_engine_api(const struct node *node, struct json_object *daemon)
{
	CLEANUP_FREE char *listen = xasprintf("tcp://%s:%d", node->address, ENGINE_PORT);
	struct json_object *hosts = json_object_new_array();

	json_object_array_add(hosts, json_object_new_string("unix:///var/run/docker.sock"));
	json_object_array_add(hosts, json_object_new_string(listen));
	json_add(daemon, "hosts", hosts);
	json_add_bool(daemon, "tlsverify", true);
	json_add_str(daemon, "tlscacert", "/etc/kubernetes/pki/engine-ca.crt");
	json_add_str(daemon, "tlscert", "/etc/docker/engine.crt");
	json_add_str(daemon, "tlskey", "/etc/docker/engine.key");
}

static int finish_daemon(const struct plan *plan, const struct node *node, struct buf *text, struct error **err)
{
	CLEANUP_JSON struct json_object *daemon = NULL;

	if (json_parse(text->data, text->len, "swarm/daemon.json", &daemon, err) < 0)
		return -1;
	if (place_of(plan->spec, node) & PLACE_ENGINE_API)
		add_engine_api(node, daemon);
	overlay(daemon, plan->spec->daemon);
	json_pretty(daemon, text);
	return 0;
}

static int render_row(const struct row *row, const struct plan *plan, const struct node *node, const struct template_values *v,
		      struct fileset *ret, struct error **err)
{
	CLEANUP(buf_wipe) struct buf text = BUF_INIT;

	if (template_expand(row->template, v, &text, err) < 0)
		return -1;
	if (row->finish != NULL && row->finish(plan, node, &text, err) < 0)
		return -1;
	if (row->secret)
		fileset_add_secret(ret, row->path, row->mode, buf_str(&text));
	else
		fileset_add(ret, row->path, row->mode, buf_str(&text));
	return 0;
}

/* The table that bootstrap's step volume and mount-volumes read: a line "ID TYPE LABEL OPTIONS FOLDER" for each volume.  The guest
 * knows a volume by the beginning of its id, as much of which as fits becomes the disk's serial number: 20 characters. */
static void add_volumes(const struct plan_node *planned, const struct manifest_values *values, struct fileset *ret)
{
	CLEANUP_BUF struct buf table = BUF_INIT;

	for (size_t i = 0; i < planned->n_volumes; i++) {
		const struct plan_volume *v = &planned->volumes[i];
		const char *id = i < values->volume_ids.n ? values->volume_ids.v[i] : "not-made-yet";

		buf_addf(&table, "%.20s %s %s %s %s\n", id, v->file_system, v->label, v->options, v->mount);
	}
	fileset_add(ret, VOLUMES_FILE, 0644, buf_str(&table));
}

/* No program reads it: they are set through the API.  It is there so that a node with other ones differs from what is wanted. */
static void add_annotations(const struct plan_node *planned, struct fileset *ret)
{
	CLEANUP_FREE char *lines = NULL, *text = NULL;

	if (planned == NULL || planned->pool == NULL || planned->pool->annotations.n == 0)
		return;
	lines = strv_join(&planned->pool->annotations, "\n");
	text = xasprintf("%s\n", lines);
	fileset_add(ret, "/etc/davit/annotations", 0644, text);
}

static bool has_volumes(const struct plan *plan, const struct node *node)
{
	const struct plan_node *planned = plan_find(plan, node->name);

	return planned != NULL && planned->n_volumes > 0;
}

static bool is_wanted(const struct row *row, const struct plan *plan, const struct node *node)
{
	if ((row->places & place_of(plan->spec, node)) == 0)
		return false;
	switch (row->when) {
	case IF_FLANNEL:
		return strcmp(plan->spec->network.plugin, "flannel") == 0;
	case IF_VOLUMES:
		return has_volumes(plan, node);
	case IF_BALANCED:
		return plan_is_balanced(plan);
	case IF_SNAPSHOTS:
		return plan->spec->etcd_snapshots.schedule != NULL;
	case IF_RENEWED:
		return spec_renews(plan->spec);
	case IF_VIP:
		return plan->spec->api.endpoint == API_VIP;
	case ALWAYS:
		break;
	}
	return true;
}

void manifests_units(const struct plan *plan, const struct node *node, struct strv *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (strncmp(rows[i].path, UNITS, strlen(UNITS)) == 0 && !rows[i].passive && is_wanted(&rows[i], plan, node))
			strv_add(ret, rows[i].path + strlen(UNITS));
}

static void add_etcd_start(const struct node *node, const struct etcd_start *start, struct fileset *ret)
{
	CLEANUP_BUF struct buf text = BUF_INIT;

	buf_addf(&text, "%s %s %s\n", start->join ? "join" : "new", node->name, node->address);
	for (size_t i = 0; i < start->members.n; i++)
		buf_addf(&text, "%s\n", start->members.v[i]);
	fileset_add(ret, ETCD_START_FILE, 0644, buf_str(&text));
}

/* https://docs.docker.com/engine/security/certificates/ */
static void add_msr_trust(const struct spec *spec, const char *ca, struct fileset *ret)
{
	CLEANUP_FREE char *path = xasprintf(DOCKER_TRUST "%s/ca.crt", spec->mke.msr.host);

	fileset_add(ret, path, 0644, ca);
}

/* No program reads it: nodes whose engine is to mount that have to be able to (bootstrap/steps.c). */
static void add_msr_storage(const struct spec *spec, struct fileset *ret)
{
	CLEANUP_FREE char *text = xasprintf("%s\n", spec->mke.msr.nfs);

	fileset_add(ret, MSR_CERTIFICATE ".nfs", 0644, text);
}

static int render(const struct plan *plan, const struct node *node, const struct manifest_values *values, struct fileset *ret,
		  struct strv *ret_units, struct error **err)
{
	unsigned place = place_of(plan->spec, node);
	CLEANUP_TEMPLATE_VALUES struct template_values v = TEMPLATE_VALUES_INIT;

	if (values_fill(plan, node, values, &v, err) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (is_wanted(&rows[i], plan, node) && render_row(&rows[i], plan, node, &v, ret, err) < 0)
			return error_wrap(err, "%s of %s", rows[i].path, node->name);
	manifests_units(plan, node, ret_units);
	if (has_volumes(plan, node))
		add_volumes(plan_find(plan, node->name), values, ret);
	fileset_add(ret, "/etc/davit/registry-ca.crt", 0644, values->registry_ca);
	if (place & CONTROL)
		add_etcd_start(node, &values->etcd, ret);
	if (node->role == NODE_CONTROL_PLANE && values->openstack_ca != NULL) /* what runs there may talk to the cloud */
		fileset_add(ret, OPENSTACK_CA_PATH, 0644, values->openstack_ca);
	if (place & ENGINES) /* the engine reads it for each pull */
		fileset_add(ret, DOCKER_CERTS "/ca.crt", 0644, values->registry_ca);
	if ((place & MKE) && plan->spec->mke.msr.version != NULL)
		add_msr_trust(plan->spec, values->mke_ca, ret);
	if ((place & PLACE_MSR) && plan->spec->mke.msr.nfs != NULL)
		add_msr_storage(plan->spec, ret);
	if (place & (KUBERNETES | ENGINES))
		proxy_file(plan->spec, ret);
	add_annotations(plan_find(plan, node->name), ret);
	return 0;
}

int manifests_node(const struct plan *plan, const struct node *node, const struct manifest_values *values, struct fileset *ret,
		   struct strv *ret_units, struct error **err)
{
	return render(plan, node, values, ret, ret_units, err);
}

int manifests_registry(const struct plan *plan, const struct node *node, const struct manifest_values *values,
		       struct fileset *ret, struct strv *ret_units, struct error **err)
{
	CLEANUP(buf_wipe) struct buf line = BUF_INIT;

	if (htpasswd_line(REGISTRY_USER, values->registry_password, &line, err) < 0)
		return -1;
	fileset_add_secret(ret, "/etc/davit/registry/htpasswd", 0600, buf_str(&line));
	return render(plan, node, values, ret, ret_units, err);
}
