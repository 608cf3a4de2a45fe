#include "core/cluster/spec.h"
#include "core/base/alloc.h"
#include "core/base/path.h"
#include "core/base/yaml.h"
#include "core/cluster/address.h"
#include "core/cluster/kubelet.h"
#include "core/cluster/platform.h"
#include "core/cluster/spec_fields.h"
#include "core/net/ssh.h"
#include "core/net/ssh_keys.h"

static int overlap(const struct yaml *y, const struct yaml_node *network, const char *key_a, const char *a, const char *key_b,
		   const char *b, struct error **err)
{
	const struct yaml_node *at = yaml_get(network, key_b);
	struct cidr x = {0}, z = {0};

	if (cidr_parse(a, &x, err) < 0 || cidr_parse(b, &z, err) < 0)
		return -1;
	if (!cidr_overlap(x, z))
		return 0;
	at = at != NULL ? at : yaml_get(network, key_a); /* one of the two stands in the file: the defaults do not overlap */
	return yaml_error(y, at != NULL ? at : y->root, err, "network.%s %s overlaps network.%s %s; they must be apart", key_b, b, key_a, a);
}

static int check_network(const struct yaml *y, const struct yaml_node *file, const struct spec *s, struct error **err)
{
	const struct yaml_node *network = yaml_get(file, "network");

	if (strcmp(s->network.plugin, "flannel") != 0 && strcmp(s->network.plugin, "none") != 0)
		return yaml_error(y, yaml_get(network, "plugin"), err, "plugin: \"%s\" is not known; allowed: flannel, none",
				  s->network.plugin);
	if (s->platform == PLATFORM_SWARM)
		return 0;
	if (overlap(y, network, "cidr", s->network.cidr, "podCIDR", s->network.pod_cidr, err) < 0 ||
	    overlap(y, network, "cidr", s->network.cidr, "serviceCIDR", s->network.service_cidr, err) < 0)
		return -1;
	return overlap(y, network, "podCIDR", s->network.pod_cidr, "serviceCIDR", s->network.service_cidr, err);
}

static int check_existing(const struct yaml *y, const struct yaml_node *file, const struct spec *s, struct error **err)
{
	const struct yaml_node *network = yaml_get(file, "network"), *existing = yaml_get(network, "existing");

	if (existing == NULL)
		return 0;
	if (existing->n == 0)
		return yaml_error(y, existing, err, "existing: names nothing; write network, subnet or router, or leave it out");
	if (s->network.existing.subnet != NULL && s->network.existing.network == NULL)
		return yaml_error(y, yaml_get(existing, "subnet"), err, "subnet: name the network that it is in, too");
	if (s->network.existing.network == NULL)
		return 0;
	if (yaml_get(network, "cidr") == NULL)
		return yaml_error(y, existing, err, "existing: \"cidr\" is missing beside it: write that of the existing subnet");
	if (s->network.dns.n > 0)
		return yaml_error(y, yaml_get(network, "dns"), err, "dns: the existing subnet has name servers of its own, which davit leaves alone");
	return 0;
}

static int check_control_plane(const struct yaml *y, const struct yaml_node *file, const struct spec *s, struct error **err)
{
	const struct yaml_node *at = yaml_get(yaml_get(file, "controlPlane"), "count");
	int n = s->control_plane.count;

	if (n % 2 == 0)
		return yaml_error(y, at, err, "count: %d control planes cannot agree better than %d; use an odd number", n, n > 0 ? n - 1 : 1);
	if (n > CONTROL_PLANES_MAX)
		return yaml_error(y, at, err, "count: %d control planes; 1, 3 or 5 are possible: each further one makes every write slower", n);
	return 0;
}

