#include "cmd/reach.h"
#include "cmd/jump.h"
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/cluster/way.h"
#include "core/net/dial.h"
#include <sys/param.h>

enum {
	SSH_PORT = 22,
	/* sshd answers before cloud-init has put the user's key in place: refusals so long after the first answer are final */
	AUTH_GRACE_MS = 3 * 60 * 1000,
	LOGIN_MS = 45 * 1000, /* of one attempt: a peer that falls silent before the login is over is tried again */
	RETRY_MS = 300,
	DIAL_MS = 30 * 1000,
	/* for a way that broke to open again: a cloud that is short of everything takes its time, and the run on the node goes on */
	AGAIN_MS = 10 * 60 * 1000,
	AGAIN_MAX = 5,
	LASTING_MS = 60 * 1000, /* a session that held for so long broke by itself, not by what was done in it */
	JUMP_TRIES = 3,
};

struct reach {
	const struct spec *spec;
	struct inventory *inventory;
	struct trust *trust;
	char *key_file;
	struct reach_tuning tuning;
	bool jump_host_seen; /* by the one thread that connects way_in */
	struct jump *way_in; /* to all servers that have WAY_JUMP */
	struct jump *hub;    /* at the first control plane, which every port of the cluster admits; NULL: that is the way in */
};

static jump_connect connect_way_in, connect_hub;

struct reach *reach_new(const struct spec *spec, struct state *state, struct inventory *inventory)
{
	struct reach *r = xnew(struct reach);

	r->spec = spec;
	r->inventory = inventory;
	r->trust = trust_new(spec, state, inventory);
	r->key_file = state_path(state, "ssh/id_ed25519");
	r->tuning = (struct reach_tuning){.port = SSH_PORT, .login_ms = LOGIN_MS};
	r->way_in = jump_new(connect_way_in, r);
	if (spec->access.bastion != BASTION_CONTROL_PLANE)
		r->hub = jump_new(connect_hub, r);
	return r;
}

void reach_free(struct reach *r)
{
	if (r == NULL)
		return;
	jump_free(r->hub); /* it may go through the other one */
	jump_free(r->way_in);
	trust_free(r->trust);
	free(r->key_file);
	free(r);
}

void reach_free_ptr(struct reach **r)
{
	reach_free(*r);
	*r = NULL;
}

void reach_set_console(struct reach *r, trust_console *console, void *context)
{
	trust_set_console(r->trust, console, context);
}

int reach_accept(struct reach *r, const char *node, const char *fingerprint, struct error **err)
{
	return trust_accept(r->trust, node, fingerprint, err);
}

void reach_tune(struct reach *r, const struct reach_tuning *t)
{
	r->tuning = *t;
}

/* A port that did not open: what the operator can look at. */
static int advise(enum way way, struct error *why, struct error **err)
{
	static const char *const advice[] = {
		[WAY_FLOATING_IP] = "is this machine in access.allowedCIDRs?  \"davit status\" tells whether the floating IP is still there",
		[WAY_ADDRESS] = "access.bastion is none: has this machine a route to the servers' network, and is it in access.allowedCIDRs?",
	};

	if (way == WAY_JUMP || !error_is(why, ERROR_TIMEOUT))
		return error_move(err, why);
	error_set(err, ERROR_TIMEOUT, "%s; %s", error_message(why), advice[way]);
	error_free(why);
	return -1;
}

static int dial(struct reach *r, const struct node *n, enum way way, int64_t deadline, int *ret_fd, struct error **err)
{
	struct error *why = NULL;
	int result;

	if (way == WAY_JUMP)
		result = jump_dial(r->way_in, n->address, r->tuning.port, deadline, true, ret_fd, &why);
	else
		result = dial_wait(way == WAY_FLOATING_IP ? n->floating_ip : n->address, r->tuning.port, deadline, ret_fd, &why);
	return result < 0 ? advise(way, why, err) : 0;
}

