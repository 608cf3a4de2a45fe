#include "cmd/portainer.h"
#include "bootstrap/swarm.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/cluster/given.h"
#include "core/cluster/stacks.h"

/* Portainer's default least length, and the most that bcrypt takes. */
enum { PASSWORD_MIN = 12, PASSWORD_MAX = 72, ASK_MS = 60 * 1000 };

static int read_password(const struct context *c, char **ret, struct error **err)
{
	static const struct given_password of = {"Portainer", "swarm.portainer.passwordFile", PASSWORD_MIN, PASSWORD_MAX};

	return given_read_password(c->spec, &of, c->spec->swarm.portainer.password_file, ret, err);
}

int portainer_check_given(const struct context *c, struct error **err)
{
	CLEANUP_SECRET char *password = NULL;

	if (c->spec->swarm.portainer.version == NULL || stacks_has(c->state, PORTAINER_STACK))
		return 0;
	return read_password(c, &password, err);
}

int portainer_prepare(const struct context *c, struct ssh *s, struct error **err)
{
	CLEANUP_SECRET char *password = NULL;

	if (read_password(c, &password, err) < 0)
		return -1;
	return swarm_secret_put(s, PORTAINER_SECRET, password, clock_deadline(ASK_MS), err);
}

int portainer_tidy(struct ssh *s, struct error **err)
{
	return swarm_secret_remove(s, PORTAINER_SECRET, clock_deadline(ASK_MS), err);
}

char *portainer_url(const struct context *c)
{
	struct node n = {0};
	char *url = NULL;

	if (c->spec->swarm.portainer.version == NULL || !stacks_has(c->state, PORTAINER_STACK) || !inventory_get(c->inventory, plan_first(c->plan)->node.name, &n))
		return NULL;
	if (n.floating_ip != NULL || n.address != NULL)
		url = xasprintf("https://%s:%d", n.floating_ip != NULL ? n.floating_ip : n.address, PORTAINER_PORT);
	node_clear(&n);
	return url;
}