static int check_pools(const struct yaml *y, const struct yaml_node *file, struct spec *s, struct error **err)
{
	static const char *const reserved[] = {"bastion", "cp", "control-plane", "registry"};
	const struct yaml_node *list = yaml_get(file, "workerPools");

	for (size_t i = 0; i < s->n_pools; i++) {
		const struct yaml_node *at = yaml_get(list->values[i], "name");

		for (size_t k = 0; k < ARRAY_SIZE(reserved); k++)
			if (strcmp(s->pools[i].name, reserved[k]) == 0)
				return yaml_error(y, at, err, "name: \"%s\" is what davit calls servers of its own; choose another",
						  reserved[k]);
		for (size_t k = 0; k < i; k++)
			if (strcmp(s->pools[i].name, s->pools[k].name) == 0)
				return yaml_error(y, at, err, "name: there are two pools \"%s\"", s->pools[i].name);
		s->pools[i].surge_said = yaml_get(list->values[i], "maxSurge") != NULL || yaml_get(list->values[i], "maxUnavailable") != NULL;
		if (s->pools[i].max_surge == 0 && s->pools[i].max_unavailable == 0)
			return yaml_error(y, yaml_get(list->values[i], "maxSurge"), err,
					  "maxSurge: 0 with maxUnavailable: 0 would let no node be replaced; make one of them larger");
	}
	return 0;
}

/* A word; what holds a slash or a dot is a path. */
static int check_host_keys(const struct yaml *y, const struct yaml_node *file, struct spec *s, struct error **err)
{
	const char *text = s->access.host_keys_text;

	for (int i = 0; host_key_modes[i] != NULL; i++)
		if (strcmp(text, host_key_modes[i]) == 0) {
			s->access.host_keys = (enum host_keys)i;
			return 0;
		}
	s->access.host_keys = HOST_KEYS_FILE;
	if (strpbrk(text, "/.") != NULL)
		return 0;
	return yaml_error(y, yaml_get(yaml_get(file, "access"), "hostKeys"), err,
			  "hostKeys: \"%s\" is not known; allowed: seeded, console, first-use, or the path of a known_hosts file (./%s)",
			  text, text);
}

static int check_bastion(const struct yaml *y, const struct yaml_node *file, const struct spec *s, struct error **err)
{
	const struct yaml_node *access = yaml_get(file, "access"), *server = yaml_get(access, "bastionServer");
	CLEANUP_FREE char *print = ssh_fingerprint(s->access.jump.host_key);

	if (server != NULL && s->access.bastion != BASTION_SERVER)
		return yaml_error(y, server, err, "bastionServer is used by \"bastion: server\" alone, and bastion is something else here");
	if (s->access.jump.host_key != NULL && print == NULL)
		return yaml_error(y, yaml_get(yaml_get(access, "bastion"), "hostKey"), err, "hostKey: \"%.40s\" is no public key such as \"ssh-ed25519 AAAA…\"", s->access.jump.host_key);
	return 0;
}

/* Whether one of the folders is the other or lies in it. */
static bool nested(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b), least = n < m ? n : m;

	return strncmp(a, b, least) == 0 && (n == m || (n < m ? b : a)[least] == '/');
}

/* A volume must not hide what davit, or the image, keeps on the root disk. */
static int check_volumes(const struct yaml *y, const struct yaml_node *pool, const struct pool_spec *p, struct error **err)
{
	static const char *const taken[] = {"/boot", "/dev", "/etc", "/home", "/opt/davit", "/proc", "/root", "/run", "/sys", "/usr",
					    "/var/lib/kubelet/config.yaml", "/var/lib/kubelet/pki"};
	const struct yaml_node *list = yaml_get(pool, "volumes");

	for (size_t i = 0; i < p->n_volumes; i++) {
		const struct yaml_node *at = yaml_get(list->values[i], "mount");
		const char *mount = p->volumes[i].mount;
		CLEANUP_FREE char *slug = path_slug(mount);

		for (size_t k = 0; k < ARRAY_SIZE(taken); k++)
			if (nested(mount, taken[k]))
				return yaml_error(y, at, err, "mount: a volume at \"%s\" would hide what is in %s; choose another folder",
						  mount, taken[k]);
		for (size_t k = 0; k < i; k++) {
			CLEANUP_FREE char *other = path_slug(p->volumes[k].mount);

			if (strcmp(slug, other) == 0)
				return yaml_error(y, at, err, "mount: there are two volumes for \"%s\", or folders that look alike as a name",
						  mount);
		}
	}
	return 0;
}