static int advise_on_key(const struct node *n, struct error *why, struct error **err)
{
	if (!error_is(why, ERROR_CONFLICT))
		return error_move(err, why);
	error_set(err, ERROR_CONFLICT, "%s; \"davit ssh --host-key SHA256:… %s\" then keeps the one of that fingerprint", error_message(why), n->name);
	error_free(why);
	return -1;
}

/* One attempt on a port that is open. */
static int connect_once(struct reach *r, const struct node *n, int fd, const char *host_key, bool first, int64_t deadline,
			struct ssh **ret, struct error **err)
{
	struct ssh_login login = {.name = n->name,
				  .user = r->spec->access.user,
				  .key_file = r->key_file,
				  .host_key = host_key,
				  .first_use = first,
				  .fingerprint = trust_fingerprint(r->trust, n->name),
				  .deadline = MIN(deadline, clock_deadline(r->tuning.login_ms)),
				  .ask_ms = r->tuning.ask_ms,
				  .answer_ms = r->tuning.answer_ms};
	struct error *why = NULL;

	if (ssh_connect(fd, &login, ret, &why) < 0)
		return advise_on_key(n, why, err);
	if (!first || trust_keep(r->trust, n, *ret, err) == 0)
		return 0;
	ssh_free(*ret);
	*ret = NULL;
	return -1;
}

/* Another thread replaced the key meanwhile (the seeded one, by one made on the node). */
static bool key_has_changed(struct reach *r, const struct node *n, const char *host_key)
{
	CLEANUP_FREE char *now = NULL;
	bool first = false;

	return host_key != NULL && trust_expected(r->trust, n, 0, &now, &first, NULL) == 0 && now != NULL &&
	       strcmp(now, host_key) != 0;
}

static bool passes(const struct error *why, int64_t deadline, int64_t *first_refusal)
{
	int64_t now = clock_ms();

	if (now > deadline)
		return false;
	if (!error_is(why, ERROR_AUTH))
		return error_is(why, ERROR_NETWORK) || error_is(why, ERROR_TIMEOUT);
	if (*first_refusal == 0)
		*first_refusal = now;
	return now <= *first_refusal + AUTH_GRACE_MS;
}

/* Connects and logs in, again and again while the server is still starting. */
static int log_in(struct reach *r, const struct node *n, enum way way, int64_t deadline, struct ssh **ret, struct error **err)
{
	int64_t first_refusal = 0;

	for (;;) {
		CLEANUP_FREE char *host_key = NULL;
		struct error *why = NULL;
		bool first = false;
		int fd = -1;

		if (trust_expected(r->trust, n, deadline, &host_key, &first, err) < 0 || dial(r, n, way, deadline, &fd, err) < 0)
			return -1;
		if (connect_once(r, n, fd, host_key, first, deadline, ret, &why) == 0)
			return 0;
		if (!passes(why, deadline, &first_refusal) && !key_has_changed(r, n, host_key))
			return error_move(err, why);
		error_free(why);
		if (cancel_sleep(RETRY_MS, err) < 0)
			return -1;
	}
}

/* One attempt; *ret_open: its port at least was open. */
static int try_jump_host(const struct reach *r, const char *host_key, int64_t deadline, bool *ret_open, struct ssh **ret,
			 struct error **err)
{
	struct ssh_login login = {.name = r->spec->access.jump.host,
				  .user = r->spec->access.jump.user,
				  .key_file = r->spec->access.jump.key_file,
				  .host_key = host_key,
				  .deadline = MIN(deadline, clock_deadline(r->tuning.login_ms)),
				  .ask_ms = r->tuning.ask_ms,
				  .answer_ms = r->tuning.answer_ms};
	int fd = -1;

	*ret_open = dial_tcp(login.name, (uint16_t)r->spec->access.jump.port, login.deadline, &fd, err) == 0;
	return *ret_open ? ssh_connect(fd, &login, ret, err) : -1;
}

/* A host that was never seen and does not answer is none. */
static bool jump_host_may_come(const struct reach *r, const struct error *why, bool open, int tries, int64_t deadline)
{
	if (clock_ms() >= deadline || !(error_is(why, ERROR_NETWORK) || error_is(why, ERROR_TIMEOUT)))
		return false;
	return r->jump_host_seen || (tries < JUMP_TRIES && (open || error_is(why, ERROR_NETWORK)));
}

