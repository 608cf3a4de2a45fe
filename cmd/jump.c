#include "cmd/jump.h"
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include "core/base/cond.h"

enum { AGAIN_MAX = 5, AGAIN_MS = 300 };

struct jump {
	jump_connect *connect;
	void *context;
	struct cond moved;
	bool connecting; /* by one thread, without the lock: the others wait until their own deadlines */
	struct bastion *bastion;
	struct bastion **retired; /* broken ones, which other threads may still look at; freed at the end */
	size_t n_retired, cap_retired;
};

struct jump *jump_new(jump_connect *connect, void *context)
{
	struct jump *j = xnew(struct jump);

	j->connect = connect;
	j->context = context;
	cond_init(&j->moved);
	return j;
}

void jump_free(struct jump *j)
{
	if (j == NULL)
		return;
	bastion_free(j->bastion);
	for (size_t i = 0; i < j->n_retired; i++)
		bastion_free(j->retired[i]);
	free(j->retired);
	cond_destroy(&j->moved);
	free(j);
}

/* Under the lock, which is given up meanwhile. */
static int revive(struct jump *j, int64_t deadline, struct error **err)
{
	struct bastion *b = NULL;
	struct ssh *s = NULL;
	int r;

	if (j->bastion != NULL) {
		array_grow(j->retired, j->n_retired, j->cap_retired);
		j->retired[j->n_retired++] = steal_ptr(j->bastion);
	}
	j->connecting = true;
	cond_unlock(&j->moved);
	r = j->connect(j->context, deadline, &s, err) < 0 ? -1 : bastion_new(s, &b, err);
	cond_lock(&j->moved);
	j->bastion = b;
	j->connecting = false;
	cond_tell(&j->moved);
	return r;
}

/* One that works; where another thread failed to connect it, this one tries for itself. */
static int take(struct jump *j, int64_t deadline, struct bastion **ret, struct error **err)
{
	int r = 1;

	cond_lock(&j->moved);
	while (r > 0 && j->connecting)
		r = cond_wait(&j->moved, deadline, err);
	if (r == 0)
		r = error_set(err, ERROR_TIMEOUT, "another connection through the same way in waits for it as well, and it did not open in time");
	else if (r > 0)
		r = j->bastion != NULL && bastion_alive(j->bastion) ? 0 : revive(j, deadline, err);
	*ret = j->bastion;
	cond_unlock(&j->moved);
	return r;
}

int jump_dial(struct jump *j, const char *host, uint16_t port, int64_t deadline, bool wait, int *ret_fd, struct error **err)
{
	struct bastion *b = NULL;

	for (int tries = 1;; tries++) {
		CLEANUP_ERROR struct error *why = NULL;

		if (take(j, deadline, &b, err) < 0)
			return -1;
		if (!wait)
			return bastion_dial(b, host, port, deadline, ret_fd, err);
		if (bastion_dial_wait(b, host, port, deadline, ret_fd, &why) == 0)
			return 0;
		if (bastion_alive(b) || !error_is(why, ERROR_NETWORK) || tries == AGAIN_MAX || clock_ms() >= deadline)
			return error_move(err, steal_ptr(why));
		if (cancel_sleep(AGAIN_MS, err) < 0)
			return -1;
	}
}