static int check_networks(const struct yaml *y, const struct yaml_node *pool, const struct pool_spec *p, struct error **err)
{
	for (size_t i = 0; i < p->networks.n; i++)
		for (size_t k = 0; k < i; k++)
			if (strcmp(p->networks.v[i], p->networks.v[k]) == 0)
				return yaml_error(y, yaml_get(pool, "networks")->values[i], err, "networks: \"%s\" is named twice", p->networks.v[i]);
	return 0;
}

/* Of one key and one effect a node has one taint. */
static int check_taints(const struct yaml *y, const struct yaml_node *pool, const struct pool_spec *p, struct error **err)
{
	for (size_t i = 0; i < p->taints.n; i++)
		for (size_t k = 0; k < i; k++) {
			const char *a = p->taints.v[k], *b = p->taints.v[i];
			size_t n = strcspn(a, "=:");

			if (n == strcspn(b, "=:") && strncmp(a, b, n) == 0 && strcmp(strrchr(a, ':'), strrchr(b, ':')) == 0)
				return yaml_error(y, yaml_get(pool, "taints")->values[i], err, "taints: \"%s\" and \"%s\" are of one key and one effect", a,
						  b);
		}
	return 0;
}

/* The control plane's and all pools of workers. */
static int check_each(const struct yaml *y, const struct yaml_node *file, const struct spec *s, struct error **err)
{
	static int (*const checks[])(const struct yaml *, const struct yaml_node *, const struct pool_spec *,
				     struct error **) = {check_volumes, check_networks, check_taints};
	const struct yaml_node *pools = yaml_get(file, "workerPools");

	for (size_t c = 0; c < ARRAY_SIZE(checks); c++) {
		if (checks[c](y, yaml_get(file, "controlPlane"), &s->control_plane, err) < 0)
			return -1;
		for (size_t i = 0; i < s->n_pools; i++)
			if (checks[c](y, pools->values[i], &s->pools[i], err) < 0)
				return -1;
	}
	return 0;
}

/* What neither systemd nor a shell takes for anything but itself.  The value is not told: it may hold a password. */
static bool is_proxy(const char *url)
{
	size_t scheme = strncmp(url, "http://", 7) == 0 ? 7 : strncmp(url, "https://", 8) == 0 ? 8 : 0;

	return scheme > 0 && url[scheme] != '\0' && url[strcspn(url, " \t\r\n\"'\\`$")] == '\0';
}

static int check_proxy(const struct yaml *y, const struct yaml_node *file, const struct spec *s, struct error **err)
{
	const struct yaml_node *proxy = yaml_get(file, "proxy"), *no = yaml_get(proxy, "no");

	if (s->proxy.http != NULL && !is_proxy(s->proxy.http))
		return yaml_error(y, yaml_get(proxy, "http"), err, "http: expected http(s)://[USER:PASSWORD@]HOST:PORT, special characters as %%XX");
	if (s->proxy.https != NULL && !is_proxy(s->proxy.https))
		return yaml_error(y, yaml_get(proxy, "https"), err, "https: expected http(s)://[USER:PASSWORD@]HOST:PORT, special characters as %%XX");
	for (size_t i = 0; i < s->proxy.no.n; i++)
		if (s->proxy.no.v[i][0] == '\0' || s->proxy.no.v[i][strcspn(s->proxy.no.v[i], " ,\t\r\n\"'\\`$")] != '\0')
			return yaml_error(y, no->values[i], err, "no: \"%s\" is no host, domain or CIDR", s->proxy.no.v[i]);
	return 0;
}

