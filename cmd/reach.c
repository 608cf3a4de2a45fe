#include "cmd/reach.h"
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include "core/net/dial.h"
#include <pthread.h>

/* sshd answers before cloud-init has put the user's key in place: refusals so long after the first answer are final */
enum { SSH_PORT = 22, AUTH_GRACE_MS = 60 * 1000, RETRY_MS = 300, DIAL_MS = 30 * 1000 };

struct reach {
	const struct spec *spec;
	struct state *state;
	struct inventory *inventory;
	char *key_file;
	pthread_mutex_t lock; /* of the bastion; held while it is being connected, so that the others wait for it */
	struct bastion *bastion;
	struct bastion **retired; /* broken ones, which other threads may still look at; freed at the end */
	size_t n_retired, cap_retired;
};

struct reach *reach_new(const struct spec *spec, struct state *state, struct inventory *inventory)
{
	struct reach *r = xnew(struct reach);

	r->spec = spec;
	r->state = state;
	r->inventory = inventory;
	r->key_file = state_path(state, "ssh/id_ed25519");
	pthread_mutex_init(&r->lock, NULL);
	return r;
}

void reach_free(struct reach *r)
{
	if (r == NULL)
		return;
	bastion_free(r->bastion);
	for (size_t i = 0; i < r->n_retired; i++)
		bastion_free(r->retired[i]);
	free(r->retired);
	pthread_mutex_destroy(&r->lock);
	free(r->key_file);
	free(r);
}

void reach_free_ptr(struct reach **r)
{
	reach_free(*r);
	*r = NULL;
}

/* The control plane that has a floating IP, or is to get it. */
static int entry(struct reach *r, char **ret, struct error **err)
{
	size_t n;
	struct node *nodes = inventory_list(r->inventory, &n);

	for (size_t i = 0; i < n && *ret == NULL; i++)
		if (nodes[i].role == NODE_CONTROL_PLANE)
			*ret = xstrdup(nodes[i].name);
	node_list_free(nodes, n);
	return *ret != NULL ? 0 : error_set(err, ERROR_NOT_FOUND, "cluster %s has no control plane to go through", r->spec->name);
}

static int dial_via(struct reach *r, const char *host, uint16_t port, int64_t deadline, bool wait, int *ret_fd, struct error **err);

/* Connects and logs in, again and again while the server is still starting. */
static int login(struct reach *r, const struct node *n, bool direct, int64_t deadline, struct ssh **ret, struct error **err)
{
	struct ssh_login login = {
		.name = n->name, .user = r->spec->access.user, .key_file = r->key_file, .host_key = n->host_key, .deadline = deadline};
	int64_t first_refusal = 0;

	if (n->host_key == NULL)
		return error_set(err, ERROR_CONFIG, "%s: its SSH host key is not known here", n->name);
	for (;;) {
		struct error *why = NULL;
		int fd = -1, r1;

		r1 = direct ? dial_wait(n->floating_ip, SSH_PORT, deadline, &fd, &why)
			    : dial_via(r, n->address, SSH_PORT, deadline, true, &fd, &why);
		if (r1 < 0)
			return error_move(err, why);
		if (ssh_connect(fd, &login, ret, &why) == 0)
			return 0;
		if (error_is(why, ERROR_AUTH) && first_refusal == 0)
			first_refusal = clock_ms();
		if ((!error_is(why, ERROR_AUTH) && !error_is(why, ERROR_NETWORK)) || clock_ms() > deadline ||
		    (first_refusal != 0 && clock_ms() > first_refusal + AUTH_GRACE_MS))
			return error_move(err, why);
		error_free(why);
		if (cancel_sleep(RETRY_MS, err) < 0)
			return -1;
	}
}

static int connect_bastion(struct reach *r, int64_t deadline, struct error **err)
{
	CLEANUP_FREE char *name = NULL;
	struct node n = {0};
	struct ssh *s = NULL;
	int result;

	if (r->bastion != NULL && bastion_alive(r->bastion))
		return 0;
	if (r->bastion != NULL) {
		array_grow(r->retired, r->n_retired, r->cap_retired);
		r->retired[r->n_retired++] = steal_ptr(r->bastion);
	}
	if (entry(r, &name, err) < 0 || inventory_wait(r->inventory, name, true, deadline, &n, err) < 0)
		return -1;
	result = login(r, &n, true, deadline, &s, err) < 0 ? -1 : bastion_new(s, &r->bastion, err);
	node_clear(&n);
	return result;
}

static int dial_via(struct reach *r, const char *host, uint16_t port, int64_t deadline, bool wait, int *ret_fd, struct error **err)
{
	struct bastion *b;
	int result;

	pthread_mutex_lock(&r->lock);
	result = connect_bastion(r, deadline, err);
	b = r->bastion;
	pthread_mutex_unlock(&r->lock);
	if (result < 0)
		return error_wrap(err, "the way in through the control plane");
	return wait ? bastion_dial_wait(b, host, port, deadline, ret_fd, err) : bastion_dial(b, host, port, deadline, ret_fd, err);
}

int reach_dial(void *context, const char *host, uint16_t port, int *ret_fd, struct error **err)
{
	return dial_via(context, host, port, clock_deadline(DIAL_MS), false, ret_fd, err);
}

int reach_ssh(struct reach *r, const char *node, int64_t deadline, struct ssh **ret, struct error **err)
{
	CLEANUP_FREE char *way_in = NULL;
	struct node n = {0};
	bool direct;
	int result;

	if (entry(r, &way_in, err) < 0)
		return -1;
	direct = strcmp(way_in, node) == 0;
	if (inventory_wait(r->inventory, node, direct, deadline, &n, err) < 0)
		return -1;
	result = login(r, &n, direct, deadline, ret, err);
	node_clear(&n);
	return result;
}