/* The operator's own jump host: at first it is there or it is not; once it was, it is waited for. */
static int connect_jump_host(struct reach *r, int64_t deadline, struct ssh **ret, struct error **err)
{
	CLEANUP_FREE char *host_key = NULL;

	if (trust_of_jump(r->spec, &host_key, err) < 0)
		return -1;
	for (int tries = 1;; tries++) {
		CLEANUP_ERROR struct error *why = NULL;
		bool open = false;

		if (try_jump_host(r, host_key, deadline, &open, ret, &why) == 0) {
			r->jump_host_seen = true;
			return 0;
		}
		if (!jump_host_may_come(r, why, open, tries, deadline)) {
			error_move(err, steal_ptr(why));
			return error_wrap(err, "the way in through the jump host %s", r->spec->access.jump.host);
		}
		if (cancel_sleep(RETRY_MS, err) < 0)
			return -1;
	}
}

static int connect_way_in(void *context, int64_t deadline, struct ssh **ret, struct error **err)
{
	struct reach *r = context;
	CLEANUP_FREE char *entry = way_entry(r->spec, r->inventory);

	if (r->spec->access.bastion == BASTION_HOST)
		return connect_jump_host(r, deadline, ret, err);
	if (entry == NULL)
		return error_set(err, ERROR_NOT_FOUND, "cluster %s has no %s to go through; \"davit apply\" makes it", r->spec->name,
				 r->spec->access.bastion == BASTION_SERVER ? "bastion" : "control plane");
	return reach_ssh(r, entry, deadline, ret, err) < 0 ? error_wrap(err, "the way in through %s", entry) : 0;
}

static int connect_hub(void *context, int64_t deadline, struct ssh **ret, struct error **err)
{
	struct reach *r = context;
	CLEANUP_FREE char *name = xasprintf("%s-cp-1", r->spec->name);

	return reach_ssh(r, name, deadline, ret, err) < 0 ? error_wrap(err, "through %s", name) : 0;
}

int reach_dial(void *context, const char *host, uint16_t port, int *ret_fd, struct error **err)
{
	struct reach *r = context;

	return jump_dial(r->hub != NULL ? r->hub : r->way_in, host, port, clock_deadline(DIAL_MS), false, ret_fd, err);
}

int reach_ssh(struct reach *r, const char *node, int64_t deadline, struct ssh **ret, struct error **err)
{
	CLEANUP_FREE char *entry = way_entry(r->spec, r->inventory);
	enum way way = way_to(r->spec, entry, node);
	struct node n = {0};
	int result;

	if (inventory_wait(r->inventory, node, way == WAY_FLOATING_IP, deadline, &n, err) < 0)
		return -1;
	result = log_in(r, &n, way, deadline, ret, err);
	node_clear(&n);
	return result;
}

/* The run on the node, if there is one, goes on by itself meanwhile. */
static int connect_again(struct reach *r, const char *node, struct ssh **s, const struct error *why, struct error **err)
{
	log_warning("%s: %s; connecting again", node, error_message(why));
	ssh_free(*s);
	*s = NULL;
	return reach_ssh(r, node, clock_deadline(AGAIN_MS), s, err);
}

int reach_run(struct reach *r, const char *node, struct ssh **s, reach_job *job, void *context, struct error **err)
{
	if (*s == NULL && reach_ssh(r, node, clock_deadline(AGAIN_MS), s, err) < 0)
		return -1;
	for (int tries = 1;; tries++) {
		CLEANUP_ERROR struct error *why = NULL;
		int64_t begin = clock_ms();

		if (job(*s, context, &why) == 0)
			return 0;
		if (clock_ms() - begin >= LASTING_MS)
			tries = 1;
		if (!error_is(why, ERROR_NETWORK) || tries > AGAIN_MAX)
			return error_move(err, steal_ptr(why));
		if (connect_again(r, node, s, why, err) < 0)
			return -1;
	}
}