bool spec_api_has_address(const struct spec *s)
{
	return s->api.endpoint == API_VIP || s->api.endpoint == API_OCTAVIA;
}

bool spec_is_ovn(const struct spec *s)
{
	return s->api.endpoint == API_OCTAVIA && s->api.provider != NULL && strcmp(s->api.provider, "ovn") == 0;
}

bool spec_renews(const struct spec *s)
{
	return s->pki.renewed_on_nodes.n > 0;
}

/* Keys that say something of an endpoint that is another one. */
static int check_api_keys(const struct yaml *y, const struct yaml_node *api, const struct spec *s, struct error **err)
{
	static const struct {
		const char *key;
		bool vip;
	} keys[] = {{"address", true}, {"floatingIP", true}, {"provider", false}};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const struct yaml_node *at = yaml_get(api, keys[i].key);

		if (at != NULL && s->api.endpoint != API_OCTAVIA && !(keys[i].vip && s->api.endpoint == API_VIP))
			return yaml_error(y, at, err, "%s: goes with endpoint: %soctavia", keys[i].key, keys[i].vip ? "vip or " : "");
	}
	return 0;
}

/* In a network of ours: those that no server and no port of the cloud gets (plan.h). */
static bool is_spare(uint32_t offset)
{
	return offset == 2 || offset == 3 || (offset >= 6 && offset <= 9);
}

static int check_api_address(const struct yaml *y, const struct yaml_node *api, const struct spec *s, struct error **err)
{
	const struct yaml_node *at = yaml_get(api, "address");
	struct cidr network = {0};
	uint32_t address = 0;

	if (at == NULL && spec_api_has_address(s) && s->network.existing.network != NULL)
		return yaml_error(y, api, err, "api: in a network that is there, write \"address\": one of %s that nobody gets", s->network.cidr);
	if (at == NULL)
		return 0;
	if (address_parse(s->api.address, &address, NULL) < 0)
		return yaml_error(y, at, err, "address: \"%s\" is no IPv4 address", s->api.address);
	if (cidr_parse(s->network.cidr, &network, err) < 0)
		return -1;
	if (!cidr_has(network, address) || address == network.base || address == network.base + cidr_size(network) - 1)
		return yaml_error(y, at, err, "address: %s is no address of the servers' network %s", s->api.address, s->network.cidr);
	if (s->network.existing.network == NULL && !is_spare(address - network.base)) {
		CLEANUP_FREE char *first = address_format(network.base + 6), *last = address_format(network.base + 9);

		return yaml_error(y, at, err, "address: servers and the cloud's own ports get %s; write one from %s to %s, or leave it out",
				  s->api.address, first, last);
	}
	return 0;
}

static int check_api(const struct yaml *y, const struct yaml_node *file, const struct spec *s, struct error **err)
{
	const struct yaml_node *api = yaml_get(file, "api");

	return check_api_keys(y, api, s, err) < 0 ? -1 : check_api_address(y, api, s, err);
}

/* What systemd may take; whether it does is told on the node. */
static int check_etcd(const struct yaml *y, const struct yaml_node *file, const struct spec *s, struct error **err)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 -:*,./~_";
	const char *schedule = s->etcd_snapshots.schedule;

	if (schedule == NULL || (*schedule != '\0' && schedule[strspn(schedule, allowed)] == '\0'))
		return 0;
	return yaml_error(y, yaml_get(yaml_get(yaml_get(file, "etcd"), "snapshots"), "schedule"), err,
			  "schedule: \"%s\" is no time of systemd's; write daily, hourly or such as \"*-*-* 03:00\" (man systemd.time)", schedule);
}

/* Without an address outside the API is for the cluster's own nodes, and for whom the file names. */
static void finish_api(const struct yaml_node *file, struct spec *s)
{
	if (s->api.endpoint != API_INTERNAL || yaml_get(yaml_get(file, "api"), "allowedCIDRs") != NULL)
		return;
	strv_free(&s->api.allowed_cidrs);
	s->api.allowed_cidrs = STRV_INIT;
}

