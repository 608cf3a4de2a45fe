#include "cmd/trust.h"
#include "core/base/alloc.h"
#include "core/base/log.h"
#include "core/base/path.h"
#include "core/net/known_hosts.h"
#include <pthread.h>

enum { SSH_PORT = 22 };

struct trust {
	const struct spec *spec;
	struct state *state;
	struct inventory *inventory;
	trust_console *console;
	void *console_context;
	char *accepted_node, *accepted; /* of trust_accept() */
	pthread_mutex_t lock; /* of keeping: two threads may meet a server at the same time */
};

struct trust *trust_new(const struct spec *spec, struct state *state, struct inventory *inventory)
{
	struct trust *t = xnew(struct trust);

	t->spec = spec;
	t->state = state;
	t->inventory = inventory;
	pthread_mutex_init(&t->lock, NULL);
	return t;
}

void trust_free(struct trust *t)
{
	pthread_mutex_destroy(&t->lock);
	free(t->accepted_node);
	free(t->accepted);
	free(t);
}

void trust_set_console(struct trust *t, trust_console *console, void *context)
{
	t->console = console;
	t->console_context = context;
}

int trust_accept(struct trust *t, const char *node, const char *fingerprint, struct error **err)
{
	static const char prefix[] = "SHA256:";
	static const char base64[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/";
	const char *digest = fingerprint + strlen(prefix);

	if (strncmp(fingerprint, prefix, strlen(prefix)) != 0 || strlen(digest) != 43 || strspn(digest, base64) != 43)
		return error_set(err, ERROR_USAGE, "\"%s\" is no fingerprint of a host key, such as ssh-keygen -l prints: SHA256:…", fingerprint);
	t->accepted_node = xstrdup(node);
	t->accepted = xstrdup(fingerprint);
	inventory_host_key(t->inventory, node, NULL); /* the state keeps the old one until the new one was shown */
	return 0;
}

const char *trust_fingerprint(const struct trust *t, const char *node)
{
	return t->accepted_node != NULL && strcmp(t->accepted_node, node) == 0 ? t->accepted : NULL;
}

/* What the state has; NULL before the first contact. */
static char *kept(struct trust *t, const char *node)
{
	struct node now = {0};
	char *key = NULL;

	if (inventory_get(t->inventory, node, &now))
		key = steal_ptr(now.host_key);
	node_clear(&now);
	return key;
}

static int search(const char *file, const struct strv *names, uint16_t port, char **ret, struct error **err)
{
	CLEANUP_BUF struct buf text = BUF_INIT;
	CLEANUP_FREE char *all = NULL;

	if (path_read(file, &text, err) < 0)
		return -1;
	if (known_hosts_find(buf_str(&text), names, port, ret, err) < 0)
		return error_wrap(err, "%s", file);
	if (*ret != NULL)
		return 0;
	all = strv_join(names, ", ");
	return error_set(err, ERROR_CONFIG, "%s has no host key of %s; add its line (ssh-keyscan shows what a server offers, its console what is true)",
			 file, all);
}

int trust_check(const struct spec *spec, struct error **err)
{
	const char *files[] = {spec->access.known_hosts, spec->access.bastion == BASTION_HOST ? spec->access.jump.key_file : NULL};
	CLEANUP_FREE char *jump = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		CLEANUP(buf_wipe) struct buf text = BUF_INIT;

		if (files[i] != NULL && path_read(files[i], &text, err) < 0)
			return error_wrap(err, "%s: access", spec->path);
	}
	return spec->access.bastion == BASTION_HOST ? trust_of_jump(spec, &jump, err) : 0;
}

static int from_file(const struct trust *t, const struct node *n, char **ret, struct error **err)
{
	CLEANUP_STRV struct strv names = STRV_INIT;

	strv_add(&names, n->name);
	if (n->address != NULL)
		strv_add(&names, n->address);
	if (n->floating_ip != NULL)
		strv_add(&names, n->floating_ip);
	return search(t->spec->access.known_hosts, &names, SSH_PORT, ret, err);
}

static int from_console(const struct trust *t, const struct node *n, int64_t deadline, char **ret, struct error **err)
{
	if (t->console != NULL)
		return t->console(t->console_context, n, deadline, ret, err);
	return error_set(err, ERROR_CONFIG, "%s was never reached, so that its SSH host key is not known here; \"davit apply\" reads it from its console",
			 n->name);
}

int trust_expected(struct trust *t, const struct node *n, int64_t deadline, char **ret, bool *ret_first, struct error **err)
{
	*ret = kept(t, n->name);
	*ret_first = *ret == NULL;
	if (*ret != NULL || trust_fingerprint(t, n->name) != NULL)
		return 0;
	switch (t->spec->access.host_keys) {
	case HOST_KEYS_FIRST_USE:
		return 0;
	case HOST_KEYS_FILE:
		return from_file(t, n, ret, err);
	case HOST_KEYS_CONSOLE:
		return from_console(t, n, deadline, ret, err);
	case HOST_KEYS_SEEDED:
		break;
	}
	return error_set(err, ERROR_CONFIG,
			 "%s: its SSH host key is not known here, and it cannot be seeded into a server that is there; for once set "
			 "access.hostKeys to first-use, console or a known_hosts file",
			 n->name);
}

static int keep(struct trust *t, const char *node, const char *key, struct error **err)
{
	struct node n = {0};
	int r;

	inventory_host_key(t->inventory, node, key);
	if (!inventory_get(t->inventory, node, &n))
		return error_set(err, ERROR_INTERNAL, "%s is not in the inventory", node);
	r = state_put_node(t->state, &n, err);
	node_clear(&n);
	return r;
}

static int differs(const char *node, const char *known, const char *shown, struct error **err)
{
	CLEANUP_FREE char *a = ssh_fingerprint(known), *b = ssh_fingerprint(shown);

	return error_set(err, ERROR_CONFLICT,
			 "%s showed two host keys within moments, %s and then %s: two machines answer at its address; no more is said to either",
			 node, a, b);
}

int trust_keep(struct trust *t, const struct node *n, const struct ssh *s, struct error **err)
{
	CLEANUP_FREE char *shown = ssh_host_key(s), *known = NULL, *print = ssh_fingerprint(shown);
	int r = 0;

	if (print == NULL)
		return error_set(err, ERROR_REMOTE, "%s: its host key cannot be read", n->name);
	pthread_mutex_lock(&t->lock);
	known = kept(t, n->name);
	if (known == NULL)
		r = keep(t, n->name, shown, err);
	else if (strcmp(known, shown) != 0)
		r = differs(n->name, known, shown, err);
	pthread_mutex_unlock(&t->lock);
	if (r == 0 && known == NULL && trust_fingerprint(t, n->name) == NULL && t->spec->access.host_keys == HOST_KEYS_FIRST_USE)
		log_warning("%s: its host key %s was taken at first use, as access.hostKeys says; nothing vouches for it, and no other "
			    "one is accepted from now on",
			    n->name, print);
	return r;
}

int trust_of_jump(const struct spec *spec, char **ret, struct error **err)
{
	CLEANUP_STRV struct strv names = STRV_INIT;

	if (spec->access.jump.host_key != NULL) {
		*ret = xstrdup(spec->access.jump.host_key);
		return 0;
	}
	strv_add(&names, spec->access.jump.host);
	if (search(spec->access.jump.known_hosts, &names, (uint16_t)spec->access.jump.port, ret, err) < 0)
		return error_wrap(err, "jump host %s", spec->access.jump.host);
	return 0;
}
