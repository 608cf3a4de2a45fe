/*
 * Loaded into davit by LD_PRELOAD (tests/torture/run builds it): makes the n-th change below a folder go wrong, and turns the clock.
 *
 *   TORTURE_FOLDER=PATH    what counts is writing to files below it, syncing, cutting, making, renaming and removing them
 *   TORTURE_AT=N           the change that goes wrong, from 1; 0: none
 *   TORTURE_HOW=kill       the process is killed in its place
 *              torn        of a write the first half is done before
 *              ERRNO       it fails with that number, and so do all that follow
 *   TORTURE_COUNT=FILE     where the number of changes goes in the end
 *   TORTURE_CLOCK=S        CLOCK_REALTIME is wrong by S seconds; CLOCK_MONOTONIC is not
 *   TORTURE_CLOCK_AFTER=MS … from so long after the start on
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

static struct {
	const char *folder, *how, *count;
	long at, clock, clock_after_ms;
	int errnum;
	atomic_long changes;
	struct timespec start;
} torture;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static long number(const char *name)
{
	const char *s = getenv(name);

	return s != NULL ? strtol(s, NULL, 10) : 0;
}

__attribute__((constructor)) static void begin(void)
{
	torture.folder = getenv("TORTURE_FOLDER");
	torture.how = getenv("TORTURE_HOW");
	torture.count = getenv("TORTURE_COUNT");
	torture.at = number("TORTURE_AT");
	torture.clock = number("TORTURE_CLOCK");
	torture.clock_after_ms = number("TORTURE_CLOCK_AFTER");
	torture.errnum = (int)number("TORTURE_HOW");
	REAL(clock_gettime)(CLOCK_MONOTONIC, &torture.start);
}

__attribute__((destructor)) static void end(void)
{
	FILE *f = torture.count != NULL ? fopen(torture.count, "w") : NULL;

	if (f == NULL)
		return;
	fprintf(f, "%ld\n", atomic_load(&torture.changes));
	fclose(f);
}

static bool is_below(const char *path)
{
	return torture.folder != NULL && strncmp(path, torture.folder, strlen(torture.folder)) == 0;
}

static bool is_ours(int fd)
{
	char link[64], path[PATH_MAX] = "";

	if (torture.folder == NULL)
		return false;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	return readlink(link, path, sizeof(path) - 1) > 0 && is_below(path);
}

/* Whether this change is to fail with errno; does not return where the process is to die.  half(): what a torn write has done. */
static bool fails(bool ours, void (*half)(const void *), const void *context)
{
	long n;

	if (!ours)
		return false;
	n = atomic_fetch_add(&torture.changes, 1) + 1;
	if (torture.at == 0 || n < torture.at)
		return false;
	if (torture.errnum != 0) {
		errno = torture.errnum;
		return true;
	}
	if (strcmp(torture.how, "torn") == 0 && half != NULL)
		half(context);
	kill(getpid(), SIGKILL);
	for (;;)
		pause();
}

struct writing {
	int fd;
	const void *data;
	size_t len;
	off_t offset; /* -1: where the file stands */
};

static void half_of(const void *context)
{
	const struct writing *w = context;
	ssize_t n;

	n = w->offset < 0 ? REAL(write)(w->fd, w->data, w->len / 2) : REAL(pwrite64)(w->fd, w->data, w->len / 2, w->offset);
	(void)n;
}

ssize_t write(int fd, const void *data, size_t len)
{
	struct writing w = {fd, data, len, -1};

	return fails(is_ours(fd), half_of, &w) ? -1 : REAL(write)(fd, data, len);
}

ssize_t pwrite64(int fd, const void *data, size_t len, off64_t offset)
{
	struct writing w = {fd, data, len, offset};

	return fails(is_ours(fd), half_of, &w) ? -1 : REAL(pwrite64)(fd, data, len, offset);
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t offset)
{
	struct writing w = {fd, data, len, offset};

	return fails(is_ours(fd), half_of, &w) ? -1 : REAL(pwrite)(fd, data, len, offset);
}

int fsync(int fd)
{
	return fails(is_ours(fd), NULL, NULL) ? -1 : REAL(fsync)(fd);
}

int fdatasync(int fd)
{
	return fails(is_ours(fd), NULL, NULL) ? -1 : REAL(fdatasync)(fd);
}

int ftruncate64(int fd, off64_t len)
{
	return fails(is_ours(fd), NULL, NULL) ? -1 : REAL(ftruncate64)(fd, len);
}

int ftruncate(int fd, off_t len)
{
	return fails(is_ours(fd), NULL, NULL) ? -1 : REAL(ftruncate)(fd, len);
}

int mkdir(const char *path, mode_t mode)
{
	return fails(is_below(path) && access(path, F_OK) != 0, NULL, NULL) ? -1 : REAL(mkdir)(path, mode);
}

int rename(const char *from, const char *to)
{
	return fails(is_below(to), NULL, NULL) ? -1 : REAL(rename)(from, to);
}

/* Removing goes on where the disk is full. */
int unlink(const char *path)
{
	return fails(is_below(path) && torture.errnum == 0, NULL, NULL) ? -1 : REAL(unlink)(path);
}

int remove(const char *path)
{
	return fails(is_below(path) && torture.errnum == 0, NULL, NULL) ? -1 : REAL(remove)(path);
}

int mkostemp(char *path, int flags)
{
	return fails(is_below(path), NULL, NULL) ? -1 : REAL(mkostemp)(path, flags);
}

/* ---- the clock ---- */

static long wrong_by(void)
{
	struct timespec now;

	if (torture.clock == 0)
		return 0;
	REAL(clock_gettime)(CLOCK_MONOTONIC, &now);
	if ((now.tv_sec - torture.start.tv_sec) * 1000 + (now.tv_nsec - torture.start.tv_nsec) / 1000000 < torture.clock_after_ms)
		return 0;
	return torture.clock;
}

int clock_gettime(clockid_t clock, struct timespec *ret)
{
	int r = REAL(clock_gettime)(clock, ret);

	if (r == 0 && clock == CLOCK_REALTIME)
		ret->tv_sec += wrong_by();
	return r;
}

int gettimeofday(struct timeval *restrict ret, void *restrict zone)
{
	int r = REAL(gettimeofday)(ret, zone);

	if (r == 0)
		ret->tv_sec += wrong_by();
	return r;
}

time_t time(time_t *ret)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (ret != NULL)
		*ret = now.tv_sec;
	return now.tv_sec;
}