static char *beside(const char *file, char *path)
{
	CLEANUP_FREE char *expanded = path_expand(path);
	const char *slash = strrchr(file, '/');

	free(path);
	if (expanded[0] == '/' || slash == NULL)
		return steal_ptr(expanded);
	return xasprintf("%.*s/%s", (int)(slash - file), file, expanded);
}

static int check_pki(const struct yaml *y, const struct yaml_node *file, const struct spec *s, struct error **err)
{
	const struct yaml_node *pki = yaml_get(file, "pki"), *renewed = yaml_get(pki, "renewedOnNodes");

	if (s->pki.ca.passphrase_file != NULL && s->pki.ca.key == NULL)
		return yaml_error(y, yaml_get(yaml_get(pki, "ca"), "passphraseFile"), err, "passphraseFile: there is no \"key\" beside it that it would open");
	for (size_t i = 0; i < s->pki.renewed_on_nodes.n; i++)
		if (strcmp(s->pki.renewed_on_nodes.v[i], "cluster") != 0)
			return yaml_error(y, renewed->values[i], err,
					  "renewedOnNodes: \"%s\" is no authority whose certificates nodes can renew; allowed: cluster, since the key of no other one is on a node",
					  s->pki.renewed_on_nodes.v[i]);
	return 0;
}

/* NULL stays so. */
static void move_beside(const struct spec *s, char **path)
{
	if (*path != NULL)
		*path = beside(s->path, *path);
}

static void finish_mke(struct spec *s)
{
	move_beside(s, &s->mke.images.path);
	move_beside(s, &s->mke.msr.images.path);
	move_beside(s, &s->mke.license);
	move_beside(s, &s->mke.password_file);
	for (size_t i = 0; i < s->mke.engine.n_packages; i++)
		move_beside(s, &s->mke.engine.packages[i].path);
}

static int finish(const struct yaml *y, struct spec *s, struct error **err)
{
	const struct yaml_node *file = yaml_get(y->root, "spec");

	if (platform_check(y, file, s, err) < 0 || check_network(y, file, s, err) < 0 || check_existing(y, file, s, err) < 0 || check_control_plane(y, file, s, err) < 0 ||
	    check_pools(y, file, s, err) < 0 || check_each(y, file, s, err) < 0 || kubelet_check(y, file, s, err) < 0 || check_host_keys(y, file, s, err) < 0 ||
	    check_bastion(y, file, s, err) < 0 || check_proxy(y, file, s, err) < 0 || check_pki(y, file, s, err) < 0 ||
	    check_api(y, file, s, err) < 0 || check_etcd(y, file, s, err) < 0)
		return -1;
	finish_api(file, s);
	if (s->access.server.flavor == NULL)
		s->access.server.flavor = xstrdup(s->control_plane.flavor);
	if (s->access.host_keys == HOST_KEYS_FILE)
		s->access.known_hosts = beside(s->path, xstrdup(s->access.host_keys_text));
	if (s->access.bastion == BASTION_HOST) {
		s->access.jump.key_file = beside(s->path, s->access.jump.key_file);
		s->access.jump.known_hosts = beside(s->path, s->access.jump.known_hosts);
	}
	s->control_plane.name = xstrdup("control-plane");
	if (s->registry.flavor == NULL)
		s->registry.flavor = xstrdup(s->control_plane.flavor);
	move_beside(s, &s->pki.ca.certificate);
	move_beside(s, &s->pki.ca.key);
	move_beside(s, &s->pki.ca.passphrase_file);
	move_beside(s, &s->artifacts.bundle);
	move_beside(s, &s->swarm.portainer.password_file);
	finish_mke(s);
	for (size_t i = 0; i < s->n_stacks; i++)
		move_beside(s, &s->stacks[i].file);
	return 0;
}

