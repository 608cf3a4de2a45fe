#include "cmd/authorities.h"
#include "cmd/verbs.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/path.h"
#include "core/cluster/platform.h"
#include <string.h>

/* By SSH the engines' ports stay closed, and who may log in may use the engine. */
static void by_ssh(const struct context *c, const char *manager, struct buf *ret)
{
	buf_addf(ret,
		 "# A context of the docker client, through SSH to %s: davit docker-context | sh\n"
		 "# ssh knows the way by the block that \"davit ssh-config\" prints, in ~/.ssh/config.\n"
		 "docker context create %s --description 'swarm %s, made by davit' --docker host=ssh://%s\n",
		 manager, c->spec->name, c->spec->name, manager);
}

/* ---- by the engines' port */

static int check_open(const struct context *c, struct error **err)
{
	if (c->spec->platform == PLATFORM_MKE)
		return error_set(err, ERROR_USAGE, "--tls: MKE has client bundles of its own, on its page (https on a manager)");
	if (c->spec->swarm.api_cidrs.n == 0)
		return error_set(err, ERROR_USAGE,
				 "--tls: the engines of cluster %s have no open port; \"swarm: {api: {allowedCIDRs: […]}}\" of the file opens the managers', and \"davit apply\" "
				 "does that; without --tls the client goes by SSH",
				 c->spec->name);
	return 0;
}

/* docker's own syntax for an endpoint is a line of CSV, without a way to quote what we could rely on. */
static int check_folder(const char *folder, struct error **err)
{
	return strpbrk(folder, ",\"\n") == NULL ? 0 : error_set(err, ERROR_USAGE, "--tls \"%s\": the docker client takes no path with a comma, a quote or a line break", folder);
}

/* A manager that has a floating IP, else the first. */
static char *find_address(const struct context *c, bool *ret_outside)
{
	size_t n = 0;
	struct node *nodes = inventory_list(c->inventory, &n);
	char *found = NULL;

	*ret_outside = false;
	for (size_t i = 0; i < n && !*ret_outside; i++) {
		if (nodes[i].role != NODE_CONTROL_PLANE || !state_is_installed(c->state, nodes[i].name))
			continue;
		*ret_outside = nodes[i].floating_ip != NULL;
		if (found == NULL || *ret_outside) {
			free(found);
			found = xstrdup(*ret_outside ? nodes[i].floating_ip : nodes[i].address);
		}
	}
	node_list_free(nodes, n);
	return found;
}

static int put(const char *folder, const char *name, const struct buf *text, struct error **err)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", folder, name);

	return path_write(path, buf_str(text), text->len, 0600, err);
}

/* The names that docker's DOCKER_CERT_PATH goes by. */
static int put_bundle(const char *folder, const char *url, struct pki *pki, const struct pki_user *user, struct error **err)
{
	CLEANUP_BUF struct buf ca = BUF_INIT, certificate = BUF_INIT, env = BUF_INIT;
	CLEANUP(buf_wipe) struct buf key = BUF_INIT;

	if (pki_user_engine(pki, user, clock_wall_ms() / 1000, &certificate, &key, err) < 0 || path_mkdirs(folder, 0700, err) < 0)
		return -1;
	buf_add(&ca, pki_ca_pem(pki, "engine-ca"));
	buf_addf(&env, "export DOCKER_TLS_VERIFY=1 DOCKER_HOST=%s DOCKER_CERT_PATH=", url);
	buf_add_shell(&env, folder);
	buf_add_char(&env, '\n');
	return put(folder, "ca.pem", &ca, err) < 0 || put(folder, "cert.pem", &certificate, err) < 0 || put(folder, "key.pem", &key, err) < 0 ||
			       put(folder, "env.sh", &env, err) < 0
		       ? -1
		       : 0;
}

static void tell(const struct pki_user *user, const char *folder, bool outside)
{
	CLEANUP_FREE char *end = clock_rfc3339(clock_wall_ms() + user->seconds * 1000);

	log_info("%s: the certificate of %s is valid until %.19sZ, and not to be taken back before; who has its key is root of all nodes", folder, user->name, end);
	if (!outside)
		log_info("no manager has a floating IP: this is for machines with a route to the servers' network that swarm.api.allowedCIDRs lets in");
}

static int by_tls(const struct context *c, struct buf *ret, struct error **err)
{
	enum { USUAL = 8 * 3600 };
	const struct options *o = c->o;
	struct pki_user user = {.name = o->user != NULL ? o->user : "admin", .groups = &STRV_INIT, .seconds = o->ttl_ms >= 0 ? o->ttl_ms / 1000 : USUAL};
	CLEANUP_FREE char *folder = path_absolute(o->client), *address = NULL, *url = NULL;
	CLEANUP_BUF struct buf endpoint = BUF_INIT;
	CLEANUP_PKI struct pki *pki = NULL;
	bool outside = false;

	if (check_open(c, err) < 0 || check_folder(folder, err) < 0 || pki_user_check(&user, err) < 0 || context_need_keys(c, err) < 0 ||
	    authorities_open(c, &pki, err) < 0)
		return -1;
	address = find_address(c, &outside);
	url = xasprintf("tcp://%s:%d", address, ENGINE_PORT);
	if (put_bundle(folder, url, pki, &user, err) < 0)
		return -1;
	tell(&user, folder, outside);
	buf_addf(&endpoint, "host=%s,ca=%s/ca.pem,cert=%s/cert.pem,key=%s/key.pem", url, folder, folder, folder);
	buf_addf(ret,
		 "# A context of the docker client, by TLS to %s, which copies the certificate: davit docker-context --tls FOLDER | sh\n"
		 "# Without a context: . FOLDER/env.sh\n"
		 "docker context create %s --description 'swarm %s, made by davit' --docker ",
		 address, c->spec->name, c->spec->name);
	buf_add_shell(ret, buf_str(&endpoint));
	buf_add_char(ret, '\n');
	return 0;
}

int verb_docker_context(const struct options *o, struct error **err)
{
	CLEANUP_CONTEXT struct context c = {0};
	CLEANUP_BUF struct buf text = BUF_INIT;
	const char *manager;

	if (o->client == NULL && (o->user != NULL || o->ttl_ms >= 0))
		return error_set(err, ERROR_USAGE, "--user and --ttl go with --tls FOLDER; by SSH there is no certificate");
	if (context_open(o, CONTEXT_READ, &c, err) < 0)
		return -1;
	if (!platform_is_swarm(c.spec->platform))
		return error_set(err, ERROR_USAGE, "cluster %s is no swarm: \"davit kubeconfig\" gives access to it", c.spec->name);
	manager = context_plane(&c);
	if (manager == NULL)
		return error_set(err, ERROR_NOT_FOUND, "no manager of cluster %s was installed yet; run \"davit apply\"", c.spec->name);
	if (o->client == NULL)
		by_ssh(&c, manager, &text);
	else if (by_tls(&c, &text, err) < 0)
		return -1;
	return verb_write(o, buf_str(&text), text.len, 0644, err);
}
