#include "cmd/jump.h"
#include "core/base/alloc.h"
#include <pthread.h>

struct jump {
	jump_connect *connect;
	void *context;
	pthread_mutex_t lock; /* held while it is being connected */
	struct bastion *bastion;
	struct bastion **retired; /* broken ones, which other threads may still look at; freed at the end */
	size_t n_retired, cap_retired;
};

struct jump *jump_new(jump_connect *connect, void *context)
{
	struct jump *j = xnew(struct jump);

	j->connect = connect;
	j->context = context;
	pthread_mutex_init(&j->lock, NULL);
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
	pthread_mutex_destroy(&j->lock);
	free(j);
}

/* under the lock */
static int revive(struct jump *j, int64_t deadline, struct error **err)
{
	struct ssh *s = NULL;

	if (j->bastion != NULL && bastion_alive(j->bastion))
		return 0;
	if (j->bastion != NULL) {
		array_grow(j->retired, j->n_retired, j->cap_retired);
		j->retired[j->n_retired++] = steal_ptr(j->bastion);
	}
	return j->connect(j->context, deadline, &s, err) < 0 ? -1 : bastion_new(s, &j->bastion, err);
}

int jump_dial(struct jump *j, const char *host, uint16_t port, int64_t deadline, bool wait, int *ret_fd, struct error **err)
{
	struct bastion *b;
	int r;

	pthread_mutex_lock(&j->lock);
	r = revive(j, deadline, err);
	b = j->bastion;
	pthread_mutex_unlock(&j->lock);
	if (r < 0)
		return -1;
	return wait ? bastion_dial_wait(b, host, port, deadline, ret_fd, err) : bastion_dial(b, host, port, deadline, ret_fd, err);
}