int spec_parse(const char *path, const char *text, size_t len, struct spec **ret, struct error **err)
{
	CLEANUP_YAML struct yaml *y = NULL;
	struct file file = {0};
	struct spec *s;

	if (yaml_parse(path, text, len, &y, err) < 0)
		return -1;
	if (y->root->type != YAML_MAP)
		return yaml_error(y, y->root, err, "a cluster file is a map, found %s", yaml_type_name(y->root));
	file.spec.path = xstrdup(path);
	if (schema_read(y, y->root, file_fields, &file, err) < 0 || finish(y, &file.spec, err) < 0) {
		s = xmemdup(&file.spec, sizeof(file.spec));
		spec_free(s);
		return -1;
	}
	file.spec.source = steal_ptr(y);
	*ret = xmemdup(&file.spec, sizeof(file.spec));
	return 0;
}

int spec_read(const char *path, struct buf *ret, struct error **err)
{
	if (path_read(path, ret, err) == 0)
		return 0;
	if (err != NULL && error_is(*err, ERROR_NOT_FOUND))
		return error_set(err, ERROR_CONFIG, "%s: there is no such file; \"davit init\" writes one, -f names another", path);
	return -1;
}

int spec_load(const char *path, struct spec **ret, struct error **err)
{
	CLEANUP_BUF struct buf text = BUF_INIT;

	return spec_read(path, &text, err) < 0 ? -1 : spec_parse(path, buf_str(&text), text.len, ret, err);
}

void spec_free(struct spec *s)
{
	if (s == NULL)
		return;
	schema_clear(metadata_fields, s);
	schema_clear(spec_fields, s);
	free(s->control_plane.name);
	free(s->access.known_hosts);
	yaml_destroy(s->source);
	free(s->path);
	free(s);
}

void spec_free_ptr(struct spec **s)
{
	spec_free(*s);
	*s = NULL;
}

char *spec_place(const struct spec *s, const char *key)
{
	const struct yaml_node *at = yaml_get(s->source->root, "spec"), *next;
	CLEANUP_STRV struct strv parts = STRV_INIT;

	strv_split(&parts, key, ".");
	for (size_t i = 0; i < parts.n && (next = yaml_get(at, parts.v[i])) != NULL; i++)
		at = next;
	return xasprintf("%s:%d:%d", s->path, at->line, at->column);
}

static bool is_key_line(const char *s)
{
	return strncmp(s, "ssh-", 4) == 0 || strncmp(s, "ecdsa-", 6) == 0 || strncmp(s, "sk-", 3) == 0;
}

static int add_key_lines(const char *text, const char *source, struct strv *ret, struct error **err)
{
	CLEANUP_SSH_KEYS struct ssh_keys keys = SSH_KEYS_INIT;
	CLEANUP_STRV struct strv lines = STRV_INIT;

	if (ssh_keys_parse(text, &keys, err) < 0)
		return error_wrap(err, "access.authorizedKeys: %s", source);
	strv_split(&lines, text, "\r\n");
	for (size_t i = 0; i < lines.n; i++)
		if (!strv_has(ret, lines.v[i]))
			strv_add(ret, lines.v[i]);
	return 0;
}

int spec_authorized_keys(const struct spec *s, struct strv *ret, struct error **err)
{
	for (size_t i = 0; i < s->access.authorized_keys.n; i++) {
		const char *entry = s->access.authorized_keys.v[i];
		CLEANUP_FREE char *path = NULL;
		CLEANUP_BUF struct buf text = BUF_INIT;

		if (is_key_line(entry)) {
			if (add_key_lines(entry, s->path, ret, err) < 0)
				return -1;
			continue;
		}
		path = beside(s->path, xstrdup(entry));
		if (path_read(path, &text, err) < 0)
			return error_wrap(err, "%s: access.authorizedKeys", s->path);
		if (add_key_lines(buf_str(&text), path, ret, err) < 0)
			return -1;
	}
	return 0;
}
