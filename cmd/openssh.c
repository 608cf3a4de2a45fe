#include "cmd/openssh.h"
#include "core/base/alloc.h"
#include "core/base/strv.h"
#include "core/cluster/way.h"

void openssh_escape(struct buf *b, const char *path)
{
	for (; *path != '\0'; path++)
		buf_add(b, *path == '%' ? "%%" : (char[]){*path, '\0'});
}

/* In quotes, since it may hold spaces. */
static void add_path(struct buf *b, const char *key, const char *path)
{
	buf_addf(b, "\t%s \"", key);
	openssh_escape(b, path);
	buf_add(b, "\"\n");
}

static void add_host(struct buf *b, const char *name, const char *address, const char *user, const char *key_file,
		     const char *known_hosts)
{
	buf_addf(b, "Host %s\n\tHostName %s\n\tUser %s\n", name, address, user);
	add_path(b, "IdentityFile", key_file);
	buf_add(b, "\tIdentitiesOnly yes\n\tStrictHostKeyChecking yes\n");
	add_path(b, "UserKnownHostsFile", known_hosts);
}

static char *jump_name(const struct spec *spec)
{
	return xasprintf("%s-jump", spec->name);
}

/* The operator's own jump host, under a name of the cluster's: what his configuration says of it stays apart. */
static void add_jump(struct buf *b, const struct spec *spec, const char *known_hosts)
{
	CLEANUP_FREE char *name = jump_name(spec);
	bool own = spec->access.jump.host_key != NULL;

	add_host(b, name, spec->access.jump.host, spec->access.jump.user, spec->access.jump.key_file,
		 own ? known_hosts : spec->access.jump.known_hosts);
	buf_addf(b, "\tPort %d\n", spec->access.jump.port);
	if (own)
		buf_addf(b, "\tHostKeyAlias %s\n", name);
}

const char *openssh_address(const struct spec *spec, const char *entry, const struct node *n)
{
	if (n->host_key == NULL)
		return NULL;
	return way_to(spec, entry, n->name) == WAY_FLOATING_IP ? n->floating_ip : n->address;
}

static void add_node(struct buf *b, const struct spec *spec, const struct node *n, const char *entry, const char *key_file,
		     const char *known_hosts)
{
	enum way way = way_to(spec, entry, n->name);
	const char *address = openssh_address(spec, entry, n);

	if (address == NULL) {
		buf_addf(b, "# %s was not reached yet\n", n->name);
		return;
	}
	add_host(b, n->name, address, spec->access.user, key_file, known_hosts);
	buf_addf(b, "\tHostKeyAlias %s\n", n->name);
	if (way == WAY_JUMP && entry != NULL)
		buf_addf(b, "\tProxyJump %s\n", entry);
	else if (way == WAY_JUMP)
		buf_addf(b, "\tProxyJump %s-jump\n", spec->name);
}

void openssh_config(const struct spec *spec, struct inventory *inventory, const char *key_file, const char *known_hosts,
		    struct buf *ret)
{
	CLEANUP_FREE char *entry = way_entry(spec, inventory);
	size_t n;
	struct node *nodes = inventory_list(inventory, &n);

	buf_addf(ret, "# The servers of cluster %s, written by \"davit ssh-config\".\n", spec->name);
	if (spec->access.bastion == BASTION_HOST)
		add_jump(ret, spec, known_hosts);
	for (size_t i = 0; i < n; i++)
		add_node(ret, spec, &nodes[i], entry, key_file, known_hosts);
	node_list_free(nodes, n);
}

static void add_option(struct buf *b, const struct buf *option)
{
	buf_add(b, b->len > 0 ? " -o " : "-o ");
	buf_add_shell(b, buf_str(option));
}

/* Not ProxyJump: ssh(1) hands the name of its configuration on to the jump's ssh unquoted. */
static void add_proxy(struct buf *b, const char *config, const char *jump)
{
	CLEANUP_BUF struct buf command = BUF_INIT, option = BUF_INIT;

	buf_add(&command, "ssh -F ");
	buf_add_shell(&command, config);
	buf_add(&option, "ProxyCommand=");
	openssh_escape(&option, buf_str(&command));
	buf_addf(&option, " -W '[%%h]:%%p' %s", jump);
	add_option(b, &option);
}

void openssh_arguments(const struct spec *spec, const char *entry, const struct node *n, const char *config, const char *known_hosts,
		       struct buf *ret)
{
	CLEANUP_FREE char *jump = jump_name(spec);
	CLEANUP_BUF struct buf alias = BUF_INIT, file = BUF_INIT;

	buf_addf(&alias, "HostKeyAlias=%s", n->name);
	buf_add(&file, "UserKnownHostsFile=\"");
	openssh_escape(&file, known_hosts);
	buf_add(&file, "\"");
	buf_add(ret, "-F none -o StrictHostKeyChecking=yes -o IdentitiesOnly=yes");
	add_option(ret, &alias);
	add_option(ret, &file);
	if (way_to(spec, entry, n->name) == WAY_JUMP)
		add_proxy(ret, config, entry != NULL ? entry : jump);
}

static void add_keys(struct buf *b, const char *name, const char *keys)
{
	CLEANUP_STRV struct strv lines = STRV_INIT;

	strv_split(&lines, keys, "\n");
	for (size_t i = 0; i < lines.n; i++)
		buf_addf(b, "%s %s\n", name, lines.v[i]);
}

void openssh_known_hosts(const struct spec *spec, struct inventory *inventory, struct buf *ret)
{
	CLEANUP_FREE char *jump = jump_name(spec);
	size_t n;
	struct node *nodes = inventory_list(inventory, &n);

	if (spec->access.bastion == BASTION_HOST && spec->access.jump.host_key != NULL)
		add_keys(ret, jump, spec->access.jump.host_key);
	for (size_t i = 0; i < n; i++)
		if (nodes[i].host_key != NULL)
			add_keys(ret, nodes[i].name, nodes[i].host_key);
	node_list_free(nodes, n);
}
