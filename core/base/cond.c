#include "core/base/cond.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>

enum { STACK_BYTES = 128 * 1024 };

/* Taken before the lock of any cond. */
static pthread_mutex_t all_lock = PTHREAD_MUTEX_INITIALIZER;
static struct cond *all;
static pthread_once_t watched = PTHREAD_ONCE_INIT;

void cond_init(struct cond *c)
{
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->news, NULL);
	pthread_mutex_lock(&all_lock);
	c->next = all;
	c->link = &all;
	if (all != NULL)
		all->link = &c->next;
	all = c;
	pthread_mutex_unlock(&all_lock);
}

void cond_destroy(struct cond *c)
{
	pthread_mutex_lock(&all_lock);
	*c->link = c->next;
	if (c->next != NULL)
		c->next->link = c->link;
	pthread_mutex_unlock(&all_lock);
	pthread_cond_destroy(&c->news);
	pthread_mutex_destroy(&c->lock);
}

void cond_lock(struct cond *c)
{
	pthread_mutex_lock(&c->lock);
}

void cond_unlock(struct cond *c)
{
	pthread_mutex_unlock(&c->lock);
}

void cond_tell(struct cond *c)
{
	pthread_cond_broadcast(&c->news);
}

/* With each lock held: nobody is then between his look at the switch and his wait. */
static void tell_all(void)
{
	pthread_mutex_lock(&all_lock);
	for (struct cond *c = all; c != NULL; c = c->next) {
		cond_lock(c);
		cond_tell(c);
		cond_unlock(c);
	}
	pthread_mutex_unlock(&all_lock);
}

/* The cancel fd stays readable once it is: only its edges are news.  This thread ends with the process. */
static void *watch(void *arg UNUSED)
{
	struct epoll_event edge = {.events = EPOLLIN | EPOLLET};
	int fd = epoll_create1(EPOLL_CLOEXEC);

	if (fd < 0 || epoll_ctl(fd, EPOLL_CTL_ADD, cancel_fd(), &edge) < 0)
		abort(); /* no file descriptor left: nothing else would work either */
	for (;;)
		if (epoll_wait(fd, &edge, 1, -1) > 0)
			tell_all();
	return NULL;
}

static void start_watch(void)
{
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	if (pthread_create(&thread, &attr, watch, NULL) != 0)
		abort(); /* the waits could not be interrupted */
	pthread_attr_destroy(&attr);
}

int cond_wait(struct cond *c, int64_t deadline, struct error **err)
{
	struct timespec until = {.tv_sec = deadline / 1000, .tv_nsec = deadline % 1000 * 1000000L};
	int r;

	if (cancel_fd() >= 0) /* a program without cancellation may be a test */
		pthread_once(&watched, start_watch);
	if (cancel_check(err) < 0)
		return -1;
	if (deadline != CLOCK_NEVER && clock_ms() >= deadline)
		return 0;
	if (deadline == CLOCK_NEVER)
		r = pthread_cond_wait(&c->news, &c->lock);
	else
		r = pthread_cond_clockwait(&c->news, &c->lock, CLOCK_MONOTONIC, &until);
	if (cancel_check(err) < 0)
		return -1;
	return r == ETIMEDOUT ? 0 : 1;
}
